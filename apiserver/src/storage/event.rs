//! What a watch tells.

use std::sync::Arc;

use super::{Entry, Revision};
use crate::object::EncodingCache;

/// One thing that a watch tells.
#[derive(Clone, Debug)]
pub enum Event {
    /// An object was written or deleted.
    Changed(Change),
    /// Nothing has happened in the watched range up to this revision beyond what was told.
    Progress(Revision),
}

/// One write or deletion. Cheap to clone: all clones share one cache of encodings.
#[derive(Clone, Debug)]
pub struct Change(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    entry: Entry,
    previous: Option<Entry>,
    deleted: bool,
    encodings: EncodingCache,
}

impl Change {
    /// A write of `entry`, over `previous` where there was one.
    #[must_use]
    pub fn written(entry: Entry, previous: Option<Entry>) -> Self {
        Self(Arc::new(Inner {
            entry,
            previous,
            deleted: false,
            encodings: EncodingCache::default(),
        }))
    }

    /// The deletion of `previous` at `revision`.
    #[must_use]
    pub fn deleted(previous: Entry, revision: Revision) -> Self {
        let entry = previous.at(revision);
        Self(Arc::new(Inner {
            entry,
            previous: Some(previous),
            deleted: true,
            encodings: EncodingCache::default(),
        }))
    }

    /// The object as written; of a deletion: its last value with the deletion's revision.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        &self.0.entry
    }

    /// What was there before.
    #[must_use]
    pub fn previous(&self) -> Option<&Entry> {
        self.0.previous.as_ref()
    }

    /// Whether the object is gone.
    #[must_use]
    pub fn is_deletion(&self) -> bool {
        self.0.deleted
    }

    /// Whether the store has lost a value that it must tell.
    pub(crate) fn is_lost(&self) -> bool {
        self.entry().is_lost() || self.previous().is_some_and(Entry::is_lost)
    }

    /// The revision of the change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.entry.revision()
    }

    /// Frames of this change that were encoded for one watcher and serve the others too.
    #[must_use]
    pub fn encodings(&self) -> &EncodingCache {
        &self.0.encodings
    }
}
