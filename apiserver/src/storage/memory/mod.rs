//! A store in this process's memory: for tests, and the model that the others are measured by.

mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use self::state::State;
use super::limits::{check_size, starting_revision};
use super::tail::{History, Replay, Tail};
use super::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch};

/// A [`Storage`] that is gone with its process. It keeps all history until it is told to compact.
#[derive(Debug)]
pub struct MemoryStore {
    state: Arc<Locked>,
    tail: Tail,
}

/// The state, which changes and is published under one lock: no reader knows of a revision that no watcher is told of.
#[derive(Debug)]
struct Locked(Mutex<State>);

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryStore {
    /// An empty store. Its revisions start from the clock, so that no client takes what it knows of the last one for
    /// something of this one.
    #[must_use]
    pub fn new() -> Self {
        Self::starting_at(starting_revision())
    }

    /// An empty store whose first write gets the revision after this one.
    #[must_use]
    pub fn starting_at(revision: Revision) -> Self {
        Self {
            state: Arc::new(Locked(Mutex::new(State::new(revision)))),
            tail: Tail::new(revision),
        }
    }

    /// Makes one change, and publishes it.
    fn write(
        &self,
        change: impl FnOnce(&mut State) -> Result<super::Change, StorageError>,
    ) -> Result<Entry, StorageError> {
        let mut state = self.state.lock();
        let change = change(&mut state)?;
        let entry = change.entry().clone();
        self.tail.publish(vec![change]);
        Ok(entry)
    }

    /// Waits until the state is as fresh as it must be; the revision to read at.
    async fn revision_for(&self, at: ReadAt) -> Result<Option<Revision>, StorageError> {
        match at {
            ReadAt::Latest | ReadAt::Any => Ok(None),
            ReadAt::NotOlderThan(revision) => self.tail.reach(revision).await.map(|()| None),
            ReadAt::Exact(revision) => Ok(Some(revision)),
        }
    }
}

impl Locked {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl History for Locked {
    async fn replay(&self, prefix: &Prefix, after: Revision) -> Result<Replay, StorageError> {
        self.lock().replay(prefix, after)
    }
}

#[async_trait]
impl Storage for MemoryStore {
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        let at = self.revision_for(at).await?;
        self.state.lock().get(key, at)
    }

    async fn list(&self, list: &List) -> Result<Page, StorageError> {
        let at = self.revision_for(list.at).await?;
        self.state.lock().list(list, at)
    }

    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError> {
        check_size(&value)?;
        self.write(|state| state.create(key, value))
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        check_size(&value)?;
        self.write(|state| state.update(key, expected, value))
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.write(|state| state.delete(key, expected))
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError> {
        self.state.lock().check_compacted(after)?;
        Ok(self.tail.watch(prefix, after, self.state.clone()))
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        Ok(self.state.lock().revision())
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.tail.request_progress();
        Ok(())
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        self.state.lock().compact(revision);
        Ok(())
    }

    async fn check(&self) -> Result<(), StorageError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::conformance::Fresh;

    async fn fresh() -> Fresh {
        Fresh::new(Arc::new(MemoryStore::new()), ())
    }

    crate::storage_conformance!(fresh);
}
