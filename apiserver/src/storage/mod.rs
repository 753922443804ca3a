//! A revisioned key-value store with a watch: what a Kubernetes API needs below it, and nothing more.
//!
//! The trait says what reference text §6 of k8s.io/apiserver's `storage.Interface` says, without etcd's words. One
//! conformance suite holds every backend, and the watch cache in front of them, to it.
//!
//! # How the parts fit
//!
//! ```text
//! registry of flunders --> cache of /GROUP/flunders/ --+
//!                                                      +--> one backend: memory, embedded, etcd
//! registry of fischers --> cache of /GROUP/fischers/ --+
//! ```
//!
//! A server has one backend, and before it one [`cache::Cache`] for each resource. All of them are a [`Storage`], so a
//! registry does not know which one it has; without a cache it is slower and answers the same.
//!
//! **Who answers what** of one resource's keys (all others go through to the backend):
//!
//! | asked | answered by |
//! |---|---|
//! | a write | the backend; the cache learns of it from its watch, as of everybody's |
//! | a read at [`ReadAt::Any`] | the cache as it is; where the backend told somebody something newer, not before it has got there, else the backend |
//! | [`ReadAt::NotOlderThan`] | the cache, when it has got there; the backend where that cannot be waited for |
//! | [`ReadAt::Latest`] | the cache, when it has got to where the backend said that it was; in trouble the backend |
//! | [`ReadAt::Exact`] | the cache, where it has that moment (now, or a list that was begun); else the backend |
//! | a watch | the cache; what is older than its history the backend tells first |
//! | anything while the cache is not filled | [`StorageError::Initializing`]; of a single key the backend |
//!
//! **Revisions.** There is one clock for the whole store, not one for each resource. So the revision of a list says
//! nothing about the resource's last change: a cache is *at* revision 90 when it knows that nothing happened to its
//! resource up to 90, though its last change was at 7. It learns that from its own changes and from [`Event::Progress`],
//! for which it asks the backend while a reader waits. Everything that a client calls resourceVersion is such a revision:
//! of an object its last change, of a deletion the deletion, of a list the moment, of a bookmark the progress.
//!
//! **What is lost when.** A watch of the cache ends without an error where its reader is too slow for the history (at
//! least 75 s), and with [`StorageError::Compacted`] where the cache lost track of the backend for longer than that keeps
//! its history, and was filled again. While a backend does not answer, the cache goes on serving what does not have to be
//! the latest.
//!
//! **A store that went back**, as one that was restored from a backup, has lost revisions that it had told. It says so by
//! another number of [`Storage::history`] or by a revision below one before it. Then the cache is filled again, with an
//! empty history, and meanwhile the backend answers all but reads at [`ReadAt::Any`]; its watches end with
//! [`StorageError::Compacted`].

pub mod cache;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
pub mod embedded;
mod entry;
mod error;
#[cfg(feature = "etcd")]
pub mod etcd;
mod event;
mod key;
mod limits;
pub mod memory;
mod revision;
mod tail;

use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::background::BackgroundTask;

pub use entry::Entry;
pub use error::{StorageError, ValueLimit};
pub use event::{Change, Event};
pub use key::{Key, KeyError, Prefix};
pub use revision::Revision;

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAt {
    /// Every write that was acknowledged before the read began is seen (linearizable).
    Latest,
    /// Whatever is at hand, and never older than what the same store told this process before.
    Any,
    /// Not older than this revision. Where the store has not reached it yet, it waits a little (at most 3 s), then
    /// answers [`StorageError::FutureRevision`].
    NotOlderThan(Revision),
    /// As it was at this revision: [`StorageError::Compacted`] where that is gone, [`StorageError::FutureRevision`]
    /// where it is not reached.
    Exact(Revision),
}

/// The answer to a read of one key.
#[derive(Clone, Debug)]
pub struct Read {
    /// What lies there.
    pub entry: Option<Entry>,
    /// The store's revision at the moment of the read.
    pub revision: Revision,
}

/// Which entries to list.
#[derive(Clone, Debug)]
pub struct List {
    /// The range.
    pub prefix: Prefix,
    /// Only keys that sort after this text (which need not be a key).
    pub after: Option<String>,
    /// At most this many; `None`: all.
    pub limit: Option<usize>,
    /// How fresh.
    pub at: ReadAt,
}

/// A part of a list, in the keys' byte order.
#[derive(Clone, Debug)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The revision at which they were read; asked again with [`ReadAt::Exact`], the next page is of the same moment.
    pub revision: Revision,
    /// How many more entries lie in the range after these.
    pub remaining: u64,
}

/// What a watch tells, in batches: all that was ready at once. The stream ends after an error, and when the store closes.
pub type Watch = BoxStream<'static, Result<Vec<Event>, StorageError>>;

/// A revisioned key-value store with a watch.
///
/// # Guarantees
/// - One [`Revision`] for the whole store; every write gets one of its own, larger than all before; none is ever reused,
///   whatever crashes. A clock ahead or behind changes nothing of that.
/// - A write that was acknowledged is durable, and is seen by every later read with [`ReadAt::Latest`].
/// - A read is of one revision: no read sees half of the writes of another one's moment.
/// - A watch tells every change of its range after its revision exactly once, in the order of revisions.
/// - What is there and cannot be read is told as such ([`Entry::unreadable`]): it is neither absent nor left out of a list.
/// - Dropping a returned future at any await leaves the store whole: the write took place or it did not.
#[async_trait]
pub trait Storage: std::fmt::Debug + Send + Sync + 'static {
    /// Reads one key.
    ///
    /// # Errors
    /// Those of [`ReadAt`]; [`StorageError::Unavailable`].
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError>;

    /// Reads a range.
    ///
    /// # Errors
    /// Those of [`ReadAt`]; [`StorageError::Unavailable`].
    async fn list(&self, list: &List) -> Result<Page, StorageError>;

    /// Writes a key that must not exist.
    ///
    /// # Errors
    /// [`StorageError::AlreadyExists`], [`StorageError::ValueTooLarge`], [`StorageError::NoSpace`].
    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError>;

    /// Replaces the value of a key whose last change was at `expected`.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] with what is there instead; as for `create`.
    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError>;

    /// As [`create`](Self::create), of a value that is canonical by a schema of this fingerprint: defaulted and written
    /// by a program that has it. A store that can notes that with the value.
    ///
    /// # Errors
    /// As for `create`.
    async fn create_canonical(
        &self,
        key: &Key,
        value: Bytes,
        schema: NonZeroU64,
    ) -> Result<Entry, StorageError> {
        let entry = self.create(key, value).await?;
        entry.set_schema(schema);
        Ok(entry)
    }

    /// As [`update`](Self::update), of a value that is canonical by a schema of this fingerprint.
    ///
    /// # Errors
    /// As for `update`.
    async fn update_canonical(
        &self,
        key: &Key,
        expected: Revision,
        value: Bytes,
        schema: NonZeroU64,
    ) -> Result<Entry, StorageError> {
        let entry = self.update(key, expected, value).await?;
        entry.set_schema(schema);
        Ok(entry)
    }

    /// Deletes a key whose last change was at `expected`. Returns the deleted value with the deletion's revision.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] with what is there instead; [`StorageError::Unreadable`] where its value is lost.
    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError>;

    /// The same, also of a value that the store has lost ([`Entry::unreadable`]), which then is what is returned. Watches
    /// that pass such a deletion are ended with [`StorageError::Compacted`]: nobody can tell them what was deleted.
    ///
    /// # Errors
    /// As for `delete`.
    async fn delete_unread(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.delete(key, expected).await
    }

    /// Revisions that no write of this store ever had or will have, though it has later ones, or will have: what it left
    /// out when it was opened. Whoever names one of them knows it from a history that was lost when the store was
    /// restored from a copy: exact reads and watches from there answer [`StorageError::Compacted`].
    fn skipped(&self) -> Option<RangeInclusive<Revision>> {
        None
    }

    /// Tells every change in `prefix` after the revision `after`. A future revision is accepted: the watch is silent
    /// until the store has passed it. [`Event::Progress`] comes on the backend's own time, and after
    /// [`Storage::request_progress`].
    ///
    /// # Errors
    /// [`StorageError::Compacted`], here or as the stream's last item.
    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError>;

    /// The newest revision: not older than any write that was acknowledged before the call.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn current_revision(&self) -> Result<Revision, StorageError>;

    /// Asks that every open watch tell its progress soon.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn request_progress(&self) -> Result<(), StorageError>;

    /// Whether progress that is asked for is told soon, and never before what it covers. Where not, progress comes on the
    /// backend's own time alone, and nobody should wait for it.
    fn answers_progress(&self) -> bool {
        true
    }

    /// The number of the history that the store tells. It is another one after the store went back, as an etcd does that is
    /// restored from a backup: revisions from before then mean nothing any more. May lag behind until the store is asked.
    fn history(&self) -> u64 {
        0
    }

    /// Whether the store has not reached `revision` yet. Nobody was ever told such a revision, unless the store lost its end.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn is_future(&self, revision: Revision) -> Result<bool, StorageError> {
        Ok(self.current_revision().await? < revision)
    }

    /// Forgets the history before `revision`: older exact reads and watches answer [`StorageError::Compacted`].
    /// What exists at `revision` stays. A revision that is compacted already, or not reached, is no error and does
    /// nothing.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`].
    async fn compact(&self, revision: Revision) -> Result<(), StorageError>;

    /// What goes on in the background for as long as the store is open.
    fn background(&self) -> Vec<BackgroundTask> {
        Vec::new()
    }

    /// How many entries lie in `prefix`, where that is known without reading them.
    fn count(&self, _prefix: &Prefix) -> Option<usize> {
        None
    }

    /// How many watches are open that are told of a change in `prefix`, where that is known.
    fn watchers(&self, _prefix: &Prefix) -> usize {
        0
    }

    /// Whether lists are answered: not before a cache is filled.
    fn is_ready(&self) -> bool {
        true
    }

    /// Whether the store answers, for health checks.
    ///
    /// # Errors
    /// Why not.
    async fn check(&self) -> Result<(), StorageError>;
}
