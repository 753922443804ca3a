//! What a server needs beside itself: certificates, and a cluster to ask.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use annex_apiserver::server::tls::{self, PairFiles};
use annex_e2e::certs::Authority;

use crate::callers::Callers;
use crate::cluster;

/// Files, and what is known of them.
pub struct Surroundings {
    /// Where the files are.
    pub directory: tempfile::TempDir,
    /// The serving certificate.
    pub pair: PairFiles,
    /// The authority of the front proxies.
    pub proxies_file: PathBuf,
    /// How the cluster is reached.
    pub kubeconfig: PathBuf,
    authority: String,
    proxies: Authority,
}

impl Surroundings {
    pub async fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let made = tls::self_signed(&["localhost".to_owned()], &["127.0.0.1".parse().unwrap()]).unwrap();
        let certificates = write(directory.path(), "tls.crt", &made.certificate_pem);
        let key = write(directory.path(), "tls.key", &made.key_pem);
        let proxies = Authority::new("front-proxy").unwrap();
        let proxies_file = write(directory.path(), "front-proxy.crt", &proxies.certificate());
        let kubeconfig = kubeconfig(directory.path(), cluster::start().await);
        Self {
            directory,
            pair: PairFiles { certificates, key },
            proxies_file,
            kubeconfig,
            authority: made.authority_pem,
            proxies,
        }
    }

    /// Everybody who comes to a server with these certificates.
    pub fn callers(&self, address: SocketAddr) -> Callers {
        let proxy = self.proxies.client("front-proxy-client", None).unwrap();
        Callers::new(address, self.authority.clone(), proxy)
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
