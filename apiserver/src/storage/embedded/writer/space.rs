//! What is still written when the disk is full.
//!
//! Deletions, into the room that was set aside for them, and what fits where old history was removed: the file does not
//! shrink, but what was removed from it is written over. All else is refused before it is tried, until there is room
//! outside of the file again.

use super::{Requested, Writer};
use crate::storage::embedded::failure::Failure;

/// What a transaction takes for a while beside its values: pages are copied on every level of two trees.
const PASSING: u64 = 64 << 10;
/// What a write takes for good beside its value.
const LASTING: u64 = 4 << 10;

/// Whether there is room, and how much if little.
#[derive(Debug)]
pub(super) struct Space {
    /// The disk is full as far as is known.
    tight: bool,
    /// Bytes that were removed from the file and not written over since; `None`: that is not known yet.
    removed: Option<u64>,
}

impl Space {
    /// `held`: room for deletions is set aside.
    pub(super) fn new(held: bool) -> Self {
        Self {
            tight: !held,
            removed: None,
        }
    }

    /// Notes that so many bytes were removed from the file.
    pub(super) fn removed(&mut self, bytes: u64) {
        if let Some(removed) = &mut self.removed {
            *removed = removed.saturating_add(bytes);
        }
    }

    /// Whether a write is tried.
    fn admit(&mut self, requested: &Requested) -> bool {
        if !self.tight || matches!(requested, Requested::Delete(_)) {
            return true;
        }
        let size = requested.size() as u64;
        match &mut self.removed {
            // Twice: what was removed is in pieces.
            Some(removed) if *removed >= 2 * size + PASSING => {
                *removed -= size + LASTING;
                true
            }
            _ => false,
        }
    }
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
            tracing::warn!(released, "the disk is full: only deletions are written");
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
