//! How often certificates may be issued anew because somebody or something spoils them: each is a write, an Event, and where
//! certificates are read at the start alone, a rollout.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// So many in [`WINDOW`] are issued at once.
const BURST: usize = 5;
/// How long one counts.
const WINDOW: Duration = Duration::from_secs(3600);
/// The pause after the first one beyond [`BURST`]; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How often it doubles at most.
const DOUBLINGS: usize = 5;

/// When certificates of one server were issued lately.
#[derive(Clone, Debug, Default)]
pub struct Issued(VecDeque<Instant>);

impl Issued {
    /// Takes note of one.
    pub fn note(&mut self, now: Instant) {
        self.forget(now);
        // One more than counts is of no use.
        if self.0.len() > BURST + DOUBLINGS {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// How long the next one has to wait; `None` where it may be issued now.
    pub fn pause(&mut self, now: Instant) -> Option<Duration> {
        self.forget(now);
        let beyond = self.0.len().checked_sub(BURST)?.min(DOUBLINGS);
        let pause = FIRST_PAUSE * 2_u32.pow(u32::try_from(beyond).unwrap_or(0));
        let passed = now.saturating_duration_since(*self.0.back()?);
        pause.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// How many count now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn forget(&mut self, now: Instant) {
        let old = |issued: &Instant| now.saturating_duration_since(*issued) >= WINDOW;
        while self.0.front().is_some_and(old) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_issued_at_once_and_the_rest_ever_more_slowly() {
        let mut issued = Issued::default();
        let start = Instant::now();
        let mut now = start;
        let mut pauses = Vec::new();
        while pauses.len() < 10 {
            if let Some(pause) = issued.pause(now) {
                pauses.push(pause.as_secs());
                now += pause;
            }
            assert_eq!(issued.pause(now), None);
            issued.note(now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 160, 160, 160, 160]);
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let mut issued = Issued::default();
        let start = Instant::now();
        for _ in 0..20 {
            issued.note(start);
        }
        assert!(issued.pause(start).is_some());
        assert_eq!(issued.pause(start + WINDOW), None);
        assert_eq!(issued.count(), 0);
    }
}
