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
    flags: Vec<String>,
}

/// Whether these flags turn TLS on.
fn has_tls(flags: &[String]) -> bool {
    flags.iter().any(|flag| flag.starts_with("--cert-file"))
}

pub(crate) fn free_ports() -> [u16; 2] {
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

    pub(crate) async fn start_with(flags: Vec<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ports = free_ports();
        let child = spawn(directory.path(), ports, &flags);
        let etcd = Self {
            child,
            directory,
            ports,
            flags,
        };
        etcd.answers().await;
        etcd
    }

    async fn answers(&self) {
        eventually("etcd listens", async || {
            tokio::net::TcpStream::connect(self.address()).await.ok()
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if has_tls(&self.flags) { "https" } else { "http" };
        format!("{scheme}://127.0.0.1:{}", self.ports[0])
    }

    pub(crate) fn address(&self) -> (&'static str, u16) {
        ("127.0.0.1", self.ports[0])
    }

    /// Sends it a signal, by its number.
    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), signal).unwrap();
    }

    /// A copy of all that it holds. It must not be running.
    pub(crate) fn backup(&self) -> TempDir {
        let backup = tempfile::tempdir().unwrap();
        copy(&self.directory.path().join("data"), &backup.path().join("data"));
        backup
    }

    /// Puts a copy in the place of what it holds. It must not be running.
    pub(crate) fn restore(&self, backup: &TempDir) {
        let data = self.directory.path().join("data");
        std::fs::remove_dir_all(&data).unwrap();
        copy(&backup.path().join("data"), &data);
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.directory.path(), self.ports, &self.flags);
        self.answers().await;
    }
}

fn spawn(directory: &Path, [client, peer]: [u16; 2], flags: &[String]) -> Child {
    let program = std::env::var_os("ANNEX_ETCD").expect("ANNEX_ETCD names the etcd to test with");
    let scheme = if has_tls(flags) { "https" } else { "http" };
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
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("etcd starts")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Certificates of a server, a client, and an authority that signed neither.
pub(crate) struct Identities(TempDir);

impl Identities {
    pub(crate) fn make() -> Self {
        let identities = Self(tempfile::tempdir().unwrap());
        identities.renew();
        identities
    }

    /// Makes all of them anew.
    pub(crate) fn renew(&self) {
        let write = |name: &str, text: String| std::fs::write(self.path(name), text).unwrap();
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
    }

    /// Leaves half of the client's key.
    pub(crate) fn break_key(&self) {
        let path = self.path("client.key");
        let key = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, &key[..key.len() / 2]).unwrap();
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
