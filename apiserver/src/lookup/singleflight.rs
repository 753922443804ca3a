//! One lookup for all who ask the same at once, as `golang.org/x/sync/singleflight` does.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Lookups under way. Each runs in a task of its own, so that it serves all who wait for it although the first of
/// them goes away; it is bounded in time. How many there may be is for the lookups themselves to bound.
#[derive(Debug)]
pub(crate) struct Singleflight<K, V> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    longest: Duration,
}

/// Why a lookup has no answer at all.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum LookupFailed {
    /// It took too long.
    #[error("the lookup took longer than {} s", .0.as_secs())]
    TooLong(Duration),
    /// It ended without an answer, by a fault of this program.
    #[error("the lookup ended unexpectedly")]
    Lost,
}

/// Takes the lookup out of the map however it ends.
struct Landing<K: Hash + Eq, V> {
    under_way: Arc<Mutex<HashMap<K, watch::Receiver<Option<V>>>>>,
    key: K,
}

impl<K: Hash + Eq, V> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
    }
}

impl<K, V> Singleflight<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Lookups of at most `longest`.
    pub(crate) fn new(longest: Duration) -> Self {
        Self {
            under_way: Arc::default(),
            longest,
        }
    }

    /// The answer of the lookup for `key` that is under way, else of `lookup`.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn join<F>(&self, key: &K, lookup: F) -> Result<V, LookupFailed>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let landing = self.start(key, lookup);
        self.landed(landing).await
    }

    /// Whether a lookup for `key` is under way.
    pub(crate) fn is_under_way(&self, key: &K) -> bool {
        let under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.contains_key(key)
    }

    /// Starts `lookup`, unless somebody was faster.
    fn start<F>(&self, key: &K, lookup: F) -> watch::Receiver<Option<V>>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landing) = under_way.get(key) {
            return landing.clone();
        }
        let (answer, landing) = watch::channel(None);
        under_way.insert(key.clone(), landing.clone());
        drop(under_way);
        let guard = Landing {
            under_way: Arc::clone(&self.under_way),
            key: key.clone(),
        };
        let longest = self.longest;
        tokio::spawn(async move {
            let found = tokio::time::timeout(longest, lookup).await;
            drop(guard);
            if let Ok(found) = found {
                answer.send_replace(Some(found));
            }
        });
        landing
    }

    async fn landed(&self, mut landing: watch::Receiver<Option<V>>) -> Result<V, LookupFailed> {
        let waiting = tokio::time::timeout(self.longest, landing.wait_for(Option::is_some));
        match waiting.await {
            Ok(Ok(answer)) => answer.clone().ok_or(LookupFailed::Lost),
            Ok(Err(_)) => Err(LookupFailed::Lost),
            Err(_) => Err(LookupFailed::TooLong(self.longest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const LONGEST: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_at_once_share_one_lookup() {
        let singleflight = Singleflight::new(LONGEST);
        let asked = Arc::new(AtomicUsize::new(0));
        let lookup = || {
            let asked = Arc::clone(&asked);
            async move {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_secs(1)).await;
                7
            }
        };
        let answers = futures::future::join_all((0..100).map(|_| singleflight.join(&"key", lookup()))).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(7))));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert!(matches!(singleflight.join(&"key", lookup()).await, Ok(7)));
        assert_eq!(asked.load(Ordering::SeqCst), 2, "an answer is not kept here");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_outlives_the_one_who_started_it() {
        let singleflight = Arc::new(Singleflight::new(LONGEST));
        let first = tokio::spawn({
            let singleflight = Arc::clone(&singleflight);
            async move {
                let lookup = async {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    1
                };
                singleflight.join(&"key", lookup).await
            }
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        first.abort();
        let second = singleflight.join(&"key", async { 2 }).await;
        assert!(matches!(second, Ok(1)), "{second:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lookup_that_hangs_or_panics_is_an_error_and_does_not_stay() {
        let singleflight = Singleflight::new(LONGEST);
        let hung = singleflight.join(&"key", std::future::pending::<u8>()).await;
        assert!(hung.is_err(), "{hung:?}");
        let lost = singleflight.join(&"key", async { panic!("a fault") }).await;
        assert!(matches!(lost, Err(LookupFailed::Lost)), "{lost:?}");
        assert!(matches!(singleflight.join(&"key", async { 3 }).await, Ok(3)));
    }
}
