//! What stands between the player and a server, and spoils one answer.

use std::collections::VecDeque;

use futures::StreamExt as _;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use kube::Client;
use kube::client::Body;
use serde_json::Value;

use super::super::play::Title;
use super::sown::{Fault, Spoil};
use crate::scenarios::Failure;

type Spoilt = http::Response<UnsyncBoxBody<Bytes, Failure>>;

/// A client like `to`, for whom the answer to one request is spoilt.
pub(super) fn client(to: Client, fault: &Fault) -> Client {
    let (title, spoil) = (fault.request, fault.spoil);
    let answer = move |request: http::Request<Body>| {
        let to = to.clone();
        async move {
            let named = request
                .extensions()
                .get::<Title>()
                .is_some_and(|Title(name)| name == title);
            let response = to.send(request).await?;
            if named {
                spoilt(response, spoil).await
            } else {
                Ok(unspoilt(response))
            }
        }
    };
    Client::new(tower::service_fn(answer), "default")
}

fn unspoilt(response: http::Response<Body>) -> Spoilt {
    response.map(|body| body.map_err(Into::into).boxed_unsync())
}

async fn spoilt(response: http::Response<Body>, spoil: Spoil) -> Result<Spoilt, Failure> {
    let (mut parts, body) = response.into_parts();
    match spoil {
        Spoil::Head(change) => {
            change(&mut parts);
            Ok(unspoilt(http::Response::from_parts(parts, body)))
        }
        Spoil::Body(change) => {
            let bytes = body.collect().await?.to_bytes();
            let mut value: Value = serde_json::from_slice(&bytes)?;
            change(&mut value);
            parts.headers.remove(http::header::CONTENT_LENGTH);
            let body = Full::new(Bytes::from(value.to_string()));
            let body = body.map_err(|never| match never {}).boxed_unsync();
            Ok(http::Response::from_parts(parts, body))
        }
        Spoil::Events(change) => {
            let lines = Lines {
                body,
                buffer: Vec::new(),
                waiting: VecDeque::new(),
            };
            let lines = stream::unfold(lines, |mut lines| async { Some((lines.next().await?, lines)) });
            let frames = stream::unfold((Box::pin(lines.enumerate()), VecDeque::new(), None), {
                move |(mut lines, mut ready, mut kept)| async move {
                    loop {
                        if let Some(line) = ready.pop_front() {
                            return Some((Ok(line), (lines, ready, kept)));
                        }
                        let (number, event) = lines.next().await?;
                        ready.extend(change(number, event, &mut kept).into_iter().map(line));
                    }
                }
            });
            Ok(http::Response::from_parts(
                parts,
                StreamBody::new(frames).boxed_unsync(),
            ))
        }
    }
}

fn line(event: Value) -> Frame<Bytes> {
    Frame::data(Bytes::from(format!("{event}\n")))
}

/// The events of a watch, one by one.
struct Lines {
    body: Body,
    buffer: Vec<u8>,
    waiting: VecDeque<Value>,
}

impl Lines {
    async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let frame = self.body.frame().await?.ok()?;
            self.buffer.extend_from_slice(&frame.into_data().ok()?);
            let end = self.buffer.iter().rposition(|byte| *byte == b'\n');
            let whole: Vec<u8> = end
                .map(|end| self.buffer.drain(..=end).collect())
                .unwrap_or_default();
            let events = whole.split(|byte| *byte == b'\n');
            self.waiting
                .extend(events.filter_map(|event| serde_json::from_slice(event).ok()));
        }
    }
}
