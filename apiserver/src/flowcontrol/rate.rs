//! A token bucket: client-go's `flowcontrol.NewTokenBucketRateLimiter`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets so many pass in a second, and a burst at once. Who comes too early waits for its turn, first come, first served;
/// how many may wait is for the caller to bound.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_second: f64,
    burst: f64,
    bucket: Mutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// Below nothing: that many are promised already.
    tokens: f64,
    filled: Instant,
}

impl RateLimiter {
    /// `per_second` on average, `burst` at once.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst.max(1));
        Self {
            per_second: f64::from(per_second.max(1)),
            burst,
            bucket: Mutex::new(Bucket {
                tokens: burst,
                filled: Instant::now(),
            }),
        }
    }

    /// Waits for the caller's turn. Who stops waiting has used it.
    pub(crate) async fn turn(&self) {
        let wait = self.reserve();
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes a turn, if there is one at once.
    pub(crate) fn has_turn(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let tokens = self.filled(&bucket, Instant::now());
        if tokens < 1.0 {
            return false;
        }
        *bucket = Bucket {
            tokens: tokens - 1.0,
            filled: Instant::now(),
        };
        true
    }

    /// What is in the bucket now.
    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let fresh = now.saturating_duration_since(bucket.filled).as_secs_f64() * self.per_second;
        (bucket.tokens + fresh).min(self.burst)
    }

    fn reserve(&self) -> Duration {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        bucket.tokens = self.filled(&bucket, now) - 1.0;
        bucket.filled = now;
        Duration::from_secs_f64((-bucket.tokens).max(0.0) / self.per_second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_passes_at_once_and_the_rest_at_the_rate() {
        let limiter = RateLimiter::new(10, 20);
        let begun = Instant::now();
        for _ in 0..20 {
            limiter.turn().await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..30 {
            limiter.turn().await;
        }
        let elapsed = begun.elapsed().as_secs_f64();
        assert!((2.9..3.2).contains(&elapsed), "{elapsed}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_wait_has_a_turn_or_none() {
        let limiter = RateLimiter::new(10, 2);
        assert!(limiter.has_turn() && limiter.has_turn());
        assert!(!limiter.has_turn() && !limiter.has_turn());
        tokio::time::advance(Duration::from_millis(101)).await;
        assert!(limiter.has_turn() && !limiter.has_turn());
    }

    #[tokio::test(start_paused = true)]
    async fn an_hour_of_silence_saves_no_more_than_a_burst() {
        let limiter = RateLimiter::new(10, 20);
        tokio::time::advance(Duration::from_secs(3600)).await;
        let begun = Instant::now();
        for _ in 0..21 {
            limiter.turn().await;
        }
        assert!(
            begun.elapsed() >= Duration::from_millis(90),
            "{:?}",
            begun.elapsed()
        );
    }
}
