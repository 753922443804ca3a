//! Reading certificates: what a bundle, a serving Secret or a TLS handshake holds.

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

use super::pem_blocks::certificate_blocks;

/// The largest PEM text that is read. A Secret or ConfigMap holds at most 1 MiB, a real bundle a few KiB.
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024;
/// The most certificates that one bundle may hold. Two are usual, during a rotation.
pub const MAX_BUNDLE_CERTIFICATES: usize = 64;

/// Why a text is no list of certificates.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// More than [`MAX_BUNDLE_BYTES`].
    #[error("the PEM text has {bytes} bytes, more than {MAX_BUNDLE_BYTES}")]
    TooLarge {
        /// The size that was met.
        bytes: usize,
    },
    /// More than [`MAX_BUNDLE_CERTIFICATES`].
    #[error("the PEM text holds {count} certificates, more than {MAX_BUNDLE_CERTIFICATES}")]
    TooManyCertificates {
        /// The number that was met.
        count: usize,
    },
    /// Empty, or text without any PEM block.
    #[error("no certificate in PEM found")]
    NoCertificate,
    /// A block that is cut off, is not base64, or is not of the type CERTIFICATE.
    #[error("the PEM block at line {line} is no complete CERTIFICATE block")]
    BadPem {
        /// Where it begins, counted from 1.
        line: usize,
    },
    /// A block that decodes, but to something else than one X.509 certificate.
    #[error("certificate {index} is no valid X.509 certificate")]
    BadDer {
        /// Which one, counted from 1.
        index: usize,
    },
    /// Something follows the last certificate.
    #[error("text follows the last certificate")]
    TrailingText,
}

/// One X.509 certificate, with what decides about trust taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate itself.
    pub der: CertificateDer<'static>,
    /// Valid from; the instants outside jiff's range (year 9999) are clamped to it.
    pub not_before: Timestamp,
    /// Valid until, inclusive.
    pub not_after: Timestamp,
    /// The DNS names of the subject alternative name extension, as written.
    pub dns_names: Vec<String>,
    /// The first common name of the subject.
    pub subject_cn: Option<String>,
    /// Whether basic constraints make it a certificate authority.
    pub is_ca: bool,
    /// The permitted DNS subtrees of the name constraints; empty where there are none.
    pub permitted_dns_names: Vec<String>,
    /// The subject key identifier in lower-case hex.
    pub subject_key_id: Option<String>,
    /// The authority key identifier in lower-case hex.
    pub authority_key_id: Option<String>,
    /// SHA-256 of the DER in lower-case hex: the certificate's identity everywhere in Annex.
    pub fingerprint: String,
    public_key_info: Vec<u8>,
}

/// The DER bytes are not one X.509 certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no valid X.509 certificate")]
pub struct NotACertificate;

impl Certificate {
    /// Reads one certificate.
    ///
    /// # Errors
    ///
    /// When the bytes are not exactly one certificate, or an extension that is read here is malformed or there
    /// twice.
    pub fn from_der(der: &[u8]) -> Result<Self, NotACertificate> {
        let (rest, x509) = X509Certificate::from_der(der).map_err(|_| NotACertificate)?;
        if !rest.is_empty() {
            return Err(NotACertificate);
        }
        let is_ca = x509
            .basic_constraints()
            .map_err(|_| NotACertificate)?
            .is_some_and(|ext| ext.value.ca);
        let (subject_key_id, authority_key_id) = key_identifiers(&x509);
        Ok(Self {
            der: CertificateDer::from(der.to_vec()),
            not_before: timestamp(x509.validity().not_before),
            not_after: timestamp(x509.validity().not_after),
            dns_names: dns_names(&x509)?,
            subject_cn: common_name(&x509),
            is_ca,
            permitted_dns_names: permitted_dns_names(&x509)?,
            subject_key_id,
            authority_key_id,
            fingerprint: hex(&Sha256::digest(der)),
            public_key_info: x509.public_key().raw.to_vec(),
        })
    }

    /// Whether `now` lies within the validity, both ends included (RFC 5280 §4.1.2.5).
    #[must_use]
    pub fn valid_at(&self, now: Timestamp) -> bool {
        self.not_before <= now && now <= self.not_after
    }

    /// The SubjectPublicKeyInfo in DER.
    #[must_use]
    pub fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }
}

/// Reads a PEM text that holds certificates and nothing else, such as a caBundle or a `tls.crt`.
///
/// # Errors
///
/// See [`BundleError`]. There is no partial result: a bundle of which a part is unreadable is refused whole.
pub fn parse_bundle(pem: &[u8]) -> Result<Vec<Certificate>, BundleError> {
    if pem.len() > MAX_BUNDLE_BYTES {
        return Err(BundleError::TooLarge { bytes: pem.len() });
    }
    // A byte that is no UTF-8 becomes a character that fits nowhere in a block, so the line of the damage is named.
    let blocks = certificate_blocks(&String::from_utf8_lossy(pem))?;
    if blocks.len() > MAX_BUNDLE_CERTIFICATES {
        return Err(BundleError::TooManyCertificates { count: blocks.len() });
    }
    let read = |(index, der): (usize, &Vec<u8>)| {
        Certificate::from_der(der).map_err(|NotACertificate| BundleError::BadDer { index: index + 1 })
    };
    blocks.iter().enumerate().map(read).collect()
}

fn timestamp(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    // RFC 5280's "no expiration", 9999-12-31T23:59:59Z, lies a day past what jiff can hold.
    let limit = if seconds > 0 {
        Timestamp::MAX
    } else {
        Timestamp::MIN
    };
    Timestamp::from_second(seconds).unwrap_or(limit)
}

fn dns_names(x509: &X509Certificate<'_>) -> Result<Vec<String>, NotACertificate> {
    let extension = x509.subject_alternative_name().map_err(|_| NotACertificate)?;
    let names = extension.iter().flat_map(|ext| &ext.value.general_names);
    Ok(names.filter_map(dns_name).collect())
}

fn permitted_dns_names(x509: &X509Certificate<'_>) -> Result<Vec<String>, NotACertificate> {
    let extension = x509.name_constraints().map_err(|_| NotACertificate)?;
    let subtrees = extension
        .iter()
        .flat_map(|ext| &ext.value.permitted_subtrees)
        .flatten();
    Ok(subtrees.filter_map(|subtree| dns_name(&subtree.base)).collect())
}

fn dns_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        _ => None,
    }
}

fn common_name(x509: &X509Certificate<'_>) -> Option<String> {
    let name = x509.subject().iter_common_name().next()?;
    name.as_str().ok().map(ToOwned::to_owned)
}

fn key_identifiers(x509: &X509Certificate<'_>) -> (Option<String>, Option<String>) {
    let (mut subject, mut authority) = (None, None);
    for extension in x509.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => subject = Some(hex(id.0)),
            ParsedExtension::AuthorityKeyIdentifier(id) => {
                authority = id.key_identifier.as_ref().map(|id| hex(id.0));
            }
            _ => {}
        }
    }
    (subject, authority)
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::testing::authority;

    fn pem() -> String {
        authority(&["a.b.svc"]).cert_pem().to_owned()
    }

    #[test]
    fn a_bundle_is_read_in_order_with_comments_before_blocks() {
        let (one, two) = (pem(), pem());
        let text = format!("# the new one\n{one}\n# the old one\n{two}\n\n");
        let bundle = parse_bundle(text.as_bytes()).expect("a bundle");
        let alone = |pem: &String| parse_bundle(pem.as_bytes()).expect("a certificate").remove(0);
        assert_eq!(bundle, [alone(&one), alone(&two)]);
        let windows = text.replace('\n', "\r\n");
        assert_eq!(parse_bundle(windows.as_bytes()).as_ref(), Ok(&bundle));
    }

    #[test]
    fn what_is_damaged_is_refused_whole() {
        let good = pem();
        let cut = &good[..good.len() - 30];
        let refused = |text: &str| parse_bundle(text.as_bytes()).expect_err("a refusal");
        assert_eq!(refused(""), BundleError::NoCertificate);
        assert_eq!(refused("garbled"), BundleError::NoCertificate);
        assert_eq!(refused(cut), BundleError::BadPem { line: 1 });
        assert_eq!(
            refused(&format!("{good}{cut}")),
            BundleError::BadPem {
                line: good.lines().count() + 1
            }
        );
        assert_eq!(
            refused(&good.replace("BEGIN CERT", "BEGIN C")),
            BundleError::BadPem { line: 1 }
        );
        assert_eq!(
            refused(&good.replacen("MII", "MI!", 1)),
            BundleError::BadPem { line: 1 }
        );
        assert_eq!(refused(&format!(" {good}")), BundleError::BadPem { line: 1 });
        assert_eq!(refused(&format!("{good}rest")), BundleError::TrailingText);
        assert_eq!(
            refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            BundleError::BadDer { index: 1 }
        );
        assert_eq!(
            parse_bundle(&[good.as_bytes(), &[0xff]].concat()),
            Err(BundleError::TrailingText),
            "no UTF-8"
        );
    }

    #[test]
    fn a_private_key_in_a_bundle_is_refused() {
        let ca = authority(&["a.b.svc"]);
        let text = format!("{}{}", ca.cert_pem(), ca.key_pem().expose());
        assert!(matches!(
            parse_bundle(text.as_bytes()),
            Err(BundleError::BadPem { .. })
        ));
    }

    #[test]
    fn der_with_something_behind_it_is_refused() {
        let mut der = authority(&["a.b.svc"]).certificate().der.to_vec();
        assert!(Certificate::from_der(&der).is_ok());
        der.push(0);
        assert_eq!(Certificate::from_der(&der), Err(NotACertificate));
    }

    #[test]
    fn size_and_number_are_bounded() {
        let good = pem();
        assert_eq!(
            parse_bundle(good.repeat(64).as_bytes()).map(|all| all.len()),
            Ok(64)
        );
        let many = parse_bundle(good.repeat(65).as_bytes());
        assert_eq!(many, Err(BundleError::TooManyCertificates { count: 65 }));
        let spaces = " ".repeat(MAX_BUNDLE_BYTES + 1);
        let bytes = MAX_BUNDLE_BYTES + 1;
        assert_eq!(
            parse_bundle(spaces.as_bytes()),
            Err(BundleError::TooLarge { bytes })
        );
    }
}
