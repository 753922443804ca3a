//! A store in a file of this machine: one process, no server beside it.
//!
//! One thread writes; writes that come together share a transaction and its sync of the disk, and are answered after
//! it. Readers read from snapshots, beside the runtime. History is kept by revision until it is compacted, five minutes
//! where there is room for so much; the store sees to that by itself.
//!
//! Revisions begin at the clock and are set aside on disk before they are given, so that none is given twice, whatever
//! crashes and wherever the clock goes. So a store that was restored from a copy goes on behind all that the lost one
//! gave; a revision in between is known to be none of its own.

mod failure;
mod format;
mod medium;
mod migration;
mod options;
mod shared;
mod snapshot;
mod spare;
#[cfg(test)]
mod tests;
mod writer;

use std::num::NonZeroU64;
use std::ops::RangeInclusive;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::{Semaphore, oneshot};

pub use self::options::{LEAST_RETENTION, MOST_OBJECT_BYTES, OBJECT_BYTES, OpenError, Options};

pub(crate) use self::medium::check_owner;

use self::failure::guarded;
use self::medium::{FileMedium, Medium, open_error};
use self::shared::{Shared, closed, unanswered};
use self::snapshot::Snapshot;
use self::writer::{Command, Requested, Write, Writer};
use super::limits::{check_size_within, starting_revision};
use super::tail::Tail;
use super::{
    Entry, Key, List, Page, Prefix, Read, ReadAt, Revision, Storage, StorageError, ValueLimit, Watch,
};
use crate::background::BackgroundTask;

/// How much may wait to be written, in units of 1 KiB: whoever comes then waits before the queue.
const QUEUE_KIB: usize = 64 << 10;

/// The part of a file system that history takes, and the most of it.
const HISTORY_PART: u64 = 8;
const MOST_HISTORY: u64 = 4 << 30;

/// Bytes of history where nobody says how many, on a file system of so many.
fn budget(capacity: u64) -> u64 {
    (capacity / HISTORY_PART).min(MOST_HISTORY)
}

/// A [`Storage`] in a file. It is closed when it is dropped, which waits for the last write.
#[derive(Debug)]
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    tail: Arc<Tail>,
    room: Arc<Semaphore>,
    limit: ValueLimit,
    background: BackgroundTask,
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
        let mut options = options.clone();
        options.retention = options.retention.max(LEAST_RETENTION);
        Self::open_on(Box::new(medium), clock, &options)
    }

    /// Opens the store that lies on a medium. No write gets a revision that is not after `floor`.
    fn open_on(medium: Box<dyn Medium>, floor: Revision, options: &Options) -> Result<Arc<Self>, OpenError> {
        let path = medium.path().to_owned();
        let database = migration::open(&*medium)?;
        let snapshot = guarded(|| {
            let (mut snapshot, numbers) = Snapshot::take(&database, floor)?;
            // What was set aside before may have been given, and seen.
            snapshot.raise_floor(Revision::new(numbers.reserved));
            snapshot.verify()?;
            Ok((snapshot, numbers))
        });
        let (snapshot, numbers) = snapshot.map_err(|failure| open_error(&path, failure))?;
        let floor = snapshot.floor();
        let tail = Arc::new(Tail::new(snapshot.revision));
        let (commands, received) = mpsc::channel();
        let shared = Arc::new(Shared::new(path.clone(), snapshot, floor, commands));
        let budget = options
            .history_bytes
            .unwrap_or_else(|| budget(medium.room().capacity));
        let writer = Writer::new(
            (medium, database),
            (shared.clone(), tail.clone()),
            numbers,
            floor,
            (options.retention, budget),
        );
        let background = BackgroundTask::new("embedded-storage-writer");
        let task = background.clone();
        let thread = thread::Builder::new()
            .name("annex-storage".to_owned())
            .spawn(move || writer.run(&received, &task))
            .map_err(|source| OpenError::Io {
                action: "write",
                path,
                source,
            })?;
        Ok(Arc::new(Self {
            shared,
            tail,
            room: Arc::new(Semaphore::new(QUEUE_KIB)),
            limit: ValueLimit {
                setting: "--data-dir-object-bytes",
                bytes: Some(options.object_bytes.min(MOST_OBJECT_BYTES)),
            },
            background,
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
        answer.await.map_err(|_| unanswered())?
    }

    /// Waits until the store is as fresh as a read must be; the revision to read at.
    async fn revision_for(&self, at: ReadAt) -> Result<Option<Revision>, StorageError> {
        match at {
            ReadAt::Latest | ReadAt::Any => Ok(None),
            ReadAt::NotOlderThan(revision) => {
                self.shared.check_awaited(revision)?;
                self.tail.reach(revision).await.map(|()| None)
            }
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
        check_size_within(&value, self.limit)?;
        self.write(key, Requested::Create(value, None)).await
    }

    async fn update(&self, key: &Key, expected: Revision, value: Bytes) -> Result<Entry, StorageError> {
        check_size_within(&value, self.limit)?;
        self.write(key, Requested::Update(expected, value, None)).await
    }

    async fn create_canonical(
        &self,
        key: &Key,
        value: Bytes,
        schema: NonZeroU64,
    ) -> Result<Entry, StorageError> {
        check_size_within(&value, self.limit)?;
        self.write(key, Requested::Create(value, Some(schema))).await
    }

    async fn update_canonical(
        &self,
        key: &Key,
        expected: Revision,
        value: Bytes,
        schema: NonZeroU64,
    ) -> Result<Entry, StorageError> {
        check_size_within(&value, self.limit)?;
        self.write(key, Requested::Update(expected, value, Some(schema)))
            .await
    }

    async fn delete(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.write(key, Requested::Delete(expected)).await
    }

    async fn delete_unread(&self, key: &Key, expected: Revision) -> Result<Entry, StorageError> {
        self.write(key, Requested::DeleteUnread(expected)).await
    }

    fn skipped(&self) -> Option<RangeInclusive<Revision>> {
        self.shared.skipped.clone()
    }

    fn background(&self) -> Vec<BackgroundTask> {
        vec![self.background.clone()]
    }

    async fn watch(&self, prefix: &Prefix, after: Revision) -> Result<Watch, StorageError> {
        self.shared.check_known(after).await?;
        Ok(self.tail.watch(prefix, after, self.shared.clone()))
    }

    async fn current_revision(&self) -> Result<Revision, StorageError> {
        self.shared.revision()
    }

    async fn request_progress(&self) -> Result<(), StorageError> {
        self.tail.request_progress();
        Ok(())
    }

    async fn compact(&self, revision: Revision) -> Result<(), StorageError> {
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Compact(revision, reply))?;
        answer.await.map_err(|_| unanswered())?
    }

    async fn check(&self) -> Result<(), StorageError> {
        // A question that the writer answers when it is free: it has not ended, and its disk answers.
        let (reply, answer) = oneshot::channel();
        self.shared.send(Command::Answer(reply))?;
        answer.await.map_err(|_| unanswered())?;
        self.shared.read(Snapshot::check).await
    }
}
