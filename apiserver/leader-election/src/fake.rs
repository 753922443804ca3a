//! A Lease of an API server, for tests: optimistic concurrency as there, and faults for single clients.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    reason = "what does not hold is a test that fails"
)]

use std::convert::Infallible;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};

use http::{Response, StatusCode};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

/// What stands between a client and the Lease.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub enum Link {
    /// Nothing.
    Working,
    /// Every request fails.
    Failing,
    /// Requests arrive nowhere, and nothing answers.
    Cut,
    /// Requests arrive and are done; the answers to writes are lost.
    AnswersLost,
}

/// The link of one client; clones share it.
#[derive(Clone, Debug)]
pub struct LinkHandle(Arc<AtomicU8>);

impl LinkHandle {
    pub fn working() -> Self {
        Self(Arc::new(AtomicU8::new(Link::Working as u8)))
    }

    pub fn set(&self, link: Link) {
        self.0.store(link as u8, Ordering::SeqCst);
    }

    fn is(&self, link: Link) -> bool {
        self.0.load(Ordering::SeqCst) == link as u8
    }
}

/// An answer; `None`: none, ever.
pub type Answer = Option<(StatusCode, Value)>;

/// One Lease and the writes to it.
#[derive(Clone, Debug, Default)]
pub struct FakeLeases(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    lease: Value,
    revision: u64,
    writes: u64,
}

impl FakeLeases {
    /// A client of this Lease, and the way to disturb it. Needs a running tokio runtime.
    pub fn client(&self) -> (Client, LinkHandle) {
        let (leases, link) = (self.clone(), LinkHandle::working());
        let handle = link.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| {
            let (leases, handle) = (leases.clone(), handle.clone());
            async move {
                let (parts, body) = request.into_parts();
                let bytes = body.collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                let answer = leases.answer(&handle, parts.method.as_str(), parts.uri.path(), &body);
                let Some((code, body)) = answer else {
                    return std::future::pending().await;
                };
                let body = Body::from(serde_json::to_vec(&body).unwrap());
                Ok::<_, Infallible>(Response::builder().status(code).body(body).unwrap())
            }
        });
        (Client::new(service, "default"), link)
    }

    /// The answer to a request that came over `link`.
    pub fn answer(&self, link: &LinkHandle, method: &str, path: &str, body: &Value) -> Answer {
        if link.is(Link::Cut) {
            return None;
        }
        if link.is(Link::Failing) {
            return Some(failure(500, "InternalError"));
        }
        let answer = self.0.lock().unwrap().answer(method, path, body);
        (!link.is(Link::AnswersLost) || method == "GET").then_some(answer)
    }

    /// The Lease as it is; null without one.
    pub fn lease(&self) -> Value {
        self.0.lock().unwrap().lease.clone()
    }

    /// How many writes were done.
    pub fn writes(&self) -> u64 {
        self.0.lock().unwrap().writes
    }

    /// Changes the Lease as somebody with kubectl would.
    pub fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut store = self.0.lock().unwrap();
        let mut lease = store.lease.clone();
        edit(&mut lease);
        store.write(lease);
    }
}

impl Store {
    fn answer(&mut self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let missing = self.lease.is_null();
        let name = path.split_once("/leases").map(|(_, rest)| rest);
        match (method, name) {
            ("GET" | "PUT", Some(name)) if missing && name.starts_with('/') => failure(404, "NotFound"),
            ("GET", Some(name)) if name.starts_with('/') => (StatusCode::OK, self.lease.clone()),
            ("POST", Some("")) if missing => (StatusCode::CREATED, self.write(body.clone())),
            ("POST", Some("")) => failure(409, "AlreadyExists"),
            ("PUT", Some(name)) if name.starts_with('/') => {
                let version = &body["metadata"]["resourceVersion"];
                assert!(version.is_string(), "an update without precondition: {body}");
                if *version != self.lease["metadata"]["resourceVersion"] {
                    return failure(409, "Conflict");
                }
                (StatusCode::OK, self.write(body.clone()))
            }
            other => panic!("unexpected request {other:?}"),
        }
    }

    fn write(&mut self, mut lease: Value) -> Value {
        self.revision += 1;
        self.writes += 1;
        if !lease.is_null() {
            lease["metadata"]["resourceVersion"] = json!(self.revision.to_string());
        }
        self.lease = lease.clone();
        lease
    }
}

/// A failure as Kubernetes reports it.
fn failure(code: u16, reason: &str) -> (StatusCode, Value) {
    let body = json!({
        "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
        "message": format!("the fake says {reason}"), "reason": reason, "code": code,
    });
    (StatusCode::from_u16(code).unwrap(), body)
}
