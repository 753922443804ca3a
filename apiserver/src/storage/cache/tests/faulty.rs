//! A store that fails on purpose.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::watch;

use crate::storage::memory::MemoryStore;
use crate::storage::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch};

/// A store in memory, and what is wrong with it.
#[derive(Debug, Default)]
pub(super) struct Faulty {
    store: Mutex<Arc<MemoryStore>>,
    /// Nothing is answered.
    pub(super) down: AtomicBool,
    /// The next thing that a watch would tell makes a panic of it.
    pub(super) panics: Arc<AtomicBool>,
    /// No list is answered.
    pub(super) no_lists: AtomicBool,
    /// Gets and lists that were asked.
    pub(super) reads: AtomicUsize,
    /// The number of its history.
    pub(super) history: AtomicU64,
    /// Watches that were opened.
    pub(super) watches: AtomicUsize,
    held: watch::Sender<bool>,
    cuts: watch::Sender<u64>,
}

impl Faulty {
    /// The store itself, which always works.
    pub(super) fn store(&self) -> Arc<MemoryStore> {
        self.store.lock().unwrap().clone()
    }

    /// Puts another store in its place.
    pub(super) fn replace(&self, store: MemoryStore) {
        *self.store.lock().unwrap() = Arc::new(store);
    }

    /// Open watches tell nothing as long as this is so.
    pub(super) fn hold(&self, held: bool) {
        self.held.send_replace(held);
    }

    /// Open watches end with an error.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    fn up(&self) -> Result<Arc<MemoryStore>, StorageError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        Ok(self.store())
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable("it fails on purpose".into())
}

#[async_trait]
impl Storage for Faulty {
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.up()?.get(key, at).await
    }

    async fn list(&self, list: &List) -> Result<Page, StorageError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        if self.no_lists.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        self.up()?.list(list).await
    }

    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError> {
        self.up()?.create(key, value).await
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        self.up()?.update(key, expected, value).await
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.up()?.delete(key, expected).await
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError> {
        let inner = self.up()?.watch(prefix, after).await?;
        self.watches.fetch_add(1, Ordering::SeqCst);
        let panics = self.panics.clone();
        let state = Some((inner, self.held.subscribe(), self.cuts.subscribe(), panics));
        let watch = stream::unfold(state, |state| async {
            let (mut inner, mut held, mut cuts, panics) = state?;
            tokio::select! {
                biased;
                _ = cuts.changed() => Some((Err(unavailable()), None)),
                batch = async {
                    let batch = inner.next().await;
                    held.wait_for(|held| !*held).await.unwrap();
                    assert!(!panics.swap(false, Ordering::SeqCst), "it panics on purpose");
                    batch
                } => Some((batch?, Some((inner, held, cuts, panics)))),
            }
        });
        Ok(watch.boxed())
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        self.up()?.current_revision().await
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.up()?.request_progress().await
    }

    fn history(&self) -> u64 {
        self.history.load(Ordering::SeqCst)
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        self.up()?.compact(revision).await
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.up()?.check().await
    }
}
