//! A member of an etcd of any version, on loopback: keys and values, and watches whose events can be held back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{Stream, StreamExt as _};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tonic::codegen::Service as _;
use tonic::{Request, Response, Status, Streaming};

use crate::storage::etcd::proto::etcdserverpb::kv_server::{Kv, KvServer};
use crate::storage::etcd::proto::etcdserverpb::maintenance_server::{Maintenance, MaintenanceServer};
use crate::storage::etcd::proto::etcdserverpb::request_op::Request as Operation;
use crate::storage::etcd::proto::etcdserverpb::watch_request::RequestUnion;
use crate::storage::etcd::proto::etcdserverpb::watch_server::{Watch, WatchServer};
use crate::storage::etcd::proto::etcdserverpb::{
    CompactionRequest, CompactionResponse, RangeRequest, RangeResponse, ResponseHeader, StatusRequest,
    StatusResponse, TxnRequest, TxnResponse, WatchCreateRequest, WatchRequest, WatchResponse,
};
use crate::storage::etcd::proto::mvccpb::{Event, KeyValue};

type WatchEvent = Result<WatchResponse, Status>;

/// The member. Clones are the same one.
#[derive(Clone)]
pub(super) struct Fake(Arc<Inner>);

struct Inner {
    /// What it says that it is, and so does: an old one answers requests for progress before the events they cover.
    version: Mutex<&'static str>,
    state: Mutex<State>,
    asked: AtomicUsize,
}

#[derive(Default)]
struct State {
    revision: i64,
    entries: BTreeMap<Bytes, KeyValue>,
    watches: Vec<(WatchCreateRequest, mpsc::UnboundedSender<WatchEvent>)>,
    /// Events that are not told yet; `None`: they are told at once.
    held: Option<Vec<Event>>,
    connections: Vec<tokio::task::JoinHandle<()>>,
}

impl Fake {
    /// Starts one of this version; returns its URL too.
    pub(super) async fn start(version: &'static str) -> (Self, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fake = Self(Arc::new(Inner {
            version: Mutex::new(version),
            state: Mutex::new(State {
                revision: 1,
                ..State::default()
            }),
            asked: AtomicUsize::new(0),
        }));
        tokio::spawn(accept(listener, fake.clone()));
        (fake, url)
    }

    /// How often it was asked for progress.
    pub(super) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// Holds events back from now on.
    pub(super) fn hold(&self) {
        self.state(|state| state.held = Some(Vec::new()));
    }

    /// Tells what was held back.
    pub(super) fn release(&self) {
        self.state(|state| {
            let held = state.held.take().unwrap_or_default();
            state.tell(held);
        });
    }

    /// Becomes another version, as in an upgrade: all connections break.
    pub(super) fn upgrade(&self, version: &'static str) {
        *self.0.version.lock().unwrap() = version;
        self.state(|state| {
            state.watches.clear();
            state
                .connections
                .drain(..)
                .for_each(|connection| connection.abort());
        });
    }

    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap())
    }
}

impl State {
    const fn header(&self) -> Option<ResponseHeader> {
        Some(ResponseHeader {
            cluster_id: 1,
            member_id: 1,
            revision: self.revision,
            raft_term: 2,
        })
    }

    fn tell(&mut self, events: Vec<Event>) {
        for event in events {
            let response = WatchResponse {
                header: self.header(),
                events: vec![event],
                ..WatchResponse::default()
            };
            let key = response.events[0].kv.as_ref().unwrap().key.clone();
            self.watches.retain(|(range, watch)| {
                let concerned = key >= range.key && key < range.range_end;
                !concerned || watch.unbounded_send(Ok(response.clone())).is_ok()
            });
        }
    }

    fn put(&mut self, key: Bytes, value: Bytes) {
        self.revision += 1;
        let old = self.entries.get(&key).cloned();
        let kv = KeyValue {
            create_revision: old.as_ref().map_or(self.revision, |old| old.create_revision),
            mod_revision: self.revision,
            version: old.as_ref().map_or(1, |old| old.version + 1),
            key: key.clone(),
            value,
            lease: 0,
        };
        self.entries.insert(key, kv.clone());
        let event = Event {
            r#type: 0,
            kv: Some(kv),
            prev_kv: old,
        };
        match &mut self.held {
            Some(held) => held.push(event),
            None => self.tell(vec![event]),
        }
    }
}

async fn accept(listener: TcpListener, fake: Fake) {
    while let Ok((stream, _)) = listener.accept().await {
        let served = fake.clone();
        let connection = tokio::spawn(async move {
            let service = service_fn(move |request| answer(served.clone(), request));
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
        fake.state(|state| state.connections.push(connection));
    }
}

async fn answer(
    fake: Fake,
    request: http::Request<Incoming>,
) -> Result<http::Response<tonic::body::Body>, Infallible> {
    match request.uri().path().split('/').nth(1) {
        Some("etcdserverpb.KV") => KvServer::new(fake).call(request).await,
        Some("etcdserverpb.Watch") => WatchServer::new(fake).call(request).await,
        _ => MaintenanceServer::new(fake).call(request).await,
    }
}

#[tonic::async_trait]
impl Kv for Fake {
    async fn range(&self, request: Request<RangeRequest>) -> Result<Response<RangeResponse>, Status> {
        let request = request.into_inner();
        let response = self.state(|state| {
            let found = state
                .entries
                .values()
                .filter(|kv| kv.key == request.key || (kv.key > request.key && kv.key < request.range_end));
            let kvs: Vec<KeyValue> = found.cloned().collect();
            RangeResponse {
                header: state.header(),
                more: false,
                count: i64::try_from(kvs.len()).unwrap(),
                kvs: if request.count_only { Vec::new() } else { kvs },
            }
        });
        Ok(Response::new(response))
    }

    /// Whatever its conditions: no test writes a key twice.
    async fn txn(&self, request: Request<TxnRequest>) -> Result<Response<TxnResponse>, Status> {
        let header = self.state(|state| {
            for operation in request.into_inner().success {
                if let Some(Operation::RequestPut(put)) = operation.request {
                    state.put(put.key, put.value);
                }
            }
            state.header()
        });
        Ok(Response::new(TxnResponse {
            header,
            succeeded: true,
            responses: Vec::new(),
        }))
    }

    async fn compact(&self, _: Request<CompactionRequest>) -> Result<Response<CompactionResponse>, Status> {
        Err(Status::unimplemented("compact"))
    }
}

#[tonic::async_trait]
impl Watch for Fake {
    type WatchStream = Pin<Box<dyn Stream<Item = WatchEvent> + Send>>;

    async fn watch(
        &self,
        request: Request<Streaming<WatchRequest>>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let mut requests = request.into_inner();
        let (sender, told) = mpsc::unbounded();
        let fake = self.clone();
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                fake.asked_of_watch(request, &sender);
            }
        });
        Ok(Response::new(told.boxed()))
    }
}

impl Fake {
    fn asked_of_watch(&self, request: WatchRequest, sender: &mpsc::UnboundedSender<WatchEvent>) {
        self.state(|state| {
            let mut response = WatchResponse {
                header: state.header(),
                ..WatchResponse::default()
            };
            match request.request_union {
                Some(RequestUnion::CreateRequest(range)) => {
                    response.created = true;
                    state.watches.push((range, sender.clone()));
                }
                Some(RequestUnion::ProgressRequest(_)) => {
                    self.0.asked.fetch_add(1, Ordering::SeqCst);
                    response.watch_id = -1;
                }
                None => return,
            }
            let _ = sender.unbounded_send(Ok(response));
        });
    }
}

#[tonic::async_trait]
impl Maintenance for Fake {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusResponse>, Status> {
        let version = *self.0.version.lock().unwrap();
        Ok(Response::new(StatusResponse {
            header: self.state(|state| state.header()),
            version: version.to_owned(),
        }))
    }
}
