//! The task that fills the cache and follows the backend.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use rand::Rng;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep};

use super::shared::Shared;
use super::state::Backwards;
use crate::storage::{Entry, List, ReadAt, Revision, StorageError, Watch};

/// Why the backend is not followed any more.
#[derive(Debug, thiserror::Error)]
enum Lost {
    /// The watch ended without a reason. It goes on where it was.
    #[error("the backend ended the watch")]
    Ended,
    /// The backend does not answer. It goes on where it was.
    #[error("the backend is not reached")]
    Unreachable(#[source] StorageError),
    /// What comes next cannot be had. The cache must be filled again.
    #[error("the backend cannot tell what comes next")]
    Gone(#[source] StorageError),
    /// The store is not the one that it was. The cache must be filled again.
    #[error("the store went back")]
    Backwards(#[from] Backwards),
    /// The store tells another history. The cache must be filled again.
    #[error("the store tells another history than before")]
    OtherHistory,
}

impl From<StorageError> for Lost {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) | StorageError::NoSpace(_) | StorageError::Initializing => {
                Self::Unreachable(error)
            }
            // A list may succeed where a single change cannot be read: the object is gone meanwhile.
            _ => Self::Gone(error),
        }
    }
}

impl Lost {
    const fn must_fill(&self) -> bool {
        matches!(self, Self::Gone(_) | Self::Backwards(_) | Self::OtherHistory)
    }
}

/// Fills the cache and follows the backend for ever.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut position = None;
    let mut pause = shared.options.backoff_min;
    loop {
        let before = position;
        let lost = pass(&shared, &mut position).await;
        shared.set_following(false);
        if position > before {
            pause = shared.options.backoff_min;
        }
        if lost.must_fill() {
            position = None;
        }
        let error: &dyn std::error::Error = &lost;
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(prefix = %shared.prefix, fill = position.is_none(), cause, "watch cache: {lost}");
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(shared.options.backoff_max);
    }
}

/// From one loss of the backend to the next. `position` is what the cache has seen; `None`: it must be filled.
async fn pass(shared: &Shared, position: &mut Option<Revision>) -> Lost {
    let watch = match *position {
        Some(reached) => resume(shared, reached).await,
        None => fill(shared).await,
    };
    let lost = match watch {
        Ok(watch) => take_in(shared, watch).await,
        Err(lost) => return lost,
    };
    *position = Some(*shared.reached().borrow());
    lost
}

/// Goes on where it was. A store that lost its end (a backup that was restored) would accept a watch from the future, and
/// be silent.
async fn resume(shared: &Shared, reached: Revision) -> Result<Watch, Lost> {
    let told = shared.backend.current_revision().await?;
    if told < reached {
        return Err(Backwards { told, reached }.into());
    }
    let watch = shared.backend.watch(&shared.prefix, reached).await?;
    if shared.backend.history() != shared.history() {
        return Err(Lost::OtherHistory);
    }
    shared.set_following(true);
    Ok(watch)
}

/// Reads everything, as it was at one revision, and watches from there. Only then it is served: a cache that is filled
/// but cannot be kept fresh would have to be filled again.
async fn fill(shared: &Shared) -> Result<Watch, Lost> {
    let history = shared.backend.history();
    let (listed, revision) = list(shared).await?;
    let watch = shared.backend.watch(&shared.prefix, revision).await?;
    if shared.backend.history() != history {
        return Err(Lost::OtherHistory);
    }
    tracing::info!(prefix = %shared.prefix, entries = listed.len(), %revision, "watch cache filled");
    shared.set_following(true);
    shared.fill(listed, revision, history);
    Ok(watch)
}

/// Everything, page by page.
async fn list(shared: &Shared) -> Result<(Vec<Entry>, Revision), StorageError> {
    let mut list = List {
        prefix: shared.prefix.clone(),
        after: None,
        limit: Some(shared.options.fill_page),
        at: ReadAt::Latest,
    };
    let mut listed: Vec<Entry> = Vec::new();
    loop {
        let page = shared.backend.list(&list).await?;
        list.after = page.entries.last().map(|entry| entry.key().to_string());
        list.at = ReadAt::Exact(page.revision);
        listed.extend(page.entries);
        if page.remaining == 0 || list.after.is_none() {
            return Ok((listed, page.revision));
        }
    }
}

/// Takes in all that the backend tells.
async fn take_in(shared: &Shared, mut watch: Watch) -> Lost {
    let mut upkeep = Upkeep::new(shared);
    loop {
        tokio::select! {
            batch = watch.next() => match batch {
                Some(Ok(events)) => {
                    upkeep.heard = true;
                    if let Err(backwards) = shared.apply(&events) {
                        return backwards.into();
                    }
                }
                Some(Err(error)) => return error.into(),
                None => return Lost::Ended,
            },
            () = shared.gone_back() => {
                let reached = *shared.reached().borrow();
                match shared.backend.current_revision().await {
                    Ok(told) if told < reached => return Backwards { told, reached }.into(),
                    Ok(_) => {}
                    Err(error) => return error.into(),
                }
            }
            _ = upkeep.interval.tick() => upkeep.tick(shared).await,
        }
    }
}

/// What is done every now and then.
struct Upkeep {
    interval: Interval,
    /// Whether the backend told anything since the last time.
    heard: bool,
    /// What all watches were told.
    told: Revision,
}

impl Upkeep {
    fn new(shared: &Shared) -> Self {
        let period = shared.options.progress_interval;
        let mut interval = interval_at(Instant::now() + period, period);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            interval,
            heard: true,
            told: *shared.reached().borrow(),
        }
    }

    /// Bookmarks are made of what watches are told of progress. It is told seldom, since it wakes every watcher.
    async fn tick(&mut self, shared: &Shared) {
        shared.trim();
        if !self.heard && shared.watched().1 > 0 {
            // A backend that cannot be asked ends the watch, which says more.
            let _ = shared.backend.request_progress().await;
        }
        self.heard = false;
        let reached = *shared.reached().borrow();
        if reached > self.told {
            self.told = reached;
            shared.tell_progress();
        }
    }
}

/// Servers that lost the same store at once do not come back at once.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}
