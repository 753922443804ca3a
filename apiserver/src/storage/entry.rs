//! What lies at a key, and what became of it.

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
}

impl Entry {
    /// `value` as it was written to `key` at `revision`; [`Revision::ZERO`] for one that is in no store (a dry run).
    #[must_use]
    pub fn new(key: Key, value: Bytes, revision: Revision) -> Self {
        Self(Arc::new(Inner {
            key,
            value,
            revision,
            facts: OnceLock::new(),
        }))
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
