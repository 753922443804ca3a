//! A server with certificates of its own, and ways to ask it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;
use rcgen::{CertificateParams, CertifiedIssuer, DnType, KeyPair};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::NAME;
use crate::args::RequestArgs;
use crate::record::Recorded;
use crate::{Args, Command, Mode, ServeArgs, client, listen};

/// A directory with a CA, and with certificates that it signed.
pub(super) struct Pki {
    pub(super) dir: PathBuf,
    pub(super) issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Pki {
    pub(super) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("annex-e2e-server-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&dir).expect("a directory");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
        std::fs::write(dir.join("ca.crt"), issuer.pem()).expect("written");
        let pki = Self { dir, issuer };
        pki.sign("tls", NAME, NAME);
        pki
    }

    /// Writes `FILE.crt` and `FILE.key`.
    pub(super) fn sign(&self, file: &str, common_name: &str, dns_name: &str) {
        let mut params = CertificateParams::new([dns_name.to_owned()]).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, common_name);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("signed");
        std::fs::write(self.path(file, "crt"), certificate.pem()).expect("written");
        std::fs::write(self.path(file, "key"), key.serialize_pem()).expect("written");
    }

    pub(super) fn path(&self, file: &str, extension: &str) -> PathBuf {
        self.dir.join(file).with_extension(extension)
    }

    pub(super) fn args(&self, mode: Mode) -> ServeArgs {
        ServeArgs {
            mode,
            group: "g.example.com".to_owned(),
            version: "v1".to_owned(),
            bind_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            secure_port: 0,
            tls_cert_file: Some(self.path("tls", "crt")),
            tls_private_key_file: Some(self.path("tls", "key")),
            no_reload: false,
            record_port: Some(0),
            delay_seconds: None,
        }
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

pub(super) struct Running {
    pub(super) secure: SocketAddr,
    pub(super) record: SocketAddr,
    pub(super) ca: PathBuf,
    pub(super) stop: oneshot::Sender<()>,
    pub(super) task: JoinHandle<()>,
}

impl Running {
    pub(super) async fn start(pki: &Pki, args: ServeArgs) -> Self {
        let server = listen::Server::bind(args).await.expect("bound");
        let secure = server.secure_address().expect("an address");
        let record = server
            .record_address()
            .expect("an address")
            .expect("a record port");
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.serve(async {
            let _ = stopped.await;
        }));
        Self {
            secure,
            record,
            ca: pki.path("ca", "crt"),
            stop,
            task,
        }
    }

    /// Asks with the CA's trust and the right name.
    pub(super) async fn get(&self, path: &str, flags: &[&str]) -> Result<client::Answered, client::Error> {
        let ca = format!("--ca={}", self.ca.display());
        self.ask(path, &[&[ca.as_str(), "--resolve-sni", NAME], flags].concat())
            .await
    }

    pub(super) async fn ask(&self, path: &str, flags: &[&str]) -> Result<client::Answered, client::Error> {
        client::request(request_args(&format!("https://{}{path}", self.secure), flags)).await
    }

    pub(super) async fn status(&self, path: &str, flags: &[&str]) -> u16 {
        self.get(path, flags).await.expect("answered").status.as_u16()
    }

    pub(super) async fn recorded(&self) -> Vec<Recorded> {
        let url = format!("http://{}/recorded", self.record);
        let answered = client::request(request_args(&url, &[])).await.expect("answered");
        serde_json::from_slice(&answered.body).expect("a list of requests")
    }

    pub(super) async fn stop(self) {
        self.stop.send(()).expect("running");
        self.task.await.expect("ended well");
    }
}

pub(super) fn request_args(url: &str, flags: &[&str]) -> RequestArgs {
    let line = [&["annex-e2e-server", "request", "--url", url], flags].concat();
    match Args::try_parse_from(line).expect("flags").command {
        Some(Command::Request(args)) => *args,
        other => panic!("not a request: {other:?}"),
    }
}

pub(super) fn client_identity(pki: &Pki, file: &str) -> [String; 2] {
    let flag = |name: &str, path: &Path| format!("--{name}={}", path.display());
    [
        flag("cert", &pki.path(file, "crt")),
        flag("key", &pki.path(file, "key")),
    ]
}
