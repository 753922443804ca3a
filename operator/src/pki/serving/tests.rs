//! Every way in which a serving Secret can be wrong.

use super::*;
use crate::pki::testing::{NAME, authority, in_days, leaf, now};
use crate::pki::{CertificateAuthority, Leaf};

fn check(cert: &str, key: &str, ca: &CertificateAuthority) -> Result<ServingPair, ServingFault> {
    check_serving(
        cert.as_bytes(),
        key.as_bytes(),
        &[ca.certificate().clone()],
        NAME,
        now(),
    )
}

fn pair() -> (CertificateAuthority, Leaf) {
    let ca = authority(&[NAME]);
    let leaf = leaf(&ca);
    (ca, leaf)
}

#[test]
fn a_sound_pair_is_accepted() {
    let (ca, leaf) = pair();
    let found = check(&leaf.cert_pem, leaf.key_pem.expose(), &ca).expect("a pair");
    assert_eq!(
        found,
        ServingPair {
            leaf: leaf.certificate.clone(),
            intermediates: Vec::new()
        }
    );
    let with_ca = format!("{}{}", leaf.cert_pem, ca.cert_pem());
    let found = check(&with_ca, leaf.key_pem.expose(), &ca).expect("a pair");
    assert_eq!(found.intermediates, [ca.certificate().clone()]);
}

#[test]
fn garbled_texts_are_told_apart() {
    let (ca, leaf) = pair();
    let fault = check("garbled", leaf.key_pem.expose(), &ca);
    assert_eq!(fault, Err(ServingFault::Certificate(BundleError::NoCertificate)));
    let fault = check(&leaf.cert_pem, "garbled", &ca);
    assert_eq!(fault, Err(ServingFault::Key(KeyError::NotPem)));
    let fault = check(&leaf.cert_pem, ca.key_pem().expose(), &ca);
    assert_eq!(fault, Err(ServingFault::KeyMismatch));
}

#[test]
fn a_pair_that_clients_reject_says_why() {
    let (ca, leaf) = pair();
    let (cert, key) = (leaf.cert_pem.as_bytes(), leaf.key_pem.expose().as_bytes());
    let check = |ca: &CertificateAuthority, name: &str, at| {
        check_serving(cert, key, &[ca.certificate().clone()], name, at).map(|_| ())
    };
    let certificate = &leaf.certificate;
    let expired = TrustFault::Expired {
        not_after: certificate.not_after,
    };
    assert_eq!(check(&ca, NAME, in_days(2)), Err(ServingFault::Trust(expired)));
    let early = TrustFault::NotYetValid {
        not_before: certificate.not_before,
    };
    assert_eq!(check(&ca, NAME, in_days(-1)), Err(ServingFault::Trust(early)));
    let mismatch = TrustFault::SanMismatch {
        names: certificate.dns_names.clone(),
    };
    assert_eq!(
        check(&ca, "other.wardle.svc", now()),
        Err(ServingFault::Trust(mismatch))
    );
    let other = authority(&[NAME]);
    assert_eq!(
        check(&other, NAME, now()),
        Err(ServingFault::Trust(TrustFault::Untrusted))
    );
}
