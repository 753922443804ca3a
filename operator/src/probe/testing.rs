//! Servers on loopback for the tests of the probes, with certificates of our own making.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::{HandshakeKind, ServerConfig, SupportedProtocolVersion};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::Limits;
use crate::pki::testing::{NAME, authority, leaf};
use crate::pki::{Certificate, CertificateAuthority, KeyPem};

/// Longer than any machine needs.
pub(crate) const AMPLE: Duration = Duration::from_secs(60);
/// Ample for each step.
pub(crate) const PATIENT: Limits = Limits {
    connect: AMPLE,
    handshake: AMPLE,
    request: AMPLE,
    whole: AMPLE,
};

/// What a test server answers; `None` is no answer ever.
pub(crate) type Answer = Option<http::Response<Full<Bytes>>>;

pub(crate) fn answer(code: u16, body: impl Into<Bytes>) -> Answer {
    Some(
        http::Response::builder()
            .status(code)
            .body(Full::new(body.into()))
            .expect("an answer"),
    )
}

/// A server that goes away with its value.
pub(crate) struct TestServer {
    pub(crate) addr: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

/// What reached a server.
#[derive(Default, Clone)]
pub(super) struct Seen {
    pub(super) handshakes: Vec<Option<HandshakeKind>>,
    pub(super) server_names: Vec<Option<String>>,
    /// Plaintext bytes; counted by [`recorder`] only.
    pub(super) data: Vec<usize>,
    pub(super) requests: Vec<http::request::Parts>,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl TestServer {
    pub(super) fn seen(&self) -> Seen {
        self.seen.lock().expect("no panic").clone()
    }

    /// Waits until what was seen satisfies `condition`.
    pub(super) async fn wait(&self, condition: impl Fn(&Seen) -> bool) -> Seen {
        let seen = async {
            loop {
                let seen = self.seen();
                if condition(&seen) {
                    return seen;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(AMPLE, seen)
            .await
            .expect("the server saw it")
    }
}

/// Starts a server that hands each connection to `serve`.
pub(super) async fn listen<F, R>(serve: F) -> TestServer
where
    F: Fn(TcpStream, Arc<Mutex<Seen>>) -> R + Send + 'static,
    R: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
    let addr = listener.local_addr().expect("an address");
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = Arc::clone(&seen);
    let task = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream, Arc::clone(&shared)));
        }
    });
    TestServer { addr, seen, task }
}

/// A TLS server that speaks HTTP in whatever version ALPN chose.
pub(super) async fn https<H>(config: ServerConfig, handler: H) -> TestServer
where
    H: Fn(&http::request::Parts) -> Answer + Clone + Send + Sync + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(config));
    listen(move |stream, seen| {
        let (acceptor, handler) = (acceptor.clone(), handler.clone());
        async move {
            let Ok(tls) = acceptor.accept(stream).await else {
                return;
            };
            let service = service_fn(move |request: http::Request<Incoming>| {
                let (parts, _) = request.into_parts();
                let answer = handler(&parts);
                seen.lock().expect("no panic").requests.push(parts);
                async move {
                    match answer {
                        Some(answer) => Ok::<_, hyper::Error>(answer),
                        None => std::future::pending().await,
                    }
                }
            });
            let _ = auto::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(tls), service)
                .await;
        }
    })
    .await
}

/// A TLS server that notes each handshake and counts the plaintext bytes that follow it.
pub(super) async fn recorder(config: ServerConfig) -> TestServer {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    listen(move |stream, seen| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut tls) = acceptor.accept(stream).await else {
                return;
            };
            let connection = tls.get_ref().1;
            let (kind, name) = (
                connection.handshake_kind(),
                connection.server_name().map(str::to_owned),
            );
            let mut data = Vec::new();
            let _ = tls.read_to_end(&mut data).await;
            let mut seen = seen.lock().expect("no panic");
            seen.handshakes.push(kind);
            seen.server_names.push(name);
            seen.data.push(data.len());
        }
    })
    .await
}

#[derive(Debug)]
struct Fixed(Arc<CertifiedKey>);

impl ResolvesServerCert for Fixed {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A TLS configuration that serves `certificate` with `key`, be they each other's or not.
pub(super) fn tls_config(
    certificate: &Certificate,
    key: &KeyPem,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> ServerConfig {
    let der = PrivateKeyDer::from_pem_slice(key.expose().as_bytes()).expect("a key");
    let key = aws_lc_rs::sign::any_supported_type(&der).expect("a key");
    let pair = CertifiedKey::new(vec![certificate.der.clone()], key);
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Fixed(Arc::new(pair))));
    config.alpn_protocols = protocols
        .iter()
        .map(|protocol| protocol.as_bytes().to_vec())
        .collect();
    config
}

/// The usual configuration of a Go server with `certificate`.
pub(super) fn usual(certificate: &Certificate, key: &KeyPem) -> ServerConfig {
    tls_config(certificate, key, rustls::ALL_VERSIONS, &["h2", "http/1.1"])
}

/// A server `wardle` with a good certificate, and the bundle that vouches for it.
pub(crate) async fn wardle<H>(handler: H) -> (TestServer, Vec<Certificate>)
where
    H: Fn(&http::request::Parts) -> Answer + Clone + Send + Sync + 'static,
{
    let ca: CertificateAuthority = authority(&[NAME]);
    let leaf = leaf(&ca);
    let server = https(usual(&leaf.certificate, &leaf.key_pem), handler).await;
    (server, vec![ca.certificate().clone()])
}
