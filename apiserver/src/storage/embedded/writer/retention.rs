//! How much history is kept: by time, within a budget of bytes.
//!
//! The same choice as etcd's `--auto-compaction-retention` makes for its users, with what etcd lacks: a store that is
//! written much keeps less, rather than filling its volume.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::storage::Revision;
use crate::storage::embedded::medium::Room;

/// The longest time between two marks.
const LONGEST_STEP: Duration = Duration::from_secs(30);
/// Within twice the budget no history is forgotten sooner: watch caches keep as much, and so do their clients.
const SHORT: Duration = Duration::from_secs(75);
/// A mark is made for this part of the budget.
const PART: u64 = 16;
/// The smallest budget: where there is less room than for this, there is none.
const LEAST: u64 = 256 << 10;

/// What was the newest revision at which time, and how many bytes had become history by then.
#[derive(Debug)]
pub(super) struct Retention {
    kept: Duration,
    /// The budget that was asked for.
    wanted: u64,
    /// What there is room for of it.
    budget: u64,
    pressure: Pressure,
    /// Bytes of history that there ever were, as far as this process knows.
    produced: u64,
    /// How many of them are compacted.
    forgotten: u64,
    marks: VecDeque<Mark>,
}

/// How the file has grown while room was short.
#[derive(Clone, Copy, Debug, Default)]
struct Pressure {
    /// What had been produced when it was looked at.
    looked: u64,
    /// What the file took on disk when the budget was last lowered.
    size: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Instant,
    revision: Revision,
    produced: u64,
}

impl Retention {
    /// Keeps history for `kept`, and not more than `budget` bytes of it, of which there are `produced` already.
    pub(super) fn new(kept: Duration, budget: u64, produced: u64) -> Self {
        Self {
            kept,
            wanted: budget.max(LEAST),
            budget: budget.max(LEAST),
            pressure: Pressure::default(),
            produced,
            forgotten: 0,
            marks: VecDeque::new(),
        }
    }

    /// The time between two marks, by which history is kept longer than it must be.
    pub(super) fn step(&self) -> Duration {
        (self.kept / 10).min(LONGEST_STEP)
    }

    /// Notes that so many bytes became history.
    pub(super) fn produce(&mut self, bytes: u64) {
        self.produced = self.produced.saturating_add(bytes);
    }

    /// Bytes of history that are not compacted.
    pub(super) fn bytes(&self) -> u64 {
        self.produced.saturating_sub(self.forgotten)
    }

    /// The budget, in bytes.
    pub(super) fn budget(&self) -> u64 {
        self.budget
    }

    /// Whether so much has become history that room may have become short.
    pub(super) fn should_look(&self) -> bool {
        self.produced - self.pressure.looked >= LEAST
    }

    /// Fits the budget to the room: as long as less than an eighth of the file system is free and the file grows on, the
    /// budget is halved. A file does not shrink by itself, but what is removed from it is written over: with less
    /// history it stops growing before the disk is full. With a quarter free again, the budget is what it was.
    pub(super) fn fit(&mut self, room: Room, size_on_disk: u64) {
        self.pressure.looked = self.produced;
        if room.free >= room.capacity / 4 {
            self.budget = self.wanted;
            self.pressure.size = 0;
        } else if room.free < room.capacity / 8
            && size_on_disk > self.pressure.size
            && self.bytes() > self.budget / 4
        {
            self.budget = (self.budget / 2).max(LEAST);
            self.pressure.size = size_on_disk;
        }
    }

    /// All history up to now is compacted.
    pub(super) fn forget_all(&mut self) {
        self.forgotten = self.produced;
        self.marks.clear();
    }

    /// Notes the revision of now; returns the one up to which history is to be forgotten: for its age; down to the
    /// budget, of what is older than 75 s; beyond twice the budget, of whatever age.
    pub(super) fn pass(&mut self, now: Instant, revision: Revision) -> Option<Revision> {
        let is_due = self.marks.back().is_none_or(|last| {
            age(now, last.at) >= self.step() || self.produced - last.produced >= self.budget / PART
        });
        if is_due {
            self.marks.push_back(Mark {
                at: now,
                revision,
                produced: self.produced,
            });
        }
        let is_far_over = self.bytes() > 2 * self.budget;
        let mut forgotten = None;
        while let Some(oldest) = self.marks.front().copied() {
            let age = age(now, oldest.at);
            let is_over = self.bytes() > self.budget;
            if age < self.kept && !(is_over && (is_far_over || age >= SHORT)) {
                break;
            }
            self.marks.pop_front();
            self.forgotten = oldest.produced;
            forgotten = Some(oldest.revision);
        }
        forgotten
    }
}

fn age(now: Instant, at: Instant) -> Duration {
    now.saturating_duration_since(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Duration = Duration::from_secs(300);

    #[test]
    fn a_revision_is_forgotten_when_it_has_been_history_for_long_enough() {
        let mut retention = Retention::new(KEPT, u64::MAX / 4, 0);
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(retention.pass(at(0), Revision::new(10)), None);
        assert_eq!(retention.pass(at(10), Revision::new(11)), None);
        assert_eq!(retention.pass(at(40), Revision::new(20)), None);
        assert_eq!(retention.pass(at(299), Revision::new(30)), None);
        assert_eq!(
            retention.pass(at(300), Revision::new(31)),
            Some(Revision::new(10))
        );
        assert_eq!(retention.pass(at(339), Revision::new(32)), None);
        assert_eq!(
            retention.pass(at(1000), Revision::new(40)),
            Some(Revision::new(32))
        );
    }

    #[test]
    fn within_twice_the_budget_only_what_is_older_than_75_seconds_is_forgotten() {
        let budget = 16 << 20;
        let mut retention = Retention::new(KEPT, budget, 0);
        let start = Instant::now();
        // 1 MiB a second.
        let pass = |retention: &mut Retention, second: u64| {
            retention.produce(1 << 20);
            retention.pass(start + Duration::from_secs(second), Revision::new(1000 + second))
        };
        for second in 0..31 {
            assert_eq!(pass(&mut retention, second), None, "{second}");
        }
        assert!(retention.bytes() > budget);
        // Nothing more is written, and so what is there stays until it is old enough.
        let quiet = |retention: &mut Retention, second| {
            retention.pass(start + Duration::from_secs(second), Revision::new(1031))
        };
        assert_eq!(quiet(&mut retention, 74), None);
        assert_eq!(quiet(&mut retention, 76), Some(Revision::new(1001)));
        assert_eq!(quiet(&mut retention, 100), Some(Revision::new(1014)));
        assert_eq!(retention.bytes(), budget);
        assert_eq!(quiet(&mut retention, 120), None);
    }

    #[test]
    fn the_budget_gives_way_while_room_is_short_and_the_file_grows() {
        let capacity = 100 << 20;
        let room = |free| Room { capacity, free };
        let mut retention = Retention::new(KEPT, 8 << 20, 6 << 20);
        assert!(retention.should_look());
        let mut fit = |free, size| {
            retention.fit(room(free), size);
            retention.budget()
        };
        assert_eq!(fit(20 << 20, 50 << 20), 8 << 20);
        assert_eq!(fit(10 << 20, 60 << 20), 4 << 20);
        assert_eq!(fit(10 << 20, 60 << 20), 4 << 20, "it does not grow");
        assert_eq!(fit(9 << 20, 61 << 20), 2 << 20);
        assert_eq!(fit(20 << 20, 61 << 20), 2 << 20);
        assert_eq!(fit(30 << 20, 61 << 20), 8 << 20);
        for size in 62..80 {
            fit(5 << 20, size << 20);
        }
        assert_eq!(retention.budget(), LEAST);
        assert!(!retention.should_look());
        retention.produce(LEAST);
        assert!(retention.should_look());
    }

    #[test]
    fn beyond_twice_the_budget_the_newest_that_fits_is_kept_whatever_its_age() {
        let budget = 16 << 20;
        let mut retention = Retention::new(KEPT, budget, 5 << 20);
        let now = Instant::now();
        let mut kept = 0;
        for number in 1..10_000 {
            retention.produce(100 << 10);
            retention.pass(now, Revision::new(number));
            kept = kept.max(retention.bytes());
            assert!(retention.marks.len() < 50, "{}", retention.marks.len());
        }
        assert!((budget..=2 * budget + (2 << 20)).contains(&kept), "{kept}");
        assert!(retention.bytes() >= budget / 2);
    }
}
