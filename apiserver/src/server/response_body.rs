//! The body of a response on its way out, with all that ends when it ends.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::{Body as _, Frame, SizeHint};

use super::chain::Permit;
use super::connection::{Busy, stream};
use super::lifecycle::{Lifecycle, Stage, Ticket};
use super::metrics::Record;
use crate::response::{Body, Incomplete};

/// What is held until the last byte went out, or the client left.
#[derive(Default)]
#[expect(dead_code, reason = "most of it does its work when it is dropped")]
pub(super) struct Held {
    pub(super) busy: Option<Busy>,
    pub(super) ticket: Option<Ticket>,
    pub(super) permit: Option<Permit>,
    pub(super) record: Option<Record>,
    /// Whether the client is told to go with its answer.
    pub(super) says_goodbye: bool,
}

/// Bytes that are handed over at once, and the most that are where the rest would be small. What was handed over lies in
/// memory until the client takes it or its connection ends, so a large object goes in pieces.
const PIECE: usize = 64 * 1024;
const LARGEST_PIECE: usize = 2 * PIECE;
/// How long a connecter's answer may go on while the server drains: one that ends soon gets to its end.
const LAST_WORDS: Duration = Duration::from_secs(5);

fn shut_down() -> Incomplete {
    Incomplete("the server is shutting down".into())
}

/// A body on its way out.
pub(super) struct ResponseBody {
    body: Body,
    /// What is left of the piece that the body gave last.
    rest: Bytes,
    held: Held,
    /// Of what comes in time: when to end it.
    end: Option<BoxFuture<'static, ()>>,
    life: Lifecycle,
}

impl ResponseBody {
    /// `body`, which holds `held` as long as it lives. A watch is ended when the server drains: a client reads a clean end
    /// and watches elsewhere. What a connecter sends is broken off a little later.
    pub(super) fn new(body: Body, held: Held, life: &Lifecycle) -> Self {
        let patience = match &body {
            Body::Stream(_) => Some(Duration::ZERO),
            Body::Connected(_) => Some(LAST_WORDS),
            Body::Ready(_) | Body::Made(_) | Body::Upgraded(_) => None,
        };
        let end = patience.map(|patience| {
            let life = life.clone();
            async move {
                life.reached(Stage::Draining).await;
                tokio::time::sleep(patience).await;
            }
            .boxed()
        });
        Self {
            body,
            rest: Bytes::new(),
            held,
            end,
            life: life.clone(),
        }
    }

    /// The next bytes to hand over.
    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(self.split()))));
        }
        // Every piece of a watch ends with an event: here nobody gets half of one.
        if matches!(self.body, Body::Stream(_)) && self.life.is_draining() {
            return Poll::Ready(None);
        }
        if matches!(self.body, Body::Connected(_))
            && self.life.is_draining()
            && let Some(end) = &mut self.end
            && end.poll_unpin(context).is_ready()
        {
            return Poll::Ready(Some(Err(shut_down())));
        }
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                Ok(data) if data.len() > LARGEST_PIECE => {
                    self.rest = data;
                    Poll::Ready(Some(Ok(Frame::data(self.split()))))
                }
                Ok(data) => Poll::Ready(Some(Ok(Frame::data(data)))),
                Err(frame) => Poll::Ready(Some(Ok(frame))),
            },
            // Looked at only when there is nothing to send: a busy watch pays nothing for it.
            Poll::Pending => match &mut self.end {
                Some(end) => end.poll_unpin(context).map(|()| match self.body {
                    // Its client must not take it for whole.
                    Body::Connected(_) => Some(Err(shut_down())),
                    _ => None,
                }),
                None => Poll::Pending,
            },
            ended => ended,
        }
    }

    fn split(&mut self) -> Bytes {
        if self.rest.len() <= LARGEST_PIECE {
            return std::mem::take(&mut self.rest);
        }
        self.rest.split_to(PIECE)
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        let piece = self.poll_piece(context);
        match &piece {
            Poll::Ready(Some(Ok(frame))) => {
                stream::handed_over();
                let length = frame.data_ref().map_or(0, Bytes::len);
                if let Some(record) = &mut self.held.record {
                    record.sent(length);
                }
            }
            Poll::Pending => stream::waits_for_more(),
            Poll::Ready(_) => {}
        }
        piece
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let hint = self.body.size_hint();
        match hint.exact() {
            Some(length) => SizeHint::with_exact(length + self.rest.len() as u64),
            None => hint,
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        stream::finished();
    }
}
