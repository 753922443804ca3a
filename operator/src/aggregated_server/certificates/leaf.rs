//! The serving Secret: the leaf, its key, and the bundle that goes with it.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;

use super::{
    authority::Authority,
    policy::{Policy, before, same_names},
};
use crate::pki::{Certificate, ServingFault, TrustFault, check_serving, parse_bundle, verify_chain};

/// The certificate.
pub const CERTIFICATE_KEY: &str = "tls.crt";
/// The private key.
pub const PRIVATE_KEY_KEY: &str = "tls.key";
/// The published bundle.
pub const CA_KEY: &str = "ca.crt";
/// Annotation of the Secret: the value of `annex.dev/rotate-leaf` that led to this leaf.
pub const HANDLED_ANNOTATION: &str = "annex.dev/handled-rotate-leaf";
/// Annotation of the Secret: how many leaves came before this one.
pub const COUNT_ANNOTATION: &str = "annex.dev/rotation-count";
/// Annotation of the Secret: when the leaf was issued, RFC 3339.
pub const ISSUED_AT_ANNOTATION: &str = "annex.dev/issued-at";
/// Annotation of the Secret: an [`IssueCause`].
pub const ISSUED_BECAUSE_ANNOTATION: &str = "annex.dev/issued-because";

/// The part of `renewBefore`, and of the time before it, by which a renewal may be early.
const JITTER_PART: u32 = 10;
/// A renewal gains at least so much, or is none.
const WORTHWHILE: SignedDuration = SignedDuration::from_secs(1);

/// What the Secret holds.
#[derive(Clone, Debug, PartialEq)]
pub struct ServingLeaf {
    /// The leaf.
    pub certificate: Certificate,
    /// The bundle beside it; empty where it cannot be read.
    pub published: Vec<Certificate>,
    /// The request that led here.
    pub handled_request: Option<String>,
    /// When it was issued.
    pub issued_at: Option<Timestamp>,
    /// Why it was issued.
    pub cause: Option<IssueCause>,
}

/// Why there is no leaf to work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafFault {
    /// There is no Secret.
    #[error("there is no Secret yet")]
    Missing,
    /// The leaf has expired.
    #[error("the certificate has expired")]
    Expired,
    /// The Secret holds something that no server could serve, or no client would accept.
    #[error("{0}")]
    Unusable(String),
}

/// Why a leaf is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueCause {
    /// There was none.
    First,
    /// The Secret did not hold a usable one.
    SecretInvalid,
    /// There is a new authority.
    NewAuthority,
    /// It nears its end, or is past it.
    Renewal,
    /// The annotation asked for it.
    Requested,
}

impl IssueCause {
    const ALL: [Self; 5] = [
        Self::First,
        Self::SecretInvalid,
        Self::NewAuthority,
        Self::Renewal,
        Self::Requested,
    ];

    /// The word in the Secret's annotation.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::First => "First",
            Self::SecretInvalid => "SecretInvalid",
            Self::NewAuthority => "NewAuthority",
            Self::Renewal => "Renewal",
            Self::Requested => "Requested",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == word)
    }
}

impl ServingLeaf {
    /// Reads the Secret, as a client would judge it that trusts `bundle`.
    ///
    /// # Errors
    /// It is not there, or does not hold a leaf that such a client accepts.
    pub fn read(
        secret: Option<&Secret>,
        bundle: &[Certificate],
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self, LeafFault> {
        let secret = secret.ok_or(LeafFault::Missing)?;
        let data = secret.data.as_ref();
        let entry = |key: &str| {
            data.and_then(|data| data.get(key))
                .map_or(&[][..], |bytes| bytes.0.as_slice())
        };
        let pair = check_serving(
            entry(CERTIFICATE_KEY),
            entry(PRIVATE_KEY_KEY),
            bundle,
            &policy.server_name,
            now,
        )
        .map_err(|fault| match fault {
            ServingFault::Trust(TrustFault::Expired { .. }) => LeafFault::Expired,
            ServingFault::Trust(cause) => LeafFault::Unusable(cause.to_string()),
            other => LeafFault::Unusable(other.to_string()),
        })?;
        let annotation = |key: &str| secret.annotations().get(key).cloned();
        Ok(Self {
            certificate: pair.leaf,
            published: parse_bundle(entry(CA_KEY)).unwrap_or_default(),
            handled_request: annotation(HANDLED_ANNOTATION),
            issued_at: annotation(ISSUED_AT_ANNOTATION).and_then(|time| time.parse().ok()),
            cause: annotation(ISSUED_BECAUSE_ANNOTATION)
                .as_deref()
                .and_then(IssueCause::parse),
        })
    }

    /// Whether `authority` alone vouches for it.
    #[must_use]
    pub fn signed_by(&self, authority: &Certificate, policy: &Policy, now: Timestamp) -> bool {
        verify_chain(
            std::slice::from_ref(&self.certificate.der),
            std::slice::from_ref(authority),
            &policy.server_name,
            now,
        )
        .is_ok()
    }

    /// When it is due to be renewed: somewhat before `renewBefore`, so that servers that were set up together are not renewed
    /// together. How much follows from the certificate, so that it is the same at each look.
    #[must_use]
    pub fn renewal_time(&self, policy: &Policy) -> Timestamp {
        let lifetime = policy.duration.saturating_sub(policy.renew_before);
        let longest = policy.renew_before.min(lifetime) / JITTER_PART;
        before(
            self.certificate.not_after,
            policy.renew_before + longest.mul_f64(fraction(&self.certificate.fingerprint)),
        )
    }

    /// Whether a leaf of `authority` made now would be valid for longer.
    #[must_use]
    pub fn is_outlived(&self, authority: &Certificate, policy: &Policy, now: Timestamp) -> bool {
        let end = now.checked_add(policy.duration).unwrap_or(Timestamp::MAX);
        let gained = end
            .min(authority.not_after)
            .duration_since(self.certificate.not_after);
        gained >= WORTHWHILE
    }
}

/// A number from 0 to 1 that follows from a fingerprint.
fn fraction(fingerprint: &str) -> f64 {
    let digits = fingerprint.get(..4).unwrap_or_default();
    f64::from(u16::from_str_radix(digits, 16).unwrap_or(0)) / f64::from(u16::MAX)
}

/// Why a new leaf is to be issued, if one is.
#[must_use]
pub fn decide(
    state: Result<&ServingLeaf, &LeafFault>,
    authority: &Authority,
    policy: &Policy,
    now: Timestamp,
) -> Option<IssueCause> {
    let leaf = match state {
        Ok(leaf) => leaf,
        Err(LeafFault::Missing) => return Some(IssueCause::First),
        Err(LeafFault::Expired) => return Some(IssueCause::Renewal),
        Err(LeafFault::Unusable(_)) => return Some(IssueCause::SecretInvalid),
    };
    if !leaf.signed_by(authority.current.certificate(), policy, now)
        || !same_names(&leaf.certificate.dns_names, authority.leaf_names(policy))
    {
        return Some(IssueCause::NewAuthority);
    }
    if policy.leaf_request.is_some() && policy.leaf_request != leaf.handled_request {
        return Some(IssueCause::Requested);
    }
    // What ends with its authority gains nothing by a renewal, and would be due again at once.
    let worthwhile = leaf.is_outlived(authority.current.certificate(), policy, now);
    (worthwhile && now >= leaf.renewal_time(policy)).then_some(IssueCause::Renewal)
}

/// How many leaves came before the one in the Secret.
#[must_use]
pub fn rotation_count(secret: Option<&Secret>) -> i64 {
    secret
        .and_then(|secret| secret.annotations().get(COUNT_ANNOTATION))
        .and_then(|count| count.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::ByteString;

    use super::*;
    use crate::{
        aggregated_server::{
            certificates::{
                Replacement, secrets,
                testing::{at, policy},
            },
            testing::names,
        },
        pki::issue_leaf,
    };

    fn authority(policy: &Policy) -> Authority {
        Authority::issue(
            policy,
            Replacement {
                why: "test",
                previous: Vec::new(),
            },
            at(0),
        )
        .unwrap()
    }

    fn secret(authority: &Authority, policy: &Policy, cause: IssueCause) -> Secret {
        secret_of(authority, policy, cause, 0)
    }

    /// With a leaf of that day.
    fn secret_of(authority: &Authority, policy: &Policy, cause: IssueCause, day: i64) -> Secret {
        let leaf = issue_leaf(&authority.current, &policy.dns_names, at(day), policy.duration).unwrap();
        secrets::serving_secret(None, &leaf, cause, &authority.bundle(), policy, &names(), at(day))
    }

    fn cause(
        secret: Option<&Secret>,
        authority: &Authority,
        policy: &Policy,
        day: i64,
    ) -> Option<IssueCause> {
        let read = ServingLeaf::read(secret, &authority.bundle(), policy, at(day));
        decide(read.as_ref(), authority, policy, at(day))
    }

    #[test]
    fn a_leaf_is_renewed_before_its_end() {
        let policy = policy();
        let authority = authority(&policy);
        let secret = secret(&authority, &policy, IssueCause::First);
        assert_eq!(cause(None, &authority, &policy, 0), Some(IssueCause::First));
        assert_eq!(cause(Some(&secret), &authority, &policy, 18), None);
        assert_eq!(
            cause(Some(&secret), &authority, &policy, 20),
            Some(IssueCause::Renewal)
        );
        assert_eq!(
            cause(Some(&secret), &authority, &policy, 31),
            Some(IssueCause::Renewal)
        );
    }

    #[test]
    fn renewals_are_spread_over_a_tenth() {
        let policy = policy();
        let authority = authority(&policy);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..20 {
            let secret = secret(&authority, &policy, IssueCause::First);
            let leaf = ServingLeaf::read(Some(&secret), &authority.bundle(), &policy, at(0)).unwrap();
            let due = leaf.renewal_time(&policy);
            assert_eq!(due, leaf.renewal_time(&policy));
            assert!((at(19)..=at(20)).contains(&due), "{due}");
            seen.insert(due);
        }
        assert!(seen.len() > 10, "{seen:?}");
    }

    /// The end of a leaf is never behind that of its authority. One that is renewed for nothing would be renewed again in each pass.
    #[test]
    fn a_leaf_that_ends_with_its_authority_is_not_renewed() {
        let policy = policy();
        let authority = authority(&policy);
        let secret = secret_of(&authority, &policy, IssueCause::Renewal, 280);
        assert_eq!(cause(Some(&secret), &authority, &policy, 299), None);
    }

    #[test]
    fn a_leaf_of_a_time_to_come_is_issued_anew() {
        let policy = policy();
        let authority = authority(&policy);
        let secret = secret_of(&authority, &policy, IssueCause::Renewal, 100);
        assert_eq!(
            cause(Some(&secret), &authority, &policy, 1),
            Some(IssueCause::SecretInvalid)
        );
    }

    #[test]
    fn a_garbled_secret_is_invalid() {
        let policy = policy();
        let authority = authority(&policy);
        for key in [CERTIFICATE_KEY, PRIVATE_KEY_KEY] {
            let mut garbled = secret(&authority, &policy, IssueCause::First);
            garbled
                .data
                .as_mut()
                .unwrap()
                .insert(key.into(), ByteString(b"garbled".to_vec()));
            assert_eq!(
                cause(Some(&garbled), &authority, &policy, 1),
                Some(IssueCause::SecretInvalid),
                "{key}"
            );
        }
    }

    #[test]
    fn a_new_authority_wants_a_new_leaf_while_the_old_one_is_still_good() {
        let policy = policy();
        let old = authority(&policy);
        let secret = secret(&old, &policy, IssueCause::First);
        let new = Authority {
            previous: vec![old.current.certificate().clone()],
            ..authority(&policy)
        };
        assert!(ServingLeaf::read(Some(&secret), &new.bundle(), &policy, at(1)).is_ok());
        assert_eq!(
            cause(Some(&secret), &new, &policy, 1),
            Some(IssueCause::NewAuthority)
        );
    }

    #[test]
    fn a_request_is_handled_once() {
        let policy = Policy {
            leaf_request: Some("1".into()),
            ..policy()
        };
        let authority = authority(&policy);
        let handled = secret(&authority, &policy, IssueCause::Requested);
        assert_eq!(cause(Some(&handled), &authority, &policy, 1), None);
        let again = Policy {
            leaf_request: Some("2".into()),
            ..policy
        };
        assert_eq!(
            cause(Some(&handled), &authority, &again, 1),
            Some(IssueCause::Requested)
        );
    }

    #[test]
    fn leaves_are_counted_and_the_bundle_is_replaced_alone() {
        let policy = policy();
        let authority = authority(&policy);
        let first = secret(&authority, &policy, IssueCause::First);
        assert_eq!(rotation_count(Some(&first)), 0);
        let leaf = issue_leaf(&authority.current, &policy.dns_names, at(1), policy.duration).unwrap();
        let bundle = authority.bundle();
        let second = secrets::serving_secret(
            Some(&first),
            &leaf,
            IssueCause::Renewal,
            &bundle,
            &policy,
            &names(),
            at(1),
        );
        assert_eq!(rotation_count(Some(&second)), 1);
        assert_eq!(secrets::republished(&second, &bundle), None);
        let wider = [
            bundle,
            vec![self::authority(&policy).current.certificate().clone()],
        ]
        .concat();
        let republished = secrets::republished(&second, &wider).unwrap();
        let entry = |secret: &Secret, key: &str| secret.data.as_ref().unwrap()[key].clone();
        assert_eq!(
            entry(&republished, CERTIFICATE_KEY),
            entry(&second, CERTIFICATE_KEY)
        );
        assert_ne!(entry(&republished, CA_KEY), entry(&second, CA_KEY));
    }
}
