//! What to do when the disk has failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Batch, Writer, meta};
use crate::storage::embedded::failure::{Failure, guarded};
use crate::storage::embedded::format::META;
use crate::storage::embedded::shared::{Published, not_open};
use crate::storage::embedded::snapshot::Snapshot;
use crate::storage::{Change, Entry, Revision, StorageError};

/// How long a database that does not open is left alone.
const REOPEN_PAUSE: Duration = Duration::from_millis(100);

/// A transaction whose commit failed. Whether it took place shows when the database is open again.
pub(super) struct Undecided {
    changes: Vec<Change>,
}

impl Writer {
    /// Notes a failure: opens the database again where that is needed.
    pub(super) fn fail(&mut self, failure: &Failure) {
        if failure.is_lost() {
            tracing::warn!(
                error = failure as &dyn std::error::Error,
                "the database is opened again"
            );
            self.reopen();
        }
    }

    /// Opens the database again because somebody could not read.
    pub(super) fn recover(&mut self) {
        if self.database.is_some() || self.last_opened.elapsed() >= REOPEN_PAUSE {
            self.reopen();
        }
    }

    /// Answers writes of which none was done.
    pub(super) fn refuse(&mut self, count: usize, failure: Failure) -> Vec<Result<Entry, StorageError>> {
        self.fail(&failure);
        answers(count, failure, &self.shared.path)
    }

    /// Finds out what became of a transaction, and answers it.
    pub(super) fn settle(&mut self, batch: Batch, failure: Failure) -> Vec<Result<Entry, StorageError>> {
        self.undecided = Some(Undecided {
            changes: batch.changes,
        });
        let landed = self.reopen();
        match landed {
            Some(true) => batch.answers,
            Some(false) => answers(batch.answers.len(), failure, &self.shared.path),
            None => {
                let reason: Arc<str> = failure.to_string().into();
                batch
                    .answers
                    .iter()
                    .map(|_| Err(not_open(reason.clone())))
                    .collect()
            }
        }
    }

    /// Opens the database again, and shows what it holds. Whether the undecided transaction took place; `None`: it
    /// does not open.
    fn reopen(&mut self) -> Option<bool> {
        // The old one has to be closed first.
        self.database = None;
        self.generation += 1;
        self.last_opened = Instant::now();
        match self.open() {
            Ok((snapshot, changes)) => {
                let landed = !changes.is_empty();
                self.undecided = None;
                let state = Ok(Arc::new(snapshot));
                self.show(state, changes);
                Some(landed)
            }
            Err(reason) => {
                self.database = None;
                tracing::error!(%reason, "the database does not open");
                self.show(Err(reason.into()), Vec::new());
                None
            }
        }
    }

    fn show(&self, state: Result<Arc<Snapshot>, Arc<str>>, changes: Vec<Change>) {
        let published = Published {
            generation: self.generation,
            state,
        };
        self.shared.publish(published, &self.feed, changes);
    }

    fn open(&mut self) -> Result<(Snapshot, Vec<Change>), String> {
        let database = self.medium.open(true).map_err(|error| error.to_string())?;
        let opened = guarded(|| Snapshot::take(&database));
        let (snapshot, numbers) = opened.map_err(|failure| failure.to_string())?;
        self.swept = numbers.swept;
        self.reserved = numbers.reserved;
        self.database = Some(database);
        let undecided = self
            .undecided
            .as_ref()
            .map(|undecided| undecided.changes.as_slice());
        let first = undecided
            .and_then(|changes| changes.first())
            .map(Change::revision);
        if first.is_none_or(|first| snapshot.revision < first) {
            return Ok((snapshot, Vec::new()));
        }
        // It took place as far as can be read. It is durable when a later sync succeeds.
        self.confirm(snapshot.revision)
            .map_err(|failure| failure.to_string())?;
        let changes = self
            .undecided
            .take()
            .map_or_else(Vec::new, |undecided| undecided.changes);
        Ok((snapshot, changes))
    }

    /// Makes all that is committed durable.
    fn confirm(&mut self, revision: Revision) -> Result<(), Failure> {
        guarded(|| {
            let reserved = self.reserved.max(revision.get());
            let transaction = self.begin()?;
            transaction.open_table(META)?.insert(meta::RESERVED, reserved)?;
            transaction.commit()?;
            self.reserved = reserved;
            Ok(())
        })
    }
}

fn answers(count: usize, failure: Failure, path: &std::path::Path) -> Vec<Result<Entry, StorageError>> {
    let reason: Arc<str> = failure.to_string().into();
    let again = |failure: &Failure| match failure {
        Failure::NoSpace(_) => StorageError::NoSpace(None),
        Failure::Damaged(reason) => super::super::failure::corrupt(path, reason),
        Failure::Answer(_) | Failure::Lost(_) => not_open(reason.clone()),
    };
    let mut answers: Vec<_> = (1..count).map(|_| Err(again(&failure))).collect();
    answers.push(Err(failure.into_error(path)));
    answers
}
