//! A certificate that nobody vouches for: what is served until somebody gives a better one.

use std::net::IpAddr;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use std::time::{Duration, SystemTime};

use super::options::PairFiles;
use super::serving::TlsError;

/// As in Go.
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 3600);
const EARLIER: Duration = Duration::from_secs(3600);

/// A pair with an authority of its own, that exists for nothing else and whose key is gone.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// The leaf, then its authority.
    pub certificate_pem: String,
    /// The leaf's key.
    pub key_pem: String,
    /// The authority alone: what a client is to trust.
    pub authority_pem: String,
}

/// Makes a pair for these names and addresses, good for a year.
///
/// # Errors
/// A name is none.
pub fn self_signed(names: &[String], addresses: &[IpAddr]) -> Result<SelfSigned, TlsError> {
    make(names, addresses).map_err(|error| TlsError::SelfSigned(error.to_string()))
}

fn make(names: &[String], addresses: &[IpAddr]) -> Result<SelfSigned, rcgen::Error> {
    let now = SystemTime::now();
    let seconds = now
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let name = names.first().map_or("localhost", String::as_str);
    let mut authority = CertificateParams::default();
    authority.distinguished_name = rcgen::DistinguishedName::new();
    let ca_name = format!("{name}-ca@{seconds}");
    authority.distinguished_name.push(DnType::CommonName, ca_name);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    authority.not_before = (now - EARLIER).into();
    authority.not_after = (now + LIFETIME).into();
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;

    let mut leaf = CertificateParams::new(names)?;
    let sans = addresses.iter().copied().map(SanType::IpAddress);
    leaf.subject_alt_names.extend(sans);
    leaf.distinguished_name = rcgen::DistinguishedName::new();
    let leaf_name = format!("{name}@{seconds}");
    leaf.distinguished_name.push(DnType::CommonName, leaf_name);
    leaf.is_ca = IsCa::ExplicitNoCa;
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.not_before = (now - EARLIER).into();
    leaf.not_after = (now + LIFETIME).into();
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &authority)?;
    Ok(SelfSigned {
        certificate_pem: format!("{}{}", certificate.pem(), authority.pem()),
        key_pem: key.serialize_pem(),
        authority_pem: authority.pem(),
    })
}

/// The pair's files in `directory`, made if there are none. As in Go a directory that cannot be written to is an
/// error, and one file without the other, too.
pub(super) fn in_directory(
    directory: &Path,
    pair_name: &str,
    names: &[String],
    addresses: &[IpAddr],
) -> Result<PairFiles, TlsError> {
    let files = PairFiles {
        certificates: directory.join(format!("{pair_name}.crt")),
        key: directory.join(format!("{pair_name}.key")),
    };
    match (files.certificates.exists(), files.key.exists()) {
        (true, true) => return Ok(files),
        (false, false) => {}
        (certificates, _) => {
            let path = if certificates {
                files.key
            } else {
                files.certificates
            };
            return Err(TlsError::Option(format!(
                "error reading {}, certificate and key must be supplied as a pair",
                path.display()
            )));
        }
    }
    let made = self_signed(names, addresses)?;
    let write = |path: &Path, text: &str, mode| {
        write(path, text, mode).map_err(|source| TlsError::Write {
            path: path.to_owned(),
            source,
        })
    };
    write(&files.key, &made.key_pem, 0o600)?;
    write(&files.certificates, &made.certificate_pem, 0o644)?;
    tracing::info!(certificate = %files.certificates.display(), "made a self-signed certificate");
    Ok(files)
}

fn write(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;

    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
