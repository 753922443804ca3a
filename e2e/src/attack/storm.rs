//! Many requests at once, each on a stream of its own.

use std::time::Duration;

use http::Response;
use hyper::body::{Bytes, Incoming};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::Error;
use super::connection::{Answer, Ask, Connection, Payload};
use super::tally::Tally;

/// A request and the connection that it goes over.
pub(super) type Shot = (Connection, Ask, Payload);

/// Makes all requests and reads no answer: what has come by `until` is held up to then.
pub(super) async fn hold(shots: impl IntoIterator<Item = Shot>, until: Instant) -> Tally {
    let mut streams: JoinSet<Option<Result<Response<Incoming>, Error>>> = shots
        .into_iter()
        .map(|(mut connection, ask, payload)| async move {
            let answer = timeout_at(until, connection.send(&ask, payload)).await.ok();
            tokio::time::sleep_until(until).await;
            answer
        })
        .collect();
    let mut tally = Tally::default();
    let mut held = Vec::new();
    while let Some(done) = streams.join_next().await {
        match done {
            Ok(Some(Ok(answer))) => {
                tally.answer(answer.status());
                held.push(answer);
            }
            Ok(None) => tally.silence(),
            Ok(Some(Err(_))) | Err(_) => tally.failure(),
        }
    }
    tally
}

/// Makes all requests, and hands each answer that comes by `until` to `judge`, with the request's path and the length of
/// its body.
pub(super) async fn exchange(
    shots: impl IntoIterator<Item = (Connection, Ask, Bytes)>,
    until: Instant,
    mut judge: impl FnMut(&Ask, usize, &Answer) -> Result<(), Error>,
) -> Result<Tally, Error> {
    let mut streams: JoinSet<_> = shots
        .into_iter()
        .map(|(mut connection, ask, body)| async move {
            let length = body.len();
            let payload = if body.is_empty() {
                Payload::none()
            } else {
                body.into()
            };
            let answer = timeout_at(until, connection.exchange(&ask, payload)).await;
            (ask, length, answer)
        })
        .collect();
    let mut tally = Tally::default();
    while let Some(done) = streams.join_next().await {
        match done {
            Ok((ask, length, Ok(Ok(answer)))) => {
                tally.answer(answer.status);
                judge(&ask, length, &answer)?;
            }
            Ok((_, _, Err(_))) => tally.silence(),
            Ok((_, _, Ok(Err(_)))) | Err(_) => tally.failure(),
        }
    }
    Ok(tally)
}

/// When an attack ends that begins now.
pub(super) fn end_of(hold: Duration) -> Instant {
    Instant::now() + hold
}
