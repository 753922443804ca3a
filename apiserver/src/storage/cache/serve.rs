//! The cache as a store.

use std::num::NonZeroU64;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use bytes::Bytes;

use super::answering::Answering;
use super::{Cache, watcher};
use crate::storage::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch};

#[async_trait]
impl Storage for Cache {
    /// While the cache is not filled, the backend answers: one key costs it little.
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        if !key.is_in(&self.shared.prefix) {
            return self.shared.backend.get(key, at).await;
        }
        if !self.ready() {
            let read = self.shared.backend.get(key, at).await?;
            self.shared.note_told(at, read.revision);
            return Ok(read);
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
            Answering::Backend => {
                let read = self.shared.backend.get(key, at).await?;
                self.shared.note_told(at, read.revision);
                Ok(read)
            }
        }
    }

    async fn list(&self, list: &List) -> Result<Page, StorageError> {
        if !self.covers(&list.prefix) {
            return self.shared.backend.list(list).await;
        }
        let (part, revision) = match self.answering(list.at).await? {
            Answering::Present => self.begin(list),
            Answering::Moment(content, revision) => (content.part(list), revision),
            Answering::Backend => {
                let page = self.shared.backend.list(list).await?;
                self.shared.note_told(list.at, page.revision);
                return Ok(page);
            }
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

    async fn create_canonical(
        &self,
        key: &Key,
        value: Bytes,
        schema: NonZeroU64,
    ) -> Result<Entry, StorageError> {
        let written = self.shared.backend.create_canonical(key, value, schema).await?;
        self.shared.note_written(&written);
        Ok(written)
    }

    async fn update_canonical(
        &self,
        key: &Key,
        expected: Revision,
        value: Bytes,
        schema: NonZeroU64,
    ) -> Result<Entry, StorageError> {
        let backend = &self.shared.backend;
        let written = backend.update_canonical(key, expected, value, schema).await?;
        self.shared.note_written(&written);
        Ok(written)
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.shared.backend.delete(key, expected).await
    }

    async fn delete_unread(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.shared.backend.delete_unread(key, expected).await
    }

    fn skipped(&self) -> Option<RangeInclusive<Revision>> {
        self.shared.backend.skipped()
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

    fn answers_progress(&self) -> bool {
        self.shared.backend.answers_progress()
    }

    fn history(&self) -> u64 {
        self.shared.backend.history()
    }

    async fn is_future(&self, revision: Revision) -> Result<bool, StorageError> {
        if self.shared.state().reached >= revision {
            return Ok(false);
        }
        self.shared.backend.is_future(revision).await
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

    fn is_ready(&self) -> bool {
        self.ready()
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
