//! When a server is looked at again after an error: ever later, and not all together.

use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first error.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5 * 60);
/// For how long failed reads of the API server change no condition: it may have been restarted.
const UNTOLD: Duration = Duration::from_secs(60);

/// The errors of one server since its last success.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures {
    count: u32,
    unread_since: Option<Instant>,
}

impl Failures {
    /// The pause after one more error; `jitter` is from 0 to 1.
    pub fn next(&mut self, jitter: f64) -> Duration {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.count).unwrap_or(u32::MAX));
        self.count = self.count.saturating_add(1);
        // Half of it and as much again: never less than what keeps two servers apart.
        (doubled.min(LONGEST).mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)).max(FIRST)
    }

    /// Takes note at `now` that what there is could not be read; says whether that has lasted so long that it is to be told.
    pub fn unread(&mut self, now: Instant) -> bool {
        let since = *self.unread_since.get_or_insert(now);
        now.saturating_duration_since(since) >= UNTOLD
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_differ() {
        let mut failures = Failures::default();
        let pauses: Vec<u64> = (0..40).map(|_| failures.next(1.0).as_secs()).collect();
        assert_eq!(pauses[..10], [1, 2, 4, 8, 16, 32, 64, 128, 256, 300]);
        assert_eq!(pauses[39], 300);
        assert_eq!(failures.next(0.0), Duration::from_secs(150));
        assert_eq!(Failures::default().next(0.0), FIRST);
    }

    #[test]
    fn what_cannot_be_read_is_told_after_a_minute() {
        let (mut failures, began) = (Failures::default(), Instant::now());
        let at = |seconds| began + Duration::from_secs(seconds);
        assert!(!failures.unread(at(0)) && !failures.unread(at(59)));
        assert!(failures.unread(at(60)) && failures.unread(at(300)));
    }
}
