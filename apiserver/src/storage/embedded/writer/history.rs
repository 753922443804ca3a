//! How history is forgotten: first in one step for readers, then bit by bit on disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{SWEPT_AT_ONCE, Tables, Writer};
use crate::storage::embedded::failure::{Failure, guarded};
use crate::storage::{Revision, StorageError};

/// How long the writer waits for something to do, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long it waits while there is something to remove: long enough for others to come first.
const SWEEP_PAUSE: Duration = Duration::from_millis(2);

/// What was the newest revision at which time.
pub(super) struct Retention {
    kept: Duration,
    marks: VecDeque<(Instant, Revision)>,
}

impl Retention {
    pub(super) fn new(kept: Duration) -> Self {
        Self {
            kept,
            marks: VecDeque::new(),
        }
    }

    /// The time between two marks, by which history is kept longer than it must be.
    fn step(&self) -> Duration {
        (self.kept / 10).min(LONGEST_PAUSE)
    }

    /// Notes the revision of now; returns the one that has been history for long enough.
    fn pass(&mut self, now: Instant, revision: Revision) -> Option<Revision> {
        let due = |marked: Instant, wait| now.saturating_duration_since(marked) >= wait;
        if self
            .marks
            .back()
            .is_none_or(|(marked, _)| due(*marked, self.step()))
        {
            self.marks.push_back((now, revision));
        }
        let mut old = None;
        while self
            .marks
            .front()
            .is_some_and(|(marked, _)| due(*marked, self.kept))
        {
            old = self.marks.pop_front();
        }
        old.map(|(_, revision)| revision)
    }
}

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

    /// Forgets what has been history for long enough.
    pub(super) fn keep_history(&mut self) {
        let Ok(current) = self.shared.revision() else {
            return;
        };
        if let Some(revision) = self.retention.pass(Instant::now(), current)
            && let Err(error) = self.compact(revision)
        {
            // The next mark tries again.
            tracing::warn!(%error, "history is kept longer than it should be");
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
            let swept = Tables::open(&transaction)?.sweep(self.swept, compacted, SWEPT_AT_ONCE)?;
            transaction.commit()?;
            Ok((swept, self.snapshot()?))
        });
        match swept {
            Ok((swept, snapshot)) => {
                self.swept = swept.reached;
                self.space.removed(swept.bytes);
                self.show(Ok(Arc::new(snapshot)), Vec::new());
            }
            Err(failure) => self.sweep_failed(&failure),
        }
    }

    fn sweep_failed(&mut self, failure: &Failure) {
        tracing::warn!(
            error = failure as &dyn std::error::Error,
            "old history cannot be removed"
        );
        if !failure.is_lost() {
            // A damaged record stays where it is, and is named to whoever reads it.
            self.swept = self.compacted();
        }
        self.fail(failure);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_forgotten_when_it_has_been_history_for_long_enough() {
        let mut retention = Retention::new(Duration::from_secs(300));
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(retention.pass(at(0), Revision::new(10)), None);
        assert_eq!(retention.pass(at(10), Revision::new(11)), None);
        assert_eq!(retention.pass(at(40), Revision::new(20)), None);
        assert_eq!(retention.pass(at(299), Revision::new(30)), None);
        assert_eq!(
            retention.pass(at(300), Revision::new(31)),
            Some(Revision::new(10))
        );
        assert_eq!(retention.pass(at(339), Revision::new(32)), None);
        assert_eq!(
            retention.pass(at(1000), Revision::new(40)),
            Some(Revision::new(32))
        );
    }
}
