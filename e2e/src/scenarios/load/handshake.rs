//! A fresh TLS connection, verified as the aggregator would: with the published bundle, for the Service's name.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;

/// How long one connection may take; a busy machine is slow, a dead endpoint never answers.
const LIMIT: Duration = Duration::from_secs(10);

/// What an APIService publishes: its `caBundle`, and nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Bundle {
    pem: Vec<u8>,
    verifier: Result<Arc<WebPkiServerVerifier>, String>,
}

impl Bundle {
    /// The bundle of this PEM text. One that holds no authority trusts nobody, and says why.
    pub(crate) fn new(pem: Vec<u8>) -> Self {
        let verifier = verifier(&pem);
        Self { pem, verifier }
    }
}

fn verifier(pem: &[u8]) -> Result<Arc<WebPkiServerVerifier>, String> {
    let blocks = pem::parse_many(pem).map_err(|error| format!("the bundle is no PEM: {error}"))?;
    let mut roots = RootCertStore::empty();
    for block in blocks {
        roots
            .add(CertificateDer::from(block.into_contents()))
            .map_err(|error| format!("the bundle holds what is no authority: {error}"))?;
    }
    WebPkiServerVerifier::builder_with_provider(roots.into(), Arc::new(aws_lc_rs::default_provider()))
        .build()
        .map_err(|error| format!("the bundle cannot be used: {error}"))
}

/// Opens a connection, verified with the bundle published at its beginning, and returns the certificate that was
/// served, DER.
///
/// # Errors
/// In words. A certificate that the bundle of the beginning refuses is judged once more by the bundle read last, but
/// only where the watch says that another one was published meanwhile: two versions of a bundle may each be right at
/// either end of one handshake. Nothing else gets a second chance.
pub(crate) async fn handshake(
    address: SocketAddr,
    name: &ServerName<'static>,
    published: &watch::Receiver<Option<Arc<Bundle>>>,
) -> Result<Vec<u8>, String> {
    let read = || published.borrow().clone().ok_or("no bundle was read yet");
    let begun = read()?;
    let recording = Arc::new(Recording {
        verifier: begun.verifier.clone()?,
        presented: OnceLock::new(),
    });
    let connected = tokio::time::timeout(LIMIT, connect(address, name.clone(), Arc::clone(&recording))).await;
    let presented = recording.presented.get();
    let failure = match connected {
        Ok(Ok(())) => return leaf(presented).ok_or_else(|| "no certificate was presented".to_owned()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no handshake within {} s", LIMIT.as_secs()),
    };
    let now = read()?;
    if now.pem != begun.pem
        && let Some(Presented { refused: true, chain }) = presented
        && let [end_entity, intermediates @ ..] = chain.as_slice()
    {
        now.verifier
            .clone()?
            .verify_server_cert(end_entity, intermediates, name, &[], UnixTime::now())
            .map_err(|error| error.to_string())?;
        return Ok(end_entity.to_vec());
    }
    Err(failure)
}

fn leaf(presented: Option<&Presented>) -> Option<Vec<u8>> {
    presented
        .and_then(|presented| presented.chain.first())
        .map(|leaf| leaf.to_vec())
}

async fn connect(
    address: SocketAddr,
    name: ServerName<'static>,
    recording: Arc<Recording>,
) -> std::io::Result<()> {
    // Made anew for each connection: there is no session to resume, which would present no certificate.
    let provider: Arc<CryptoProvider> = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(recording)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let tcp = TcpStream::connect(address).await?;
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    // The handshake was all; whether the peer hears the goodbye changes nothing.
    let _ = stream.shutdown().await;
    Ok(())
}

/// The first 12 hex digits of a certificate's SHA-256: enough to tell it from the others of one test.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    Sha256::digest(der)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// rustls' own verification, and a note of what was presented.
#[derive(Debug)]
struct Recording {
    verifier: Arc<WebPkiServerVerifier>,
    presented: OnceLock<Presented>,
}

/// The certificates of a handshake, the server's own first, and whether they were what it failed for.
#[derive(Debug)]
struct Presented {
    chain: Vec<CertificateDer<'static>>,
    refused: bool,
}

impl ServerCertVerifier for Recording {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict =
            self.verifier
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let chain = std::iter::once(end_entity).chain(intermediates);
        // One handshake presents one chain: there is nothing to overwrite.
        let _ = self.presented.set(Presented {
            chain: chain
                .map(|certificate| certificate.clone().into_owned())
                .collect(),
            refused: verdict.is_err(),
        });
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::Arc;

    use rustls::ServerConfig;
    use rustls::crypto::aws_lc_rs;
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use tokio::net::TcpListener;
    use tokio::sync::watch;
    use tokio_rustls::TlsAcceptor;

    use super::{Bundle, handshake};
    use crate::certs::Authority;

    const NAME: &str = "wardle.default.svc";

    fn bundle(authority: &Authority) -> Option<Arc<Bundle>> {
        Some(Arc::new(Bundle::new(authority.certificate().into_bytes())))
    }

    /// Answers one connection with a leaf of `authority`; `meanwhile` is published once the connection is there.
    async fn serve(
        authority: &Authority,
        published: watch::Sender<Option<Arc<Bundle>>>,
        meanwhile: Option<Arc<Bundle>>,
    ) -> SocketAddr {
        let identity = authority.server("server", &[NAME], &[]).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (tcp, _) = listener.accept().await.unwrap();
            if meanwhile.is_some() {
                published.send_replace(meanwhile);
            }
            // The client may refuse.
            let _ = TlsAcceptor::from(Arc::new(config)).accept(tcp).await;
        });
        address
    }

    async fn shake(
        served: &Authority,
        at_first: &Authority,
        meanwhile: Option<&Authority>,
    ) -> Result<(), String> {
        let (sender, published) = watch::channel(bundle(at_first));
        let address = serve(served, sender, meanwhile.and_then(bundle)).await;
        let name = ServerName::try_from(NAME).unwrap();
        handshake(address, &name, &published).await.map(|_| ())
    }

    #[tokio::test]
    async fn the_published_bundle_decides() {
        let [old, new] = ["old", "new"].map(|name| Authority::new(name).unwrap());
        shake(&old, &old, None).await.unwrap();
        let refused = shake(&new, &old, None).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
    }

    #[tokio::test]
    async fn a_bundle_published_meanwhile_has_the_last_word() {
        let [old, new, other] = ["old", "new", "other"].map(|name| Authority::new(name).unwrap());
        shake(&new, &old, Some(&new)).await.unwrap();
        shake(&old, &old, Some(&new)).await.unwrap();
        let refused = shake(&new, &old, Some(&other)).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{refused}");
    }

    #[tokio::test]
    async fn a_bundle_without_an_authority_trusts_nobody() {
        let old = Authority::new("old").unwrap();
        let (sender, published) = watch::channel(Some(Arc::new(Bundle::new(Vec::new()))));
        let address = serve(&old, sender, None).await;
        let name = ServerName::try_from(NAME).unwrap();
        let refused = handshake(address, &name, &published).await.unwrap_err();
        assert!(refused.contains("cannot be used"), "{refused}");
    }
}
