//! An etcd of a test's own, on loopback; it ends with the test.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// No condition takes longer, however busy the machine.
const LIMIT: Duration = Duration::from_secs(60);

/// Asks until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < LIMIT, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A running etcd.
#[derive(Debug)]
pub(crate) struct Etcd {
    child: Child,
    directory: TempDir,
    ports: [u16; 2],
    tls: Vec<String>,
}

fn free_ports() -> [u16; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

impl Etcd {
    pub(crate) async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    pub(crate) async fn start_with_tls(identities: &Identities) -> Self {
        let path = |name: &str| identities.path(name).display().to_string();
        Self::start_with(vec![
            format!("--cert-file={}", path("server.crt")),
            format!("--key-file={}", path("server.key")),
            format!("--trusted-ca-file={}", path("ca.crt")),
            "--client-cert-auth".into(),
        ])
        .await
    }

    async fn start_with(tls: Vec<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = free_ports();
        let child = spawn(directory.path(), ports, &tls);
        let etcd = Self {
            child,
            directory,
            ports,
            tls,
        };
        etcd.answers().await;
        etcd
    }

    async fn answers(&self) {
        let address = ("127.0.0.1", self.ports[0]);
        eventually("etcd listens", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.tls.is_empty() { "http" } else { "https" };
        format!("{scheme}://127.0.0.1:{}", self.ports[0])
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.directory.path(), self.ports, &self.tls);
        self.answers().await;
    }
}

fn spawn(directory: &Path, [client, peer]: [u16; 2], tls: &[String]) -> Child {
    let program = std::env::var_os("ANNEX_ETCD").expect("ANNEX_ETCD names the etcd to test with");
    let scheme = if tls.is_empty() { "http" } else { "https" };
    let client = format!("{scheme}://127.0.0.1:{client}");
    let peer = format!("http://127.0.0.1:{peer}");
    Command::new(program)
        .arg("--data-dir")
        .arg(directory.join("data"))
        .arg(format!("--listen-client-urls={client}"))
        .arg(format!("--advertise-client-urls={client}"))
        .arg(format!("--listen-peer-urls={peer}"))
        .arg(format!("--initial-advertise-peer-urls={peer}"))
        .arg(format!("--initial-cluster=default={peer}"))
        // Not what these tests are about, and fsync is the slowest part of many small clusters.
        .arg("--unsafe-no-fsync")
        .args(tls)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("etcd starts")
}

/// Certificates of a server, a client, and an authority that signed neither.
pub(crate) struct Identities(TempDir);

impl Identities {
    pub(crate) fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| std::fs::write(directory.path().join(name), text).unwrap();
        let authority = authority();
        write("ca.crt", authority.pem());
        write("other-ca.crt", self::authority().pem());
        for name in ["server", "client"] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            write(&format!("{name}.crt"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        Self(directory)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}
