//! What the registry answers.

use crate::storage::{Entry, Revision};

/// Objects that were found, in the order of their keys.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The objects.
    pub entries: Vec<Entry>,
    /// The list's `metadata.resourceVersion`; of a further page it is the first page's.
    pub revision: Revision,
    /// `metadata.continue`; empty: this is the last page.
    pub continue_token: String,
    /// `metadata.remainingItemCount`, where it is known: never of a list with selectors.
    pub remaining: Option<u64>,
}

/// An object that was created.
#[derive(Clone, Debug)]
pub struct Created {
    /// The object as it is stored; of a dry run it has [`Revision::ZERO`], and is answered without a resourceVersion.
    pub entry: Entry,
}

/// An object that was updated.
#[derive(Clone, Debug)]
pub struct Updated {
    /// The object as it is stored. Of a dry run it keeps the revision of the stored object. Where the update took the
    /// last finalizer of an object in deletion: its last state.
    pub entry: Entry,
    /// Whether it did not exist before: the answer is 201.
    pub created: bool,
    /// Whether it is gone now: it was in deletion, and the update took its last finalizer. The answer is 200.
    pub deleted: bool,
}

/// What became of an object that was to be deleted.
#[derive(Clone, Debug)]
pub enum Deleted {
    /// It is gone: the answer is a Status of success with its uid. Its last state.
    Gone(Entry),
    /// It lives on until its finalizers are done: the answer is the object.
    Pending(Entry),
}

impl Deleted {
    /// The object's last known state.
    #[must_use]
    pub fn entry(&self) -> &Entry {
        match self {
            Self::Gone(entry) | Self::Pending(entry) => entry,
        }
    }
}
