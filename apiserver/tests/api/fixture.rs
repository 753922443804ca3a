//! A server with one resource, `things.test.example.com`, whose objects make trouble by their names.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use annex_apiserver::admission::{Admission, Attributes};
use annex_apiserver::config::Config;
use annex_apiserver::kind;
use annex_apiserver::resource::{Resource, typed};
use annex_apiserver::server::{Running, Server};
use annex_apiserver::status::ApiError;
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::client::{Client, Trust};

/// How long a test waits for what must happen; nothing depends on how fast it does.
pub const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Thing {
    metadata: ObjectMeta,
    pub text: String,
}

kind!(Thing: "test.example.com", "v1", "things", Namespaced);

/// The path of the things of the namespace `ns`.
pub const THINGS: &str = "/apis/test.example.com/v1/namespaces/ns/things";

fn things() -> Resource {
    let things = typed::resource::<Thing>().short_names(["th"]);
    crate::connect::connecters(things).build().unwrap()
}

/// Panics at `panics`, and holds `waits` until the test lets it go.
struct Trouble {
    arrived: Arc<Semaphore>,
    go: Arc<Semaphore>,
}

#[async_trait]
impl Admission for Trouble {
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        match attributes.name() {
            "panics" => panic!("a plugin with a fault"),
            "waits" => {
                self.arrived.add_permits(1);
                let _ = self.go.acquire().await;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// A server that runs.
pub struct Served {
    pub running: Running,
    pub address: SocketAddr,
    pub token: String,
    pub trust: Trust,
    /// Gets a permit for each `waits` that has come in.
    pub arrived: Arc<Semaphore>,
    /// A permit lets all `waits` go.
    pub go: Arc<Semaphore>,
    _directory: tempfile::TempDir,
}

/// A server as tests have it.
pub async fn serve() -> Served {
    serve_with(|_| {}).await
}

/// One that is configured otherwise.
pub async fn serve_with(change: impl FnOnce(&mut Config)) -> Served {
    let (server, arrived, go) = troubled();
    let served = serve_built(server, change).await;
    Served {
        arrived,
        go,
        ..served
    }
}

/// A server of a test's own.
pub async fn serve_built(server: Server, change: impl FnOnce(&mut Config)) -> Served {
    let directory = tempfile::tempdir().unwrap();
    let mut config = Config::for_tests(directory.path());
    change(&mut config);
    let running = server.start(config).await.unwrap();
    running.ready().await;
    let kubeconfig = std::fs::read_to_string(running.kubeconfig().unwrap()).unwrap();
    let kubeconfig: Value = serde_json::from_str(&kubeconfig).unwrap();
    let authority = &kubeconfig["clusters"][0]["cluster"]["certificate-authority-data"];
    let authority = STANDARD.decode(authority.as_str().unwrap()).unwrap();
    Served {
        address: running.address().unwrap(),
        running,
        token: kubeconfig["users"][0]["user"]["token"]
            .as_str()
            .unwrap()
            .to_owned(),
        trust: Trust::new(&authority),
        arrived: Arc::new(Semaphore::new(0)),
        go: Arc::new(Semaphore::new(0)),
        _directory: directory,
    }
}

/// Starts a server with this configuration: it, and the semaphores of [`Served`].
pub async fn start(config: Config) -> (Running, Arc<Semaphore>, Arc<Semaphore>) {
    let (server, arrived, go) = troubled();
    let running = server.start(config).await.unwrap();
    running.ready().await;
    (running, arrived, go)
}

/// The server of things, and the semaphores of [`Served`].
fn troubled() -> (Server, Arc<Semaphore>, Arc<Semaphore>) {
    let (arrived, go) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let trouble = Trouble {
        arrived: arrived.clone(),
        go: go.clone(),
    };
    let server = Server::builder("test")
        .resource(things())
        .admission("Trouble", trouble)
        .build();
    (server, arrived, go)
}

impl Served {
    /// A connection over HTTP/2 with the user's token.
    pub async fn client(&self) -> Client {
        Client::connect(self.address, &self.trust, true, Some(&self.token)).await
    }

    /// One without any credential.
    pub async fn stranger(&self) -> Client {
        Client::connect(self.address, &self.trust, true, None).await
    }
}

/// A thing.
pub fn thing(name: &str) -> Value {
    serde_json::json!({
        "apiVersion": "test.example.com/v1",
        "kind": "Thing",
        "metadata": { "name": name },
        "text": "x",
    })
}
