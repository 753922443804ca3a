//! The Leases of an API server, for tests: optimistic concurrency as there, and faults for single clients.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU8, Ordering},
};

use http::StatusCode;
use kube::Client;
use serde_json::{Value, json};

use crate::fake_client::{Answer, Request, fake_client};

const COLLECTION: &str = "/apis/coordination.k8s.io/v1/namespaces/annex/leases";
const OBJECT: &str = "/apis/coordination.k8s.io/v1/namespaces/annex/leases/annex-operator";

/// What stands between a client and the Leases.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Link {
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
pub(crate) struct LinkHandle(Arc<AtomicU8>);

impl LinkHandle {
    pub(crate) fn working() -> Self {
        Self(Arc::new(AtomicU8::new(Link::Working as u8)))
    }

    pub(crate) fn set(&self, link: Link) {
        self.0.store(link as u8, Ordering::SeqCst);
    }

    pub(crate) fn is(&self, link: Link) -> bool {
        self.0.load(Ordering::SeqCst) == link as u8
    }
}

/// One Lease and the writes to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct FakeLeases(Arc<Mutex<Store>>);

#[derive(Debug, Default)]
struct Store {
    lease: Value,
    revision: u64,
    writes: u64,
}

impl FakeLeases {
    /// A client of these Leases, and the way to disturb it.
    pub(crate) fn client(&self) -> (Client, LinkHandle) {
        let (leases, link) = (self.clone(), LinkHandle::working());
        let handle = link.clone();
        (fake_client(move |request| leases.answer(&handle, &request)), link)
    }

    /// The answer to a request that came over `link`.
    pub(crate) fn answer(&self, link: &LinkHandle, request: &Request) -> Answer {
        if link.is(Link::Cut) {
            return Answer::Never;
        }
        if link.is(Link::Failing) {
            return Answer::status(500, "InternalError");
        }
        let answer = self.0.lock().unwrap().answer(request);
        match link.is(Link::AnswersLost) && request.method != "GET" {
            true => Answer::Never,
            false => answer,
        }
    }

    /// The Lease as it is; null without one.
    pub(crate) fn lease(&self) -> Value {
        self.0.lock().unwrap().lease.clone()
    }

    /// How many writes were done.
    pub(crate) fn writes(&self) -> u64 {
        self.0.lock().unwrap().writes
    }

    /// Changes the Lease as somebody with kubectl would.
    pub(crate) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut store = self.0.lock().unwrap();
        let mut lease = store.lease.clone();
        edit(&mut lease);
        store.write(lease);
    }
}

impl Store {
    fn answer(&mut self, request: &Request) -> Answer {
        let missing = self.lease.is_null();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", OBJECT) if missing => Answer::status(404, "NotFound"),
            ("GET", OBJECT) => Answer::ok(self.lease.clone()),
            ("POST", COLLECTION) if missing => {
                Answer::Json(StatusCode::CREATED, self.write(request.body.clone()))
            }
            ("POST", COLLECTION) => Answer::status(409, "AlreadyExists"),
            ("PUT", OBJECT) if missing => Answer::status(404, "NotFound"),
            ("PUT", OBJECT) => {
                let version = &request.body["metadata"]["resourceVersion"];
                assert!(
                    version.is_string(),
                    "an update without precondition: {}",
                    request.body
                );
                if *version != self.lease["metadata"]["resourceVersion"] {
                    return Answer::status(409, "Conflict");
                }
                Answer::ok(self.write(request.body.clone()))
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
