//! Issuing: an authority that can sign one server's names and nothing else, and that server's certificates.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use rustls::pki_types::DnsName;

use super::inspect::{BundleError, Certificate, NotACertificate, hex, parse_bundle};
use super::key::{KeyError, KeyPem, key_matches};

/// How far a validity begins in the past, for clocks that run behind this one.
const BACKDATE: SignedDuration = SignedDuration::from_hours(1);
/// The longest common name (X.520 `ub-common-name`).
const MAX_COMMON_NAME: usize = 64;
/// Hex digits that make an authority's common name its own. Together with the hyphen they leave room for
/// `annex:` and the longest server name, 50 characters.
const CN_SUFFIX_DIGITS: usize = 7;

/// Why nothing was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// An authority without names would have no constraint at all, a leaf without names would serve nobody.
    #[error("no DNS name given")]
    NoNames,
    /// Not a DNS name that can stand in a certificate; wildcards and IP addresses are none.
    #[error("`{0}` is not a DNS name")]
    InvalidName(String),
    /// One name outside the authority's constraints makes clients reject the whole certificate.
    #[error("`{0}` is not among the names that the authority may sign")]
    NameNotPermitted(String),
    /// The authority ends at or before the instant of issuing.
    #[error("the certificate authority expired at {0}")]
    AuthorityExpired(Timestamp),
    /// The validity cannot be expressed.
    #[error("the validity lies outside the years 1970 to 9999")]
    ValidityOutOfRange,
    /// The stored certificate of the authority cannot be read.
    #[error("cannot read the certificate of the authority")]
    AuthorityCertificate(#[source] BundleError),
    /// The stored key of the authority cannot be read.
    #[error("cannot read the key of the authority")]
    AuthorityKey(#[source] KeyError),
    /// The stored certificate is not one certificate with the CA flag.
    #[error("not the certificate of one authority")]
    NotAnAuthority,
    /// Certificate and key are not each other's.
    #[error("the key does not belong to the certificate of the authority")]
    AuthorityKeyMismatch,
    /// Making or encoding a key or certificate failed.
    #[error("cannot make the certificate")]
    Encode(#[from] rcgen::Error),
    /// What was just made cannot be read back.
    #[error("cannot read the certificate just made")]
    ReadBack(#[from] NotACertificate),
}

/// A certificate authority whose key and certificate are known to belong together.
#[derive(Debug, Clone)]
pub struct CertificateAuthority {
    cert_pem: String,
    key_pem: KeyPem,
    certificate: Certificate,
}

impl CertificateAuthority {
    /// Takes up an authority that was stored, such as from its Secret.
    ///
    /// # Errors
    ///
    /// When the text does not hold exactly one CA certificate, or the key is not its own.
    pub fn load(cert_pem: String, key_pem: KeyPem) -> Result<Self, IssueError> {
        let mut certificates = parse_bundle(cert_pem.as_bytes())
            .map_err(IssueError::AuthorityCertificate)?
            .into_iter();
        let (Some(certificate), None) = (certificates.next(), certificates.next()) else {
            return Err(IssueError::NotAnAuthority);
        };
        if !certificate.is_ca {
            return Err(IssueError::NotAnAuthority);
        }
        let matches =
            key_matches(&certificate, key_pem.expose().as_bytes()).map_err(IssueError::AuthorityKey)?;
        if !matches {
            return Err(IssueError::AuthorityKeyMismatch);
        }
        Ok(Self {
            cert_pem,
            key_pem,
            certificate,
        })
    }

    /// The same without its key, to be kept: it signs nothing.
    #[must_use]
    pub fn without_key(&self) -> Self {
        Self {
            key_pem: KeyPem::new(String::new()),
            ..self.clone()
        }
    }

    /// The certificate in PEM.
    #[must_use]
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// The private key in PEM.
    #[must_use]
    pub fn key_pem(&self) -> &KeyPem {
        &self.key_pem
    }

    /// The certificate, read.
    #[must_use]
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

/// A serving certificate and its key.
#[derive(Debug, Clone)]
pub struct Leaf {
    /// The certificate in PEM, alone: its authority is the trust anchor and need not be sent.
    pub cert_pem: String,
    /// The private key in PEM (PKCS#8).
    pub key_pem: KeyPem,
    /// The certificate, read.
    pub certificate: Certificate,
}

/// Makes an authority with a new ECDSA P-256 key that may sign exactly `dns_names` (and what lies below them:
/// RFC 5280 knows no narrower constraint), and no further authority.
///
/// `subject_cn` is shortened where needed and gets a random suffix: two authorities of one server must differ by
/// subject, else a client that trusts both picks the wrong one first. Valid from an hour before `now`.
///
/// # Errors
///
/// When there is no name, a name is none, or the validity cannot be expressed.
pub fn issue_ca(
    subject_cn: &str,
    dns_names: &[String],
    now: Timestamp,
    duration: Duration,
) -> Result<CertificateAuthority, IssueError> {
    check_names(dns_names)?;
    let mut params = common_params(now, end(now, duration)?)?;
    params.distinguished_name = name(&unique_common_name(subject_cn));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: dns_names.iter().cloned().map(GeneralSubtree::DnsName).collect(),
        excluded_subtrees: Vec::new(),
    });
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let made = params.self_signed(&key)?;
    Ok(CertificateAuthority {
        cert_pem: made.pem(),
        key_pem: KeyPem::new(key.serialize_pem()),
        certificate: Certificate::from_der(made.der())?,
    })
}

/// Makes a serving certificate with a new ECDSA P-256 key for exactly `dns_names`, valid from an hour before
/// `now` and never beyond its authority.
///
/// # Errors
///
/// When a name is none or not the authority's to sign, or the authority has expired.
pub fn issue_leaf(
    ca: &CertificateAuthority,
    dns_names: &[String],
    now: Timestamp,
    duration: Duration,
) -> Result<Leaf, IssueError> {
    check_names(dns_names)?;
    let authority = ca.certificate();
    if let Some(name) = dns_names.iter().find(|name| !permitted(authority, name)) {
        return Err(IssueError::NameNotPermitted(name.clone()));
    }
    if authority.not_after <= now {
        return Err(IssueError::AuthorityExpired(authority.not_after));
    }
    let mut params = common_params(now, end(now, duration)?.min(authority.not_after))?;
    for dns_name in dns_names {
        let text = dns_name.as_str().try_into()?;
        params.subject_alt_names.push(SanType::DnsName(text));
    }
    // Clients ignore the common name; it is there for people who list certificates.
    let first = dns_names.first().map(String::as_str).unwrap_or_default();
    params.distinguished_name = name(shortened(first, MAX_COMMON_NAME));
    // `NoCa`, the default, would leave the subject key identifier out.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let issuer = Issuer::from_ca_cert_der(&authority.der, KeyPair::from_pem(ca.key_pem.expose())?)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let made = params.signed_by(&key, &issuer)?;
    Ok(Leaf {
        cert_pem: made.pem(),
        key_pem: KeyPem::new(key.serialize_pem()),
        certificate: Certificate::from_der(made.der())?,
    })
}

/// Whether `authority` may sign `dns_name` (RFC 5280 §4.2.1.10: the name itself or anything below it). An
/// authority without DNS constraints may sign all.
fn permitted(authority: &Certificate, dns_name: &str) -> bool {
    let name = dns_name.to_ascii_lowercase();
    let within = |subtree: &String| {
        let subtree = subtree.to_ascii_lowercase();
        name.strip_suffix(&subtree)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    authority.permitted_dns_names.is_empty() || authority.permitted_dns_names.iter().any(within)
}

fn check_names(dns_names: &[String]) -> Result<(), IssueError> {
    if dns_names.is_empty() {
        return Err(IssueError::NoNames);
    }
    // A trailing dot is legal in DNS, but no client compares it as equal.
    let valid = |name: &String| DnsName::try_from(name.as_str()).is_ok() && !name.ends_with('.');
    match dns_names.iter().find(|name| !valid(name)) {
        Some(name) => Err(IssueError::InvalidName(name.clone())),
        None => Ok(()),
    }
}

/// What both kinds of certificate share: validity, a random serial number and the authority's key identifier.
fn common_params(now: Timestamp, not_after: Timestamp) -> Result<CertificateParams, IssueError> {
    let start = now
        .checked_sub(BACKDATE)
        .map_err(|_| IssueError::ValidityOutOfRange)?;
    let seconds = |time: Timestamp| {
        u64::try_from(time.as_second())
            .map(Duration::from_secs)
            .map_err(|_| IssueError::ValidityOutOfRange)
    };
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let mut params = CertificateParams::default();
    params.not_before = epoch + seconds(start)?;
    params.not_after = epoch + seconds(not_after)?;
    params.serial_number = Some(random_serial());
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn end(now: Timestamp, duration: Duration) -> Result<Timestamp, IssueError> {
    now.checked_add(duration)
        .map_err(|_| IssueError::ValidityOutOfRange)
}

/// 127 random bits: positive, as RFC 5280 §4.1.2.2 wants it, and of a fixed length.
fn random_serial() -> SerialNumber {
    let mut bytes: [u8; 16] = rand::random();
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn unique_common_name(wanted: &str) -> String {
    let digits = hex(&rand::random::<[u8; 4]>());
    let base = shortened(wanted, MAX_COMMON_NAME - CN_SUFFIX_DIGITS - 1);
    format!("{base}-{}", shortened(&digits, CN_SUFFIX_DIGITS))
}

fn shortened(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

#[cfg(test)]
mod tests;
