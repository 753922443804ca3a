//! What can go wrong in a store.

use std::fmt;

use super::{Entry, Key, Revision};

/// The limit on the size of one value, as whoever runs the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValueLimit {
    /// What sets the limit, such as `etcd's --max-request-bytes`.
    pub setting: &'static str,
    /// The limit in bytes; `None` where the store refuses without a number.
    pub bytes: Option<usize>,
}

/// As Kubernetes words it of a body, with the setting: `limit is 1572864 (SETTING)`.
impl fmt::Display for ValueLimit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(formatter, "limit is {bytes} ({})", self.setting),
            None => write!(formatter, "limit is {}", self.setting),
        }
    }
}

/// Why a store did not do what it was asked.
///
/// Closed: every backend reports in these words, and `status` alone knows which HTTP status each becomes.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is an object at the key already.
    #[error("{key} exists")]
    AlreadyExists {
        /// The key.
        key: Key,
    },
    /// The object is not as the writer believed: it has another revision, or is gone (`current` is `None`).
    #[error("{key} was changed by somebody else")]
    Conflict {
        /// The key.
        key: Key,
        /// What is there.
        current: Option<Entry>,
    },
    /// The history that was asked for is compacted away.
    #[error("revision {requested} is older than the oldest that is kept, {oldest}")]
    Compacted {
        /// What was asked for.
        requested: Revision,
        /// The oldest revision that can be had.
        oldest: Revision,
    },
    /// A revision was asked for that the store has not reached.
    #[error("revision {requested} is newer than the store's, {current}")]
    FutureRevision {
        /// What was asked for.
        requested: Revision,
        /// Where the store is.
        current: Revision,
    },
    /// The value is larger than the store takes. Nothing of it was written.
    #[error("a value of {size} bytes is more than the store takes: {limit}")]
    ValueTooLarge {
        /// Bytes of the value.
        size: usize,
        /// What it exceeds.
        limit: ValueLimit,
    },
    /// There is no space left for writes. Reads go on.
    #[error("the store has no space left")]
    NoSpace(#[source] Option<Box<dyn std::error::Error + Send + Sync>>),
    /// The store does not answer, or not in time; whether a write took place is unknown.
    #[error("the store is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The watch cache has not been filled yet.
    #[error("the cache is not filled yet")]
    Initializing,
    /// What the store holds is damaged. It is never repaired by forgetting.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// Something is at a key that was not written by any known server.
    #[error("the value at {key} cannot be read: {reason}")]
    Unreadable {
        /// The key.
        key: String,
        /// Why.
        reason: String,
    },
}
