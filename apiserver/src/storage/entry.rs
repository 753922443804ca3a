//! What lies at a key, and what became of it.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::{Key, Revision};
use crate::object::Facts;

/// The encoded object at a key, at one revision. Cheap to clone: all clones are one.
#[derive(Clone, Debug)]
pub struct Entry(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    key: Key,
    value: Bytes,
    revision: Revision,
    facts: OnceLock<Box<Facts>>,
    /// The fingerprint of the schema that the value is canonical by; 0: none is known.
    schema: AtomicU64,
}

impl Entry {
    /// `value` as it was written to `key` at `revision`; [`Revision::ZERO`] for one that is in no store (a dry run).
    #[must_use]
    pub fn new(key: Key, value: Bytes, revision: Revision) -> Self {
        Self::canonical(key, value, revision, None)
    }

    /// The same, of a value that a program with this schema has defaulted and written.
    #[must_use]
    pub fn canonical(key: Key, value: Bytes, revision: Revision, schema: Option<NonZeroU64>) -> Self {
        Self(Arc::new(Inner {
            key,
            value,
            revision,
            facts: OnceLock::new(),
            schema: AtomicU64::new(schema.map_or(0, NonZeroU64::get)),
        }))
    }

    /// What was written to `key` at `revision` and cannot be read any more. It is there, and has no value: whoever
    /// wants one is told `reason`.
    #[must_use]
    pub fn unreadable(key: Key, revision: Revision, reason: &str) -> Self {
        let entry = Self::new(key, Bytes::new(), revision);
        // Nobody else has it yet.
        let _ = entry.0.facts.set(Box::new(Facts::unreadable(reason)));
        entry
    }

    /// The same value at another revision: a deletion's.
    #[must_use]
    pub fn at(&self, revision: Revision) -> Self {
        let key = self.0.key.clone();
        if self.is_lost() {
            return Self::unreadable(key, revision, self.damage().unwrap_or_default());
        }
        Self::canonical(key, self.0.value.clone(), revision, self.schema())
    }

    /// Where it lies.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// The encoded object, as the store holds it: without a resourceVersion.
    #[must_use]
    pub fn value(&self) -> &Bytes {
        &self.0.value
    }

    /// The revision of its last change.
    #[must_use]
    pub fn revision(&self) -> Revision {
        self.0.revision
    }

    /// The fingerprint of the schema that the value is known to be canonical by: defaulted, and written by a program
    /// that has this schema. `None`: nobody has looked yet.
    #[must_use]
    pub fn schema(&self) -> Option<NonZeroU64> {
        NonZeroU64::new(self.0.schema.load(Ordering::Relaxed))
    }

    /// Notes that the value is canonical by this schema.
    pub fn set_schema(&self, schema: NonZeroU64) {
        self.0.schema.store(schema.get(), Ordering::Relaxed);
    }

    /// Why the value cannot be read: the store lost it, or it is no JSON object.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.facts().damage.as_deref()
    }

    /// Whether the store has lost the value.
    pub(crate) fn is_lost(&self) -> bool {
        self.0.value.is_empty()
    }

    /// Whether both are clones of one: not only equal, but sharing what was worked out about the value.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What was once worked out about the value, and is kept with it.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.0.facts.get_or_init(|| Box::new(Facts::read(&self.0.value)))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.0.revision == other.0.revision && self.0.key == other.0.key && self.0.value == other.0.value
    }
}
