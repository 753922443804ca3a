//! A server that belongs to a cluster, and the cluster: a kube-apiserver of the test that answers reviews.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use annex_apiserver::config::{Cluster, Config, Delegated};
use annex_apiserver::server::Running;
use annex_apiserver::server::tls::{self, PairFiles};
use annex_apiserver::{authn, authz};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::client::{Client, Trust};
use crate::fixture;

/// What a kube-apiserver of the test was asked, and how it answers.
#[derive(Debug)]
pub struct Reviewer {
    /// Reviews of tokens of users.
    pub known: AtomicUsize,
    /// Reviews of tokens of nobody, which are never answered.
    pub unknown: AtomicUsize,
    /// Gets a permit for each review of access to the object [`HELD`].
    pub asked_of_held: Semaphore,
    /// A permit lets one of them go.
    pub go: Semaphore,
}

/// The name of an object of which reviews wait.
pub const HELD: &str = "held";

impl Reviewer {
    fn new() -> Self {
        Self {
            known: AtomicUsize::new(0),
            unknown: AtomicUsize::new(0),
            asked_of_held: Semaphore::new(0),
            go: Semaphore::new(0),
        }
    }

    /// The token `user:NAME` is NAME's; no other is anybody's. Everybody may do everything, but who is anonymous nothing.
    async fn answer(&self, mut review: Value) -> Value {
        if let Some(token) = review["spec"]["token"].as_str() {
            let Some(user) = token.strip_prefix("user:") else {
                self.unknown.fetch_add(1, Ordering::SeqCst);
                return std::future::pending().await;
            };
            self.known.fetch_add(1, Ordering::SeqCst);
            review["status"] = json!({"authenticated": true, "user": {"username": user}});
        } else {
            if review["spec"]["resourceAttributes"]["name"] == HELD {
                self.asked_of_held.add_permits(1);
                self.go.acquire().await.unwrap().forget();
            }
            review["status"] = json!({"allowed": review["spec"]["user"] != "system:anonymous"});
        }
        review
    }
}

async fn serve(reviewer: Arc<Reviewer>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let reviewer = Arc::clone(&reviewer);
            let service = service_fn(move |request: Request<Incoming>| {
                let reviewer = Arc::clone(&reviewer);
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let review = reviewer.answer(serde_json::from_slice(&body).unwrap()).await;
                    let response = Response::builder()
                        .status(201)
                        .header("content-type", "application/json")
                        .body(Full::new(Bytes::from(review.to_string())));
                    Ok::<_, Infallible>(response.unwrap())
                }
            });
            tokio::spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                drop(builder.serve_connection(TokioIo::new(stream), service).await);
            });
        }
    });
    address
}

/// A server whose users are the cluster's.
pub struct InCluster {
    _running: Running,
    pub address: SocketAddr,
    pub trust: Trust,
    pub reviewer: Arc<Reviewer>,
    /// As those of [`fixture::Served`].
    pub arrived: Arc<Semaphore>,
    pub go: Arc<Semaphore>,
    _directory: tempfile::TempDir,
}

/// One, configured as `change` says.
pub async fn serve_in_cluster(change: impl FnOnce(&mut Config)) -> InCluster {
    let reviewer = Arc::new(Reviewer::new());
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig");
    write_kubeconfig(&kubeconfig, serve(Arc::clone(&reviewer)).await);
    let mut config = Config::for_tests(directory.path());
    config.cluster = Cluster::Delegated(Box::new(Delegated {
        authentication: authn::Options {
            skip_lookup: true,
            ..authn::Options::default()
        },
        authentication_kubeconfig: Some(kubeconfig.clone()),
        authorization: authz::Options::default(),
        authorization_kubeconfig: Some(kubeconfig.clone()),
        kubeconfig: Some(kubeconfig),
    }));
    let made = tls::self_signed(&["localhost".to_owned()], &["127.0.0.1".parse().unwrap()]).unwrap();
    let pair = PairFiles {
        certificates: directory.path().join("tls.crt"),
        key: directory.path().join("tls.key"),
    };
    std::fs::write(&pair.certificates, &made.certificate_pem).unwrap();
    std::fs::write(&pair.key, &made.key_pem).unwrap();
    config.tls.certificate = Some(pair);
    change(&mut config);
    let (running, arrived, go) = fixture::start(config).await;
    InCluster {
        address: running.address().unwrap(),
        _running: running,
        trust: Trust::new(made.authority_pem.as_bytes()),
        reviewer,
        arrived,
        go,
        _directory: directory,
    }
}

fn write_kubeconfig(path: &Path, address: SocketAddr) {
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": format!("http://{address}")}}],
        "users": [{"name": "test", "user": {}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    });
    std::fs::write(path, kubeconfig.to_string()).unwrap();
}

impl InCluster {
    /// A connection of a user.
    pub async fn user(&self, name: &str) -> Client {
        self.bearer(&format!("user:{name}")).await
    }

    /// A connection with a token.
    pub async fn bearer(&self, token: &str) -> Client {
        Client::connect(self.address, &self.trust, true, Some(token)).await
    }

    /// One without any credential.
    pub async fn stranger(&self) -> Client {
        Client::connect(self.address, &self.trust, true, None).await
    }
}
