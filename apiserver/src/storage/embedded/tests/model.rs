//! Writers that know what the store has promised them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::storage::conformance::{Mirror, Watcher, key, object, prefix};
use crate::storage::{Entry, Key, List, Page, ReadAt, Revision, Storage, StorageError};

/// Keys of one writer; nobody else writes to them.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) random: SmallRng,
    keys: Vec<Key>,
    /// What was acknowledged to lie at each key.
    promised: BTreeMap<Key, Entry>,
    /// A write of which it is not known whether it took place: the value that it leaves.
    pub(super) unknown: Option<(Key, Option<Bytes>)>,
    /// Revisions of acknowledged writes.
    pub(super) acknowledged: Vec<Revision>,
    count: u64,
}

/// What became of a write.
#[derive(Debug)]
pub(super) enum Outcome {
    Done,
    Failed(StorageError),
}

impl Writer {
    pub(super) fn new(number: u64, seed: u64) -> Self {
        let namespace = format!("ns-{number}");
        Self {
            random: SmallRng::seed_from_u64(seed * 100 + number),
            keys: (0..6).map(|name| key(&namespace, &format!("n-{name}"))).collect(),
            promised: BTreeMap::new(),
            unknown: None,
            acknowledged: Vec::new(),
            count: number * 1_000_000,
        }
    }

    /// Writes or deletes one of the keys.
    pub(super) async fn write(&mut self, store: &dyn Storage) -> Outcome {
        let key = self.keys[self.random.random_range(0..self.keys.len())].clone();
        self.count += 1;
        let value = Some(object(key.name(), self.count));
        let (left, result) = match (self.promised.get(&key).cloned(), value) {
            (None, value) => (value.clone(), store.create(&key, value.unwrap()).await),
            (Some(current), _) if self.random.random_range(0..4) == 0 => {
                (None, store.delete(&key, current.revision()).await)
            }
            (Some(current), value) => {
                let updated = store.update(&key, current.revision(), value.clone().unwrap());
                (value, updated.await)
            }
        };
        match result {
            Ok(entry) => {
                self.acknowledged.push(entry.revision());
                match left {
                    Some(value) => {
                        assert_eq!(entry.value(), &value);
                        self.promised.insert(key, entry);
                    }
                    None => drop(self.promised.remove(&key)),
                }
                Outcome::Done
            }
            Err(error) => {
                self.unknown = Some((key, left));
                Outcome::Failed(error)
            }
        }
    }

    /// Compares what lies in the store with what was promised. A write of which it was not known is known then.
    pub(super) fn compare(&mut self, there: &BTreeMap<Key, Entry>) {
        for key in self.keys.clone() {
            self.compare_one(&key, there.get(&key));
        }
        self.unknown = None;
    }

    /// The same for one key.
    pub(super) fn compare_one(&mut self, key: &Key, found: Option<&Entry>) {
        let promised = self.promised.get(key);
        let unknown = self.unknown.take_if(|(unknown, _)| unknown == key);
        if found == promised {
            return;
        }
        let left = unknown.as_ref().map(|(_, value)| value.as_ref());
        assert_eq!(
            left,
            Some(found.map(Entry::value)),
            "{key} holds what was never written; {promised:?} was promised"
        );
        match found {
            Some(entry) => drop(self.promised.insert(key.clone(), entry.clone())),
            None => drop(self.promised.remove(key)),
        }
    }
}

/// Follows the store through its failures.
#[derive(Debug)]
pub(super) struct Auditor {
    state: Mirror,
    /// What `state` is of.
    pub(super) revision: Revision,
    /// Every revision that was ever told.
    told: BTreeSet<Revision>,
}

impl Auditor {
    /// Of an empty store.
    pub(super) fn new(revision: Revision) -> Self {
        Self {
            state: Mirror::default(),
            revision,
            told: BTreeSet::new(),
        }
    }

    /// Compares the store with what its writers were promised, with its own history, and its revisions with all that
    /// were told before.
    pub(super) async fn audit(&mut self, store: &Arc<dyn Storage>, writers: &mut [Writer]) {
        let page = Self::audit_values(store, writers).await;
        let mut watcher = Watcher::new(store, self.revision).await;
        let changes = watcher.up_to(store, page.revision).await;
        let mut history = BTreeSet::new();
        for change in &changes {
            self.state.follow(change);
            history.insert(change.revision());
            assert!(
                self.told.insert(change.revision()),
                "{} was told before",
                change.revision()
            );
        }
        assert_eq!(
            self.state,
            Mirror::of(&page.entries),
            "the history and the values"
        );
        for revision in writers
            .iter_mut()
            .flat_map(|writer| writer.acknowledged.drain(..))
        {
            assert!(history.contains(&revision), "the history lacks {revision}");
        }
        self.revision = page.revision;
    }

    /// Compares the store with what its writers were promised, where its history may be gone.
    pub(super) async fn audit_values(store: &Arc<dyn Storage>, writers: &mut [Writer]) -> Page {
        let list = List {
            prefix: prefix(),
            after: None,
            limit: None,
            at: ReadAt::Latest,
        };
        let page = store.list(&list).await.unwrap();
        let there = page
            .entries
            .iter()
            .map(|entry| (entry.key().clone(), entry.clone()));
        let there: BTreeMap<Key, Entry> = there.collect();
        writers.iter_mut().for_each(|writer| writer.compare(&there));
        page
    }
}
