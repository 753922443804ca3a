//! A client for tests whose requests end in a function of the test, without a socket.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt as _;
use futures::channel::mpsc::UnboundedReceiver;
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use kube::client::{Body, Client};
use serde_json::{Value, json};

/// A request as the test sees it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The body; null where there is none.
    pub(crate) body: Value,
}

impl Request {
    /// Whether it is a watch.
    pub(crate) fn is_watch(&self) -> bool {
        self.query.contains("watch=true") || self.query.contains("watch=1")
    }
}

/// What the test answers.
pub(crate) enum Answer {
    /// A response with a JSON body.
    Json(StatusCode, Value),
    /// Watch events, as they come.
    Stream(UnboundedReceiver<Value>),
    /// None, ever.
    Never,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::Json(StatusCode::OK, body)
    }

    /// A failure as Kubernetes reports it.
    pub(crate) fn status(code: u16, reason: &str, message: &str) -> Self {
        let body = json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "message": message, "reason": reason, "code": code,
        });
        Self::Json(StatusCode::from_u16(code).unwrap(), body)
    }
}

/// A client whose requests `handler` answers, and all that it was asked.
pub(crate) struct FakeCluster {
    pub(crate) client: Client,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl FakeCluster {
    pub(crate) fn new(handler: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (handler, requests) = (Arc::new(handler), Arc::clone(&seen));
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (handler, requests) = (Arc::clone(&handler), Arc::clone(&requests));
            async move {
                let (parts, body) = request.into_parts();
                let bytes = body.collect().await.unwrap().to_bytes();
                let request = Request {
                    method: parts.method.to_string(),
                    path: parts.uri.path().to_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
                };
                requests.lock().unwrap().push(request.clone());
                let (status, body) = match handler(&request) {
                    Answer::Json(status, body) => {
                        let body = Full::from(serde_json::to_vec(&body).unwrap());
                        (status, body.boxed_unsync())
                    }
                    Answer::Stream(events) => (StatusCode::OK, streamed(events)),
                    Answer::Never => std::future::pending().await,
                };
                Ok::<_, Infallible>(Response::builder().status(status).body(body).unwrap())
            }
        });
        Self {
            client: Client::new(service, "default"),
            seen,
        }
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests went to paths that end so.
    pub(crate) fn count(&self, suffix: &str) -> usize {
        self.seen()
            .iter()
            .filter(|request| request.path.ends_with(suffix))
            .count()
    }
}

fn streamed(events: UnboundedReceiver<Value>) -> UnsyncBoxBody<Bytes, Infallible> {
    let frames = events.map(|event| {
        let mut line = serde_json::to_vec(&event).unwrap();
        line.push(b'\n');
        Ok::<_, Infallible>(http_body::Frame::data(Bytes::from(line)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Waits until `condition` holds; tests do not depend on how fast that is.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3_000 {
        if condition() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
