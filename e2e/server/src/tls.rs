//! The server's side of TLS: certificates that change under it, and client certificates that it only looks at.
//!
//! As in Go's apiservers, a client certificate never fails the handshake: which ones are trusted is a question of
//! authentication, and a caller with a strange one may still have a good token.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The name in the certificate of mode `wrong-san`; nobody's, by RFC 6761.
pub const WRONG_NAME: &str = "somebody-else.example.invalid";

/// Why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The certificate file is not PEM, or holds none.
    #[error("failed to read certificates from PEM")]
    Certificates(#[source] pem::Error),
    /// There is no certificate in the file.
    #[error("the file holds no certificate")]
    NoCertificate,
    /// The key file is not PEM, or holds no private key.
    #[error("failed to read a private key from PEM")]
    Key(#[source] pem::Error),
    /// Certificate and key do not fit, or are of a kind that is not supported.
    #[error("failed to set up TLS")]
    Configure(#[source] rustls::Error),
    /// A self-signed certificate could not be made.
    #[error("failed to make a self-signed certificate")]
    SelfSigned(#[source] rcgen::Error),
}

/// The two files of a serving certificate.
#[derive(Clone, Debug)]
pub struct Files {
    /// PEM certificates, leaf first.
    pub certificates: PathBuf,
    /// PEM private key.
    pub key: PathBuf,
}

#[derive(PartialEq, Eq)]
struct Contents {
    certificates: Vec<u8>,
    key: Vec<u8>,
}

struct Current {
    seen: Contents,
    acceptor: TlsAcceptor,
}

/// The certificate that the next handshake serves.
pub enum Serving {
    /// One certificate for good.
    Fixed(TlsAcceptor),
    /// What the files hold; while that is unusable, the last that was.
    Reloading(Reloading),
}

/// See [`Serving::Reloading`].
pub struct Reloading {
    files: Files,
    current: Mutex<Current>,
}

impl Serving {
    /// Serves what `files` hold, and with `reload` what they will hold.
    ///
    /// # Errors
    /// A file that cannot be read or used; later, such files are only logged.
    pub async fn from_files(files: Files, reload: bool) -> Result<Self, super::Error> {
        let seen = read(&files).await?;
        let acceptor = acceptor(&seen).map_err(super::Error::Certificate)?;
        Ok(if reload {
            Self::Reloading(Reloading {
                files,
                current: Mutex::new(Current { seen, acceptor }),
            })
        } else {
            Self::Fixed(acceptor)
        })
    }

    /// Serves a certificate for `name` that nobody signed.
    ///
    /// # Errors
    /// The certificate could not be made.
    pub fn self_signed(name: &str) -> Result<Self, Error> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).map_err(Error::SelfSigned)?;
        let seen = Contents {
            certificates: made.cert.pem().into_bytes(),
            key: made.signing_key.serialize_pem().into_bytes(),
        };
        acceptor(&seen).map(Self::Fixed)
    }

    /// What accepts the next connection. Reads both files each time: they are small, and their dates say nothing
    /// about a volume that swaps directories.
    pub async fn acceptor(&self) -> TlsAcceptor {
        match self {
            Self::Fixed(acceptor) => acceptor.clone(),
            Self::Reloading(reloading) => reloading.acceptor().await,
        }
    }
}

impl Reloading {
    async fn acceptor(&self) -> TlsAcceptor {
        let read = read(&self.files).await;
        let mut current = self.lock();
        match read {
            Ok(seen) if seen == current.seen => {}
            Ok(seen) => {
                // A pair read in the middle of a change does not fit together; the next handshake reads the whole.
                match acceptor(&seen) {
                    Ok(acceptor) => {
                        tracing::info!("serving a new certificate");
                        current.acceptor = acceptor;
                    }
                    Err(error) => tracing::warn!(%error, "the serving certificate is unusable"),
                }
                current.seen = seen;
            }
            Err(error) => tracing::warn!(%error, "the serving certificate is unreadable"),
        }
        current.acceptor.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Current> {
        // No step under the lock leaves a state that must not be seen.
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(files: &Files) -> Result<Contents, super::Error> {
    let read = |path: PathBuf| async move {
        tokio::fs::read(&path)
            .await
            .map_err(|source| super::Error::Read { path, source })
    };
    Ok(Contents {
        certificates: read(files.certificates.clone()).await?,
        key: read(files.key.clone()).await?,
    })
}

/// A new configuration for each certificate: sessions resumed from an old one would go on showing the old one.
fn acceptor(contents: &Contents) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = AnyClientCertificate::new(&provider);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::Configure)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(certificates(&contents.certificates)?, private_key(&contents.key)?)
        .map_err(Error::Configure)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The certificates of a PEM file.
pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(Error::Certificates)?;
    if certificates.is_empty() {
        Err(Error::NoCertificate)
    } else {
        Ok(certificates)
    }
}

/// The private key of a PEM file.
pub(super) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(pem).map_err(Error::Key)
}

/// The common name in a client certificate; empty where there is none to be read.
pub fn common_name(certificate: &CertificateDer<'_>) -> String {
    X509Certificate::from_der(certificate)
        .ok()
        .and_then(|(_, parsed)| {
            let name = parsed.subject().iter_common_name().next()?;
            name.as_str().ok().map(str::to_owned)
        })
        .unwrap_or_default()
}

/// Asks for a client certificate, and takes any whose owner holds the key.
#[derive(Debug)]
struct AnyClientCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl AnyClientCertificate {
    fn new(provider: &CryptoProvider) -> Self {
        Self {
            algorithms: provider.signature_verification_algorithms,
        }
    }
}

impl ClientCertVerifier for AnyClientCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hint: clients that choose by it would keep the very certificates back that a test wants to see.
        &[]
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
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
