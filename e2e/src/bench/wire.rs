//! HTTP/2 over TLS to a server on loopback, with nothing between: the client must cost less than what it measures.

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::Error;

/// The name in the servers' certificates.
pub(super) const SERVER: &str = "bench.annex.test";

/// Windows that no answer fills: flow control is not what is measured.
const STREAM_WINDOW: u32 = 4 << 20;
const CONNECTION_WINDOW: u32 = 64 << 20;

/// How much of a body an error shows.
const SHOWN: usize = 400;

/// Who to talk to, and as whom.
#[derive(Clone)]
pub(super) struct Target {
    port: u16,
    token: Arc<str>,
    tls: Arc<ClientConfig>,
}

impl Target {
    /// The server on `port` of loopback whose certificate `authority`, in PEM, vouches for.
    pub(super) fn new(port: u16, token: &str, authority: &str) -> Result<Self, Error> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_slice(authority.as_bytes())
            .map_err(|error| Error::Wrong(format!("the authority made here is no PEM: {error}")))?;
        roots.add(certificate)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            port,
            token: token.into(),
            tls: Arc::new(tls),
        })
    }

    /// A connection of its own.
    pub(super) async fn connect(&self) -> Result<Connection, Error> {
        let tcp = TcpStream::connect(("127.0.0.1", self.port))
            .await
            .map_err(Error::system("connect to the server"))?;
        tcp.set_nodelay(true)
            .map_err(Error::system("set a connection up"))?;
        let name = ServerName::try_from(SERVER)
            .map_err(|error| Error::Wrong(format!("{SERVER} is no name: {error}")))?;
        let tls = TlsConnector::from(self.tls.clone())
            .connect(name, tcp)
            .await
            .map_err(Error::system("agree on TLS with the server"))?;
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .handshake(TokioIo::new(tls))
            .await?;
        tokio::spawn(connection);
        Ok(Connection {
            requests,
            target: self.clone(),
        })
    }

    /// So many connections.
    pub(super) async fn connections(&self, count: usize) -> Result<Vec<Connection>, Error> {
        let mut made = Vec::with_capacity(count);
        for _ in 0..count {
            made.push(self.connect().await?);
        }
        Ok(made)
    }
}

/// A connection, to be cloned for each stream.
#[derive(Clone)]
pub(super) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    target: Target,
}

impl Connection {
    /// Makes a request and returns the answer's body, which is yet to be read.
    pub(super) async fn open(&mut self, method: Method, path: &str, body: Bytes) -> Result<Incoming, Error> {
        let shown = format!("{method} {path}");
        let mut request = Request::builder()
            .method(method.clone())
            .uri(format!("https://{SERVER}{path}"))
            .header("authorization", format!("Bearer {}", self.target.token))
            .header("accept", "application/json");
        if !body.is_empty() {
            request = request.header("content-type", media_of(&method));
        }
        self.requests.ready().await?;
        let answer = self.requests.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        if status == StatusCode::OK || status == StatusCode::CREATED {
            return Ok(answer.into_body());
        }
        let body = answer.into_body().collect().await?.to_bytes();
        Err(Error::Answer {
            request: shown,
            status,
            body: String::from_utf8_lossy(body.get(..SHOWN).unwrap_or(&body)).into_owned(),
        })
    }

    /// Makes a request and reads the answer to its end: its length in bytes.
    pub(super) async fn exchange(&mut self, method: Method, path: &str, body: Bytes) -> Result<usize, Error> {
        let mut body = self.open(method, path, body).await?;
        let mut length = 0;
        while let Some(frame) = body.frame().await {
            length += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(length)
    }

    /// Gets a short answer whole.
    pub(super) async fn text(&mut self, path: &str) -> Result<Bytes, Error> {
        let body = self.open(Method::GET, path, Bytes::new()).await?;
        Ok(body.collect().await?.to_bytes())
    }
}

/// JSON; of a patch it is a configuration to be applied, which is YAML too.
fn media_of(method: &Method) -> &'static str {
    if *method == Method::PATCH {
        "application/apply-patch+yaml"
    } else {
        "application/json"
    }
}
