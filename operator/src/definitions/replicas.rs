//! What the ready replicas of a server say together. Pure.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::reports::{Item, Report};

/// The ready replicas of a server.
#[derive(Clone, Debug, Default)]
pub struct Replicas {
    /// What those say that have answered lately.
    pub reports: Vec<Arc<Report>>,
    /// Those that have not, each with why.
    pub silent: Vec<String>,
    /// How many have not been asked so far.
    pub unasked: usize,
    /// Whether it is not known so far which there are.
    pub are_unknown: bool,
}

/// What all of them say of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Serving {
    /// There is no ready replica.
    NoReplica,
    /// Not all of them were asked so far.
    Unasked,
    /// One at least does not say what it serves.
    Silent(String),
    /// One at least cannot serve the definition as it is now.
    Failed(String),
    /// One at least has not got there.
    Behind,
    /// Each serves it.
    Everywhere,
}

impl Replicas {
    /// Whether each ready one has answered, and there is one.
    #[must_use]
    pub fn are_complete(&self) -> bool {
        !self.reports.is_empty() && self.silent.is_empty() && self.unasked == 0 && !self.are_unknown
    }

    /// What those that answered say of the definition with `uid`; `None` of who says nothing.
    pub fn of<'a>(&'a self, name: &'a str, uid: &'a str) -> impl Iterator<Item = Option<&'a Item>> {
        self.reports.iter().map(move |report| {
            let item = report.items.get(uid);
            item.filter(|item| item.name == name)
        })
    }

    /// Whether each serves `generation` of the definition.
    #[must_use]
    pub fn serving(&self, name: &str, uid: &str, generation: i64) -> Serving {
        if self.are_unknown {
            return Serving::Unasked;
        }
        if self.reports.is_empty() && self.silent.is_empty() && self.unasked == 0 {
            return Serving::NoReplica;
        }
        if let Some(silent) = self.silent.first() {
            return Serving::Silent(silent.clone());
        }
        if self.unasked > 0 {
            return Serving::Unasked;
        }
        let failed = self.of(name, uid).flatten().find_map(|item| item.error.clone());
        let serves = |item: Option<&Item>| {
            item.is_some_and(|item| item.served && item.generation.is_some_and(|served| served >= generation))
        };
        match failed {
            _ if self.of(name, uid).all(serves) => Serving::Everywhere,
            Some(error) => Serving::Failed(error),
            None => Serving::Behind,
        }
    }

    /// A digest of what is served of `group`; `None` while they do not say the same, or not all have answered. A change of it is a change
    /// of what clients find.
    #[must_use]
    pub fn digest(&self, group: &str) -> Option<String> {
        let served = |report: &Report| {
            let of_group = report.items.values().filter(|item| {
                let its_group = item.name.split_once('.').map(|(_, group)| group);
                item.served && its_group == Some(group)
            });
            let mut served: Vec<(String, Option<i64>)> =
                of_group.map(|item| (item.uid.clone(), item.generation)).collect();
            served.sort();
            served
        };
        let first = served(self.reports.first().filter(|_| self.are_complete())?);
        if self.reports.iter().any(|report| served(report) != first) {
            return None;
        }
        let digest = Sha256::digest(format!("{first:?}"));
        Some(digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The versions that objects of the definition may be stored in: of all replicas together.
    #[must_use]
    pub fn stored_versions(&self, name: &str, uid: &str) -> Vec<String> {
        let mut versions: Vec<String> = Vec::new();
        for version in self
            .of(name, uid)
            .flatten()
            .flat_map(|item| &item.stored_versions)
        {
            if !versions.contains(version) {
                versions.push(version.clone());
            }
        }
        versions
    }

    /// Whether each has seen the deletion of the definition, after which it creates no object.
    #[must_use]
    pub fn have_stopped(&self, name: &str, uid: &str) -> bool {
        let has_stopped = |item: Option<&Item>| item.is_some_and(|item| item.terminating);
        self.are_complete() && self.of(name, uid).all(has_stopped)
    }

    /// How many objects are left of the definition that is being deleted, where each replica has seen that and says so.
    #[must_use]
    pub fn objects_left(&self, name: &str, uid: &str) -> Option<u64> {
        if !self.are_complete() {
            return None;
        }
        let left = |item: Option<&Item>| item.filter(|item| item.terminating)?.objects;
        let each: Option<Vec<u64>> = self.of(name, uid).map(left).collect();
        each?.into_iter().max()
    }
}
