//! The contests of all servers: which objects others change back again and again, see [`Contest`].
//!
//! It holds what was written lately, and what is contested: some objects a server, with some fields each. After a restart
//! nothing of it is known, and what admission changed is seen only in an answer; so a server whose status tells of a contest is
//! looked at once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Desired,
    contest::{Contest, Dispute},
};

/// How many objects of a server are remembered: more than a server has children.
const OBJECTS: usize = 128;
/// For how long what status told before a restart stands, unless it is told anew.
const RECALLED: Duration = Duration::from_secs(60);

/// What is to be done about an object, before it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing: it is as it should be.
    Unchanged,
    /// Nothing yet: it is contested, and its repair waits.
    Waits,
    /// It is to be read, and applied where it is not as it should be.
    Ask,
}

/// The contests of all servers.
#[derive(Debug, Default)]
pub(super) struct Contests(Mutex<HashMap<String, OfOwner>>);

/// Those of one server.
#[derive(Debug)]
struct OfOwner {
    objects: BTreeMap<String, Contest>,
    since: Instant,
    /// The objects that were looked at, where status told of a contest before anything was remembered.
    looked_at: Option<BTreeSet<String>>,
}

impl OfOwner {
    fn new(now: Instant) -> Self {
        Self {
            objects: BTreeMap::new(),
            since: now,
            looked_at: None,
        }
    }
}

impl Contests {
    fn owners(&self) -> MutexGuard<'_, HashMap<String, OfOwner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of what status told of `owner`, if nothing is known of it yet.
    pub(super) fn recall(&self, owner: &str, was_contested: bool) {
        self.owners().entry(owner.to_owned()).or_insert_with(|| OfOwner {
            looked_at: was_contested.then(BTreeSet::new),
            ..OfOwner::new(Instant::now())
        });
    }

    /// Whether what status told before a restart stands.
    pub(super) fn is_recalled(&self, owner: &str) -> bool {
        let owners = self.owners();
        let owner = owners.get(owner);
        owner.is_some_and(|owner| owner.looked_at.is_some() && owner.since.elapsed() < RECALLED)
    }

    /// What is to be done about an object of which it is known whether it is as it should be.
    pub(super) fn before(&self, desired: &Desired, is_as_wanted: bool) -> Before {
        let (now, name) = (Instant::now(), desired.name().to_string());
        let mut owners = self.owners();
        let Some(owner) = owners.get_mut(&desired.owner().uid) else {
            return ask_unless(is_as_wanted);
        };
        let is_looked_at = owner.looked_at.as_ref().is_none_or(|seen| seen.contains(&name));
        let Some(contest) = owner.objects.get_mut(&name) else {
            return ask_unless(is_as_wanted && is_looked_at);
        };
        contest.observe(is_as_wanted, now);
        if is_as_wanted && !contest.is_to_be_tried(now) {
            if contest.is_over(now) {
                owner.objects.remove(&name);
            }
            return Before::Unchanged;
        }
        if contest.waits(desired.hash(), now) {
            return Before::Waits;
        }
        Before::Ask
    }

    /// Whether what is wanted was applied, and remembered: then another write of it is a repair.
    pub(super) fn was_applied(&self, desired: &Desired) -> bool {
        let owners = self.owners();
        let contest = owners
            .get(&desired.owner().uid)
            .and_then(|owner| owner.objects.get(&desired.name().to_string()));
        contest.is_some_and(|contest| contest.is_wanted(desired.hash()))
    }

    /// Whether the object was written lately.
    pub(super) fn was_written(&self, desired: &Desired) -> bool {
        let owners = self.owners();
        owners
            .get(&desired.owner().uid)
            .is_some_and(|owner| owner.objects.contains_key(&desired.name().to_string()))
    }

    /// Whether these may be made good now, see [`Contest::may_repair`].
    pub(super) fn may_repair(&self, desired: &Desired, disputes: &[Dispute]) -> bool {
        let mut owners = self.owners();
        let contest = owners
            .get_mut(&desired.owner().uid)
            .and_then(|owner| owner.objects.get_mut(&desired.name().to_string()));
        contest.is_none_or(|contest| contest.may_repair(desired.hash(), disputes, Instant::now()))
    }

    /// Takes note of a write, see [`Contest::written`].
    pub(super) fn written(&self, desired: &Desired, disputes: &[Dispute], altered: Option<&[String]>) {
        let (now, name) = (Instant::now(), desired.name().to_string());
        let mut owners = self.owners();
        let owner = owners
            .entry(desired.owner().uid.clone())
            .or_insert_with(|| OfOwner::new(now));
        owner.look_at(&name);
        owner.objects.retain(|_, contest| !contest.is_over(now));
        if owner.objects.len() >= OBJECTS && !owner.objects.contains_key(&name) {
            return;
        }
        let contest = owner
            .objects
            .entry(name)
            .or_insert_with(|| Contest::new(desired.hash(), now));
        contest.written(desired.hash(), disputes, altered, now);
    }

    /// The object was found as it should be.
    pub(super) fn found_as_wanted(&self, desired: &Desired) {
        let name = desired.name().to_string();
        let mut owners = self.owners();
        let Some(owner) = owners.get_mut(&desired.owner().uid) else {
            return;
        };
        owner.look_at(&name);
        if let Some(contest) = owner.objects.get_mut(&name) {
            contest.found_as_wanted();
        }
    }

    /// Whether one of these fields of the object is contested; with none given, whether any is.
    pub(super) fn is_contested(&self, desired: &Desired, paths: &[&str]) -> bool {
        let owners = self.owners();
        let contest = owners
            .get(&desired.owner().uid)
            .and_then(|owner| owner.objects.get(&desired.name().to_string()));
        contest.is_some_and(|contest| match paths {
            [] => contest.is_told_of(None),
            paths => paths.iter().any(|path| contest.is_told_of(Some(path))),
        })
    }

    /// What is contested of `owner`'s objects, a text each.
    pub(super) fn words(&self, owner: &str) -> Vec<String> {
        let owners = self.owners();
        let objects = owners.get(owner).into_iter().flat_map(|owner| &owner.objects);
        let words = objects.filter_map(|(name, contest)| Some(format!("{name}: {}", contest.words()?)));
        words.collect()
    }

    /// Forgets an object that was deleted on purpose.
    pub(super) fn forget_object(&self, owner: &str, name: &str) {
        if let Some(owner) = self.owners().get_mut(owner) {
            owner.objects.remove(name);
        }
    }

    /// Forgets a server that is gone.
    pub(super) fn forget(&self, owner: &str) {
        self.owners().remove(owner);
    }
}

impl OfOwner {
    fn look_at(&mut self, name: &str) {
        if let Some(looked_at) = &mut self.looked_at
            && looked_at.len() < OBJECTS
        {
            looked_at.insert(name.to_owned());
        }
    }
}

fn ask_unless(is_as_wanted: bool) -> Before {
    if is_as_wanted {
        Before::Unchanged
    } else {
        Before::Ask
    }
}
