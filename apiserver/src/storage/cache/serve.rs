//! The cache as a store.

use async_trait::async_trait;
use bytes::Bytes;

use super::answering::Answering;
use super::{Cache, watcher};
use crate::storage::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch};

#[async_trait]
impl Storage for Cache {
    /// While the cache is not filled, the backend answers: one key costs it little.
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        if !key.is_in(&self.shared.prefix) || !self.ready() {
            return self.shared.backend.get(key, at).await;
        }
        match self.answering(at).await? {
            Answering::Present => {
                let state = self.shared.state();
                Ok(Read {
                    entry: state.content.get(key).cloned(),
                    revision: state.reached,
                })
            }
            Answering::Moment(content, revision) => Ok(Read {
                entry: content.get(key).cloned(),
                revision,
            }),
            Answering::Backend => self.shared.backend.get(key, at).await,
        }
    }

    async fn list(&self, list: &List) -> Result<Page, StorageError> {
        if !self.covers(&list.prefix) {
            return self.shared.backend.list(list).await;
        }
        let (part, revision) = match self.answering(list.at).await? {
            Answering::Present => self.begin(list),
            Answering::Moment(content, revision) => (content.part(list), revision),
            Answering::Backend => return self.shared.backend.list(list).await,
        };
        Ok(Page {
            entries: part.entries,
            revision,
            remaining: part.remaining as u64,
        })
    }

    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError> {
        self.shared.backend.create(key, value).await
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        self.shared.backend.update(key, expected, value).await
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.shared.backend.delete(key, expected).await
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError> {
        if !self.covers(prefix) {
            return self.shared.backend.watch(prefix, after).await;
        }
        if !self.ready() {
            return Err(StorageError::Initializing);
        }
        watcher::watch(&self.shared, prefix, after).await
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        self.shared.backend.current_revision().await
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.shared.progress().await
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        let current = self.shared.backend.current_revision().await?;
        self.shared.backend.compact(revision).await?;
        // What is not reached was not compacted.
        if revision <= current {
            self.shared.forget_before(revision);
        }
        Ok(())
    }

    fn count(&self, prefix: &Prefix) -> Option<usize> {
        if !self.covers(prefix) || !self.ready() {
            return None;
        }
        let content = self.shared.state().content.clone();
        Some(content.count(prefix))
    }

    fn watchers(&self, prefix: &Prefix) -> usize {
        self.shared.watchers_of(prefix)
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.shared.backend.check().await
    }
}
