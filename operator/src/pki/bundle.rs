//! Bundles: the authorities that are trusted together, such as the old and the new one during a rotation.

use std::collections::HashSet;

use pem::{EncodeConfig, LineEnding, Pem};

use super::inspect::Certificate;

/// All certificates of all `bundles`, each once (by fingerprint), in the order given: the caller puts the newest
/// first. The same input always gives the same bytes, so that an unchanged bundle is not written again.
#[must_use]
pub fn union(bundles: &[&[Certificate]]) -> Vec<Certificate> {
    let mut seen = HashSet::new();
    let all = bundles.iter().copied().flatten();
    all.filter(|certificate| seen.insert(certificate.fingerprint.as_str()))
        .cloned()
        .collect()
}

/// Whether `bundle` holds every certificate of `wanted`, in whatever order.
#[must_use]
pub fn contains_all(bundle: &[Certificate], wanted: &[Certificate]) -> bool {
    let held: HashSet<_> = bundle
        .iter()
        .map(|certificate| certificate.fingerprint.as_str())
        .collect();
    wanted
        .iter()
        .all(|certificate| held.contains(certificate.fingerprint.as_str()))
}

/// The bundle in PEM, with a line feed at each line's end.
#[must_use]
pub fn to_pem(bundle: &[Certificate]) -> String {
    let config = EncodeConfig::new().set_line_ending(LineEnding::LF);
    let encode = |certificate: &Certificate| {
        pem::encode_config(&Pem::new("CERTIFICATE", certificate.der.to_vec()), config)
    };
    bundle.iter().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::parse_bundle;
    use crate::pki::testing::{NAME, authority};

    fn certificate() -> Certificate {
        authority(&[NAME]).certificate().clone()
    }

    #[test]
    fn a_union_keeps_the_order_and_drops_what_is_there_twice() {
        let (new, old, older) = (certificate(), certificate(), certificate());
        let joined = union(&[
            &[new.clone(), old.clone()],
            &[old.clone(), older.clone(), new.clone()],
        ]);
        assert_eq!(joined, [new, old, older]);
        assert!(union(&[]).is_empty());
    }

    #[test]
    fn a_bundle_survives_pem() {
        let bundle = [certificate(), certificate()];
        let pem = to_pem(&bundle);
        assert!(!pem.contains('\r'));
        assert_eq!(parse_bundle(pem.as_bytes()).as_deref(), Ok(&bundle[..]));
        let issued = authority(&[NAME]);
        assert_eq!(to_pem(&[issued.certificate().clone()]), issued.cert_pem());
    }

    #[test]
    fn contains_all_asks_for_each_one() {
        let (one, two) = (certificate(), certificate());
        let both = [one.clone(), two.clone()];
        assert!(contains_all(&both, std::slice::from_ref(&two)));
        assert!(contains_all(&both, &[two.clone(), one.clone()]));
        assert!(!contains_all(&[one], &both));
        assert!(contains_all(&[], &[]));
    }
}
