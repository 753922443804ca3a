//! A client that sees what clients of Kubernetes hide: headers, streams, the end of connections.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Whom a client believes.
#[derive(Clone)]
pub struct Trust(Arc<RootCertStore>);

impl Trust {
    pub fn new(authority_pem: &[u8]) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authority_pem) {
            roots.add(certificate.unwrap()).unwrap();
        }
        Self(Arc::new(roots))
    }
}

/// A client's certificate, and its key.
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// An authority that vouches for clients.
pub struct ClientAuthority(CertifiedIssuer<'static, KeyPair>);

impl ClientAuthority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A client of this name.
    pub fn client(&self, name: &str) -> Identity {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            certificate: certificate.der().clone(),
            key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        }
    }
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

/// A connection.
pub struct Client {
    sender: Sender,
    token: Option<String>,
    /// Ends when the connection does.
    pub connection: JoinHandle<()>,
    /// The certificate that the server showed.
    pub leaf: CertificateDer<'static>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub async fn connect(address: SocketAddr, trust: &Trust, http2: bool, token: Option<&str>) -> Self {
        Self::try_connect(address, trust, http2, token).await.unwrap()
    }

    pub async fn try_connect(
        address: SocketAddr,
        trust: &Trust,
        http2: bool,
        token: Option<&str>,
    ) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        let stream = encrypted(stream, trust, http2).await?;
        Self::over(stream, http2, token).await
    }

    /// A connection over HTTP/2 that shows a certificate.
    pub async fn connect_as(address: SocketAddr, trust: &Trust, identity: &Identity) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let stream = encrypted_as(stream, trust, true, Some(identity)).await.unwrap();
        Self::over(stream, true, None).await.unwrap()
    }

    async fn over(stream: TlsStream<TcpStream>, http2: bool, token: Option<&str>) -> std::io::Result<Self> {
        let leaf = stream.get_ref().1.peer_certificates().unwrap()[0]
            .clone()
            .into_owned();
        let io = TokioIo::new(stream);
        let (sender, connection) = if http2 {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), io)
                .await
                .map_err(std::io::Error::other)?;
            (
                Sender::Http2(sender),
                tokio::spawn(async { drop(connection.await) }),
            )
        } else {
            let (sender, connection) = http1::handshake(io).await.map_err(std::io::Error::other)?;
            (
                Sender::Http1(sender),
                tokio::spawn(async { drop(connection.await) }),
            )
        };
        Ok(Self {
            sender,
            token: token.map(str::to_owned),
            connection,
            leaf,
        })
    }

    /// Sends a request; the answer's body is still to be read.
    pub async fn open(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Response<Incoming>, hyper::Error> {
        let uri = match &self.sender {
            Sender::Http1(_) => path.to_owned(),
            Sender::Http2(_) => format!("https://localhost{path}"),
        };
        let mut request = Request::builder().method(method).uri(uri);
        if matches!(self.sender, Sender::Http1(_)) {
            request = request.header(HOST, "localhost");
        }
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            Some(value) => {
                request = request.header(CONTENT_TYPE, "application/json");
                Bytes::from(value.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).unwrap();
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    /// Sends a request and reads the whole answer.
    pub async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        read(self.open(method, path, headers, body).await.unwrap()).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], None).await
    }

    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, &[], Some(body)).await
    }
}

/// A connection, on which nothing was said yet.
pub async fn handshake(address: SocketAddr, trust: &Trust, http2: bool) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(address).await.unwrap();
    encrypted(stream, trust, http2).await.unwrap()
}

/// TLS over `stream`.
pub async fn encrypted(
    stream: TcpStream,
    trust: &Trust,
    http2: bool,
) -> std::io::Result<TlsStream<TcpStream>> {
    encrypted_as(stream, trust, http2, None).await
}

/// The same of a client that shows a certificate.
pub async fn encrypted_as(
    stream: TcpStream,
    trust: &Trust,
    http2: bool,
    identity: Option<&Identity>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let config = ClientConfig::builder().with_root_certificates(trust.0.clone());
    let mut config = match identity {
        Some(Identity { certificate, key }) => config
            .with_client_auth_cert(vec![certificate.clone()], key.clone_key())
            .unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![if http2 {
        b"h2".to_vec()
    } else {
        b"http/1.1".to_vec()
    }];
    let name = ServerName::from(stream.peer_addr()?.ip());
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Reads an answer to its end.
pub async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        code: parts.status.as_u16(),
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}
