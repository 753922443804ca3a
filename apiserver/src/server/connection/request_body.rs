//! The body of a request; what nobody has read of it is read and thrown away.
//!
//! A server may answer before it has read a body: 401, 403, 413, 415, 429. RFC 9113 section 8.1 lets it then reset the
//! stream with `NO_ERROR`, as Go's server does; but a client that is still sending may take the reset for the end of its
//! request, and lose the answer. Over HTTP/1.1 the connection would be closed, and a TCP reset could overtake the answer
//! (RFC 9112 section 9.6). So the rest is taken in, within bounds, while the answer goes out at once.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

/// The most bytes that are thrown away of one body. More than a client sends by mistake: the largest body that is
/// accepted has 3 MiB.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// How long that may take.
const LONGEST: Duration = Duration::from_secs(10);
/// How long it may take without a byte: a client that has its answer may stop to send without saying so.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// The body of a request.
pub(in crate::server) struct RequestBody {
    /// `None`: it has ended.
    body: Option<Incoming>,
    /// Over HTTP/1.1 the client sends nothing before somebody reads (`Expect: 100-continue`), and nobody has.
    is_held_back: bool,
}

impl RequestBody {
    pub(super) const fn new(body: Incoming, is_held_back: bool) -> Self {
        Self {
            body: Some(body),
            is_held_back,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.is_held_back = false;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            // It has ended, or the client has left: there is no rest.
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) else {
            return;
        };
        if self.is_held_back {
            return;
        }
        // Without a runtime the connection is gone too.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(discard(body));
        }
    }
}

/// Reads `body` to its end, or to a bound; dropping it then resets the stream, or closes the connection.
async fn discard<B>(mut body: B)
where
    B: Body<Data = Bytes> + Unpin,
{
    let end = Instant::now() + LONGEST;
    let mut left = MOST_BYTES;
    loop {
        let until = end.min(Instant::now() + LONGEST_PAUSE);
        let Ok(Some(Ok(frame))) = timeout_at(until, body.frame()).await else {
            return;
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        match left.checked_sub(length) {
            Some(rest) if Instant::now() < end => left = rest,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::stream;
    use http_body_util::StreamBody;

    use super::*;

    fn frame(bytes: usize) -> Result<Frame<Bytes>, std::io::Error> {
        Ok(Frame::data(Bytes::from(vec![0; bytes])))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_without_end_is_given_up_by_its_bytes() {
        let mut sent = 0_u64;
        let endless = stream::iter(std::iter::from_fn(|| {
            sent += 1 << 20;
            Some(frame(1 << 20))
        }));
        discard(StreamBody::new(endless)).await;
        assert_eq!(sent, MOST_BYTES + (1 << 20));
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_stops_or_drips_is_given_up_in_time() {
        let begun = Instant::now();
        discard(StreamBody::new(Box::pin(stream::pending::<
            Result<Frame<Bytes>, std::io::Error>,
        >())))
        .await;
        assert_eq!(begun.elapsed(), LONGEST_PAUSE);
        let begun = Instant::now();
        let dripping = stream::repeat_with(|| frame(1)).then_after(Duration::from_secs(1));
        discard(StreamBody::new(dripping)).await;
        assert_eq!(begun.elapsed(), LONGEST);
    }

    trait ThenAfter: futures::Stream + Sized {
        /// The same with a pause before each item.
        fn then_after(self, pause: Duration) -> Pin<Box<dyn futures::Stream<Item = Self::Item> + Send>>
        where
            Self: Send + 'static,
            Self::Item: Send,
        {
            use futures::StreamExt as _;
            Box::pin(self.then(move |item| async move {
                tokio::time::sleep(pause).await;
                item
            }))
        }
    }

    impl<S: futures::Stream> ThenAfter for S {}
}
