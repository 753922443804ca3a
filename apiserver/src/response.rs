//! Bodies of answers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use http_body::{Frame, SizeHint};

use crate::offload::Elsewhere;
use crate::rest::websocket::Session;

/// A body: ready bytes, or a stream of them.
pub enum Body {
    /// Pieces that are ready; a `Content-Length` is known.
    Ready(VecDeque<Bytes>),
    /// Pieces that are made when they are to be sent, so that a long list is never whole in memory.
    Made(Made),
    /// Pieces that come in time: a watch.
    Stream(BoxStream<'static, Bytes>),
    /// Pieces that come in time from a connecter ([`crate::rest::Connecter`]). They may end before the answer is whole.
    Connected(BoxStream<'static, Result<Bytes, Incomplete>>),
    /// None: the connection goes on as a WebSocket.
    Upgraded(Session),
}

/// A body that ends before it is whole: its client must not take it for one that is.
#[derive(Debug, thiserror::Error)]
#[error("an answer could not be sent to its end: {0}")]
pub struct Incomplete(pub String);

/// Makes the pieces of a body, without waiting.
pub type Pieces = Box<dyn Iterator<Item = Result<Bytes, Incomplete>> + Send>;

/// A body whose pieces are made when they are to be sent.
pub struct Made {
    pieces: Pieces,
    /// How many bytes are left; `None`: unknown.
    remaining: Option<u64>,
    /// How many pieces are made before others have their turn.
    turn: u32,
    made: u32,
    /// Where pieces are made; `None`: where they are asked for.
    elsewhere: Option<Elsewhere>,
    /// A piece that is being made elsewhere.
    making: Option<BoxFuture<'static, (Pieces, Piece)>>,
}

type Piece = Option<Result<Bytes, Incomplete>>;

impl Made {
    /// `pieces`, of so many bytes in all where that is known. After `turn` of them other requests have their turn: what
    /// one client reads fast must not occupy a thread.
    #[must_use]
    pub fn new(pieces: Pieces, length: Option<u64>, turn: u32) -> Self {
        Self {
            pieces,
            remaining: length,
            turn: turn.max(1),
            made: 0,
            elsewhere: None,
            making: None,
        }
    }

    /// Pieces are made off the threads that answer others, where a place is given.
    #[must_use]
    pub(crate) fn made_by(mut self, elsewhere: Option<Elsewhere>) -> Self {
        self.elsewhere = elsewhere;
        self
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Piece> {
        if self.made >= self.turn {
            self.made = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let piece = match self.elsewhere.clone() {
            None => self.pieces.next(),
            Some(elsewhere) => ready!(self.poll_elsewhere(&elsewhere, context)),
        };
        self.made += 1;
        if let (Some(Ok(piece)), Some(left)) = (&piece, &mut self.remaining) {
            *left = left.saturating_sub(piece.len() as u64);
        }
        Poll::Ready(piece)
    }

    fn poll_elsewhere(&mut self, elsewhere: &Elsewhere, context: &mut Context<'_>) -> Poll<Piece> {
        let making = self.making.get_or_insert_with(|| {
            let mut pieces = std::mem::replace(&mut self.pieces, Box::new(std::iter::empty()));
            elsewhere.run(move || {
                let piece = pieces.next();
                (pieces, piece)
            })
        });
        let (pieces, piece) = ready!(making.as_mut().poll(context));
        self.making = None;
        self.pieces = pieces;
        Poll::Ready(piece)
    }
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
            Self::Made(made) => formatter.debug_tuple("Made").field(&made.remaining).finish(),
            Self::Stream(_) => formatter.write_str("Stream"),
            Self::Connected(_) => formatter.write_str("Connected"),
            Self::Upgraded(_) => formatter.write_str("Upgraded"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Incomplete;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Incomplete>>> {
        match &mut *self {
            Self::Ready(pieces) => Poll::Ready(pieces.pop_front().map(|piece| Ok(Frame::data(piece)))),
            Self::Made(made) => made
                .poll_next(context)
                .map(|piece| piece.map(|bytes| bytes.map(Frame::data))),
            Self::Stream(stream) => stream
                .as_mut()
                .poll_next(context)
                .map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
            Self::Connected(stream) => stream
                .as_mut()
                .poll_next(context)
                .map(|piece| piece.map(|bytes| bytes.map(Frame::data))),
            Self::Upgraded(_) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Ready(pieces) => pieces.is_empty(),
            Self::Made(made) => made.remaining == Some(0),
            Self::Stream(_) | Self::Connected(_) => false,
            Self::Upgraded(_) => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Ready(pieces) => SizeHint::with_exact(pieces.iter().map(|piece| piece.len() as u64).sum()),
            Self::Made(made) => made
                .remaining
                .map_or_else(SizeHint::default, SizeHint::with_exact),
            Self::Stream(_) | Self::Connected(_) => SizeHint::default(),
            Self::Upgraded(_) => SizeHint::with_exact(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use http_body::Body as _;
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn others_have_their_turn_while_a_long_body_is_made() {
        let pieces = std::iter::repeat_with(|| Ok(Bytes::from_static(b"x"))).take(10);
        let mut body = Body::Made(Made::new(Box::new(pieces), Some(10), 4));
        for piece in 0..10 {
            assert_eq!(body.size_hint().exact(), Some(10 - piece));
            if piece > 0 && piece % 4 == 0 {
                assert!(body.frame().now_or_never().is_none(), "{piece}");
            }
            let frame = body.frame().now_or_never().unwrap().unwrap().unwrap();
            assert_eq!(frame.data_ref().unwrap(), "x");
        }
        assert!(body.is_end_stream());
    }
}
