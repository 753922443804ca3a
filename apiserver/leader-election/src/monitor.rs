//! What others are told of an election. Go: `metrics.go`, `healthzadaptor.go` and `LeaderElector.Check` of client-go's
//! `tools/leaderelection`.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use std::time::Duration;

use tokio::time::Instant;

use super::LeaseSettings;

/// How long a leader may be past the end of its Lease before its process counts as unhealthy, as kube-controller-manager has it.
pub const MAX_TOLERABLE_EXPIRED_LEASE: Duration = Duration::from_secs(20);

/// What is known of the elections for one Lease: whether this process leads, for metrics, and whether it should have stopped to,
/// for a health check. Clones are one; it outlives an election, and counts on in the next one.
#[derive(Clone, Debug)]
pub struct ElectionMonitor(Arc<Known>);

#[derive(Debug)]
struct Known {
    lease: String,
    lease_duration: Duration,
    is_leader: AtomicBool,
    slow_paths: AtomicU64,
    failures: AtomicU64,
    /// When the Lease was last seen to change while it named this process; `None` where it names somebody else, or nobody.
    held_since: Mutex<Option<Instant>>,
}

/// A process that is past the end of its Lease, and has not stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed election to renew leadership on lease {lease}")]
pub struct ExpiredLease {
    /// The name of the Lease.
    pub lease: String,
}

impl ElectionMonitor {
    /// Of elections with these settings, none of which has begun.
    #[must_use]
    pub fn new(settings: &LeaseSettings) -> Self {
        Self(Arc::new(Known {
            lease: settings.name.clone(),
            lease_duration: settings.timings.lease_duration,
            is_leader: AtomicBool::new(false),
            slow_paths: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            held_since: Mutex::new(None),
        }))
    }

    /// The name of the Lease, for the label `name` of metrics.
    #[must_use]
    pub fn lease(&self) -> &str {
        &self.0.lease
    }

    /// Whether this process leads. Go's metric: `leader_election_master_status`.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        self.0.is_leader.load(Ordering::Relaxed)
    }

    /// How often the Lease of this process was read before it was renewed, since somebody else had written to it. Go's metric:
    /// `leader_election_slowpath_total`.
    #[must_use]
    pub fn slow_paths(&self) -> u64 {
        self.0.slow_paths.load(Ordering::Relaxed)
    }

    /// How often the Lease could not be read or written: who may not, or cannot reach the API server, never leads, and is well.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Whether this process has gone on for longer than `tolerable` after its Lease has run out. It should have stopped by itself;
    /// what blocks its thread can prevent that. One who stands by is well.
    ///
    /// # Errors
    /// It has.
    pub fn check(&self, tolerable: Duration) -> Result<(), ExpiredLease> {
        let held = *self.held_since();
        match held {
            Some(since) if since.elapsed() > self.0.lease_duration.saturating_add(tolerable) => {
                Err(ExpiredLease {
                    lease: self.0.lease.clone(),
                })
            }
            _ => Ok(()),
        }
    }

    /// An election begins, which knows nothing yet.
    pub(super) fn begins(&self) {
        self.leads(false);
        self.observed(None);
    }

    pub(super) fn leads(&self, leads: bool) {
        self.0.is_leader.store(leads, Ordering::Relaxed);
    }

    /// The Lease names this process, and has been as it is since then; or it does not.
    pub(super) fn observed(&self, held_since: Option<Instant>) {
        *self.held_since() = held_since;
    }

    pub(super) fn slow_path(&self) {
        self.0.slow_paths.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }

    fn held_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.held_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
