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

/// What may be contested: an object as it is applied, or one field of it that is made good by another write. A pass comes to such a
/// field only where it is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    object: String,
    field: Option<String>,
}

impl Key {
    fn of(desired: &Desired, field: Option<&str>) -> Self {
        Self {
            object: desired.name().to_string(),
            field: field.map(str::to_owned),
        }
    }
}

/// The contests of all servers.
#[derive(Debug, Default)]
pub(super) struct Contests(Mutex<HashMap<String, OfOwner>>);

/// Those of one server.
#[derive(Debug)]
struct OfOwner {
    objects: BTreeMap<Key, Contest>,
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
        let (now, key) = (Instant::now(), Key::of(desired, None));
        let mut owners = self.owners();
        let Some(owner) = owners.get_mut(&desired.owner().uid) else {
            return ask_unless(is_as_wanted);
        };
        let looked_at = owner.looked_at.as_ref();
        let is_looked_at = looked_at.is_none_or(|seen| seen.contains(&key.object));
        let Some(contest) = owner.objects.get_mut(&key) else {
            return ask_unless(is_as_wanted && is_looked_at);
        };
        contest.observe(is_as_wanted, now);
        if is_as_wanted && !contest.is_to_be_tried(now) {
            if contest.is_over(now) {
                owner.objects.remove(&key);
            }
            return Before::Unchanged;
        }
        if contest.waits(desired.timeless_hash(), now) {
            return Before::Waits;
        }
        Before::Ask
    }

    /// Whether a field that is made good by another write than an apply, and is not as it should be, has to wait for that.
    pub(super) fn field_waits(&self, desired: &Desired, field: &str) -> bool {
        let now = Instant::now();
        self.change(desired, Some(field), |contest| {
            contest.observe(false, now);
            contest.waits(desired.timeless_hash(), now)
        })
        .unwrap_or(false)
    }

    /// Whether what is wanted was applied, and remembered: then another write of it is a repair.
    pub(super) fn was_applied(&self, desired: &Desired) -> bool {
        self.change(desired, None, |contest| {
            contest.is_wanted(desired.timeless_hash())
        })
        .unwrap_or(false)
    }

    /// Whether the object was written lately.
    pub(super) fn was_written(&self, desired: &Desired) -> bool {
        self.change(desired, None, |_| ()).is_some()
    }

    /// Whether these may be made good now, by an apply or, where that is named, for one `field`, see [`Contest::may_repair`].
    pub(super) fn may_repair(&self, desired: &Desired, field: Option<&str>, disputes: &[Dispute]) -> bool {
        self.change(desired, field, |contest| {
            contest.may_repair(desired.timeless_hash(), disputes, Instant::now())
        })
        .unwrap_or(true)
    }

    /// Takes note of a write, see [`Contest::written`].
    pub(super) fn written(
        &self,
        desired: &Desired,
        field: Option<&str>,
        disputes: &[Dispute],
        altered: Option<&[String]>,
    ) {
        let (now, key, wanted) = (Instant::now(), Key::of(desired, field), desired.timeless_hash());
        let mut owners = self.owners();
        let owner = owners
            .entry(desired.owner().uid.clone())
            .or_insert_with(|| OfOwner::new(now));
        owner.look_at(&key.object);
        if owner.objects.len() >= OBJECTS && !owner.objects.contains_key(&key) {
            owner.drop_what_is_over(now);
            if owner.objects.len() >= OBJECTS {
                return;
            }
        }
        let contest = owner.objects.entry(key);
        let contest = contest.or_insert_with(|| Contest::new(wanted, now));
        contest.written(wanted, disputes, altered, now);
    }

    /// The object was found as it should be.
    pub(super) fn found_as_wanted(&self, desired: &Desired) {
        if let Some(owner) = self.owners().get_mut(&desired.owner().uid) {
            owner.look_at(&desired.name().to_string());
        }
        self.change(desired, None, |contest| contest.found_as_wanted(Instant::now()));
    }

    /// Whether one of these fields of the object is contested; with none given, whether any is.
    pub(super) fn is_contested(&self, desired: &Desired, paths: &[&str]) -> bool {
        self.change(desired, None, |contest| match paths {
            [] => contest.is_told_of(None),
            paths => paths.iter().any(|path| contest.is_told_of(Some(path))),
        })
        .unwrap_or(false)
    }

    /// What is contested of `owner`'s objects at the end of a pass, a text each. What is over is forgotten.
    pub(super) fn words(&self, owner: &str) -> Vec<String> {
        let mut owners = self.owners();
        let Some(owner) = owners.get_mut(owner) else {
            return Vec::new();
        };
        owner.drop_what_is_over(Instant::now());
        let contests = owner.objects.iter();
        let words =
            contests.filter_map(|(key, contest)| Some(format!("{}: {}", key.object, contest.words()?)));
        words.collect()
    }

    /// Forgets an object that was deleted on purpose.
    pub(super) fn forget_object(&self, owner: &str, name: &str) {
        if let Some(owner) = self.owners().get_mut(owner) {
            owner.objects.retain(|key, _| key.object != name);
        }
    }

    fn change<T>(
        &self,
        desired: &Desired,
        field: Option<&str>,
        change: impl FnOnce(&mut Contest) -> T,
    ) -> Option<T> {
        let mut owners = self.owners();
        let owner = owners.get_mut(&desired.owner().uid)?;
        owner.objects.get_mut(&Key::of(desired, field)).map(change)
    }

    /// Forgets a server that is gone.
    pub(super) fn forget(&self, owner: &str) {
        self.owners().remove(owner);
    }
}

impl OfOwner {
    fn drop_what_is_over(&mut self, now: Instant) {
        self.objects.retain(|_, contest| !contest.is_over(now));
    }

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
