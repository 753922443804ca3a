//! The cache's numbers.

use std::time::Duration;

use super::HistoryBudget;

/// What a cache may hold and how long it waits. The defaults are k8s.io/apiserver's, where it has the same number.
#[derive(Clone, Debug)]
pub struct Options {
    /// Changes that the history keeps however old they are.
    pub history_min: usize,
    /// Changes that the history keeps at most.
    pub history_max: usize,
    /// Bytes of the history at most, whatever its age, together with all caches that have the same budget.
    pub history_budget: HistoryBudget,
    /// How long a change stays in the history, within these bounds. A watcher that is further behind is cut off.
    pub freshness: Duration,
    /// How long the encodings of a change are kept for its watchers. One that is further behind has them made again.
    pub encodings: Duration,
    /// Entries of one page when the cache is filled.
    pub fill_page: usize,
    /// How long a read waits for a revision.
    pub wait: Duration,
    /// While a read waits, the backend is asked for progress again after this time.
    pub ask_interval: Duration,
    /// Every so often all watches are told how far the store is, where that has moved; the backend is asked for it
    /// where it did not tell by itself.
    pub progress_interval: Duration,
    /// Changes in one batch of a watch at most.
    pub batch: usize,
    /// The first pause after the backend failed; each further one is twice as long.
    pub backoff_min: Duration,
    /// The longest such pause.
    pub backoff_max: Duration,
    /// Snapshots kept for the next pages of lists that were begun.
    pub pages: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            history_min: 100,
            history_max: 102_400,
            history_budget: HistoryBudget::default(),
            freshness: Duration::from_secs(75),
            encodings: Duration::from_secs(5),
            fill_page: 10_000,
            wait: Duration::from_secs(3),
            ask_interval: Duration::from_millis(100),
            progress_interval: Duration::from_secs(10),
            batch: 1024,
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(5),
            pages: 16,
        }
    }
}
