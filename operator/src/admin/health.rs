//! What `/livez` and `/readyz` know.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::watches::Watches;

/// How long the reconcile loop may show no progress. Several times what one reconcile may take (90 s, after which it is
/// cut off), so that only what cannot be cut off restarts the operator, and a slow cluster does not.
const STUCK_AFTER: Duration = Duration::from_secs(10 * 60);

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Its name, as `?verbose` shows it.
    pub name: &'static str,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// The state of the process. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Health {
    reached: Arc<AtomicBool>,
    installed: Arc<AtomicBool>,
    shutting_down: Arc<AtomicBool>,
    heartbeat: Heartbeat,
    watches: Watches,
}

impl Health {
    /// Live, and not ready yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The API server has answered. It stays so: a standby that goes unready with every restart of the API server
    /// would only make the operator's own rollout stall.
    pub fn set_reached(&self) {
        self.reached.store(true, Ordering::Relaxed);
    }

    /// The AggregatedServer resource is served.
    pub fn set_installed(&self) {
        self.installed.store(true, Ordering::Relaxed);
    }

    /// The process is about to end.
    pub fn set_shutting_down(&self) {
        self.shutting_down.store(true, Ordering::Relaxed);
    }

    /// The handle by which the reconcile loop shows that it is alive.
    #[must_use]
    pub fn heartbeat(&self) -> Heartbeat {
        self.heartbeat.clone()
    }

    /// The handle by which watches tell whether they follow.
    #[must_use]
    pub fn watches(&self) -> Watches {
        self.watches.clone()
    }

    /// The checks of `/livez`: what a restart would cure.
    #[must_use]
    pub fn live(&self) -> Vec<HealthCheck> {
        let stuck = self.heartbeat.stuck(Instant::now());
        let failure = stuck.map(|age| format!("no progress for {} s", age.as_secs()));
        vec![
            HealthCheck {
                name: "ping",
                failure: None,
            },
            HealthCheck {
                name: "reconcile",
                failure,
            },
        ]
    }

    /// The checks of `/readyz`. `informer-sync` concerns the leader alone: a standby watches nothing.
    #[must_use]
    pub fn ready(&self) -> Vec<HealthCheck> {
        let check = |name, passed: bool, failure: &str| HealthCheck {
            name,
            failure: (!passed).then(|| failure.to_owned()),
        };
        let is = |flag: &AtomicBool| flag.load(Ordering::Relaxed);
        vec![
            check(
                "kubernetes-api",
                is(&self.reached),
                "the API server has not been reached yet",
            ),
            check(
                "crd",
                is(&self.installed),
                "the AggregatedServer resource is not served yet",
            ),
            HealthCheck {
                name: "informer-sync",
                failure: self.watches.failure(),
            },
            check(
                "shutdown",
                !is(&self.shutting_down),
                "the process is shutting down",
            ),
        ]
    }
}

/// Shows that the reconcile loop makes progress. Clones share it.
///
/// Two things count as stuck: a piece of work begun with [`begin`](Self::begin) that does not end, and, from the first
/// [`beat`](Self::beat) on, that no other follows. A process that never used either, a standby, is never stuck.
#[derive(Clone, Debug, Default)]
pub struct Heartbeat(Arc<Mutex<Progress>>);

#[derive(Debug, Default)]
struct Progress {
    last_beat: Option<Instant>,
    running: BTreeMap<u64, Instant>,
    next: u64,
}

/// A piece of work under way; it ends when this is dropped.
#[derive(Debug)]
#[must_use = "the work ends when this is dropped"]
pub struct Work {
    heartbeat: Heartbeat,
    number: u64,
}

impl Heartbeat {
    /// The loop is alive; another beat is expected within ten minutes.
    pub fn beat(&self) {
        self.progress().last_beat = Some(Instant::now());
    }

    /// The loop has ended on purpose: no more beats are expected.
    pub fn end(&self) {
        self.progress().last_beat = None;
    }

    /// A piece of work (a reconcile) begins, and is expected to end within ten minutes.
    pub fn begin(&self) -> Work {
        let mut progress = self.progress();
        let number = progress.next;
        progress.next += 1;
        progress.running.insert(number, Instant::now());
        drop(progress);
        Work {
            heartbeat: self.clone(),
            number,
        }
    }

    /// How long there has been no progress, where that is too long.
    fn stuck(&self, now: Instant) -> Option<Duration> {
        let progress = self.progress();
        let oldest = progress
            .running
            .values()
            .copied()
            .chain(progress.last_beat)
            .min()?;
        Some(now.saturating_duration_since(oldest)).filter(|age| *age > STUCK_AFTER)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.heartbeat.progress().running.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    fn reconcile(health: &Health) -> Option<String> {
        health
            .live()
            .into_iter()
            .find(|check| check.name == "reconcile")
            .unwrap()
            .failure
    }

    #[tokio::test(start_paused = true)]
    async fn a_standby_is_live_for_ever() {
        let health = Health::new();
        advance(STUCK_AFTER * 10).await;
        assert_eq!(reconcile(&health), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_whose_beats_cease_is_stuck() {
        let health = Health::new();
        health.heartbeat().beat();
        advance(STUCK_AFTER).await;
        assert_eq!(reconcile(&health), None);
        advance(Duration::from_secs(1)).await;
        assert_eq!(reconcile(&health), Some("no progress for 601 s".to_owned()));
        health.heartbeat().beat();
        assert_eq!(reconcile(&health), None);
        advance(STUCK_AFTER * 2).await;
        health.heartbeat().end();
        assert_eq!(reconcile(&health), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_reconcile_that_hangs_is_stuck_though_others_pass() {
        let health = Health::new();
        let hanging = health.heartbeat().begin();
        advance(STUCK_AFTER).await;
        drop(health.heartbeat().begin());
        health.heartbeat().beat();
        advance(Duration::from_secs(1)).await;
        assert!(reconcile(&health).is_some());
        drop(hanging);
        assert_eq!(reconcile(&health), None);
    }
}
