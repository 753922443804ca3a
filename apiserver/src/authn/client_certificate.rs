//! Whom a client certificate names.

use std::fmt::Write as _;

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use x509_parser::der_parser::asn1_rs::Oid;
use x509_parser::der_parser::oid;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::x509::AttributeTypeAndValue;

use super::trust::CertificateRejected;
use crate::request::User;

/// `authentication.kubernetes.io/credential-id` of k8s.io/apiserver.
const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";

/// The attribute of a subject that holds a uid, as Kubernetes defined it.
const UID: Oid<'static> = oid!(1.3.6.1.4.1.57683.2);

fn unreadable(error: impl ToString) -> CertificateRejected {
    CertificateRejected::Unreadable(error.to_string())
}

fn parsed<'a>(chain: &'a [CertificateDer<'static>]) -> Result<X509Certificate<'a>, CertificateRejected> {
    let leaf = chain.first().ok_or_else(|| unreadable("there is none"))?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(unreadable)?;
    Ok(certificate)
}

fn texts<'a>(
    values: impl Iterator<Item = &'a AttributeTypeAndValue<'a>>,
) -> Result<Vec<String>, CertificateRejected> {
    values
        .map(|value| value.as_str().map(str::to_owned).map_err(unreadable))
        .collect()
}

/// The common name; empty: none. Of several the last counts, as in Go.
pub(super) fn subject_name(chain: &[CertificateDer<'static>]) -> Result<String, CertificateRejected> {
    let certificate = parsed(chain)?;
    let names = texts(certificate.subject().iter_common_name())?;
    Ok(names.into_iter().next_back().unwrap_or_default())
}

/// The user that a verified chain names: its common name, its organizations as groups. `None`: it has no name.
pub(super) fn user(chain: &[CertificateDer<'static>]) -> Result<Option<User>, CertificateRejected> {
    let name = subject_name(chain)?;
    if name.is_empty() {
        return Ok(None);
    }
    let certificate = parsed(chain)?;
    let subject = certificate.subject();
    let uids = texts(subject.iter_by_oid(&UID))?;
    let uid = match uids.as_slice() {
        [] => String::new(),
        [uid] if uid.is_empty() => return Err(unreadable("UID cannot be an empty string")),
        [uid] => uid.clone(),
        several => {
            return Err(unreadable(format!(
                "expected 1 UID, but found multiple: {}",
                several.len()
            )));
        }
    };
    Ok(Some(User {
        name,
        uid,
        groups: texts(subject.iter_organization())?,
        extra: [(CREDENTIAL_ID.to_owned(), vec![fingerprint(chain)])].into(),
    }))
}

fn fingerprint(chain: &[CertificateDer<'static>]) -> String {
    let digest = chain.first().map(Sha256::digest).unwrap_or_default();
    digest.iter().fold("X509SHA256=".to_owned(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
