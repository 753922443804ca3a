//! All versions of all keys, and the log of their changes.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::storage::limits::after_text;
use crate::storage::tail::Replay;
use crate::storage::{Change, Entry, Key, List, Page, Prefix, Read, Revision, StorageError};

/// How many entries of the log one replay looks at.
const REPLAYED: usize = 1024;

#[derive(Debug)]
pub(super) struct State {
    /// By key, oldest first; never empty.
    versions: BTreeMap<String, Vec<Version>>,
    log: BTreeMap<Revision, Change>,
    revision: Revision,
    compacted: Revision,
}

/// What a key was at a revision: an entry, or deleted.
#[derive(Debug)]
struct Version {
    revision: Revision,
    entry: Option<Entry>,
}

impl State {
    pub(super) fn new(revision: Revision) -> Self {
        Self {
            versions: BTreeMap::new(),
            log: BTreeMap::new(),
            revision,
            compacted: revision,
        }
    }

    pub(super) fn revision(&self) -> Revision {
        self.revision
    }

    /// Refuses a revision whose history is gone.
    pub(super) fn check_compacted(&self, requested: Revision) -> Result<(), StorageError> {
        if requested < self.compacted {
            return Err(StorageError::Compacted {
                requested,
                oldest: self.compacted,
            });
        }
        Ok(())
    }

    /// The revision that a read is of: the newest where none is asked for.
    fn read_at(&self, at: Option<Revision>) -> Result<Revision, StorageError> {
        let Some(requested) = at else {
            return Ok(self.revision);
        };
        self.check_compacted(requested)?;
        if requested > self.revision {
            return Err(StorageError::FutureRevision {
                requested,
                current: self.revision,
            });
        }
        Ok(requested)
    }

    pub(super) fn get(&self, key: &Key, at: Option<Revision>) -> Result<Read, StorageError> {
        let revision = self.read_at(at)?;
        let versions = self.versions.get(key.as_str());
        let entry = versions
            .and_then(|versions| entry_at(versions, revision))
            .cloned();
        Ok(Read { entry, revision })
    }

    pub(super) fn list(&self, list: &List, at: Option<Revision>) -> Result<Page, StorageError> {
        let revision = self.read_at(at)?;
        let end = list.prefix.end();
        let after = list.after.as_deref().map(after_text);
        let start = match after {
            Some(after) if after >= list.prefix.as_str() => Bound::Excluded(after),
            _ => Bound::Included(list.prefix.as_str()),
        };
        if after.is_some_and(|after| after >= end.as_str()) {
            return Ok(Page {
                entries: Vec::new(),
                revision,
                remaining: 0,
            });
        }
        let mut entries = Vec::new();
        let mut remaining = 0;
        for versions in self
            .versions
            .range::<str, _>((start, Bound::Excluded(end.as_str())))
        {
            let Some(entry) = entry_at(versions.1, revision) else {
                continue;
            };
            if list.limit.is_none_or(|limit| entries.len() < limit) {
                entries.push(entry.clone());
            } else {
                remaining += 1;
            }
        }
        Ok(Page {
            entries,
            revision,
            remaining,
        })
    }

    pub(super) fn create(&mut self, key: &Key, value: Bytes) -> Result<Change, StorageError> {
        if self.current(key).is_some() {
            return Err(StorageError::AlreadyExists { key: key.clone() });
        }
        let entry = Entry::new(key.clone(), value, self.revision.next());
        Ok(self.commit(Change::written(entry, None)))
    }

    pub(super) fn update(
        &mut self,
        key: &Key,
        expected: Revision,
        value: Bytes,
    ) -> Result<Change, StorageError> {
        let previous = self.expect(key, expected)?;
        let entry = Entry::new(key.clone(), value, self.revision.next());
        Ok(self.commit(Change::written(entry, Some(previous))))
    }

    pub(super) fn delete(&mut self, key: &Key, expected: Revision) -> Result<Change, StorageError> {
        let previous = self.expect(key, expected)?;
        Ok(self.commit(Change::deleted(previous, self.revision.next())))
    }

    fn current(&self, key: &Key) -> Option<&Entry> {
        entry_at(self.versions.get(key.as_str())?, self.revision)
    }

    fn expect(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        let current = self.current(key);
        match current {
            Some(entry) if entry.revision() == expected => Ok(entry.clone()),
            _ => Err(StorageError::Conflict {
                key: key.clone(),
                current: current.cloned(),
            }),
        }
    }

    fn commit(&mut self, change: Change) -> Change {
        self.revision = change.revision();
        let versions = self.versions.entry(change.entry().key().as_str().to_owned());
        versions.or_default().push(Version {
            revision: change.revision(),
            entry: (!change.is_deletion()).then(|| change.entry().clone()),
        });
        self.log.insert(change.revision(), change.clone());
        change
    }

    pub(super) fn replay(&self, prefix: &Prefix, after: Revision) -> Result<Replay, StorageError> {
        self.check_compacted(after)?;
        let newer = (Bound::Excluded(after), Bound::Unbounded);
        let mut reached = after;
        let mut changes = Vec::new();
        for (revision, change) in self.log.range(newer).take(REPLAYED) {
            reached = *revision;
            if change.entry().key().is_in(prefix) {
                changes.push(change.clone());
            }
        }
        Ok(Replay { changes, reached })
    }

    pub(super) fn compact(&mut self, revision: Revision) {
        if revision <= self.compacted || revision > self.revision {
            return;
        }
        self.compacted = revision;
        self.log = self.log.split_off(&revision.next());
        self.versions.retain(|_, versions| {
            let newer = versions.partition_point(|version| version.revision <= revision);
            // What exists at `revision` stays; a deletion that is not newer leaves nothing.
            let kept = newer.saturating_sub(1);
            versions.drain(..kept);
            if versions
                .first()
                .is_some_and(|first| first.revision <= revision && first.entry.is_none())
            {
                versions.remove(0);
            }
            !versions.is_empty()
        });
    }
}

fn entry_at(versions: &[Version], revision: Revision) -> Option<&Entry> {
    let newer = versions.partition_point(|version| version.revision <= revision);
    versions[..newer].last()?.entry.as_ref()
}
