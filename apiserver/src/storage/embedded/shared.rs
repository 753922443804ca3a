//! What readers and the writer share: the newest snapshot, and the way to ask for another one.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use super::failure::{Failure, guarded};
use super::snapshot::Snapshot;
use super::writer::Command;
use crate::storage::tail::{History, Replay, Tail};
use crate::storage::{Change, Prefix, Revision, StorageError};

/// How often a read is tried again where the database had to be opened again meanwhile.
const READ_ATTEMPTS: usize = 3;

/// The readers' side of a store.
#[derive(Debug)]
pub(super) struct Shared {
    published: RwLock<Published>,
    commands: Sender<Command>,
    pub(super) path: PathBuf,
    /// Revisions that no write ever had or will have: behind the newest one when the store was opened, up to where it
    /// goes on.
    pub(super) skipped: Option<RangeInclusive<Revision>>,
}

/// What can be read now.
#[derive(Clone, Debug)]
pub(super) struct Published {
    /// How often the database was opened.
    pub(super) generation: u64,
    /// The newest snapshot, or why there is none.
    pub(super) state: Result<Arc<Snapshot>, Arc<str>>,
}

/// The store is closed.
#[derive(Debug, thiserror::Error)]
#[error("the store is closed")]
struct Closed;

/// The writer gave no answer.
#[derive(Debug, thiserror::Error)]
#[error("the store's writer failed before it answered; whether anything was written is unknown")]
struct Unanswered;

/// The database could not be opened again.
#[derive(Debug, thiserror::Error)]
#[error("the database is not open: {0}")]
struct NotOpen(Arc<str>);

pub(super) fn closed() -> StorageError {
    StorageError::Unavailable(Box::new(Closed))
}

pub(super) fn unanswered() -> StorageError {
    StorageError::Unavailable(Box::new(Unanswered))
}

pub(super) fn not_open(reason: Arc<str>) -> StorageError {
    StorageError::Unavailable(Box::new(NotOpen(reason)))
}

impl Shared {
    /// The side of a store that was opened at `snapshot`, and goes on after `floor`.
    pub(super) fn new(path: PathBuf, snapshot: Snapshot, floor: Revision, commands: Sender<Command>) -> Self {
        Self {
            skipped: (floor > snapshot.revision).then(|| snapshot.revision.next()..=floor),
            published: RwLock::new(Published {
                generation: 0,
                state: Ok(Arc::new(snapshot)),
            }),
            commands,
            path,
        }
    }

    /// What can be read now.
    pub(super) fn published(&self) -> Published {
        self.published
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Shows readers and watchers something new, at one moment: nobody reads what is not told yet.
    pub(super) fn publish(&self, published: Published, tail: &Tail, changes: Vec<Change>) {
        let mut current = self.published.write().unwrap_or_else(PoisonError::into_inner);
        *current = published;
        tail.publish(changes);
    }

    /// The revision of what can be read now.
    pub(super) fn revision(&self) -> Result<Revision, StorageError> {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        match &published.state {
            Ok(snapshot) => Ok(snapshot.revision),
            Err(reason) => Err(not_open(reason.clone())),
        }
    }

    /// Refuses a revision that is waited for and will never come.
    pub(super) fn check_awaited(&self, requested: Revision) -> Result<(), StorageError> {
        match self.published().state {
            Ok(snapshot) if requested > snapshot.revision => snapshot
                .knows_at_once(requested)
                .unwrap_or(Ok(()))
                .map_err(|oldest| StorageError::Compacted { requested, oldest }),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Refuses a revision from which no watch can begin.
    pub(super) async fn check_known(&self, requested: Revision) -> Result<(), StorageError> {
        let Ok(snapshot) = self.published().state else {
            // The watch finds out.
            return Ok(());
        };
        match snapshot.knows_at_once(requested) {
            Some(known) => known.map_err(|oldest| StorageError::Compacted { requested, oldest }),
            None => self.read(move |snapshot| snapshot.check_known(requested)).await,
        }
    }

    /// Gives the writer something to do.
    pub(super) fn send(&self, command: Command) -> Result<(), StorageError> {
        self.commands.send(command).map_err(|_| closed())
    }

    /// Has the database opened again, unless that was done since `generation`.
    pub(super) async fn recover(&self, generation: u64) -> Result<(), StorageError> {
        let (reply, answer) = oneshot::channel();
        self.send(Command::Recover { generation, reply })?;
        answer.await.map_err(|_| unanswered())
    }

    /// Reads from the newest snapshot, beside the runtime: a disk may be slow.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&Snapshot) -> Result<T, Failure> + Clone + Send + 'static,
    ) -> Result<T, StorageError> {
        let mut attempts = READ_ATTEMPTS;
        loop {
            attempts -= 1;
            let Published { generation, state } = self.published();
            let failure = match state {
                Ok(snapshot) => {
                    let read = read.clone();
                    let result = spawn_blocking(move || guarded(|| read(&snapshot))).await;
                    match result.unwrap_or_else(|error| Err(Failure::Lost(error.into()))) {
                        Ok(value) => return Ok(value),
                        Err(failure) => failure,
                    }
                }
                Err(reason) => Failure::Lost(Box::new(NotOpen(reason))),
            };
            if attempts == 0 || !failure.is_lost() {
                return Err(failure.into_error(&self.path));
            }
            self.recover(generation).await?;
        }
    }
}

#[async_trait]
impl History for Shared {
    async fn replay(&self, prefix: &Prefix, after: Revision) -> Result<Replay, StorageError> {
        let prefix = prefix.clone();
        self.read(move |snapshot| snapshot.replay(&prefix, after)).await
    }
}
