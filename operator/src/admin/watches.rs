//! Whether the watches of the leader follow: the check `informer-sync` of `/readyz`, as kube-apiserver has one, and which
//! failures are worth a line in the log.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// A watch that fails for so long without pause makes the process unready. A restart of the API server is shorter.
const FAILING: Duration = Duration::from_secs(5 * 60);
/// A failure that is not followed by another one for so long is over: longer than any request and back-off of a watch.
const OVER: Duration = Duration::from_secs(6 * 60);
/// What a watch has brought is late when it has failed for so long.
const LATE: Duration = Duration::from_secs(30);
/// A failure that is not followed by another one for so long was one of a moment, whether or not anything has come since: of a
/// quiet kind nothing comes. An attempt ends within 90 s, and the next one begins within 30 s.
const PAST: Duration = Duration::from_secs(150);
/// The least time between two lines in the log about the watch of one kind.
const LOG_PERIOD: Duration = Duration::from_secs(60);

/// Stands between kind and namespace in the name of a watch.
const IN: &str = " in ";

/// What the watch of `kind` in `namespace` is called; `None`: in all.
#[must_use]
pub fn watch_name(kind: &str, namespace: Option<&str>) -> String {
    namespace.map_or_else(|| kind.to_owned(), |namespace| format!("{kind}{IN}{namespace}"))
}

/// The state of every watch. Clones share it. A process that has begun none, a standby, has nothing to say.
#[derive(Clone, Debug, Default)]
pub struct Watches(Arc<Mutex<BTreeMap<String, Watch>>>);

#[derive(Debug, Default)]
struct Watch {
    synced: bool,
    failing: Option<Failing>,
    logged: Option<Instant>,
    unlogged: u64,
}

#[derive(Debug)]
struct Failing {
    since: Instant,
    last: Instant,
}

impl Watch {
    fn is_late(&self) -> bool {
        self.failing
            .as_ref()
            .is_some_and(|failing| failing.since.elapsed() >= LATE && failing.last.elapsed() < PAST)
    }
}

/// Whether a failure is to be logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// It is; so many before it were not.
    Line {
        /// How many.
        unlogged: u64,
    },
    /// It is not.
    Nothing,
}

impl Watches {
    /// The watch of `kind`, or of `KIND in NAMESPACE`, begins: from now on it is expected to have listed everything.
    pub fn begin(&self, kind: &str) {
        self.watches().entry(kind.to_owned()).or_default();
    }

    /// Something came of the watch of `kind`; with `listed` that was the end of its first list.
    pub fn succeeded(&self, kind: &str, listed: bool) {
        let mut watches = self.watches();
        let watch = watches.entry(kind.to_owned()).or_default();
        watch.synced |= listed;
        watch.failing = None;
    }

    /// The watch of `kind` failed, and is begun again.
    pub fn failed(&self, kind: &str) -> Log {
        let now = Instant::now();
        let mut watches = self.watches();
        let watch = watches.entry(kind.to_owned()).or_default();
        let since = watch
            .failing
            .take()
            .filter(|failing| now.duration_since(failing.last) < OVER)
            .map_or(now, |failing| failing.since);
        watch.failing = Some(Failing { since, last: now });
        if watch
            .logged
            .is_some_and(|logged| now.duration_since(logged) < LOG_PERIOD)
        {
            watch.unlogged += 1;
            return Log::Nothing;
        }
        watch.logged = Some(now);
        Log::Line {
            unlogged: std::mem::take(&mut watch.unlogged),
        }
    }

    /// Whether what is known of `kind` in `namespace` may be late, by a watch of that namespace, or of all. A kind without namespaces is
    /// watched in all.
    #[must_use]
    pub fn is_late(&self, kind: &str, namespace: &str) -> bool {
        self.any_is_late(|watched, of| watched == kind && of.is_none_or(|of| of == namespace))
    }

    /// Whether that is so of any kind.
    #[must_use]
    pub fn are_late(&self, namespace: &str) -> bool {
        self.any_is_late(|_, of| of.is_none_or(|of| of == namespace))
    }

    /// Whether a watch is late of a kind and a namespace (`None`: all) that `concerns`.
    fn any_is_late(&self, concerns: impl Fn(&str, Option<&str>) -> bool) -> bool {
        self.watches().iter().any(|(called, watch)| {
            let (kind, namespace) = match called.split_once(IN) {
                Some((kind, namespace)) => (kind, Some(namespace)),
                None => (called.as_str(), None),
            };
            concerns(kind, namespace) && watch.is_late()
        })
    }

    /// Why what the reconciler knows may be too little or too old, if it may.
    pub(crate) fn failure(&self) -> Option<String> {
        let now = Instant::now();
        let watches = self.watches();
        let names = |wanted: fn(&Watch, Instant) -> bool| {
            let named = watches.iter().filter(|(_, watch)| wanted(watch, now));
            named
                .map(|(kind, _)| kind.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let unsynced = names(|watch, _| !watch.synced);
        let failing = names(|watch, now| {
            watch.synced
                && watch.failing.as_ref().is_some_and(|failing| {
                    failing.last.duration_since(failing.since) >= FAILING
                        && now.duration_since(failing.last) < OVER
                })
        });
        let said = [("not listed yet", unsynced), ("watches fail", failing)];
        let said: Vec<String> = said
            .into_iter()
            .filter(|(_, kinds)| !kinds.is_empty())
            .map(|(what, kinds)| format!("{what}: {kinds}"))
            .collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    fn watches(&self) -> MutexGuard<'_, BTreeMap<String, Watch>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_watches_nothing_is_ready_and_who_has_not_listed_is_not() {
        let watches = Watches::default();
        assert_eq!(watches.failure(), None);
        watches.begin("Pod");
        watches.begin("AggregatedServer");
        watches.succeeded("Pod", true);
        watches.succeeded("AggregatedServer", false);
        assert_eq!(watches.failure().unwrap(), "not listed yet: AggregatedServer");
        watches.failed("AggregatedServer");
        assert_eq!(watches.failure().unwrap(), "not listed yet: AggregatedServer");
        watches.succeeded("AggregatedServer", true);
        assert_eq!(watches.failure(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn only_a_watch_that_fails_for_long_and_still_does_is_unready() {
        let watches = Watches::default();
        watches.succeeded("Pod", true);
        for _ in 0..10 {
            watches.failed("Pod");
            assert_eq!(watches.failure(), None);
            advance(Duration::from_secs(30)).await;
        }
        watches.failed("Pod");
        assert_eq!(watches.failure().unwrap(), "watches fail: Pod");
        advance(OVER).await;
        assert_eq!(watches.failure(), None);
        watches.failed("Pod");
        assert_eq!(watches.failure(), None);
        for _ in 0..20 {
            advance(Duration::from_secs(30)).await;
            watches.failed("Pod");
        }
        assert!(watches.failure().is_some());
        watches.succeeded("Pod", false);
        assert_eq!(watches.failure(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_kind_is_late_in_the_namespace_whose_watch_is_and_no_other() {
        let watches = Watches::default();
        let failing = watch_name("Pod", Some("a"));
        for _ in 0..=LATE.as_secs() {
            watches.failed(&failing);
            watches.succeeded(&watch_name("Pod", Some("b")), true);
            advance(Duration::from_secs(1)).await;
        }
        assert!(watches.is_late("Pod", "a") && watches.are_late("a"));
        assert!(!watches.is_late("Pod", "b") && !watches.are_late("b"));
        assert!(!watches.is_late("PodDisruptionBudget", "a") && !watches.is_late("Po", "a"));
        watches.succeeded(&failing, true);
        assert!(!watches.is_late("Pod", "a"));
        // What is watched in all namespaces concerns each.
        for _ in 0..=LATE.as_secs() {
            watches.failed("APIService");
            advance(Duration::from_secs(1)).await;
        }
        assert!(watches.is_late("APIService", "") && watches.are_late("a") && watches.are_late("b"));
        assert!(!watches.is_late("Pod", "a"));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_logged_once_a_minute_and_kind() {
        let watches = Watches::default();
        assert_eq!(watches.failed("Pod"), Log::Line { unlogged: 0 });
        assert_eq!(watches.failed("Secret"), Log::Line { unlogged: 0 });
        assert_eq!(watches.failed("Pod"), Log::Nothing);
        assert_eq!(watches.failed("Pod"), Log::Nothing);
        advance(LOG_PERIOD).await;
        assert_eq!(watches.failed("Pod"), Log::Line { unlogged: 2 });
    }
}
