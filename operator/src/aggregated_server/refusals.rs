//! Children that the API server does not take, so that passes over copies say so without asking again: such a pass would come to
//! what is to be written, begin again with live reads, and be refused once more.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::finding::Finding;
use crate::applier::{Desired, Known};

/// The pause after the first refusal; each one after that doubles it.
const FIRST: Duration = Duration::from_secs(5);
/// The longest pause: what refuses, such as a policy or an object of the same name, may go at any time, and nobody tells.
const LONGEST: Duration = Duration::from_secs(60);

/// The refusals of every server, by its uid and the child. None outlives the server, and each child that is asked for has one at most.
#[derive(Default)]
pub struct Refusals(Mutex<HashMap<String, HashMap<String, Refusal>>>);

struct Refusal {
    /// What was refused, see [`Desired::timeless_hash`]: what is wanted otherwise is asked for at once.
    desired: String,
    /// The version that the child had, where it is there: so is it where that changes.
    version: Option<Box<str>>,
    finding: Finding,
    count: u32,
    retry_at: Instant,
}

impl Refusal {
    fn is_of(&self, desired: &Desired, known: Option<&Known>) -> bool {
        self.desired == desired.timeless_hash() && self.version.as_deref() == version(known)
    }
}

fn version(known: Option<&Known>) -> Option<&str> {
    known.map(|known| &*known.resource_version)
}

impl Refusals {
    /// Takes note that `desired` was refused, which is told by `finding`.
    pub fn note(&self, uid: &str, desired: &Desired, known: Option<&Known>, finding: Finding, now: Instant) {
        let mut refusals = self.lock();
        let of_server = refusals.entry(uid.to_owned()).or_default();
        // What nobody asks for any more, such as a claim that was dropped.
        of_server.retain(|_, refusal| now < refusal.retry_at + LONGEST);
        let child = desired.name().to_string();
        let before = of_server
            .get(&child)
            .filter(|before| before.is_of(desired, known));
        let count = before.map_or(0, |before| before.count.saturating_add(1));
        let pause = FIRST.saturating_mul(1_u32.checked_shl(count).unwrap_or(u32::MAX));
        let refusal = Refusal {
            desired: desired.timeless_hash().to_owned(),
            version: version(known).map(Into::into),
            finding,
            count,
            retry_at: now + pause.min(LONGEST),
        };
        of_server.insert(child, refusal);
    }

    /// What is told of `desired`, where it was refused and is not to be asked for again yet.
    #[must_use]
    pub fn stands(
        &self,
        uid: &str,
        desired: &Desired,
        known: Option<&Known>,
        now: Instant,
    ) -> Option<Finding> {
        let refusals = self.lock();
        let refusal = refusals.get(uid)?.get(&desired.name().to_string())?;
        (refusal.is_of(desired, known) && now < refusal.retry_at).then(|| refusal.finding.clone())
    }

    /// Takes note that `desired` was taken.
    pub fn taken(&self, uid: &str, desired: &Desired) {
        if let Some(of_server) = self.lock().get_mut(uid) {
            of_server.remove(&desired.name().to_string());
        }
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, HashMap<String, Refusal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::Reason;
    use kube::core::ObjectMeta;

    use super::*;
    use crate::aggregated_server::{build, testing::names};

    fn desired(bundle: &str) -> Desired {
        Desired::new(&build::config_map(&names(), bundle, None), &names().uid).unwrap()
    }

    fn known(version: &str) -> Known {
        let metadata = ObjectMeta {
            resource_version: Some(version.to_owned()),
            ..ObjectMeta::default()
        };
        Known::new(&metadata, None)
    }

    #[test]
    fn a_refusal_stands_ever_longer_for_what_was_refused_alone() {
        let (refusals, began) = (Refusals::default(), Instant::now());
        let finding = || Finding::new(Reason::ApplyFailed, "refused");
        let (wanted, there) = (desired("a"), known("1"));
        let mut at = began;
        for pause in [5, 10, 20, 40, 60, 60] {
            refusals.note("0b9c", &wanted, Some(&there), finding(), at);
            let stands = |seconds| {
                let now = at + Duration::from_secs(seconds);
                refusals.stands("0b9c", &wanted, Some(&there), now)
            };
            assert_eq!(stands(pause - 1), Some(finding()));
            assert_eq!(stands(pause), None);
            at += Duration::from_secs(pause);
        }
        let stands = |desired: &Desired, known: Option<&Known>| {
            refusals.stands("0b9c", desired, known, began).is_some()
        };
        assert!(stands(&wanted, Some(&there)));
        assert!(!stands(&desired("b"), Some(&there)));
        assert!(!stands(&wanted, Some(&known("2"))) && !stands(&wanted, None));
        refusals.taken("0b9c", &wanted);
        assert!(!stands(&wanted, Some(&there)));
        let count = |at| {
            refusals.note("0b9c", &wanted, Some(&there), finding(), at);
            refusals.lock()["0b9c"].len()
        };
        let other = Desired::new(&build::service_account(&names()), &names().uid).unwrap();
        refusals.note("0b9c", &other, None, finding(), began);
        assert_eq!(count(began + FIRST + LONGEST), 1, "nobody asks for the other one");
        refusals.taken("0b9c", &wanted);
        refusals.note("0b9c", &wanted, None, finding(), began);
        assert!(stands(&wanted, None));
        refusals.forget("0b9c");
        assert!(!stands(&wanted, None));
    }
}
