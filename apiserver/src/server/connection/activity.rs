//! Whether a connection has requests running, since when not, and whether it is to close.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// What a connection does.
#[derive(Clone, Debug)]
pub(in crate::server) struct Activity(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    made: Instant,
    running: AtomicUsize,
    /// When the last request ended, in milliseconds after `made`.
    idle_since: AtomicU64,
    close: Notify,
    /// Whether a request has ever come, and who waits for it.
    used: AtomicBool,
    first: Notify,
}

/// A request that runs on a connection, up to the last byte of its answer.
#[derive(Debug)]
pub(in crate::server) struct Busy(Arc<Inner>);

impl Activity {
    /// A connection that was just made.
    pub(in crate::server) fn new() -> Self {
        Self(Arc::new(Inner {
            made: Instant::now(),
            running: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
            close: Notify::new(),
            used: AtomicBool::new(false),
            first: Notify::new(),
        }))
    }

    /// A request begins.
    pub(in crate::server) fn begin(&self) -> Busy {
        self.0.running.fetch_add(1, Ordering::AcqRel);
        if !self.0.used.load(Ordering::Relaxed) {
            self.0.used.store(true, Ordering::Release);
            self.0.first.notify_one();
        }
        Busy(Arc::clone(&self.0))
    }

    /// Waits until a first request has come.
    pub(super) async fn used(&self) {
        while !self.0.used.load(Ordering::Acquire) {
            self.0.first.notified().await;
        }
    }

    /// Lets the connection end after what runs on it.
    pub(in crate::server) fn close(&self) {
        self.0.close.notify_one();
    }

    /// Waits until somebody wants it closed.
    pub(super) async fn asked_to_close(&self) {
        self.0.close.notified().await;
    }

    /// Waits until it has been idle for so long.
    pub(super) async fn idle_for(&self, limit: Duration) {
        loop {
            let idle_since = self.0.made + Duration::from_millis(self.0.idle_since.load(Ordering::Acquire));
            let now = Instant::now();
            let is_idle = self.0.running.load(Ordering::Acquire) == 0;
            if is_idle && now >= idle_since + limit {
                return;
            }
            // While requests run it looks again after a whole limit; nothing has to be told.
            sleep_until(if is_idle { idle_since + limit } else { now + limit }).await;
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let elapsed = u64::try_from(self.0.made.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.store(elapsed, Ordering::Release);
        self.0.running.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(90);

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_requests_is_idle_after_a_while() {
        let start = Instant::now();
        Activity::new().idle_for(LIMIT).await;
        assert_eq!(start.elapsed(), LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_running_request_keeps_a_connection() {
        let activity = Activity::new();
        let busy = activity.begin();
        assert!(
            tokio::time::timeout(10 * LIMIT, activity.idle_for(LIMIT))
                .await
                .is_err()
        );
        drop(busy);
        let start = Instant::now();
        activity.idle_for(LIMIT).await;
        assert!(start.elapsed() >= LIMIT, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn closing_is_not_forgotten_if_nobody_waits_yet() {
        let activity = Activity::new();
        activity.close();
        activity.asked_to_close().await;
    }
}
