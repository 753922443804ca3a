//! The body of an answer on its way out, with all that ends when it ends.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http_body::{Frame, SizeHint};

use super::chain::Permit;
use super::connection::{Busy, stream};
use super::lifecycle::{Lifecycle, Stage, Ticket};
use super::metrics::Record;
use crate::response::Body;

/// What is held until the last byte went out, or the client left.
#[derive(Default)]
#[expect(dead_code, reason = "most of it does its work when it is dropped")]
pub(super) struct Held {
    pub(super) busy: Option<Busy>,
    pub(super) ticket: Option<Ticket>,
    pub(super) permit: Option<Permit>,
    pub(super) record: Option<Record>,
}

/// A body on its way out.
pub(super) struct Outgoing {
    body: Body,
    held: Held,
    /// Of a stream: when to end it.
    end: Option<BoxFuture<'static, ()>>,
}

impl Outgoing {
    /// `body`, which holds `held` as long as it lives. A stream is ended when the server drains: a client reads a clean
    /// end and watches elsewhere.
    pub(super) fn new(body: Body, held: Held, life: &Lifecycle) -> Self {
        let end = matches!(body, Body::Stream(_)).then(|| {
            let life = life.clone();
            async move { life.reached(Stage::Draining).await }.boxed()
        });
        Self { body, held, end }
    }
}

impl http_body::Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                if let Some(record) = &mut self.held.record {
                    record.sent(length);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            // Looked at only when there is nothing to send: a busy watch pays nothing for it.
            Poll::Pending => match &mut self.end {
                Some(end) => end.poll_unpin(context).map(|()| None),
                None => Poll::Pending,
            },
            ended => ended,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        stream::finished();
    }
}
