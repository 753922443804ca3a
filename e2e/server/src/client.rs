//! One request, from inside a pod, to a server that is asked directly: with any identity and any name.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::WantsClientCert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::args::RequestArgs;
use super::tls;

/// Larger response bodies are an error.
const BODY_LIMIT: usize = 1 << 20;

/// Why there was no HTTP answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is not one to ask.
    #[error("{0} is not a http:// or https:// URL with a host")]
    Url(http::Uri),
    /// Nothing says which servers to trust.
    #[error("give --ca FILE, or --insecure to take any server certificate")]
    NoTrust,
    /// A file of certificates or keys cannot be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file of certificates or keys cannot be used.
    #[error("{} is unusable", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: tls::Error,
    },
    /// TLS cannot be set up with what was given.
    #[error("failed to set up TLS")]
    Configure(#[source] rustls::Error),
    /// The name to verify is none.
    #[error("{0:?} is not a server name")]
    ServerName(String),
    /// A header value that HTTP does not allow.
    #[error("the token cannot be sent in a header")]
    Token(#[source] header::InvalidHeaderValue),
    /// The request cannot be put together.
    #[error("failed to make the request")]
    Request(#[source] http::Error),
    /// No connection.
    #[error("failed to connect to {host}:{port}")]
    Connect {
        /// Host of the URL.
        host: String,
        /// Port of the URL.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The TLS handshake failed.
    #[error("TLS handshake failed")]
    Handshake(#[source] std::io::Error),
    /// The connection broke before the answer.
    #[error("failed to exchange request and response")]
    Exchange(#[source] hyper::Error),
    /// The answer's body was cut short, or is too large.
    #[error("failed to read the response body")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Time is up.
    #[error("no answer within {0} s")]
    TimedOut(u64),
}

/// What a server answered.
#[derive(Debug)]
pub struct Answered {
    /// HTTP status.
    pub status: StatusCode,
    /// The body.
    pub body: Bytes,
}

/// Sends the request and returns the answer, whatever its status.
///
/// # Errors
/// There was none.
pub async fn request(args: RequestArgs) -> Result<Answered, Error> {
    let seconds = args.timeout_seconds;
    tokio::time::timeout(Duration::from_secs(seconds), attempt(args))
        .await
        .map_err(|_| Error::TimedOut(seconds))?
}

async fn attempt(args: RequestArgs) -> Result<Answered, Error> {
    let url = &args.url;
    let host = url.host().map(|host| host.trim_matches(['[', ']']));
    let (Some(host), Some("http" | "https")) = (host, url.scheme_str()) else {
        return Err(Error::Url(url.clone()));
    };
    let secure = url.scheme_str() == Some("https");
    let port = url.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let request = compose(&args)?;
    let connector = if secure { Some(connector(&args)?) } else { None };
    let stream = TcpStream::connect((host, port))
        .await
        .map_err(|source| Error::Connect {
            host: host.to_owned(),
            port,
            source,
        })?;
    match connector {
        None => exchange(stream, request).await,
        Some(connector) => {
            let name = args.resolve_sni.as_deref().unwrap_or(host);
            let server_name =
                ServerName::try_from(name.to_owned()).map_err(|_| Error::ServerName(name.to_owned()))?;
            let stream = connector
                .connect(server_name, stream)
                .await
                .map_err(Error::Handshake)?;
            exchange(stream, request).await
        }
    }
}

fn compose(args: &RequestArgs) -> Result<Request<Empty<Bytes>>, Error> {
    let path = args.url.path_and_query().map_or("/", |path| path.as_str());
    let mut request = Request::builder()
        .method(&args.method)
        .uri(path)
        .body(Empty::new())
        .map_err(Error::Request)?;
    let headers = request.headers_mut();
    if let Some(host) = args
        .url
        .authority()
        .and_then(|host| HeaderValue::from_str(host.as_str()).ok())
    {
        headers.insert(header::HOST, host);
    }
    if let Some(token) = &args.token {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(Error::Token)?;
        headers.insert(header::AUTHORIZATION, value);
    }
    for (name, value) in &args.header {
        headers.append(name, value.clone());
    }
    Ok(request)
}

async fn exchange<S>(stream: S, request: Request<Empty<Bytes>>) -> Result<Answered, Error>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Error::Exchange)?;
    // Its errors come out of the request as well.
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.map_err(Error::Exchange)?;
    let status = response.status();
    let body = Limited::new(response.into_body(), BODY_LIMIT)
        .collect()
        .await
        .map_err(Error::Body)?;
    connection.abort();
    Ok(Answered {
        status,
        body: body.to_bytes(),
    })
}

fn connector(args: &RequestArgs) -> Result<TlsConnector, Error> {
    let builder = trust(args)?;
    let config = match (&args.cert, &args.key) {
        (Some(certificate), Some(key)) => {
            let chain = load(certificate, tls::certificates)?;
            builder
                .with_client_auth_cert(chain, load(key, tls::private_key)?)
                .map_err(Error::Configure)?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn trust(args: &RequestArgs) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Configure)?;
    if args.insecure {
        let verifier = Arc::new(AnyServerCertificate { algorithms });
        return Ok(builder.dangerous().with_custom_certificate_verifier(verifier));
    }
    let path = args.ca.as_ref().ok_or(Error::NoTrust)?;
    let mut roots = RootCertStore::empty();
    for certificate in load(path, tls::certificates)? {
        roots.add(certificate).map_err(Error::Configure)?;
    }
    Ok(builder.with_root_certificates(roots))
}

fn load<T>(path: &Path, parse: impl Fn(&[u8]) -> Result<T, tls::Error>) -> Result<T, Error> {
    let pem = std::fs::read(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })?;
    parse(&pem).map_err(|source| Error::Pem {
        path: path.to_owned(),
        source,
    })
}

/// `--insecure`: any certificate whose owner holds the key.
#[derive(Debug)]
struct AnyServerCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for AnyServerCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
