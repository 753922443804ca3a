//! What is still written when the disk is full.
//!
//! Deletions, into the room that was set aside for them, and what fits where history was removed, all of which is given
//! up for that: the file does not shrink, but what was removed from it is written over. All else is refused before it is
//! tried, until there is room outside of the file again.

use std::time::{Duration, Instant};

use super::{Requested, Write, Writer};
use crate::storage::embedded::failure::Failure;

/// What a transaction takes for a while beside its values: pages are copied on every level of two trees.
const PASSING: u64 = 64 << 10;
/// What a write takes for good beside its value.
const LASTING: u64 = 4 << 10;

/// How long a full disk is left alone until the file is looked through for room again, which reads all of it.
const MEASURED_AGAIN: Duration = Duration::from_secs(10);

/// Whether there is room, and how much if little.
#[derive(Debug)]
pub(super) struct Space {
    /// The disk is full as far as is known.
    tight: bool,
    /// Bytes that were removed from the file and not written over since; `None`: that is not known yet.
    removed: Option<u64>,
    /// When the file was last looked through for what is unused.
    measured: Option<Instant>,
}

impl Space {
    /// `held`: room for deletions is set aside.
    pub(super) fn new(held: bool) -> Self {
        Self {
            tight: !held,
            removed: None,
            measured: None,
        }
    }

    /// Notes that so many records of so many bytes were removed from the file. What their writes took for good is
    /// given back, so that updates can go on for ever in the same room.
    pub(super) fn removed(&mut self, records: u64, bytes: u64) {
        if let Some(removed) = &mut self.removed {
            *removed = removed.saturating_add(bytes.saturating_add(records.saturating_mul(LASTING)));
        }
    }

    /// Whether the file may be looked through once more.
    fn may_measure(&self) -> bool {
        self.measured.is_none_or(|at| at.elapsed() >= MEASURED_AGAIN)
    }

    /// Whether a write would be tried.
    fn would_admit(&self, requested: &Requested) -> bool {
        !self.tight
            || requested.is_deletion()
            || self.removed.is_some_and(|removed| removed >= needed(requested))
    }

    /// Whether a write is tried.
    fn admit(&mut self, requested: &Requested) -> bool {
        if !self.would_admit(requested) {
            return false;
        }
        if let Some(removed) = self
            .removed
            .as_mut()
            .filter(|_| self.tight && !requested.is_deletion())
        {
            *removed = removed.saturating_sub(requested.size() as u64 + LASTING);
        }
        true
    }
}

/// Bytes that must have been removed for a write to be tried. Twice its own: what was removed is in pieces.
fn needed(requested: &Requested) -> u64 {
    2 * requested.size() as u64 + PASSING
}

impl Writer {
    /// Looks for room, where there was none. Called before each transaction.
    pub(super) fn look_for_space(&mut self) {
        if !self.space.tight {
            return;
        }
        if self.medium.acquire_spare() {
            self.space.tight = false;
        } else if self.space.removed.is_none() {
            // At the start, and only on a full disk: this reads all of the file.
            self.space.measured = Some(Instant::now());
            self.space.removed = self.unused().ok();
        }
    }

    /// Gives up history where there is no room for all of these writes beside it.
    pub(super) fn make_room(&mut self, writes: &[Write]) {
        let is_short = writes.iter().any(|write| !self.space.would_admit(&write.change));
        if is_short && self.history > 0 {
            self.reclaim();
        } else if is_short && self.space.may_measure() {
            // What is known is what was removed; there may be more.
            self.space.measured = Some(Instant::now());
            self.space.removed = self.unused().ok();
        }
    }

    /// Whether a write is tried.
    pub(super) fn admit(&mut self, requested: &Requested) -> bool {
        self.space.admit(requested)
    }

    /// Notes that there is no space.
    pub(super) fn note_full(&mut self, failure: &Failure) {
        if !matches!(failure, Failure::NoSpace(_)) {
            return;
        }
        if !self.space.tight {
            let released = self.medium.release_spare();
            tracing::warn!(
                released,
                "the disk is full: history is given up, and only deletions are written and what fits in its place"
            );
        }
        self.space.tight = true;
        self.space.removed = Some(0);
    }

    /// Bytes of the file that are on disk and hold nothing.
    fn unused(&self) -> Result<u64, Failure> {
        let transaction = self.begin()?;
        let stats = transaction.stats()?;
        transaction.abort()?;
        let used = stats.allocated_pages() * stats.page_size() as u64;
        Ok(self.medium.size_on_disk().saturating_sub(used))
    }
}
