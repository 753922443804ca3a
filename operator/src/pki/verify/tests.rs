//! Each cause alone, and which one speaks where several hold.

use std::slice::from_ref;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyPair};

use super::*;
use crate::pki::testing::{DAY, NAME, authority, in_days, leaf, names, now, parsed, signed_anyhow};
use crate::pki::{CertificateAuthority, issue_ca, issue_leaf};

fn verify(
    certificate: &Certificate,
    ca: &CertificateAuthority,
    name: &str,
    at: Timestamp,
) -> Result<(), TrustFault> {
    verify_chain(from_ref(&certificate.der), from_ref(ca.certificate()), name, at)
}

#[test]
fn a_good_leaf_is_accepted_to_its_last_second() {
    let ca = authority(&[NAME]);
    let leaf = leaf(&ca).certificate;
    for at in [leaf.not_before, now(), leaf.not_after] {
        assert_eq!(verify(&leaf, &ca, NAME, at), Ok(()));
    }
    assert_eq!(
        verify(&leaf, &ca, "WARDLE.wardle.svc", now()),
        Ok(()),
        "names know no case"
    );
}

#[test]
fn an_old_leaf_has_expired_and_an_early_one_is_not_valid_yet() {
    let ca = authority(&[NAME]);
    let leaf = leaf(&ca).certificate;
    let expired = TrustFault::Expired {
        not_after: leaf.not_after,
    };
    assert_eq!(verify(&leaf, &ca, NAME, in_days(2)), Err(expired.clone()));
    assert_eq!(
        verify(&leaf, &ca, "other.wardle.svc", in_days(2)),
        Err(expired),
        "before its names"
    );
    let early = TrustFault::NotYetValid {
        not_before: leaf.not_before,
    };
    assert_eq!(verify(&leaf, &ca, NAME, in_days(-1)), Err(early));
}

#[test]
fn another_name_is_a_mismatch_that_lists_the_names() {
    let ca = authority(&[NAME, "api.example.com"]);
    let leaf = issue_leaf(&ca, &names(&["api.example.com"]), now(), DAY)
        .expect("a leaf")
        .certificate;
    let mismatch = TrustFault::SanMismatch {
        names: names(&["api.example.com"]),
    };
    assert_eq!(verify(&leaf, &ca, NAME, now()), Err(mismatch.clone()));
    assert_eq!(mismatch.to_string().matches("api.example.com").count(), 1);
    let (nameless, _) = signed_anyhow(&ca, &[], |_| {});
    let mismatch = TrustFault::SanMismatch { names: Vec::new() };
    assert_eq!(verify(&nameless, &ca, NAME, now()), Err(mismatch));
    let (foreign, _) = signed_anyhow(&ca, &["other.wardle.svc"], |_| {});
    let mismatch = TrustFault::SanMismatch {
        names: names(&["other.wardle.svc"]),
    };
    assert_eq!(
        verify(&foreign, &ca, NAME, now()),
        Err(mismatch),
        "the missing name is what must be cured"
    );
}

#[test]
fn another_authority_is_untrusted_whatever_else_is_wrong() {
    let (ca, other) = (authority(&[NAME]), authority(&[NAME]));
    let leaf = leaf(&other).certificate;
    for (name, at) in [
        (NAME, now()),
        (NAME, in_days(2)),
        (NAME, in_days(-1)),
        ("other.wardle.svc", now()),
    ] {
        assert_eq!(verify(&leaf, &ca, name, at), Err(TrustFault::Untrusted));
    }
    assert_eq!(
        verify_chain(&[leaf.der], &[], NAME, now()),
        Err(TrustFault::Untrusted),
        "empty bundle"
    );
}

#[test]
fn an_authority_of_the_same_name_with_another_key_is_untrusted() {
    let ca = authority(&[NAME]);
    let cn = ca.certificate().subject_cn.clone().expect("a common name");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, cn);
    let twin = params
        .self_signed(&KeyPair::generate().expect("a key"))
        .expect("a certificate");
    let bundle = [parsed(&twin.pem())];
    let leaf = leaf(&ca).certificate;
    assert_eq!(
        verify_chain(&[leaf.der], &bundle, NAME, now()),
        Err(TrustFault::Untrusted)
    );
}

#[test]
fn one_name_outside_the_constraints_fails_the_leaf() {
    let ca = authority(&[NAME]);
    let (leaf, _) = signed_anyhow(&ca, &[NAME, "kubernetes.default.svc"], |_| {});
    assert_eq!(verify(&leaf, &ca, NAME, now()), Err(TrustFault::NameConstraint));
    let elsewhere = verify(&leaf, &ca, "kubernetes.default.svc", now());
    assert_eq!(elsewhere, Err(TrustFault::NameConstraint));
}

#[test]
fn an_authority_cannot_vouch_outside_its_own_validity() {
    let long_lived = |ca: &CertificateAuthority| signed_anyhow(ca, &[NAME], |_| {}).0;
    let ca = authority(&[NAME]);
    let leaf = long_lived(&ca);
    let ended = TrustFault::Expired {
        not_after: ca.certificate().not_after,
    };
    assert_eq!(verify(&leaf, &ca, NAME, in_days(11)), Err(ended));
    let early = TrustFault::NotYetValid {
        not_before: ca.certificate().not_before,
    };
    assert_eq!(verify(&leaf, &ca, NAME, in_days(-1)), Err(early));
    let unrelated = issue_ca("annex:other", &names(&[NAME]), in_days(11), DAY).expect("a CA");
    let bundle = [ca.certificate().clone(), unrelated.certificate().clone()];
    let ended = TrustFault::Expired {
        not_after: ca.certificate().not_after,
    };
    assert_eq!(verify_chain(&[leaf.der], &bundle, NAME, in_days(11)), Err(ended));
}

#[test]
fn a_bundle_of_two_authorities_trusts_the_leaves_of_both() {
    let (new, old) = (authority(&[NAME]), authority(&[NAME]));
    let bundle = [new.certificate().clone(), old.certificate().clone()];
    for ca in [&new, &old] {
        assert_eq!(
            verify_chain(&[leaf(ca).certificate.der], &bundle, NAME, now()),
            Ok(())
        );
    }
}

#[test]
fn what_is_no_servers_certificate_is_said_in_words() {
    let ca = authority(&[NAME]);
    let (client, _) = signed_anyhow(&ca, &[NAME], |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let other = |result: Result<(), TrustFault>, text: &str| {
        assert!(
            matches!(&result, Err(TrustFault::Other(said)) if said.contains(text)),
            "{result:?}"
        );
    };
    other(verify(&client, &ca, NAME, now()), "server authentication");
    other(verify(ca.certificate(), &ca, NAME, now()), "CA certificate");
    other(verify_chain(&[], &[], NAME, now()), "no certificate");
    other(verify_chain(&[vec![1, 2, 3].into()], &[], NAME, now()), "X.509");
    other(
        verify(&leaf(&ca).certificate, &ca, "not a name", now()),
        "not a DNS name",
    );
}

#[test]
fn a_self_signed_certificate_is_untrusted() {
    let ca = authority(&[NAME]);
    for is_ca in [IsCa::NoCa, IsCa::Ca(BasicConstraints::Unconstrained)] {
        let mut params = CertificateParams::new(names(&[NAME])).expect("names");
        params.is_ca = is_ca;
        let own = params
            .self_signed(&KeyPair::generate().expect("a key"))
            .expect("a certificate");
        assert_eq!(
            verify(&parsed(&own.pem()), &ca, NAME, now()),
            Err(TrustFault::Untrusted)
        );
    }
}

#[test]
fn a_chain_with_an_intermediate_is_followed() {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "root");
    let root = rcgen::CertifiedIssuer::self_signed(params.clone(), key).expect("a root");
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, "middle");
    let key = KeyPair::generate().expect("a key");
    let middle = rcgen::CertifiedIssuer::signed_by(params, key, &root).expect("an intermediate");
    let params = CertificateParams::new(names(&[NAME])).expect("names");
    let leaf = params
        .signed_by(&KeyPair::generate().expect("a key"), &middle)
        .expect("a leaf");
    let bundle = [parsed(&root.pem())];
    let chain = [leaf.der().clone(), middle.der().clone()];
    assert_eq!(verify_chain(&chain, &bundle, NAME, now()), Ok(()));
    assert_eq!(
        verify_chain(&chain[..1], &bundle, NAME, now()),
        Err(TrustFault::Untrusted)
    );
}
