//! What the histories of several caches may hold together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that the histories of all caches that have a clone of it may hold together. Each may hold all that the others
/// leave, and always as much as an equal part; who holds more gives way when it next looks, after
/// [`progress_interval`](super::Options::progress_interval) at the latest.
#[derive(Clone, Debug)]
pub struct HistoryBudget(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    most: usize,
    held: AtomicUsize,
    histories: AtomicUsize,
}

impl HistoryBudget {
    /// So many bytes, whatever the age of changes: neither large objects nor many changes must fill the memory. A watcher
    /// that is further behind has the rest from the backend's own history.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Budget {
            most: bytes,
            held: AtomicUsize::new(0),
            histories: AtomicUsize::new(0),
        }))
    }

    /// The part of one more history.
    pub(super) fn share(&self) -> Held {
        self.0.histories.fetch_add(1, Ordering::Relaxed);
        Held {
            budget: self.clone(),
            bytes: 0,
        }
    }
}

impl Default for HistoryBudget {
    /// 64 MiB.
    fn default() -> Self {
        Self::new(64 << 20)
    }
}

/// What one history holds.
#[derive(Debug)]
pub(super) struct Held {
    budget: HistoryBudget,
    bytes: usize,
}

impl Held {
    pub(super) const fn budget(&self) -> &HistoryBudget {
        &self.budget
    }

    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.budget.0.held.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn sub(&mut self, bytes: usize) {
        self.bytes -= bytes;
        self.budget.0.held.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether this history must hold less.
    pub(super) fn is_too_much(&self) -> bool {
        let budget = &*self.budget.0;
        let part = budget.most / budget.histories.load(Ordering::Relaxed).max(1);
        budget.held.load(Ordering::Relaxed) > budget.most && self.bytes > part
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.sub(self.bytes);
        self.budget.0.histories.fetch_sub(1, Ordering::Relaxed);
    }
}
