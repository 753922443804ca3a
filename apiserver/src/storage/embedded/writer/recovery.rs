//! What to do when the disk has failed.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Answer, Batch, Writer, meta};
use crate::storage::embedded::failure::{Failure, guarded};
use crate::storage::embedded::format::META;
use crate::storage::embedded::shared::not_open;
use crate::storage::embedded::snapshot::Snapshot;
use crate::storage::{Change, Prefix, Revision, StorageError};

/// How long a database that does not open is left alone.
const REOPEN_PAUSE: Duration = Duration::from_millis(100);

/// Why nobody reads where the writer could not go on after a panic.
const UNRESOLVED: &str = "the writer failed, and what became of its last transaction is not known yet";

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

    /// Opens the database again, unless that failed just now.
    pub(super) fn recover(&mut self) {
        if self.database.is_some() || self.last_opened.elapsed() >= REOPEN_PAUSE {
            self.reopen();
        }
    }

    /// Goes on after a panic: with the database as it is on disk.
    pub(super) fn resume(&mut self) {
        self.undecided = None;
        self.reopen();
    }

    /// Goes on where even that panics: nobody reads before it is open again, since what was begun may have taken place.
    pub(super) fn lose_track(&mut self) {
        self.database = None;
        self.show(Err(UNRESOLVED.into()), Vec::new());
    }

    /// Finds out what became of a transaction whose commit failed; its answers, where it took place.
    pub(super) fn settle(&mut self, batch: Batch, failure: Failure) -> Result<Vec<Answer>, Failure> {
        self.note_full(&failure);
        self.undecided = Some(Undecided {
            changes: batch.changes,
        });
        self.retention.produce(batch.history);
        match self.reopen() {
            Some(true) => Ok(batch.answers),
            Some(false) => Err(failure),
            // Who knows; not that there is no space.
            None => Err(Failure::Lost(failure.into())),
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

    fn open(&mut self) -> Result<(Snapshot, Vec<Change>), String> {
        let database = self.medium.open(true).map_err(|error| error.to_string())?;
        let opened = guarded(|| Snapshot::take(&database, self.floor));
        let (snapshot, numbers) = opened.map_err(|failure| failure.to_string())?;
        self.swept = numbers.swept;
        self.history = numbers.history;
        self.reserved = numbers.reserved;
        self.database = Some(database);
        self.given = self.given.max(snapshot.revision.get());
        if self.undecided.is_none() && snapshot.revision > self.shown {
            // Nobody remembers what was written, only that something was.
            return self.untold(snapshot).map_err(|failure| failure.to_string());
        }
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

    /// What the log tells that watchers were not told.
    fn untold(&mut self, snapshot: Snapshot) -> Result<(Snapshot, Vec<Change>), Failure> {
        self.confirm(snapshot.revision)?;
        let mut changes = Vec::new();
        let mut reached = self.shown;
        while reached < snapshot.revision {
            let part = guarded(|| snapshot.replay(&Prefix::root(), reached))?;
            reached = part.reached;
            changes.extend(part.changes);
        }
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

/// The same failure, for as many as one likes.
pub(super) fn refusals(failure: Failure, path: &Path) -> impl Iterator<Item = Answer> {
    let error = failure.into_error(path);
    let text: Arc<str> = error.to_string().into();
    let more = match error {
        StorageError::Corrupt(_) => |text: &str| StorageError::Corrupt(text.to_owned()),
        _ => |text: &str| not_open(text.into()),
    };
    std::iter::once(Err(error)).chain(std::iter::repeat_with(move || Err(more(&text))))
}
