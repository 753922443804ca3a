//! The watch cache: one resource of a store in memory, behind the store's own trait.
//!
//! ```text
//! backend -- list, watch --> follow -> state (content, history) -> feeds -> watchers
//!                                        |
//!                              get, list, watches from the past
//! ```
//!
//! A task fills it by a list and then follows the backend's watch. Reads at any revision come from memory; consistent
//! ones ask the backend only where it is and wait until the memory has got there. A thousand watches share one list of
//! changes and cost the backend one watch.

mod answering;
mod budget;
mod content;
mod feed;
mod follow;
mod freshness;
mod history;
mod options;
mod pages;
mod serve;
mod shared;
mod state;
#[cfg(test)]
mod tests;
mod watcher;
mod written;

use std::sync::Arc;

use tokio::task::AbortHandle;

pub use budget::HistoryBudget;
pub use options::Options;

use super::{Prefix, Revision, Storage};
use crate::background::{BackgroundTask, supervise};
use shared::Shared;

/// A cache of one resource over a backend.
///
/// # Guarantees
/// Those of [`Storage`]. And: what it serves from memory never goes back.
///
/// # Caveats
/// - Keys and ranges outside of its prefix are the backend's to answer.
/// - A watch may begin as far back as the cache's history reaches, or the backend's.
/// - A watcher that falls out of the history is ended, without an error; one whose cache had to be filled again is ended
///   with [`super::StorageError::Compacted`].
#[derive(Debug)]
pub struct Cache {
    shared: Arc<Shared>,
    task: AbortHandle,
    background: BackgroundTask,
}

/// Numbers for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Objects held.
    pub objects: usize,
    /// Changes in the history.
    pub history: usize,
    /// Watches that are open on it.
    pub watchers: usize,
    /// Different ranges that are watched.
    pub ranges: usize,
    /// The revision up to which it knows all.
    pub revision: Revision,
    /// Whether the backend's watch is open.
    pub following: bool,
}

impl Cache {
    /// A cache of what lies in `prefix` of `backend`; a task begins to fill it. It ends with the cache.
    #[must_use]
    pub fn start(backend: Arc<dyn Storage>, prefix: Prefix, options: Options) -> Arc<Self> {
        let shared = Arc::new(Shared::new(backend, prefix, options));
        let background = BackgroundTask::new(format!(
            "watch-cache{}",
            shared.prefix.as_str().trim_end_matches('/')
        ));
        let (followed, fallen) = (shared.clone(), shared.clone());
        // Where it panics, what it holds may be half of a change: all is read again, and meanwhile nobody is served.
        let follower = supervise(
            background.clone(),
            move || follow::follow(followed.clone()),
            move || fallen.doubt(),
        );
        Arc::new(Self {
            task: tokio::spawn(follower).abort_handle(),
            shared,
            background,
        })
    }

    /// What keeps it up to date.
    #[must_use]
    pub fn background(&self) -> &BackgroundTask {
        &self.background
    }

    /// Whether it is filled; not while it must be filled again from the beginning. Before, lists and watches answer [`super::StorageError::Initializing`].
    #[must_use]
    pub fn ready(&self) -> bool {
        *self.shared.filled().borrow()
    }

    /// Waits until it is filled.
    pub async fn wait_ready(&self) {
        let mut filled = self.shared.filled().subscribe();
        // The sender is part of what `self` holds.
        let _ = filled.wait_for(|filled| *filled).await;
    }

    /// Its numbers at this moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let (ranges, watchers) = self.shared.watched();
        let state = self.shared.state();
        Stats {
            objects: state.content.len(),
            history: state.history.len(),
            watchers,
            ranges,
            revision: state.reached,
            following: state.following,
        }
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.task.abort();
        self.shared.close();
    }
}
