//! A body that goes to a connecter while it comes in. Go hands its handlers the connection's reader; here the request's own task passes
//! piece after piece on, within bounds of time and bytes.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use http::HeaderMap;
use http_body_util::BodyExt as _;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::body::{LONGEST_PAUSE, announced_length, did_not_arrive};
use crate::registry::in_time;
use crate::rest::{IncompleteBody, Piece, RequestBody};
use crate::status::ApiError;

/// How long a connecter may take no piece of a body. Meanwhile its client waits, and the request has its place among the watches.
const LONGEST_HOLD: Duration = Duration::from_secs(30);

/// A body on its way.
pub(super) struct Streamed<B> {
    body: B,
    into: mpsc::Sender<Piece>,
    most_bytes: u64,
}

impl<B> Streamed<B>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    /// `body`, of so many bytes at most, and its other end.
    ///
    /// # Errors
    /// 413: it says that it has more.
    pub(super) fn new(
        headers: &HeaderMap,
        body: B,
        most_bytes: u64,
    ) -> Result<(Self, RequestBody), ApiError> {
        let length = announced_length(headers);
        if length.is_some_and(|length| length > most_bytes) {
            return Err(too_large(most_bytes));
        }
        let (into, taken) = RequestBody::channel(length);
        let streamed = Self {
            body,
            into,
            most_bytes,
        };
        Ok((streamed, taken))
    }

    /// What `connecting` comes to, which has the other end, while the body goes there. When it is there what has not come of the body
    /// does not come any more ([`Unread`]); and when the body is, the answer has the time that any has.
    ///
    /// # Errors
    /// Its own; and what ends the request before its answer: 400 where the client sends nothing, 413 where it sends too much, 504 where
    /// nobody takes it.
    pub(super) async fn until<T>(
        self,
        connecting: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<(T, Unread), ApiError> {
        let unread = Unread(self.into.clone());
        let mut connecting = pin!(connecting);
        tokio::select! {
            // An answer that is there counts, whatever becomes of the rest of the body.
            biased;
            answer = &mut connecting => return Ok((answer?, unread)),
            passed = self.pass() => passed?,
        }
        Ok((in_time(connecting).await?, unread))
    }

    /// Passes the body on, until it has ended or nobody wants more.
    async fn pass(mut self) -> Result<(), ApiError> {
        let mut left = self.most_bytes;
        loop {
            // Room first: what nobody takes is not read.
            let room = match timeout(LONGEST_HOLD, self.into.reserve()).await {
                Ok(Ok(room)) => room,
                Ok(Err(_)) => return Ok(()),
                Err(_) => {
                    return Err(ApiError::Timeout(format!(
                        "the body of the request was not taken: nothing of it for {LONGEST_HOLD:?}"
                    )));
                }
            };
            let Ok(frame) = timeout(LONGEST_PAUSE, self.body.frame()).await else {
                let error = did_not_arrive();
                room.send(Piece::Failed(IncompleteBody(
                    "its client sends nothing".to_owned(),
                )));
                return Err(error);
            };
            match frame {
                None => {
                    room.send(Piece::End);
                    return Ok(());
                }
                Some(Err(error)) => {
                    let error = error.to_string();
                    room.send(Piece::Failed(IncompleteBody(error.clone())));
                    return Err(ApiError::Plain(error));
                }
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    let length = u64::try_from(data.len()).unwrap_or(u64::MAX);
                    let Some(rest) = left.checked_sub(length) else {
                        room.send(Piece::Failed(IncompleteBody("it is too large".to_owned())));
                        return Err(too_large(self.most_bytes));
                    };
                    left = rest;
                    if !data.is_empty() {
                        room.send(Piece::Data(data));
                    }
                }
            }
        }
    }
}

/// What has not come of a body when its answer is there. While it is kept, who passes the body on waits for more, and goes on to read what
/// is answered there; when it is dropped, the body ends as one that is not whole.
pub(super) struct Unread(mpsc::Sender<Piece>);

impl Unread {
    /// `answer`, which keeps it to its end: a server behind a proxy may answer before it has read all.
    pub(super) fn beside<T: Send + 'static>(self, answer: BoxStream<'static, T>) -> BoxStream<'static, T> {
        answer
            .map(move |piece| {
                let Self(_kept) = &self;
                piece
            })
            .boxed()
    }
}

fn too_large(most_bytes: u64) -> ApiError {
    ApiError::RequestEntityTooLarge(format!("limit is {most_bytes}"))
}

#[cfg(test)]
mod tests;
