//! What is issued, read back with a parser that is not the issuer's.

use std::collections::HashSet;

use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::*;
use crate::pki::testing::{DAY, NAME, authority, in_days, leaf, names, now};
use crate::pki::verify_chain;

fn x509(certificate: &Certificate) -> X509Certificate<'_> {
    X509Certificate::from_der(&certificate.der)
        .expect("a certificate")
        .1
}

#[test]
fn an_authority_can_sign_its_names_and_nothing_else() {
    let ca = issue_ca(
        "annex:wardle",
        &names(&[NAME, "api.example.com"]),
        now(),
        10 * DAY,
    )
    .expect("a CA");
    let certificate = ca.certificate();
    assert_eq!(certificate.permitted_dns_names, [NAME, "api.example.com"]);
    assert_eq!(certificate.not_before, now() - SignedDuration::from_hours(1));
    assert_eq!(certificate.not_after, in_days(10));
    assert_eq!(certificate.subject_key_id, certificate.authority_key_id);
    assert!(certificate.subject_key_id.is_some());

    let x509 = x509(certificate);
    let basic = x509.basic_constraints().expect("readable").expect("there");
    assert!(basic.critical && basic.value.ca);
    assert_eq!(basic.value.path_len_constraint, Some(0));
    let usage = x509.key_usage().expect("readable").expect("there").value;
    assert!(usage.key_cert_sign() && usage.crl_sign() && usage.digital_signature());
    let constraints = x509.name_constraints().expect("readable").expect("there");
    assert!(
        constraints.critical,
        "a client that does not know constraints must refuse the authority"
    );
    assert!(constraints.value.excluded_subtrees.is_none());
}

#[test]
fn a_leaf_serves_exactly_its_names() {
    let ca = authority(&[NAME, "api.example.com"]);
    let leaf = issue_leaf(&ca, &names(&[NAME]), now(), DAY).expect("a leaf");
    assert_eq!(leaf.certificate.dns_names, [NAME]);
    assert_eq!(leaf.certificate.subject_cn.as_deref(), Some(NAME));
    assert!(!leaf.certificate.is_ca);
    assert_eq!(leaf.certificate.not_before, now() - SignedDuration::from_hours(1));
    assert_eq!(leaf.certificate.not_after, in_days(1));
    assert_eq!(leaf.certificate.authority_key_id, ca.certificate().subject_key_id);
    assert!(leaf.certificate.subject_key_id.is_some());
    assert_ne!(leaf.certificate.subject_key_id, leaf.certificate.authority_key_id);

    let x509 = x509(&leaf.certificate);
    let usage = x509.key_usage().expect("readable").expect("there").value;
    assert!(usage.digital_signature() && !usage.key_cert_sign());
    let extended = x509.extended_key_usage().expect("readable").expect("there").value;
    assert!(extended.server_auth && !extended.client_auth && !extended.any);
}

#[test]
fn every_certificate_has_a_key_a_serial_number_and_every_authority_a_name_of_its_own() {
    let authorities: Vec<_> = (0..8).map(|_| authority(&[NAME])).collect();
    let mut seen = HashSet::new();
    for ca in &authorities {
        let cn = ca.certificate().subject_cn.clone().expect("a common name");
        assert!(cn.starts_with("annex:wardle-"), "{cn}");
        assert!(seen.insert(cn));
        let leaf = leaf(ca);
        for certificate in [ca.certificate(), &leaf.certificate] {
            let x509 = x509(certificate);
            assert!(x509.raw_serial()[0] < 0x80, "positive");
            assert_eq!(x509.raw_serial().len(), 16);
            assert!(seen.insert(x509.raw_serial_as_string()));
            assert!(seen.insert(hex(certificate.public_key_info())));
        }
    }
}

#[test]
fn common_names_fit_into_a_certificate() {
    let longest = format!("annex:{}", "w".repeat(50));
    let ca = issue_ca(&longest, &names(&[NAME]), now(), DAY).expect("a CA");
    let cn = ca.certificate().subject_cn.as_deref().expect("a common name");
    assert!(cn.starts_with(&longest) && cn.len() == MAX_COMMON_NAME, "{cn}");
    let long_name = format!("{}.{}.svc", "w".repeat(50), "n".repeat(63));
    let leaf = leaf(&authority(&[long_name.as_str()]));
    assert_eq!(leaf.certificate.subject_cn.as_deref(), Some(&long_name[..64]));
    assert_eq!(leaf.certificate.dns_names, [long_name]);
}

#[test]
fn a_leaf_never_outlives_its_authority() {
    let ca = authority(&[NAME]);
    let leaf = issue_leaf(&ca, &names(&[NAME]), in_days(9), 5 * DAY).expect("a leaf");
    assert_eq!(leaf.certificate.not_after, ca.certificate().not_after);
    let late = issue_leaf(&ca, &names(&[NAME]), in_days(10), DAY);
    assert!(
        matches!(late, Err(IssueError::AuthorityExpired(at)) if at == in_days(10)),
        "{late:?}"
    );
}

#[test]
fn names_are_checked_before_anything_is_signed() {
    let ca = authority(&[NAME]);
    let leaf = |name: &str| issue_leaf(&ca, &names(&[NAME, name]), now(), DAY).map(|_| ());
    for outside in ["other.wardle.svc", "xwardle.wardle.svc", "svc"] {
        assert!(matches!(leaf(outside), Err(IssueError::NameNotPermitted(name)) if name == outside));
    }
    leaf("pod.wardle.wardle.svc").expect("below a permitted name");
    leaf("WARDLE.wardle.svc").expect("names know no case");
    for invalid in ["", "a b", "*.wardle.svc", "10.0.0.1", "wardle.wardle.svc."] {
        let ca = issue_ca("annex:wardle", &names(&[invalid]), now(), DAY);
        assert!(matches!(ca, Err(IssueError::InvalidName(_))), "{invalid}: {ca:?}");
    }
    assert!(matches!(
        issue_ca("annex:wardle", &[], now(), DAY),
        Err(IssueError::NoNames)
    ));
    assert!(matches!(
        issue_leaf(&ca, &[], now(), DAY),
        Err(IssueError::NoNames)
    ));
}

#[test]
fn a_validity_that_cannot_be_written_is_refused() {
    let refused = |now, duration| {
        let ca = issue_ca("annex:wardle", &names(&[NAME]), now, duration);
        assert!(matches!(ca, Err(IssueError::ValidityOutOfRange)), "{ca:?}");
    };
    refused(now(), Duration::MAX);
    refused(Timestamp::UNIX_EPOCH, DAY);
    refused(Timestamp::MIN, DAY);
}

#[test]
fn a_stored_authority_goes_on_signing() {
    let ca = authority(&[NAME]);
    let stored = CertificateAuthority::load(ca.cert_pem().to_owned(), ca.key_pem().clone()).expect("the CA");
    assert_eq!(stored.certificate(), ca.certificate());
    let leaf = leaf(&stored);
    let verified = verify_chain(&[leaf.certificate.der], &[ca.certificate().clone()], NAME, now());
    assert_eq!(verified, Ok(()));
}

#[test]
fn a_damaged_store_is_no_authority() {
    let (ca, other) = (authority(&[NAME]), authority(&[NAME]));
    let leaf = leaf(&ca);
    let load =
        |cert: &str, key: &KeyPem| CertificateAuthority::load(cert.to_owned(), key.clone()).map(|_| ());
    assert!(matches!(
        load("", ca.key_pem()),
        Err(IssueError::AuthorityCertificate(_))
    ));
    assert!(matches!(
        load(ca.cert_pem(), other.key_pem()),
        Err(IssueError::AuthorityKeyMismatch)
    ));
    let garbled = KeyPem::new("garbled".to_owned());
    assert!(matches!(
        load(ca.cert_pem(), &garbled),
        Err(IssueError::AuthorityKey(KeyError::NotPem))
    ));
    assert!(matches!(
        load(&leaf.cert_pem, &leaf.key_pem),
        Err(IssueError::NotAnAuthority)
    ));
    let two = format!("{}{}", ca.cert_pem(), other.cert_pem());
    assert!(matches!(
        load(&two, ca.key_pem()),
        Err(IssueError::NotAnAuthority)
    ));
}
