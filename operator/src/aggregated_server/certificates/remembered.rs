//! What a serving Secret held when it was read last, without its key, so that not every pass reads it. The authority's Secret is
//! watched (`informers::authority`).
//!
//! It says that nothing is to be done, or nothing at all: whatever is to be signed, written or dropped follows from a read.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt as _;
use tokio::time::Instant;

use super::{
    Authority, CertificateState, Policy, ServingLeaf, ServingRecord, authority,
    leaf::{self, rotation_count},
};
use crate::pki::Certificate;

/// The serving Secret of one server is read again after so long for each server that there is: one read a second.
const TURN: Duration = Duration::from_secs(1);

/// What the serving Secret held while nothing was to be done about it.
#[derive(Clone)]
pub struct Remembered {
    leaf: ServingLeaf,
    version: Option<String>,
    rotation_count: i64,
    at: Instant,
    turn: f64,
}

/// Secrets are not formatted, with keys or without.
impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

impl Remembered {
    /// What is to be kept of `keys`, for which the Secret was read at `at`; nothing while something is under way. `jitter`, from 0
    /// to 1, spreads servers whose Secrets were read together.
    #[must_use]
    pub fn of(keys: &CertificateState, at: Instant, jitter: f64) -> Option<Self> {
        let under_way = keys.is_replacing()
            || keys.leaf_due
            || keys.swapped
            || keys.widening.is_some()
            || keys.held_back.is_some();
        let leaf = keys.leaf.clone().filter(|_| !under_way)?;
        Some(Self {
            leaf,
            version: keys.serving_version.clone(),
            rotation_count: keys.rotation_count,
            at,
            turn: 0.5 + jitter.clamp(0.0, 1.0),
        })
    }

    /// The Secret as it was read at `at`, as a client would judge it that trusts `bundle`; nothing where it holds no leaf that such a
    /// client accepts.
    #[must_use]
    pub fn read(
        secret: &Secret,
        bundle: &[Certificate],
        policy: &Policy,
        now: Timestamp,
        at: Instant,
    ) -> Option<Self> {
        Some(Self {
            leaf: ServingLeaf::read(Some(secret), bundle, policy, now).ok()?,
            version: secret.resource_version(),
            rotation_count: rotation_count(Some(secret)),
            at,
            turn: 1.0,
        })
    }

    /// What the Secret held that nobody has read yet, by its `record`, where every endpoint presents `presented`. It is read when it
    /// is its turn, of all those that were not read at the start.
    #[must_use]
    pub fn recorded(
        record: &ServingRecord,
        presented: &Certificate,
        bundle: &[Certificate],
        policy: &Policy,
        at: Instant,
        jitter: f64,
    ) -> Option<Self> {
        Some(Self {
            leaf: record.leaf(presented, bundle, policy.leaf_request.as_ref())?,
            version: None,
            rotation_count: record.count,
            at,
            turn: jitter.clamp(0.0, 1.0),
        })
    }

    /// How long ago the Secret was read.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    /// Whether it is not yet this server's turn, of so many `servers`, to be read again.
    #[must_use]
    pub fn is_fresh(&self, now: Instant, servers: usize) -> bool {
        let turns = u32::try_from(servers).unwrap_or(u32::MAX);
        now.saturating_duration_since(self.at) < TURN.saturating_mul(turns).mul_f64(self.turn)
    }

    /// What a pass goes on with beside `authority`, where there is still nothing to be done while these authorities are `published`.
    #[must_use]
    pub fn keys(
        &self,
        authority: &Authority,
        published: &[Certificate],
        policy: &Policy,
        now: Timestamp,
    ) -> Option<CertificateState> {
        let authority = authority.clone().with_published(published, policy);
        let bundle = authority.bundle();
        let due = !authority.previous.is_empty()
            || authority::replacement(&authority, policy, now).is_some()
            || leaf::decide(Ok(&self.leaf), &authority, policy, now).is_some()
            || self.leaf.published != bundle;
        (!due).then(|| CertificateState {
            authority,
            authority_secret: None,
            leaf: Some(self.leaf.clone()),
            serving_version: self.version.clone(),
            rotation_count: self.rotation_count,
            bundle,
            leaf_due: false,
            swapped: false,
            widening: None,
            held_back: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        aggregated_server::{
            certificates::{
                IssueCause, Replacement, secrets,
                testing::{at, policy},
            },
            testing::names,
        },
        pki::issue_leaf,
    };

    fn authority() -> Authority {
        let replacement = Replacement {
            why: authority::FIRST,
            previous: Vec::new(),
        };
        Authority::issue(&policy(), replacement, at(0)).unwrap()
    }

    fn keys() -> CertificateState {
        let (policy, authority) = (policy(), authority());
        let bundle = authority.bundle();
        let leaf = issue_leaf(&authority.current, &policy.dns_names, at(0), policy.duration).unwrap();
        let secret =
            secrets::serving_secret(None, &leaf, IssueCause::First, &bundle, &policy, &names(), at(0));
        CertificateState {
            leaf: ServingLeaf::read(Some(&secret), &bundle, &policy, at(0)).ok(),
            authority_secret: Some(secrets::authority_secret(None, &authority, &names())),
            serving_version: None,
            rotation_count: 0,
            bundle,
            leaf_due: false,
            swapped: false,
            widening: None,
            held_back: None,
            authority,
        }
    }

    #[test]
    fn it_counts_only_while_nothing_is_to_be_done() {
        let keys = keys();
        let kept = Remembered::of(&keys, Instant::now(), 0.5).unwrap();
        let published = keys.bundle.clone();
        let known = keys.authority.clone().without_key();
        let has = |published: &[Certificate], policy: &Policy, day| {
            kept.keys(&known, published, policy, at(day)).is_some()
        };
        assert!(has(&published, &policy(), 1));
        // The leaf nears its end, and so does the authority.
        assert!(!has(&published, &policy(), 299) && !has(&published, &policy(), 29));
        let asked = Policy {
            leaf_request: Some("1".into()),
            ..policy()
        };
        assert!(!has(&published, &asked, 1));
        let renamed = Policy {
            dns_names: vec![policy().server_name, "wardle.example.com".into()],
            ..policy()
        };
        assert!(!has(&published, &renamed, 1));
        // Another authority of this server is trusted.
        let other = authority();
        assert!(!has(&[other.current.certificate().clone()], &policy(), 1));
        // There is another authority than the leaf's.
        assert!(kept.keys(&other, &published, &policy(), at(1)).is_none());
    }

    #[test]
    fn nothing_of_what_is_under_way_is_kept() {
        let other = || authority().current.certificate().clone();
        for change in [
            (|keys: &mut CertificateState, _| keys.leaf_due = true) as fn(&mut CertificateState, Certificate),
            |keys, _| keys.swapped = true,
            |keys, _| keys.leaf = None,
            |keys, _| keys.widening = Some("a control plane".into()),
            |keys, _| keys.held_back = Some("the clocks".into()),
            |keys, other| keys.authority.previous = vec![other],
        ] {
            let mut keys = keys();
            change(&mut keys, other());
            assert!(Remembered::of(&keys, Instant::now(), 0.5).is_none());
        }
    }

    #[test]
    fn each_server_has_its_turn() {
        let began = Instant::now();
        let kept = |jitter| Remembered::of(&keys(), began, jitter).unwrap();
        let is_fresh = |kept: &Remembered, seconds, servers| {
            kept.is_fresh(began + Duration::from_secs(seconds), servers)
        };
        let usual = kept(0.5);
        assert!(!is_fresh(&usual, 0, 0) && !is_fresh(&usual, 1, 1));
        assert!(is_fresh(&usual, 999, 1000) && !is_fresh(&usual, 1000, 1000));
        // Those that were read together are not read together again.
        assert!(!is_fresh(&kept(0.0), 500, 1000) && is_fresh(&kept(1.0), 1499, 1000));
    }

    /// What is taken for what the Secret holds is what would be read of it.
    #[test]
    fn a_record_is_as_good_as_the_secret_where_its_leaf_is_presented() {
        let keys = keys();
        let (bundle, leaf) = (&keys.bundle, keys.leaf.as_ref().unwrap());
        let annotation = ServingRecord::of(&keys).unwrap().annotation().unwrap();
        let record = ServingRecord::parse(&annotation).unwrap();
        let recorded = |presented: &Certificate, bundle: &[Certificate], policy: &Policy| {
            Remembered::recorded(&record, presented, bundle, policy, Instant::now(), 0.5)
        };
        let known = recorded(&leaf.certificate, bundle, &policy()).unwrap();
        assert_eq!(known.leaf, *leaf);
        assert_eq!(known.rotation_count, keys.rotation_count);
        assert!(known.keys(&keys.authority, bundle, &policy(), at(1)).is_some());
        // Another leaf is presented, another bundle published, or something was asked for since.
        let other = self::keys();
        assert!(recorded(&other.leaf.unwrap().certificate, bundle, &policy()).is_none());
        assert!(recorded(&leaf.certificate, &other.bundle, &policy()).is_none());
        let asked = Policy {
            leaf_request: Some("1".into()),
            ..policy()
        };
        assert!(recorded(&leaf.certificate, bundle, &asked).is_none());
        assert_eq!(ServingRecord::parse("{}"), None);
    }

    /// A request that was handled is not handled again.
    #[test]
    fn a_record_knows_what_was_asked_for() {
        let mut keys = keys();
        keys.leaf.as_mut().unwrap().handled_request = Some("1".into());
        let (record, leaf) = (ServingRecord::of(&keys).unwrap(), keys.leaf.as_ref().unwrap());
        let taken = |request: Option<&str>| {
            let request = request.map(str::to_owned);
            record.leaf(&leaf.certificate, &keys.bundle, request.as_ref())
        };
        assert_eq!(taken(Some("1")).unwrap().handled_request.as_deref(), Some("1"));
        assert!(taken(None).is_some() && taken(Some("2")).is_none());
    }
}
