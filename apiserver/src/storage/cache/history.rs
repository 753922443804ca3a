//! The latest changes, from which a watch can begin in the past.

use std::collections::VecDeque;

use tokio::time::Instant;

use super::Options;
use super::budget::{Held, HistoryBudget};
use crate::storage::{Change, Prefix, Revision};

/// Changes in the order of their revisions: all that came after `start`.
#[derive(Debug)]
pub(super) struct History {
    items: VecDeque<Item>,
    start: Revision,
    dropped: Revision,
    held: Held,
    /// So many of the first have no encodings any more.
    cold: usize,
}

#[derive(Debug)]
struct Item {
    change: Change,
    at: Instant,
}

impl History {
    /// An empty one that begins after `start`, whose bytes count towards `budget`.
    pub(super) fn after(start: Revision, budget: &HistoryBudget) -> Self {
        Self {
            items: VecDeque::new(),
            start,
            dropped: start,
            held: budget.share(),
            cold: 0,
        }
    }

    /// Forgets all, and begins anew after `start`.
    pub(super) fn restart(&mut self, start: Revision) {
        *self = Self::after(start, self.held.budget());
    }

    /// A watch can begin after this revision and any later one.
    pub(super) const fn start(&self) -> Revision {
        self.start
    }

    /// Changes up to this revision were dropped for their age or number.
    pub(super) const fn dropped(&self) -> Revision {
        self.dropped
    }

    /// Changes held.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// Takes `change` in, which is newer than all others.
    pub(super) fn push(&mut self, change: Change, now: Instant) {
        self.held.add(size(&change));
        self.items.push_back(Item { change, at: now });
    }

    /// Drops what is too old or too much; of what only slow watchers still need, the encodings.
    pub(super) fn trim(&mut self, options: &Options, now: Instant) {
        while let Some(item) = self.items.get(self.cold)
            && now.saturating_duration_since(item.at) > options.encodings
        {
            item.change.encodings().clear();
            self.cold += 1;
        }
        while self.is_over(options, now) {
            let Some(item) = self.items.pop_front() else { break };
            self.held.sub(size(&item.change));
            self.cold = self.cold.saturating_sub(1);
            self.dropped = item.change.revision();
            self.start = self.start.max(self.dropped);
        }
        if self.items.capacity() > 1024 && self.items.len() < self.items.capacity() / 4 {
            self.items.shrink_to(self.items.len() * 2);
        }
    }

    /// No watch begins before `revision` any more.
    pub(super) fn forget_before(&mut self, revision: Revision) {
        self.start = self.start.max(revision);
    }

    /// The changes in `prefix` with revisions after `after`, up to `until`.
    pub(super) fn between<'a>(
        &'a self,
        prefix: &'a Prefix,
        after: Revision,
        until: Revision,
    ) -> impl DoubleEndedIterator<Item = &'a Change> {
        let from = self.items.partition_point(|item| item.change.revision() <= after);
        let end = self.items.partition_point(|item| item.change.revision() <= until);
        self.items
            .range(from..end.max(from))
            .map(|item| &item.change)
            .filter(|change| change.entry().key().is_in(prefix))
    }

    fn is_over(&self, options: &Options, now: Instant) -> bool {
        let Some(oldest) = self.items.front() else {
            return false;
        };
        let len = self.items.len();
        let old = len > options.history_min && now.saturating_duration_since(oldest.at) > options.freshness;
        // The newest change stays however large it is: a watcher must be able to get it.
        old || len > options.history_max || (len > 1 && self.held.is_too_much())
    }
}

/// What a change takes beside its values: two entries with their keys, labels and encodings, as most have them.
const OVERHEAD: usize = 512;

/// Bytes of memory that are held for a change. The previous value counts too: what it was written by may be gone.
fn size(change: &Change) -> usize {
    let previous = match change.previous() {
        // Of a deletion both are one.
        Some(previous) if !change.is_deletion() => previous.value().len(),
        Some(_) | None => 0,
    };
    OVERHEAD + 2 * change.entry().key().as_str().len() + change.entry().value().len() + previous
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::storage::{Entry, Key};

    fn change(key: &str, revision: u64, size: usize) -> Change {
        let key = Key::parse(key).unwrap();
        let entry = Entry::new(key, Bytes::from(vec![b'x'; size]), Revision::new(revision));
        Change::written(entry, None)
    }

    fn revisions(history: &History, prefix: &str, after: u64, until: u64) -> Vec<u64> {
        let prefix = Prefix::root().child(prefix).unwrap();
        history
            .between(&prefix, Revision::new(after), Revision::new(until))
            .map(|change| change.revision().get())
            .collect()
    }

    fn filled(count: u64, at: Instant, options: &Options) -> History {
        let mut history = History::after(Revision::new(10), &options.history_budget);
        for revision in 11..11 + count {
            history.push(change("/a/x", revision, 10), at);
            history.trim(options, at);
        }
        history
    }

    #[test]
    fn young_changes_stay_up_to_the_maximum_and_old_ones_down_to_the_minimum() {
        let options = Options {
            history_max: 500,
            ..Options::default()
        };
        let now = Instant::now();
        let mut history = filled(600, now, &options);
        assert_eq!((history.len(), history.start().get()), (500, 110));
        history.trim(&options, now + options.freshness);
        assert_eq!(history.len(), 500);
        history.trim(&options, now + options.freshness + Duration::from_millis(1));
        assert_eq!((history.len(), history.start().get()), (100, 510));
        assert_eq!(history.dropped(), history.start());
    }

    #[test]
    fn the_encodings_of_a_change_that_all_but_the_slow_have_seen_are_dropped() {
        let options = Options::default();
        let now = Instant::now();
        let mut history = filled(3, now, &options);
        let late = now + options.encodings + Duration::from_millis(1);
        history.push(change("/a/x", 99, 10), late);
        let prefix = Prefix::root();
        let made = |history: &History| {
            let make = |change: &Change| {
                let mut made = false;
                let encoding = change.encodings().get_or_make(1, || {
                    made = true;
                    Ok::<_, std::convert::Infallible>(Bytes::from_static(b"x"))
                });
                encoding.map(|_| made).unwrap()
            };
            let all = history.between(&prefix, Revision::ZERO, Revision::new(99));
            all.map(make).collect::<Vec<_>>()
        };
        assert_eq!(made(&history), [true; 4]);
        history.trim(&options, late);
        assert_eq!(made(&history), [true, true, true, false]);
    }

    #[test]
    fn large_objects_do_not_fill_the_memory_and_the_newest_stays() {
        let options = Options {
            history_budget: HistoryBudget::new(10 * (OVERHEAD + 2 * 4 + 10)),
            ..Options::default()
        };
        let now = Instant::now();
        let mut history = filled(50, now, &options);
        assert_eq!(history.len(), 10);
        history.push(change("/a/x", 99, 100_000), now);
        history.trim(&options, now);
        assert_eq!(revisions(&history, "a", 0, 99), [99]);
    }

    #[test]
    fn histories_share_their_bytes_and_the_larger_one_gives_way() {
        let options = Options {
            history_budget: HistoryBudget::new(10 * (OVERHEAD + 2 * 4 + 10)),
            ..Options::default()
        };
        let now = Instant::now();
        let mut busy = filled(50, now, &options);
        assert_eq!(busy.len(), 10, "alone it has all");
        let other = filled(3, now, &options);
        assert_eq!(other.len(), 3, "what is less than a part of its own stays");
        busy.trim(&options, now);
        assert_eq!((busy.len(), other.len()), (7, 3));
        drop(other);
        let mut other = filled(50, now, &options);
        busy.trim(&options, now);
        assert_eq!((busy.len(), other.len()), (5, 5));
        drop(busy);
        other.push(change("/a/x", 99, 10), now);
        other.trim(&options, now);
        assert_eq!(other.len(), 6);
        other.restart(Revision::new(99));
        assert_eq!((other.len(), filled(50, now, &options).len()), (0, 10));
    }

    #[test]
    fn what_was_replaced_counts_as_well() {
        let (small, large) = (change("/a/x", 1, 10), change("/a/x", 1, 10_000));
        let over = |previous: &Change| {
            let entry = change("/a/x", 2, 10).entry().clone();
            size(&Change::written(entry, Some(previous.entry().clone())))
        };
        assert_eq!(over(&large) - over(&small), 9_990);
        let deleted = Change::deleted(large.entry().clone(), Revision::new(3));
        assert_eq!(size(&deleted), size(&large));
    }

    #[test]
    fn a_range_has_its_own_changes_between_two_revisions() {
        let mut history = History::after(Revision::ZERO, &HistoryBudget::default());
        for (key, revision) in [("/a/1", 1), ("/b/1", 2), ("/a/2", 3), ("/b/1", 5), ("/a/1", 8)] {
            history.push(change(key, revision, 1), Instant::now());
        }
        assert_eq!(revisions(&history, "a", 0, 9), [1, 3, 8]);
        assert_eq!(revisions(&history, "a", 1, 7), [3]);
        assert_eq!(revisions(&history, "b", 2, 5), [5]);
        assert_eq!(revisions(&history, "b", 9, 3), [0; 0]);
    }

    #[test]
    fn what_was_compacted_begins_no_watch_but_is_not_dropped() {
        let mut history = filled(20, Instant::now(), &Options::default());
        history.forget_before(Revision::new(15));
        assert_eq!((history.start().get(), history.dropped().get()), (15, 10));
        assert_eq!(history.len(), 20);
    }
}
