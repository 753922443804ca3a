//! The body of a request that connects, piece by piece. Go: the `Body` of the `http.Request` that the handler of a `rest.Connecter`
//! is given.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::Stream;
use http_body::{Frame, SizeHint};
use tokio::sync::mpsc;

/// Why the rest of a body does not come. Who passes it on must not end theirs as if it were whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body of the request is not whole: {0}")]
pub struct IncompleteBody(pub String);

/// What is said of a body that nobody sends on: the answer has begun, or the request is given up.
const GIVEN_UP: &str = "nobody reads it any more";

/// A body that a client is still sending: a stream of its pieces, and a [`http_body::Body`] for who passes it on. While none is
/// taken none is read, so that the client waits.
#[derive(Debug, Default)]
pub struct RequestBody {
    /// `None`: it has ended.
    pieces: Option<mpsc::Receiver<Piece>>,
    length: Option<u64>,
}

/// What comes of a body.
#[derive(Debug)]
pub(crate) enum Piece {
    Data(Bytes),
    /// All of it has come. A body whose sender goes away without this word is not whole.
    End,
    Failed(IncompleteBody),
}

impl RequestBody {
    /// A body, of a length where its client has said one, and where its pieces go in: one at a time.
    pub(crate) fn channel(length: Option<u64>) -> (mpsc::Sender<Piece>, Self) {
        let (sender, pieces) = mpsc::channel(1);
        let body = Self {
            pieces: Some(pieces),
            length,
        };
        (sender, body)
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, IncompleteBody>>> {
        let Some(pieces) = &mut self.pieces else {
            return Poll::Ready(None);
        };
        let piece = ready!(pieces.poll_recv(context));
        let piece = match piece {
            Some(Piece::Data(bytes)) => {
                self.length = self
                    .length
                    .map(|left| left.saturating_sub(u64::try_from(bytes.len()).unwrap_or(u64::MAX)));
                return Poll::Ready(Some(Ok(bytes)));
            }
            Some(Piece::End) => None,
            Some(Piece::Failed(why)) => Some(Err(why)),
            None => Some(Err(IncompleteBody(GIVEN_UP.to_owned()))),
        };
        self.pieces = None;
        Poll::Ready(piece)
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, IncompleteBody>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_piece(context)
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = IncompleteBody;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, IncompleteBody>>> {
        let piece = ready!(self.poll_piece(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.pieces, self.length) {
            (None, _) => SizeHint::with_exact(0),
            (Some(_), Some(length)) => SizeHint::with_exact(length),
            (Some(_), None) => SizeHint::default(),
        }
    }
}
