//! How often certificates of one server may be issued: each is a write, an Event, and where certificates are read at the start alone, a
//! rollout. Somebody or something that spoils or removes them, or asks for others, does so again and again.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;
use tokio::time::Instant;

/// So many in [`WINDOW`] are issued at once: more than rotations need that people ask for.
const BURST: usize = 12;
/// How long one counts.
const WINDOW: Duration = Duration::from_secs(3600);
/// The pause after the first one beyond [`BURST`]; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How often it doubles at most.
const DOUBLINGS: usize = 5;

/// When certificates of one server were issued lately.
#[derive(Clone, Debug, Default)]
pub struct Issued {
    times: VecDeque<Instant>,
    /// When the next one may be issued, as it was told: the same at each look.
    told: Option<Timestamp>,
}

impl Issued {
    /// Takes note of one.
    pub fn note(&mut self, now: Instant) {
        self.told = None;
        self.forget(now);
        // One more than counts is of no use.
        if self.times.len() > BURST + DOUBLINGS {
            self.times.pop_front();
        }
        self.times.push_back(now);
    }

    /// When the next one may be issued, in whole seconds after `time`, which is now; `None` where that is now.
    pub fn pause(&mut self, now: Instant, time: Timestamp) -> Option<Timestamp> {
        self.forget(now);
        let beyond = self.times.len().checked_sub(BURST)?.min(DOUBLINGS);
        let pause = FIRST_PAUSE * 2_u32.pow(u32::try_from(beyond).unwrap_or(0));
        let passed = now.saturating_duration_since(*self.times.back()?);
        let left = pause.checked_sub(passed).filter(|left| !left.is_zero())?;
        let at = time.checked_add(left).unwrap_or(Timestamp::MAX);
        let whole = Timestamp::from_second(at.as_second()).unwrap_or(at);
        Some(*self.told.get_or_insert(whole))
    }

    /// How many count now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.times.len()
    }

    fn forget(&mut self, now: Instant) {
        let old = |issued: &Instant| now.saturating_duration_since(*issued) >= WINDOW;
        while self.times.front().is_some_and(old) {
            self.times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_are_issued_at_once_and_the_rest_ever_more_slowly() {
        let mut issued = Issued::default();
        let (mut now, mut time) = (Instant::now(), Timestamp::UNIX_EPOCH);
        let mut pauses = Vec::new();
        for _ in 0..BURST {
            assert_eq!(issued.pause(now, time), None);
            issued.note(now);
        }
        while pauses.len() < 9 {
            let until = issued.pause(now, time).unwrap();
            let wait = Duration::try_from(until.duration_since(time)).unwrap();
            let half = wait / 2;
            assert_eq!(
                issued.pause(now + half, time + half),
                Some(until),
                "it counts nothing down"
            );
            pauses.push(wait.as_secs());
            now += wait;
            time += wait;
            assert_eq!(issued.pause(now, time), None);
            issued.note(now);
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 160, 160, 160]);
    }

    #[test]
    fn what_was_long_ago_does_not_count() {
        let mut issued = Issued::default();
        let (start, time) = (Instant::now(), Timestamp::UNIX_EPOCH);
        for _ in 0..2 * BURST {
            issued.note(start);
        }
        assert!(issued.pause(start, time).is_some());
        assert_eq!(issued.pause(start + WINDOW, time), None);
        assert_eq!(issued.count(), 0);
    }
}
