//! A store in a file of this machine: one process, no server beside it.
//!
//! One thread writes; writes that come together share a transaction and its sync of the disk, and are answered after
//! it. Readers read from snapshots, beside the runtime. History is kept by revision until it is compacted, at least five
//! minutes; the store sees to that by itself.
//!
//! Revisions begin at the clock and are set aside on disk before they are given, so that none is given twice, whatever
//! crashes and wherever the clock goes.

mod failure;
mod format;
mod medium;
mod options;
mod shared;
mod snapshot;
mod spare;
#[cfg(test)]
mod tests;
mod writer;

use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

pub use self::options::{LEAST_RETENTION, OpenError, Options};

use self::failure::guarded;
use self::medium::{FileMedium, Medium, open_error};
use self::shared::{Shared, closed};
use self::snapshot::Snapshot;
use self::writer::{Command, Requested, Write, Writer};
use super::feed::Feed;
use super::limits::{check_size, starting_revision};
use super::{Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, Watch};

/// How much may wait to be written, in units of 1 KiB: whoever comes then waits before the queue.
const QUEUE_KIB: usize = 64 << 10;

/// A [`Storage`] in a file. It is closed when it is dropped, which waits for the last write.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    room: Arc<Semaphore>,
    writer: Option<JoinHandle<()>>,
}

impl EmbeddedStore {
    /// Opens the store in a directory, and makes it where the directory holds none. Blocks while it reads the disk: an
    /// index of 100,000 objects in some ten milliseconds.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(options: &Options) -> Result<Arc<Self>, OpenError> {
        let clock = starting_revision();
        let medium = FileMedium::claim(options, clock)?;
        Self::open_on(Box::new(medium), clock, options.retention.max(LEAST_RETENTION))
    }

    /// Opens the store that lies on a medium. No write gets a revision that is not after `floor`.
    fn open_on(
        medium: Box<dyn Medium>,
        floor: Revision,
        retention: Duration,
    ) -> Result<Arc<Self>, OpenError> {
        let path = medium.path().to_owned();
        let database = medium.open(false)?;
        let snapshot = guarded(|| {
            let (snapshot, numbers) = Snapshot::take(&database)?;
            snapshot.verify()?;
            Ok((snapshot, numbers))
        });
        let (snapshot, numbers) = snapshot.map_err(|failure| open_error(&path, failure))?;
        let floor = floor.max(snapshot.revision);
        let feed = Arc::new(Feed::new(snapshot.revision));
        let (commands, received) = mpsc::channel();
        let shared = Arc::new(Shared::new(path.clone(), snapshot, commands));
        let writer = Writer::new(
            (medium, database),
            (shared.clone(), feed.clone()),
            numbers,
            floor,
            retention,
        );
        let thread = thread::Builder::new()
            .name("annex-storage".to_owned())
            .spawn(move || writer.run(&received))
            .map_err(|source| OpenError::Io {
                action: "write",
                path,
                source,
            })?;
        Ok(Arc::new(Self {
            shared,
            feed,
            room: Arc::new(Semaphore::new(QUEUE_KIB)),
            writer: Some(thread),
        }))
    }

    /// Has the writer do one write, and waits for its answer. Once it is in the queue it is done, whoever waits.
    async fn write(&self, key: &Key, change: Requested) -> Result<Entry, StorageError> {
        let kib = u32::try_from(1 + (key.as_str().len() + change.size()) / 1024).unwrap_or(u32::MAX);
        let room = self.room.clone().acquire_many_owned(kib).await;
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Write(Write {
            key: key.clone(),
            change,
            reply,
            _room: room.map_err(|_| closed())?,
        }))?;
        answer.await.map_err(|_| closed())?
    }

    /// Waits until the store is as fresh as a read must be; the revision to read at.
    async fn revision_for(&self, at: ReadAt) -> Result<Option<Revision>, StorageError> {
        match at {
            ReadAt::Latest | ReadAt::Any => Ok(None),
            ReadAt::NotOlderThan(revision) => self.feed.reach(revision).await.map(|()| None),
            ReadAt::Exact(revision) => Ok(Some(revision)),
        }
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        // Where the writer is gone already, there is nothing to wait for.
        let _ = self.shared.send(Command::Close);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Storage for EmbeddedStore {
    async fn get(&self, key: &Key, at: ReadAt) -> Result<Read, StorageError> {
        let at = self.revision_for(at).await?;
        let key = key.clone();
        self.shared.read(move |snapshot| snapshot.get(&key, at)).await
    }

    async fn list(&self, list: &List) -> Result<Page, StorageError> {
        let at = self.revision_for(list.at).await?;
        let list = list.clone();
        self.shared.read(move |snapshot| snapshot.list(&list, at)).await
    }

    async fn create(&self, key: &Key, value: Bytes) -> Result<Entry, StorageError> {
        check_size(&value)?;
        self.write(key, Requested::Create(value)).await
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        check_size(&value)?;
        self.write(key, Requested::Update(expected, value)).await
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.write(key, Requested::Delete(expected)).await
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError> {
        if let Ok(snapshot) = self.shared.published().state {
            snapshot.check_compacted(after)?;
        }
        Ok(self.feed.watch(prefix, after, self.shared.clone()))
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        self.shared.revision()
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.feed.request_progress();
        Ok(())
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Compact(revision, reply))?;
        answer.await.map_err(|_| closed())?
    }

    async fn check(&self) -> Result<(), StorageError> {
        // A question that the writer answers when it is free: it has not ended, and its disk answers.
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Answer(reply))?;
        answer.await.map_err(|_| closed())?;
        self.shared.read(Snapshot::check).await
    }
}
