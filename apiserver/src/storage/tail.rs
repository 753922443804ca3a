//! Watches over a store of this process: what was just written from memory, what is older from the store's own log.
//!
//! A watcher has no queue. It knows how far it has been told, and takes what is newer from the changes that all of
//! them share; one that has fallen further behind reads the log until it has caught up. So a slow watcher costs
//! nothing, loses nothing, and is told nothing twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures::{StreamExt, stream};
use tokio::sync::watch;
use tokio::time::timeout;

use super::{Change, Event, Prefix, Revision, StorageError, Watch};

/// How many of the newest changes are kept in memory.
const KEPT_CHANGES: usize = 4096;
/// How many bytes of values these may hold.
const KEPT_BYTES: usize = 4 << 20;
/// How long a watch is silent before it tells its progress unasked.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a read waits for a revision that is not reached.
const WAIT: Duration = Duration::from_secs(3);

/// A store's log.
#[async_trait]
pub(super) trait History: Send + Sync + 'static {
    /// The changes in `prefix` after a revision, oldest first: as many as one likes, but some progress is made.
    ///
    /// # Errors
    /// [`StorageError::Compacted`], and what else can go wrong with reading.
    async fn replay(&self, prefix: &Prefix, after: Revision) -> Result<Replay, StorageError>;
}

/// A part of the log.
#[derive(Debug)]
pub(super) struct Replay {
    /// The changes of the range.
    pub(super) changes: Vec<Change>,
    /// The revision up to which these are all.
    pub(super) reached: Revision,
}

/// Where every change of a store is published, in order.
#[derive(Debug)]
pub(super) struct Tail {
    recent: Arc<Mutex<Recent>>,
    position: watch::Sender<Position>,
}

#[derive(Clone, Copy, Debug)]
struct Position {
    revision: Revision,
    /// How often progress has been asked for.
    asked: u64,
}

/// The newest changes: all after `since`.
#[derive(Debug)]
struct Recent {
    since: Revision,
    changes: VecDeque<Change>,
    bytes: usize,
}

impl Tail {
    /// The tail of a store that is at `revision`.
    pub(super) fn new(revision: Revision) -> Self {
        Self {
            recent: Arc::new(Mutex::new(Recent {
                since: revision,
                changes: VecDeque::new(),
                bytes: 0,
            })),
            position: watch::Sender::new(Position { revision, asked: 0 }),
        }
    }

    /// Tells the watchers of changes, in the order of their revisions.
    pub(super) fn publish(&self, changes: Vec<Change>) {
        let Some(last) = changes.last().map(Change::revision) else {
            return;
        };
        lock(&self.recent).add(changes);
        self.position.send_modify(|position| position.revision = last);
    }

    /// Has every watcher tell its progress.
    pub(super) fn request_progress(&self) {
        self.position.send_modify(|position| position.asked += 1);
    }

    /// Waits a little until `revision` is published.
    ///
    /// # Errors
    /// [`StorageError::FutureRevision`]: it was not.
    pub(super) async fn reach(&self, revision: Revision) -> Result<(), StorageError> {
        let mut receiver = self.position.subscribe();
        let reached = receiver.wait_for(|position| position.revision >= revision);
        let reached = matches!(timeout(WAIT, reached).await, Ok(Ok(_)));
        if reached {
            return Ok(());
        }
        Err(StorageError::FutureRevision {
            requested: revision,
            current: self.position.borrow().revision,
        })
    }

    /// A watch on `prefix` from behind `after`. It ends with this tail.
    pub(super) fn watch(&self, prefix: &Prefix, after: Revision, history: Arc<dyn History>) -> Watch {
        let receiver = self.position.subscribe();
        let asked = receiver.borrow().asked;
        let watcher = Watcher {
            prefix: prefix.clone(),
            told: after,
            asked,
            recent: self.recent.clone(),
            receiver,
            history,
        };
        let events = stream::unfold(Some(watcher), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(Some(events)) => Some((Ok(events), Some(watcher))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        events.boxed()
    }
}

impl Recent {
    fn add(&mut self, changes: Vec<Change>) {
        self.bytes += changes.iter().map(size).sum::<usize>();
        self.changes.extend(changes);
        while self.changes.len() > KEPT_CHANGES || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.changes.pop_front() else {
                break;
            };
            self.bytes -= size(&oldest);
            self.since = oldest.revision();
        }
    }

    /// The changes after one revision up to another, of a range; `None` where some may be gone.
    fn between(&self, after: Revision, up_to: Revision, prefix: &Prefix) -> Option<Vec<Change>> {
        if after < self.since {
            return None;
        }
        let start = self.changes.partition_point(|change| change.revision() <= after);
        let newer = self.changes.range(start..);
        Some(
            newer
                .take_while(|change| change.revision() <= up_to)
                .filter(|change| change.entry().key().is_in(prefix))
                .cloned()
                .collect(),
        )
    }
}

fn size(change: &Change) -> usize {
    let previous = change.previous().map_or(0, |entry| entry.value().len());
    change.entry().value().len() + previous
}

fn lock(recent: &Mutex<Recent>) -> MutexGuard<'_, Recent> {
    recent.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One watch, and how far it is.
struct Watcher {
    prefix: Prefix,
    told: Revision,
    asked: u64,
    recent: Arc<Mutex<Recent>>,
    receiver: watch::Receiver<Position>,
    history: Arc<dyn History>,
}

impl Watcher {
    /// What is to be told next; `None` where the store is closed.
    async fn next(&mut self) -> Result<Option<Vec<Event>>, StorageError> {
        loop {
            let position = *self.receiver.borrow_and_update();
            let mut events = self.newer(position.revision).await?;
            if self.asked != position.asked && self.told >= position.revision {
                self.asked = position.asked;
                events.extend(self.progress(position.revision));
            }
            if !events.is_empty() {
                return Ok(Some(events));
            }
            if self.told < position.revision {
                continue;
            }
            match timeout(SILENCE, self.receiver.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(None),
                Err(_) => {
                    let events: Vec<_> = self.progress(position.revision).into_iter().collect();
                    if !events.is_empty() {
                        return Ok(Some(events));
                    }
                }
            }
        }
    }

    /// Changes up to a revision, which may be only the first of them: `told` says how far they reach.
    async fn newer(&mut self, revision: Revision) -> Result<Vec<Event>, StorageError> {
        if self.told >= revision {
            return Ok(Vec::new());
        }
        let recent = lock(&self.recent).between(self.told, revision, &self.prefix);
        let (changes, reached) = match recent {
            Some(changes) => (changes, revision),
            None => {
                let replay = self.history.replay(&self.prefix, self.told).await?;
                (replay.changes, replay.reached)
            }
        };
        if let Some(lost) = changes.iter().position(Change::is_lost) {
            return self.up_to_what_is_lost(changes, lost);
        }
        self.told = self.told.max(reached);
        Ok(changes.into_iter().map(Event::Changed).collect())
    }

    /// What comes before a change of which the store has lost a value; where nothing does, the history is gone: whoever
    /// reads what is there now misses nothing.
    fn up_to_what_is_lost(
        &mut self,
        mut changes: Vec<Change>,
        lost: usize,
    ) -> Result<Vec<Event>, StorageError> {
        let oldest = changes[lost].revision();
        changes.truncate(lost);
        let Some(last) = changes.last() else {
            return Err(StorageError::Compacted {
                requested: self.told,
                oldest,
            });
        };
        self.told = last.revision();
        Ok(changes.into_iter().map(Event::Changed).collect())
    }

    /// None while the watch waits for a revision of the future.
    fn progress(&self, reached: Revision) -> Option<Event> {
        (self.told <= reached).then_some(Event::Progress(self.told))
    }
}
