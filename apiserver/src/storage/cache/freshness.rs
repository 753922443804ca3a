//! Waiting until the cache has seen a revision.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::shared::Shared;
use crate::storage::{Revision, StorageError};

/// What was asked of the backend and is not answered yet.
#[derive(Debug, Default)]
pub(super) struct Asked(Mutex<Questions>);

#[derive(Debug, Default)]
struct Questions {
    /// When progress was asked for, on behalf of all readers that wait.
    progress: Option<Instant>,
    /// All watches must be told when this revision is reached.
    wanted: Option<Revision>,
}

impl Asked {
    /// Whether to ask now: nobody did, or the answer is overdue.
    fn is_due(&self, overdue: Duration) -> bool {
        let now = Instant::now();
        self.with(|questions| {
            let waiting = questions.progress.is_some_and(|at| now < at + overdue);
            if !waiting {
                questions.progress = Some(now);
            }
            !waiting
        })
    }

    /// Nobody is owed an answer: the revisions may be others now.
    pub(super) fn reset(&self) {
        self.with(|questions| *questions = Questions::default());
    }

    /// The backend told something, perhaps its progress.
    pub(super) fn answered(&self, progress: bool) {
        if progress {
            self.with(|questions| questions.progress = None);
        }
    }

    /// All watches must be told when `revision` is reached.
    fn want(&self, revision: Revision) {
        self.with(|questions| questions.wanted = questions.wanted.max(Some(revision)));
    }

    /// Whether all watches must be told now that `reached` is; says so once.
    pub(super) fn is_wanted(&self, reached: Revision) -> bool {
        self.with(|questions| {
            let due = questions.wanted.is_some_and(|wanted| wanted <= reached);
            if due {
                questions.wanted = None;
            }
            due
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut Questions) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    /// Whether the cache has seen all up to `revision`; waits for it as long as a read may.
    pub(super) async fn has_reached(&self, revision: Revision) -> bool {
        if *self.reached().borrow() >= revision {
            return true;
        }
        matches!(timeout(self.options.wait, self.reach(revision)).await, Ok(true))
    }

    /// Has all watches tell their progress, up to the present revision of the store.
    ///
    /// # Errors
    /// The backend's.
    pub(super) async fn progress(&self) -> Result<(), StorageError> {
        let current = self.backend.current_revision().await?;
        self.asked.want(current);
        if self.asked.is_wanted(*self.reached().borrow()) {
            self.tell_progress();
        }
        // In any case: some watches are the backend's own.
        self.backend.request_progress().await
    }

    /// False: nobody brings it any more.
    async fn reach(&self, revision: Revision) -> bool {
        let mut reached = self.reached().subscribe();
        while *reached.borrow_and_update() < revision {
            if !*self.filled().borrow() {
                return false;
            }
            // The store's revision is one for all resources: where the last write was to another one, no change will
            // ever come here, only progress. A backend that cannot be asked is left to the time limit.
            if self.asked.is_due(self.options.ask_interval) {
                let _ = self.backend.request_progress().await;
            }
            let _ = timeout(self.options.ask_interval, reached.changed()).await;
        }
        true
    }
}
