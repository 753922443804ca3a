//! TLS handshakes that show what is served, without trusting it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, InvalidMessage, SignatureScheme};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Limits;
use super::error_text::tidy;
use crate::pki::Certificate;

/// How long a peer is given to close its side after a handshake, and how much of what it still sends is read.
const FAREWELL: Duration = Duration::from_millis(250);
const FAREWELL_BYTES: u64 = 64 * 1024;

/// How large the certificates are that a peer may present: a leaf and a few intermediates. They are kept between passes.
const MAX_CHAIN_BYTES: usize = 16 * 1024;

/// What a peer presented in a handshake. The peer has proved that it holds the leaf's key; nothing else about it
/// is established.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The server's own certificate.
    pub leaf: Certificate,
    /// All that was presented, the leaf first.
    pub chain: Vec<CertificateDer<'static>>,
}

/// Why there was no handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// The name to ask for is no DNS name.
    #[error("`{0}` is not a DNS name")]
    InvalidServerName(String),
    /// Nothing listens there.
    #[error("connection refused")]
    ConnectionRefused,
    /// No answer to the connection attempt.
    #[error("no answer to the connection attempt in time")]
    ConnectTimeout,
    /// No route there.
    #[error("the address is unreachable")]
    Unreachable,
    /// The connection failed in another way.
    #[error("cannot connect: {0}")]
    ConnectFailed(String),
    /// The peer answers, but not with TLS; most often it speaks plain HTTP.
    #[error("the peer does not speak TLS")]
    NotTls,
    /// The handshake broke off.
    #[error("the TLS handshake failed: {0}")]
    HandshakeFailed(String),
    /// The peer took the connection and did not complete a handshake in time.
    #[error("no TLS handshake in time")]
    TlsTimeout,
    /// The address belongs to no pod of the workload: it was not connected to.
    #[error("the address is of no pod of the workload; it was not connected to")]
    ForeignAddress,
    /// The pod behind the address is gone: it was not connected to.
    #[error("the pod is gone")]
    PodGone,
    /// It is being asked for the first time.
    #[error("no answer yet")]
    NoAnswerYet,
    /// The Service has more endpoints than are asked: it was not connected to.
    #[error("the Service has more endpoints than are asked")]
    TooMany,
    /// The handshake succeeded with more certificates than any server needs, of so many bytes.
    #[error("the served certificates have {0} bytes, more than {MAX_CHAIN_BYTES}")]
    ChainTooLarge(usize),
    /// The handshake succeeded with a certificate that cannot be read.
    #[error("the served certificate cannot be read")]
    UnreadableCertificate,
}

/// Completes one full TLS handshake with `addr`, asking for `server_name`, and says what was presented. It is for
/// the caller to judge that with [`crate::pki::verify_chain`]. No application data is sent.
///
/// # Errors
///
/// See [`HandshakeError`].
pub async fn handshake(
    addr: SocketAddr,
    server_name: &str,
    limits: &Limits,
) -> Result<Served, HandshakeError> {
    let (stream, served) = open(addr, server_name, limits).await?;
    close(stream).await;
    Ok(served)
}

/// An open connection to a peer that is not trusted yet.
pub(super) async fn open(
    addr: SocketAddr,
    server_name: &str,
    limits: &Limits,
) -> Result<(TlsStream<TcpStream>, Served), HandshakeError> {
    let name = ServerName::try_from(server_name.to_owned())
        .map_err(|_| HandshakeError::InvalidServerName(server_name.to_owned()))?;
    let config = client_config().map_err(|error| HandshakeError::HandshakeFailed(error.to_string()))?;
    let tcp = timeout(limits.connect, TcpStream::connect(addr))
        .await
        .map_err(|_| HandshakeError::ConnectTimeout)?
        .map_err(|error| connect_error(&error))?;
    // A probe is a few small writes; a failure to turn Nagle's algorithm off only makes it slower.
    let _ = tcp.set_nodelay(true);
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    let stream = timeout(limits.handshake, connecting)
        .await
        .map_err(|_| HandshakeError::TlsTimeout)?
        .map_err(|error| tls_error(&error))?;
    let served = served(&stream)?;
    Ok((stream, served))
}

/// Says goodbye and lets the peer do so too: a connection that is cut leaves a line in many servers' logs, and
/// this is done again and again.
pub(super) async fn close(mut stream: TlsStream<TcpStream>) {
    let farewell = async {
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(FAREWELL_BYTES), &mut tokio::io::sink()).await
    };
    // Whether the peer was polite says nothing about its certificate.
    let _ = timeout(FAREWELL, farewell).await;
}

fn served(stream: &TlsStream<TcpStream>) -> Result<Served, HandshakeError> {
    let chain = stream
        .get_ref()
        .1
        .peer_certificates()
        .unwrap_or_default()
        .to_vec();
    let bytes: usize = chain.iter().map(|certificate| certificate.len()).sum();
    if bytes > MAX_CHAIN_BYTES {
        return Err(HandshakeError::ChainTooLarge(bytes));
    }
    let first = chain.first().ok_or(HandshakeError::UnreadableCertificate)?;
    let leaf = Certificate::from_der(first).map_err(|_| HandshakeError::UnreadableCertificate)?;
    Ok(Served { leaf, chain })
}

/// Made anew for each handshake, so that there is no session to resume: a resumed one presents no certificate.
fn client_config() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn connect_error(error: &io::Error) -> HandshakeError {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => HandshakeError::ConnectionRefused,
        // The kernel's own timeout, where it is shorter than ours.
        io::ErrorKind::TimedOut => HandshakeError::ConnectTimeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable | io::ErrorKind::NetworkDown => {
            HandshakeError::Unreachable
        }
        _ => HandshakeError::ConnectFailed(tidy(&error.to_string())),
    }
}

fn tls_error(error: &io::Error) -> HandshakeError {
    use rustls::Error;
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match cause {
        // The first bytes of another protocol read as a TLS record of an unknown kind.
        Some(Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        )) => HandshakeError::NotTls,
        Some(error) => HandshakeError::HandshakeFailed(tidy(&error.to_string())),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            HandshakeError::HandshakeFailed("the peer closed the connection".to_owned())
        }
        None => HandshakeError::HandshakeFailed(tidy(&error.to_string())),
    }
}

/// Takes whatever certificate is presented, for it to be judged after the handshake, but still demands the proof
/// that the peer holds its key.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
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
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
