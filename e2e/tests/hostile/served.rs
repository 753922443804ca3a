//! A server of the library with the sample API, on a runtime of its own.

use std::time::{Duration, Instant};

use annex_apiserver::config::{Cluster, Config, Delegated};
use annex_apiserver::server::{Running, Server};
use annex_apiserver::{authn, authz};
use tokio::runtime::Runtime;

use crate::callers::Callers;
use crate::resources;
use crate::surroundings::Surroundings;

/// Fewer than come.
const MOST_CONNECTIONS: usize = 1_000;
/// As a pod would have it.
pub const MEMORY: u64 = 256 << 20;
/// So that tokens are looked up again while an attack goes on.
const TOKENS_KNOWN: Duration = Duration::from_secs(1);

/// A server that runs.
pub struct Served {
    /// Who comes to it.
    pub callers: Callers,
    runtime: Runtime,
    running: Running,
    _surroundings: Surroundings,
}

impl Served {
    pub async fn start() -> Self {
        let surroundings = Surroundings::make().await;
        let config = config(&surroundings);
        let runtime = crate::runtime(2);
        let starting = runtime.spawn(async move {
            let server = Server::builder("wardle")
                .resource(resources::flunders())
                .resource(resources::fischers())
                .build();
            let running = server.start(config).await.unwrap();
            running.ready().await;
            running
        });
        let running = starting.await.unwrap();
        Self {
            callers: surroundings.callers(running.address().unwrap()),
            runtime,
            running,
            _surroundings: surroundings,
        }
    }

    /// Ends it, and leaves behind what does not end.
    pub fn stop(self) {
        self.runtime.shutdown_background();
    }

    /// Ends it as SIGTERM does, and returns how long that took; `None`: longer than `limit`.
    pub async fn shutdown(self, limit: Duration) -> Option<Duration> {
        let began = Instant::now();
        let ending = self.runtime.spawn(self.running.shutdown());
        let ended = tokio::time::timeout(limit, ending).await;
        let took = began.elapsed();
        self.runtime.shutdown_background();
        ended.ok().map(|_| took)
    }
}

fn config(surroundings: &Surroundings) -> Config {
    let proxies_file = &surroundings.proxies_file;
    let kubeconfig = &surroundings.kubeconfig;
    let mut config = Config::for_tests(surroundings.directory.path());
    config.tls.certificate = Some(surroundings.pair.clone());
    config.limits.connections = MOST_CONNECTIONS;
    config.limits.memory = Some(MEMORY);
    config.cluster = Cluster::Delegated(Box::new(Delegated {
        authentication: authn::Options {
            token_cache_ttl: TOKENS_KNOWN,
            client_ca_file: Some(proxies_file.clone()),
            request_header: authn::RequestHeaderOptions {
                client_ca_file: Some(proxies_file.clone()),
                allowed_names: vec!["front-proxy-client".to_owned()],
                ..authn::RequestHeaderOptions::default()
            },
            ..authn::Options::default()
        },
        authentication_kubeconfig: Some(kubeconfig.clone()),
        authorization: authz::Options::default(),
        authorization_kubeconfig: Some(kubeconfig.clone()),
        kubeconfig: Some(kubeconfig.clone()),
    }));
    config
}
