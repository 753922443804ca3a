//! Private keys: kept as PEM, never printed.

use std::fmt;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use super::inspect::Certificate;

/// A private key in PEM. It has no `Display`, and its `Debug` hides the contents, so that a key cannot reach a
/// log, an Event or a status by way of formatting.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPem(String);

impl KeyPem {
    /// Takes a key in PEM, unread: what it holds is checked where it is used.
    #[must_use]
    pub fn new(pem: String) -> Self {
        Self(pem)
    }

    /// The PEM text, for the one place that writes it into a Secret.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPem(..)")
    }
}

/// Why a private key cannot be used. No variant carries any of its bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No PEM block of a private key that can be decoded.
    #[error("no private key in PEM found")]
    NotPem,
    /// The block decodes, but holds no key of a supported kind (RSA, ECDSA, Ed25519).
    #[error("the private key is malformed or of an unsupported kind")]
    Unsupported,
}

/// Whether `key_pem` (PKCS#8, SEC1 or PKCS#1) is the private key of `certificate`.
///
/// # Errors
///
/// When the key itself cannot be read.
pub fn key_matches(certificate: &Certificate, key_pem: &[u8]) -> Result<bool, KeyError> {
    let der = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| KeyError::NotPem)?;
    let key = any_supported_type(&der).map_err(|_| KeyError::Unsupported)?;
    let public = key.public_key().ok_or(KeyError::Unsupported)?;
    Ok(public.as_ref() == certificate.public_key_info())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::testing::{authority, leaf, now, parsed};

    #[test]
    fn a_key_belongs_to_its_certificate_alone() {
        let ca = authority(&["a.b.svc"]);
        let (one, other) = (leaf(&ca), leaf(&ca));
        let certificate = parsed(&one.cert_pem);
        assert_eq!(
            key_matches(&certificate, one.key_pem.expose().as_bytes()),
            Ok(true)
        );
        assert_eq!(
            key_matches(&certificate, other.key_pem.expose().as_bytes()),
            Ok(false)
        );
        assert!(certificate.not_after > now());
    }

    #[test]
    fn what_is_no_key_is_said_to_be_none() {
        let ca = authority(&["a.b.svc"]);
        let certificate = ca.certificate().clone();
        assert_eq!(key_matches(&certificate, b"garbled"), Err(KeyError::NotPem));
        assert_eq!(
            key_matches(&certificate, ca.cert_pem().as_bytes()),
            Err(KeyError::NotPem)
        );
        let hollow = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert_eq!(
            key_matches(&certificate, hollow.as_bytes()),
            Err(KeyError::Unsupported)
        );
    }

    #[test]
    fn a_key_is_never_formatted() {
        let ca = authority(&["a.b.svc"]);
        let shown = format!("{ca:?} {:?}", leaf(&ca));
        assert!(shown.contains("KeyPem(..)"), "{shown}");
        assert!(!shown.contains("PRIVATE"), "{shown}");
    }
}
