//! A serving pair as a whole: can a server work with this certificate and key, and will its clients accept it.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;

use super::inspect::{BundleError, Certificate, parse_bundle};
use super::key::{KeyError, key_matches};
use super::verify::{TrustFault, verify_chain};

/// A certificate chain and key that were checked together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServingPair {
    /// The server's own certificate.
    pub leaf: Certificate,
    /// What follows it in the file: intermediates, usually none.
    pub intermediates: Vec<Certificate>,
}

/// What is wrong with a serving Secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServingFault {
    /// `tls.crt` is not a list of certificates.
    #[error("the certificate cannot be read")]
    Certificate(#[source] BundleError),
    /// `tls.key` is not a private key.
    #[error("the private key cannot be read")]
    Key(#[source] KeyError),
    /// Certificate and key are not each other's.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// Both are sound, but clients that trust the bundle reject them: expired, not yet valid, another name, not
    /// signed by the bundle.
    #[error("clients do not accept the certificate")]
    Trust(#[source] TrustFault),
}

/// Checks what a Secret of type `kubernetes.io/tls` holds against the bundle that its clients trust.
///
/// # Errors
///
/// The first fault, in the order of [`ServingFault`].
pub fn check_serving(
    cert_chain_pem: &[u8],
    key_pem: &[u8],
    bundle: &[Certificate],
    dns_name: &str,
    now: Timestamp,
) -> Result<ServingPair, ServingFault> {
    let mut chain = parse_bundle(cert_chain_pem).map_err(ServingFault::Certificate)?;
    let ders: Vec<CertificateDer<'_>> = chain.iter().map(|certificate| certificate.der.clone()).collect();
    // A parsed bundle is never empty.
    let leaf = chain.remove(0);
    if !key_matches(&leaf, key_pem).map_err(ServingFault::Key)? {
        return Err(ServingFault::KeyMismatch);
    }
    verify_chain(&ders, bundle, dns_name, now).map_err(ServingFault::Trust)?;
    Ok(ServingPair {
        leaf,
        intermediates: chain,
    })
}

#[cfg(test)]
mod tests;
