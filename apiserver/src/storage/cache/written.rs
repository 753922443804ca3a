//! What was written here and the backend's watch has not told yet.
//!
//! Whoever writes knows whether the value is canonical; a watch of etcd does not tell. So it is remembered until the watch tells
//! the write, and the cache's own entry learns it, which is then neither defaulted nor compared again.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};

use crate::storage::{Entry, Event, Key, Revision};

/// Writes that are remembered. What is forgotten is looked at once more, which is all.
const MOST: usize = 1024;

/// Writes by their keys.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<HashMap<Key, Known>>);

/// What is known of the last write to a key.
#[derive(Clone, Copy, Debug)]
struct Known {
    revision: Revision,
    length: usize,
    schema: NonZeroU64,
}

impl Written {
    /// Remembers a write whose value is canonical.
    pub(super) fn note(&self, entry: &Entry) {
        let Some(schema) = entry.schema() else {
            return;
        };
        let known = Known {
            revision: entry.revision(),
            length: entry.value().len(),
            schema,
        };
        self.with(|writes| {
            if writes.len() >= MOST {
                writes.clear();
            }
            writes.insert(entry.key().clone(), known);
        });
    }

    /// Has the entries of `events` learn what is known of them, and forgets it.
    pub(super) fn told(&self, events: &[Event]) {
        self.with(|writes| {
            for event in events {
                if writes.is_empty() {
                    return;
                }
                if let Event::Changed(change) = event {
                    teach(writes, change.entry());
                }
            }
        });
    }

    /// The same of one entry that the cache has already.
    pub(super) fn is_there(&self, entry: &Entry) {
        self.with(|writes| teach(writes, entry));
    }

    /// Forgets all: the store tells another history.
    pub(super) fn clear(&self) {
        self.with(HashMap::clear);
    }

    fn with<T>(&self, change: impl FnOnce(&mut HashMap<Key, Known>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn teach(writes: &mut HashMap<Key, Known>, entry: &Entry) {
    let Some(known) = writes.get(entry.key()).copied() else {
        return;
    };
    // The write is still to come.
    if entry.revision() < known.revision {
        return;
    }
    writes.remove(entry.key());
    if entry.revision() == known.revision && entry.value().len() == known.length {
        entry.set_schema(known.schema);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Options;
    use super::super::shared::Shared;
    use super::*;
    use crate::storage::Change;
    use crate::storage::conformance::{key, object, prefix};
    use crate::storage::memory::MemoryStore;

    const SCHEMA: NonZeroU64 = NonZeroU64::MAX;

    fn entry(name: &str, revision: u64) -> Entry {
        Entry::new(key("shop", name), object(name, 1), Revision::new(revision))
    }

    fn written(name: &str, revision: u64) -> Entry {
        let entry = entry(name, revision);
        entry.set_schema(SCHEMA);
        entry
    }

    fn tell(writes: &Written, entry: &Entry) -> Option<NonZeroU64> {
        writes.told(&[
            Event::Progress(entry.revision()),
            Event::Changed(Change::written(entry.clone(), None)),
        ]);
        entry.schema()
    }

    #[test]
    fn what_is_told_is_known_as_it_was_written() {
        let writes = Written::default();
        writes.note(&written("a", 5));
        // Somebody else's, before it and to another key.
        assert_eq!(tell(&writes, &entry("a", 4)), None);
        assert_eq!(tell(&writes, &entry("b", 5)), None);
        assert_eq!(tell(&writes, &entry("a", 5)), Some(SCHEMA));
        assert_eq!(tell(&writes, &entry("a", 5)), None, "it is said once");
    }

    #[test]
    fn somebody_elses_later_write_is_not() {
        let writes = Written::default();
        writes.note(&written("a", 5));
        assert_eq!(tell(&writes, &entry("a", 6)), None);
        assert_eq!(tell(&writes, &entry("a", 5)), None);
        // Nor is one of a value that nobody knows to be canonical.
        writes.note(&entry("a", 7));
        assert_eq!(tell(&writes, &entry("a", 7)), None);
    }

    #[test]
    fn of_too_many_the_latest_are_remembered() {
        let writes = Written::default();
        for number in 0..=MOST {
            writes.note(&written(&format!("a{number}"), 5));
        }
        assert_eq!(tell(&writes, &entry("a0", 5)), None);
        assert_eq!(tell(&writes, &entry(&format!("a{MOST}"), 5)), Some(SCHEMA));
    }

    #[test]
    fn the_caches_own_entry_learns_of_it_whether_the_watch_or_the_writer_is_faster() {
        let shared = Shared::new(Arc::new(MemoryStore::new()), prefix(), Options::default());
        let schema = |name: &str| {
            let there = shared.state().content.get(&key("shop", name)).cloned();
            there.and_then(|entry| entry.schema())
        };
        let watch = |entry: Entry| shared.apply(&[Event::Changed(Change::written(entry, None))]);
        shared.fill(Vec::new(), Revision::new(1), 0);
        shared.note_written(&written("a", 5));
        watch(entry("a", 5)).unwrap();
        assert_eq!(schema("a"), Some(SCHEMA));
        watch(entry("b", 6)).unwrap();
        assert_eq!(schema("b"), None);
        shared.note_written(&written("b", 6));
        assert_eq!(schema("b"), Some(SCHEMA));
        // A store that tells another history gives the revision to something else.
        shared.note_written(&written("c", 9));
        shared.fill(Vec::new(), Revision::new(7), 1);
        watch(entry("c", 9)).unwrap();
        assert_eq!(schema("c"), None);
    }
}
