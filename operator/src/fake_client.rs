//! A Kubernetes client for tests whose requests end in a function of the test, without a socket.

use std::convert::Infallible;

use http::{Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::{Body, Client};
use serde_json::{Value, json};

/// A request as the test sees it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// What follows the path's question mark.
    pub(crate) query: String,
    /// Whether it asks for a watch.
    pub(crate) watch: bool,
    /// Whether nothing is to be stored.
    pub(crate) dry_run: bool,
    /// The body; null where there is none.
    pub(crate) body: Value,
}

/// What the test answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A response with a JSON body.
    Json(StatusCode, Value),
    /// A response of plain text.
    Text(StatusCode, &'static str),
    /// None, ever.
    Never,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::Json(StatusCode::OK, body)
    }

    /// What Kubernetes says of an API group that does not exist: plain text, no Status.
    pub(crate) fn no_group() -> Self {
        Self::Text(StatusCode::NOT_FOUND, "404 page not found\n")
    }

    /// A failure as Kubernetes reports it.
    pub(crate) fn status(code: u16, reason: &str) -> Self {
        let body = json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "message": format!("the fake says {reason}"), "reason": reason, "code": code,
        });
        Self::Json(StatusCode::from_u16(code).unwrap(), body)
    }
}

/// A client whose requests `handler` answers. Needs a running tokio runtime.
pub(crate) fn fake_client(handler: impl Fn(Request) -> Answer + Clone + Send + 'static) -> Client {
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let handler = handler.clone();
        async move {
            let (parts, body) = request.into_parts();
            let bytes = body.collect().await.unwrap().to_bytes();
            let asks = |what: &str| parts.uri.query().is_some_and(|query| query.contains(what));
            let request = Request {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().unwrap_or_default().to_owned(),
                watch: asks("watch=true"),
                dry_run: asks("dryRun=All"),
                body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            };
            let (status, body) = match handler(request) {
                Answer::Json(status, body) => (status, serde_json::to_vec(&body).unwrap()),
                Answer::Text(status, body) => (status, body.as_bytes().to_vec()),
                Answer::Never => std::future::pending().await,
            };
            Ok::<_, Infallible>(Response::builder().status(status).body(Body::from(body)).unwrap())
        }
    });
    Client::new(service, "default")
}
