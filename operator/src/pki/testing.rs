//! What tests of certificates and probes share.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, Issuer, KeyPair};

use super::inspect::{Certificate, parse_bundle};
use super::issue::{CertificateAuthority, Leaf, issue_ca, issue_leaf};
use super::key::KeyPem;

/// The name that a server `wardle` in a namespace `wardle` is called by.
pub(crate) const NAME: &str = "wardle.wardle.svc";
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A fixed instant; tests of pure functions need no clock.
pub(crate) fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().expect("a timestamp")
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// An authority for `dns_names`, valid for ten days from [`now`].
pub(crate) fn authority(dns_names: &[&str]) -> CertificateAuthority {
    issue_ca("annex:wardle", &names(dns_names), now(), 10 * DAY).expect("a CA")
}

/// A leaf for all names of `ca`, valid for a day from [`now`].
pub(crate) fn leaf(ca: &CertificateAuthority) -> Leaf {
    issue_leaf(ca, &ca.certificate().permitted_dns_names, now(), DAY).expect("a leaf")
}

pub(crate) fn parsed(pem: &str) -> Certificate {
    parse_bundle(pem.as_bytes()).expect("a certificate").remove(0)
}

pub(crate) fn in_days(days: i64) -> Timestamp {
    now() + SignedDuration::from_hours(24 * days)
}

/// A certificate that `ca` signed although [`issue_leaf`] would have refused; valid from 1975 to 4096 unless
/// `change` says otherwise.
pub(crate) fn signed_anyhow(
    ca: &CertificateAuthority,
    dns_names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> (Certificate, KeyPem) {
    let mut params = CertificateParams::new(names(dns_names)).expect("names");
    change(&mut params);
    let key = KeyPair::from_pem(ca.key_pem().expose()).expect("the CA's key");
    let issuer = Issuer::from_ca_cert_pem(ca.cert_pem(), key).expect("the CA");
    let key = KeyPair::generate().expect("a key");
    let made = params.signed_by(&key, &issuer).expect("a certificate");
    (parsed(&made.pem()), KeyPem::new(key.serialize_pem()))
}
