//! Bodies of answers.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream::BoxStream;
use http_body::{Frame, SizeHint};

/// A body: ready bytes, or a stream of them.
pub enum Body {
    /// Pieces that are ready; a `Content-Length` is known.
    Ready(VecDeque<Bytes>),
    /// Pieces that are made when they are to be sent, so that a long list is never whole in memory.
    Made {
        /// Makes them, without waiting.
        pieces: Box<dyn Iterator<Item = Bytes> + Send>,
        /// How many bytes are left; `None`: unknown.
        remaining: Option<u64>,
    },
    /// Pieces that come in time: a watch.
    Stream(BoxStream<'static, Bytes>),
}

/// An answer.
pub type Response = http::Response<Body>;

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::Ready(VecDeque::new())
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Ready(VecDeque::from([bytes]))
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ready(pieces) => formatter.debug_tuple("Ready").field(&pieces.len()).finish(),
            Self::Made { remaining, .. } => formatter.debug_tuple("Made").field(remaining).finish(),
            Self::Stream(_) => formatter.write_str("Stream"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Ready(pieces) => Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece)))),
            Self::Made { pieces, remaining } => {
                let piece = pieces.next();
                if let (Some(piece), Some(left)) = (&piece, remaining) {
                    *left = left.saturating_sub(piece.len() as u64);
                }
                Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
            }
            Self::Stream(stream) => stream
                .as_mut()
                .poll_next(context)
                .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ready(pieces) => pieces.is_empty(),
            Self::Made { remaining, .. } => *remaining == Some(0),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::Made {
                remaining: Some(remaining),
                ..
            } => SizeHint::with_exact(*remaining),
            Self::Made { remaining: None, .. } | Self::Stream(_) => SizeHint::default(),
        }
    }
}
