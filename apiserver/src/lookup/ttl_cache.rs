//! A cache of a bounded size whose entries have a time to live. Go: `k8s.io/utils/lru` with expiry, as apiserver uses it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hash, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Parts with a lock of their own, so that cores do not wait for each other.
const STRIPES: usize = 16;

/// A map of at most `capacity` entries. What was not read for longest is dropped first, roughly: each stripe has a
/// young and an old half; what is read moves to the young one, and when that is full it becomes the old one.
#[derive(Debug)]
pub(crate) struct TtlCache<K, V> {
    stripes: Vec<Mutex<Stripe<K, V>>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Stripe<K, V> {
    half: usize,
    young: HashMap<K, Kept<V>>,
    old: HashMap<K, Kept<V>>,
}

#[derive(Debug)]
struct Kept<V> {
    value: V,
    until: Instant,
}

impl<K: Hash + Eq, V: Clone> TtlCache<K, V> {
    /// For about `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        let half = (capacity / STRIPES / 2).max(1);
        let stripe = || {
            Mutex::new(Stripe {
                half,
                young: HashMap::new(),
                old: HashMap::new(),
            })
        };
        Self {
            stripes: std::iter::repeat_with(stripe).take(STRIPES).collect(),
            hasher: RandomState::new(),
        }
    }

    /// The value of `key`, while it lives.
    pub(crate) fn get<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.on_stripe(key, |stripe| stripe.get(key)).flatten()
    }

    /// Keeps `value` for `time`; not at all when that is zero.
    pub(crate) fn insert(&self, key: K, value: V, time: Duration) {
        if time.is_zero() {
            return;
        }
        let until = Instant::now() + time;
        let stripe = self.stripe_of(&key);
        if let Some(stripe) = self.stripes.get(stripe) {
            let mut stripe = stripe.lock().unwrap_or_else(PoisonError::into_inner);
            stripe.insert(key, Kept { value, until });
        }
    }

    fn stripe_of<Q: Hash + ?Sized>(&self, key: &Q) -> usize {
        // The low bits choose the place within a map.
        (self.hasher.hash_one(key) >> 40) as usize % STRIPES
    }

    fn on_stripe<Q: Hash + ?Sized, T>(
        &self,
        key: &Q,
        read: impl FnOnce(&mut Stripe<K, V>) -> T,
    ) -> Option<T> {
        let stripe = self.stripes.get(self.stripe_of(key))?;
        // No step under the lock leaves a state that must not be seen.
        Some(read(&mut stripe.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.stripes
            .iter()
            .map(|stripe| {
                let stripe = stripe.lock().unwrap();
                stripe.young.len() + stripe.old.len()
            })
            .sum()
    }
}

impl<K: Hash + Eq, V: Clone> Stripe<K, V> {
    fn get<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        if let Some(kept) = self.young.get(key) {
            if kept.until > Instant::now() {
                return Some(kept.value.clone());
            }
            self.young.remove(key);
            return None;
        }
        let (key, kept) = self.old.remove_entry(key)?;
        if kept.until <= Instant::now() {
            return None;
        }
        let value = kept.value.clone();
        self.insert(key, kept);
        Some(value)
    }

    fn insert(&mut self, key: K, kept: Kept<V>) {
        self.old.remove(&key);
        self.young.insert(key, kept);
        if self.young.len() >= self.half {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn an_entry_lives_for_its_time_and_no_longer() {
        let map = TtlCache::new(100);
        map.insert("a", 1, TIME);
        tokio::time::advance(TIME - Duration::from_millis(1)).await;
        assert_eq!(map.get("a"), Some(1));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(map.get("a"), None, "reading it does not prolong its life");
    }

    #[tokio::test(start_paused = true)]
    async fn a_time_of_zero_keeps_nothing() {
        let map = TtlCache::new(100);
        map.insert("a", 1, Duration::ZERO);
        assert_eq!(map.get("a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn its_size_is_bounded_and_what_is_read_stays() {
        let map = TtlCache::new(1_000);
        map.insert(0, 0, TIME);
        for key in 1..100_000 {
            map.insert(key, key, TIME);
            assert_eq!(map.get(&0), Some(0), "read all the time, gone after {key} others");
        }
        assert!(map.len() <= 1_000, "{} entries", map.len());
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_value_replaces_an_earlier_one_in_either_half() {
        let map = TtlCache::new(STRIPES * 4);
        for key in 0..100 {
            map.insert(key, 1, TIME);
            map.insert(key, 2, TIME);
            assert_eq!(map.get(&key), Some(2));
            map.insert(key, 3, TIME);
            assert_eq!(map.get(&key), Some(3));
        }
    }
}
