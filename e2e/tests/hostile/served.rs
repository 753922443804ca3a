//! A server of the library with the sample API, on a runtime of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use annex_apiserver::config::{Cluster, Config, Delegated};
use annex_apiserver::server::tls::{self, PairFiles};
use annex_apiserver::server::{Running, Server};
use annex_apiserver::{authn, authz};
use annex_e2e::attack::{Arena, Scale, Target, User};
use annex_e2e::certs::Authority;
use tokio::runtime::Runtime;

use crate::{cluster, resources};

/// Where the objects are.
pub const NAMESPACE: &str = "hostile";

/// Where attackers come from. All of 127.0.0.0/8 is this machine.
const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 66));

const SCALE: Scale = Scale {
    connections: 2_000,
    hold: Duration::from_secs(3),
};

/// Fewer than come.
const MOST_CONNECTIONS: usize = 1_000;
/// So that tokens are looked up again while an attack goes on.
const TOKENS_KNOWN: Duration = Duration::from_secs(1);

/// A server that runs.
pub struct Served {
    runtime: Runtime,
    address: SocketAddr,
    authority: String,
    proxy: annex_e2e::certs::Identity,
    running: Running,
    _directory: tempfile::TempDir,
}

impl Served {
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = tls::self_signed(&["localhost".to_owned()], &["127.0.0.1".parse().unwrap()]).unwrap();
        let certificates = write(directory.path(), "tls.crt", &made.certificate_pem);
        let key = write(directory.path(), "tls.key", &made.key_pem);
        let proxies = Authority::new("front-proxy").unwrap();
        let proxies_file = write(directory.path(), "front-proxy.crt", &proxies.certificate());
        let kubeconfig = kubeconfig(directory.path(), cluster::start().await);

        let mut config = Config::for_tests(directory.path());
        config.tls.certificate = Some(PairFiles { certificates, key });
        config.limits.connections = MOST_CONNECTIONS;
        config.cluster = Cluster::Delegated(Box::new(Delegated {
            authentication: authn::Options {
                token_cache_ttl: TOKENS_KNOWN,
                client_ca_file: Some(proxies_file.clone()),
                request_header: authn::RequestHeaderOptions {
                    client_ca_file: Some(proxies_file),
                    allowed_names: vec!["front-proxy-client".to_owned()],
                    ..authn::RequestHeaderOptions::default()
                },
                ..authn::Options::default()
            },
            authentication_kubeconfig: Some(kubeconfig.clone()),
            authorization: authz::Options::default(),
            authorization_kubeconfig: Some(kubeconfig.clone()),
            kubeconfig: Some(kubeconfig),
        }));
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
            address: running.address().unwrap(),
            authority: made.authority_pem,
            proxy: proxies.client("front-proxy-client", None).unwrap(),
            runtime,
            running,
            _directory: directory,
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

    fn target(&self) -> Target {
        Target::new(self.address, "localhost", &self.authority).unwrap()
    }

    fn attacker(&self, user: &str) -> Target {
        let target = self.target().from(ATTACKER);
        target.with_token(&format!("{}{user}", cluster::TOKEN)).unwrap()
    }

    /// Who probes.
    pub fn kubelet(&self) -> Target {
        self.target()
    }

    /// Somebody with all rights in the namespace.
    pub fn owner(&self) -> Target {
        self.target()
            .with_token(&format!("{}owner", cluster::TOKEN))
            .unwrap()
    }

    /// Two with the rights of users: one comes by way of the aggregator, the other directly.
    pub fn users(&self) -> Vec<User> {
        let proxied = self
            .target()
            .with_certificate(&self.proxy.certificate, &self.proxy.key)
            .with_header("x-remote-user".parse().unwrap(), "user")
            .unwrap();
        let direct = self
            .target()
            .with_token(&format!("{}direct-user", cluster::TOKEN));
        vec![
            User {
                name: "user through the front proxy",
                target: proxied,
            },
            User {
                name: "user with a token",
                target: direct.unwrap(),
            },
        ]
    }

    pub fn arena(&self) -> Arena {
        Arena {
            stranger: self.target().from(ATTACKER),
            namespace: NAMESPACE.to_owned(),
            creator: self.attacker("creator"),
            patcher: self.attacker("patcher"),
            reader: self.attacker("reader"),
            reader_of_one: self.attacker("reader-of-one"),
            scale: SCALE,
        }
    }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn kubeconfig(directory: &Path, address: SocketAddr) -> PathBuf {
    let text = format!(
        "
apiVersion: v1
kind: Config
current-context: here
clusters: [{{ name: here, cluster: {{ server: 'http://{address}' }} }}]
users: [{{ name: server, user: {{ token: server }} }}]
contexts: [{{ name: here, context: {{ cluster: here, user: server }} }}]
"
    );
    write(directory, "cluster.kubeconfig", &text)
}
