//! How history is forgotten: first in one step for readers, then bit by bit on disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::batch::Swept;
use super::{SWEPT_AT_ONCE, Tables, Writer};
use crate::storage::embedded::failure::{Failure, guarded};
use crate::storage::{Revision, StorageError};

/// How long the writer waits while there is something to remove: long enough for others to come first.
const SWEEP_PAUSE: Duration = Duration::from_millis(2);

impl Writer {
    /// How long to wait for a command.
    pub(super) fn pause(&self) -> Duration {
        if self.database.is_some() && self.swept < self.compacted() {
            SWEEP_PAUSE
        } else {
            self.retention.step()
        }
    }

    /// The oldest revision with history, as readers see it.
    pub(super) fn compacted(&self) -> u64 {
        let state = self.shared.published().state;
        state.map_or(0, |snapshot| snapshot.compacted.get())
    }

    /// Forgets what has been history for long enough, and what is more than there is room for.
    pub(super) fn keep_history(&mut self) {
        let Ok(current) = self.shared.revision() else {
            return;
        };
        if self.retention.should_look() {
            self.retention.fit(self.medium.room(), self.medium.size_on_disk());
        }
        if let Some(revision) = self.retention.pass(Instant::now(), current)
            && let Err(error) = self.compact(revision)
        {
            // The next mark tries again.
            tracing::warn!(%error, "history is kept longer than it should be");
        }
        // Where much is written, what is forgotten must go as fast as it is made.
        let unswept = self.history.saturating_sub(self.retention.bytes());
        if unswept > self.retention.budget() / 2 {
            self.sweep();
        }
    }

    /// Forgets all history and removes it, for the room that it takes.
    pub(super) fn reclaim(&mut self) {
        let Ok(current) = self.shared.revision() else {
            return;
        };
        if let Err(error) = self.compact(current) {
            tracing::warn!(%error, "history cannot be given up for its room");
            return;
        }
        self.retention.forget_all();
        let mut swept = self.swept;
        self.sweep();
        while self.swept > swept {
            swept = self.swept;
            self.sweep();
        }
    }

    /// Forgets the history before a revision.
    pub(super) fn compact(&mut self, revision: Revision) -> Result<(), StorageError> {
        let current = self.shared.revision()?;
        if revision.get() <= self.compacted() || revision > current {
            return Ok(());
        }
        let result = guarded(|| {
            let transaction = self.begin()?;
            Tables::open(&transaction)?.set_compacted(revision)?;
            transaction.commit()?;
            self.snapshot()
        });
        match result {
            Ok(snapshot) => {
                self.show(Ok(Arc::new(snapshot)), Vec::new());
                Ok(())
            }
            Err(failure) => {
                self.fail(&failure);
                Err(failure.into_error(&self.shared.path))
            }
        }
    }

    /// Removes a part of what is forgotten.
    pub(super) fn sweep(&mut self) {
        let compacted = self.compacted();
        if self.swept >= compacted {
            return;
        }
        let swept = guarded(|| {
            let transaction = self.begin()?;
            let mut tables = Tables::open(&transaction)?;
            let swept = tables.sweep(self.swept, compacted, SWEPT_AT_ONCE)?;
            tables.set_history(self.history.saturating_sub(swept.bytes))?;
            drop(tables);
            transaction.commit()?;
            Ok((swept, self.snapshot()?))
        });
        match swept {
            Ok((swept, snapshot)) => {
                self.note_swept(swept);
                self.show(Ok(Arc::new(snapshot)), Vec::new());
            }
            Err(failure) => self.sweep_failed(&failure),
        }
    }

    /// Notes what was removed.
    pub(super) fn note_swept(&mut self, swept: Swept) {
        self.swept = swept.reached;
        self.history = self.history.saturating_sub(swept.bytes);
        self.space.removed(swept.records, swept.bytes);
    }

    pub(super) fn sweep_failed(&mut self, failure: &Failure) {
        tracing::warn!(
            error = failure as &dyn std::error::Error,
            "old history cannot be removed"
        );
        if !failure.is_lost() {
            // It stays where it is, until the store is opened again. Nobody's write may fail for it.
            self.swept = self.compacted();
        }
        self.fail(failure);
    }
}
