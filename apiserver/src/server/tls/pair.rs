//! A certificate and its key, out of PEM.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::sign::CertifiedKey;

/// Why a pair cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The certificate file is not PEM.
    #[error("failed to read certificates from PEM: {0}")]
    Certificates(pem::Error),
    /// There is no certificate in it.
    #[error("the file holds no certificate")]
    NoCertificate,
    /// The key file is not PEM, or holds no private key.
    #[error("failed to read a private key from PEM: {0}")]
    Key(pem::Error),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("certificate and key cannot be used together: {0}")]
    Mismatch(rustls::Error),
}

/// The pair in these two PEM texts, if they belong together.
pub(super) fn pair(
    certificates: &[u8],
    key: &[u8],
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, PairError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
        .collect::<Result<_, _>>()
        .map_err(PairError::Certificates)?;
    if chain.is_empty() {
        return Err(PairError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(PairError::Key)?;
    let pair = CertifiedKey::from_der(chain, key, provider).map_err(PairError::Mismatch)?;
    Ok(Arc::new(pair))
}
