//! What the two Secrets held when they were read last, without their keys, so that not every pass reads them.
//!
//! It says that nothing is to be done, or nothing at all: whatever is to be signed, written or dropped follows from a read.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use tokio::time::Instant;

use super::{
    Authority, CertificateState, Policy, ServingLeaf,
    authority::{self, PRIVATE_KEY_KEY},
    leaf,
};
use crate::pki::Certificate;

/// Both Secrets of one server are read again after so long for each server that there is: one read a second.
const TURN: Duration = Duration::from_secs(2);

/// What the Secrets of a server held while nothing was to be done about them.
#[derive(Clone)]
pub struct Remembered {
    authority: Authority,
    authority_secret: Secret,
    leaf: ServingLeaf,
    serving_version: Option<String>,
    rotation_count: i64,
    at: Instant,
}

/// Secrets are not formatted, with keys or without.
impl fmt::Debug for Remembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remembered").finish_non_exhaustive()
    }
}

impl Remembered {
    /// What is to be kept of `keys`, for which the Secrets were read at `at`; nothing while something is under way.
    #[must_use]
    pub fn of(keys: &CertificateState, at: Instant) -> Option<Self> {
        let under_way = keys.is_replacing()
            || keys.leaf_due
            || keys.swapped
            || keys.widening.is_some()
            || keys.held_back.is_some();
        let leaf = keys.leaf.clone().filter(|_| !under_way)?;
        let mut authority_secret = keys.authority_secret.clone();
        if let Some(data) = &mut authority_secret.data {
            data.remove(PRIVATE_KEY_KEY);
        }
        Some(Self {
            authority: Authority {
                current: keys.authority.current.without_key(),
                ..keys.authority.clone()
            },
            authority_secret,
            leaf,
            serving_version: keys.serving_version.clone(),
            rotation_count: keys.rotation_count,
            at,
        })
    }

    /// How long ago the Secrets were read.
    #[must_use]
    pub fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.at)
    }

    /// Whether it is not yet this server's turn, of so many `servers`, to be read again.
    #[must_use]
    pub fn is_fresh(&self, now: Instant, servers: usize) -> bool {
        let turns = u32::try_from(servers).unwrap_or(u32::MAX);
        now.saturating_duration_since(self.at) < TURN.saturating_mul(turns)
    }

    /// What a pass goes on with, where there is still nothing to be done while these authorities are `published`.
    #[must_use]
    pub fn keys(
        &self,
        published: &[Certificate],
        policy: &Policy,
        now: Timestamp,
    ) -> Option<CertificateState> {
        let authority = self.authority.clone().with_published(published, policy);
        let bundle = authority.bundle();
        let due = !authority.previous.is_empty()
            || authority::replacement(&authority, policy, now).is_some()
            || leaf::decide(Ok(&self.leaf), &authority, policy, now).is_some()
            || self.leaf.published != bundle;
        (!due).then(|| CertificateState {
            authority,
            authority_secret: self.authority_secret.clone(),
            leaf: Some(self.leaf.clone()),
            serving_version: self.serving_version.clone(),
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
            authority_secret: secrets::authority_secret(None, &authority, &names()),
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
    fn no_key_is_kept() {
        let keys = keys();
        assert!(
            keys.authority_secret
                .data
                .as_ref()
                .unwrap()
                .contains_key(PRIVATE_KEY_KEY)
        );
        let kept = Remembered::of(&keys, Instant::now()).unwrap();
        assert!(
            !kept
                .authority_secret
                .data
                .as_ref()
                .unwrap()
                .contains_key(PRIVATE_KEY_KEY)
        );
        assert!(kept.authority.current.key_pem().expose().is_empty());
        let dns_names = policy().dns_names;
        assert!(issue_leaf(&kept.authority.current, &dns_names, at(0), policy().duration).is_err());
    }

    #[test]
    fn it_counts_only_while_nothing_is_to_be_done() {
        let keys = keys();
        let kept = Remembered::of(&keys, Instant::now()).unwrap();
        let published = keys.bundle.clone();
        let has =
            |published: &[Certificate], policy: &Policy, day| kept.keys(published, policy, at(day)).is_some();
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
        let other = authority().current.certificate().clone();
        assert!(!has(&[other], &policy(), 1));
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
            assert!(Remembered::of(&keys, Instant::now()).is_none());
        }
    }

    #[test]
    fn each_server_has_its_turn() {
        let kept = Remembered::of(&keys(), Instant::now()).unwrap();
        let after = |seconds| kept.at + Duration::from_secs(seconds);
        assert!(!kept.is_fresh(after(0), 0) && !kept.is_fresh(after(20), 1));
        assert!(kept.is_fresh(after(1999), 1000) && !kept.is_fresh(after(2000), 1000));
    }
}
