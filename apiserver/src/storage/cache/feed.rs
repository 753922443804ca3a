//! What the watchers of one range have to be told: one list for all of them, and a place in it for each.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::history::History;
use crate::storage::{Change, Prefix, Revision};

/// Room for changes that are put in front when somebody watches from an older revision than those before him.
const FIRST: u64 = 1 << 40;

/// The changes of one watched range. Watchers share it, so a change costs one pointer however many they are.
#[derive(Debug)]
pub(super) struct Feed {
    prefix: Prefix,
    log: RwLock<Log>,
    more: Notify,
    /// Whether a wake is due already.
    touched: AtomicBool,
    /// Cursors in it; changed under the lock of all feeds.
    watchers: AtomicUsize,
}

#[derive(Debug)]
struct Log {
    /// All changes of the range after this revision are here, or were and are dropped.
    start: Revision,
    /// The number of the first change that is here.
    first: u64,
    changes: VecDeque<Change>,
    ended: Option<Ended>,
}

/// Why a watch gets nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The cache is gone.
    Closed,
    /// The cache lost track and was filled again at this revision: what happened before it is not known.
    Refilled(Revision),
    /// The watcher was too slow: what it must be told next is dropped.
    TooSlow,
}

/// What a watcher got.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// All that there was.
    All,
    /// There is more.
    Some,
    /// Nothing any more.
    Ended(Ended),
}

/// A watcher's place in a feed.
#[derive(Debug)]
pub(super) struct Cursor {
    feed: Arc<Feed>,
    feeds: Arc<Feeds>,
    next: u64,
    after: Revision,
}

/// The feeds of all ranges that are watched now.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<Ranges>);

/// The feeds, locked.
#[derive(Debug, Default)]
pub(super) struct Ranges {
    /// By the text of their prefix.
    feeds: HashMap<Box<str>, Arc<Feed>>,
    closed: bool,
}

impl Feed {
    /// Completes when there may be more than at the call.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.more.notified()
    }

    /// Wakes all watchers.
    pub(super) fn wake(&self) {
        self.touched.store(false, Ordering::Relaxed);
        self.more.notify_waiters();
    }

    fn new(prefix: Prefix, start: Revision) -> Self {
        Self {
            prefix,
            log: RwLock::new(Log {
                start,
                first: FIRST,
                changes: VecDeque::new(),
                ended: None,
            }),
            more: Notify::new(),
            touched: AtomicBool::new(false),
            watchers: AtomicUsize::new(0),
        }
    }

    fn write<T>(&self, change: impl FnOnce(&mut Log) -> T) -> T {
        change(&mut self.log.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn end(&self, ended: Ended) {
        self.write(|log| log.ended = Some(ended));
        self.wake();
    }

    /// Makes it complete after `after`, from a history that reaches back so far, and gives the place after `after`.
    fn place(&self, after: Revision, history: &History) -> u64 {
        self.write(|log| {
            if after < log.start {
                for change in history.between(&self.prefix, after, log.start).rev() {
                    log.changes.push_front(change.clone());
                    log.first -= 1;
                }
                log.start = after;
            }
            log.first + log.changes.partition_point(|change| change.revision() <= after) as u64
        })
    }
}

impl Log {
    fn trim(&mut self, dropped: Revision) {
        while self
            .changes
            .front()
            .is_some_and(|change| change.revision() <= dropped)
        {
            self.changes.pop_front();
            self.first += 1;
        }
        self.start = self.start.max(dropped);
        if self.changes.capacity() > 1024 && self.changes.len() < self.changes.capacity() / 4 {
            self.changes.shrink_to(self.changes.len() * 2);
        }
    }
}

impl Cursor {
    /// The feed.
    pub(super) const fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// Gives what is new to `tell`, at most `most` changes.
    pub(super) fn take(&mut self, most: usize, mut tell: impl FnMut(&Change)) -> Taken {
        let log = self.feed.log.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = log.ended {
            return Taken::Ended(ended);
        }
        // Dropped before it was taken: that is lost, unless this watch begins later anyway.
        if self.next < log.first && self.after < log.start {
            return Taken::Ended(Ended::TooSlow);
        }
        let len = log.changes.len();
        let from = self.next.saturating_sub(log.first);
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(len);
        let end = len.min(from.saturating_add(most));
        for change in log.changes.range(from..end) {
            // A watch from the future is silent until it has come.
            if change.revision() > self.after {
                tell(change);
            }
        }
        self.next = log.first + end as u64;
        if end == len { Taken::All } else { Taken::Some }
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        let mut ranges = self.feeds.lock();
        let others = self.feed.watchers.fetch_sub(1, Ordering::Relaxed) - 1;
        let range = self.feed.prefix.as_str();
        // A feed that was ended is not in the map any more, or another one is.
        let held = ranges.feeds.get(range);
        if others == 0 && held.is_some_and(|held| Arc::ptr_eq(held, &self.feed)) {
            ranges.feeds.remove(range);
        }
    }
}

impl Feeds {
    /// Locks them. Whoever holds the cache's state as well has locked that first.
    pub(super) fn lock(&self) -> MutexGuard<'_, Ranges> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place in the feed of `prefix` right after `after`. The caller holds the state that `history` and `reached` are
    /// part of, so that nothing is pushed meanwhile.
    pub(super) fn subscribe(
        self: &Arc<Self>,
        prefix: &Prefix,
        after: Revision,
        history: &History,
        reached: Revision,
    ) -> Option<Cursor> {
        if after < history.start() {
            return None;
        }
        let mut ranges = self.lock();
        let feed = ranges
            .feeds
            .entry(prefix.as_str().into())
            .or_insert_with(|| Arc::new(Feed::new(prefix.clone(), reached)))
            .clone();
        feed.watchers.fetch_add(1, Ordering::Relaxed);
        if ranges.closed {
            feed.end(Ended::Closed);
        }
        let next = feed.place(after, history);
        Some(Cursor {
            feed,
            feeds: self.clone(),
            next,
            after,
        })
    }

    /// Ends all watches for good.
    pub(super) fn close(&self) {
        let mut ranges = self.lock();
        ranges.closed = true;
        ranges.end(Ended::Closed);
    }
}

impl Ranges {
    /// Feeds there are.
    pub(super) fn len(&self) -> usize {
        self.feeds.len()
    }

    /// Watchers there are.
    pub(super) fn watchers(&self) -> usize {
        let feeds = self.feeds.values();
        feeds.map(|feed| feed.watchers.load(Ordering::Relaxed)).sum()
    }

    /// Watchers of all ranges that `range` lies in; of `whole`, the cache's range, and those below.
    pub(super) fn watchers_of(&self, whole: &Prefix, range: &Prefix) -> usize {
        let range = range.as_str();
        let own = whole.as_str().len() - 1;
        let below = range.get(own..).unwrap_or_default();
        let ranges = below
            .match_indices('/')
            .filter_map(|(at, _)| range.get(..=own + at));
        ranges
            .filter_map(|range| self.feeds.get(range))
            .map(|feed| feed.watchers.load(Ordering::Relaxed))
            .sum()
    }

    /// Adds `change` to the feeds of all ranges that it lies in; of `whole`, the cache's range, and those below. Those
    /// that must be woken for it are added to `touched`.
    pub(super) fn push(
        &self,
        whole: &Prefix,
        change: &Change,
        dropped: Revision,
        touched: &mut Vec<Arc<Feed>>,
    ) {
        if self.feeds.is_empty() {
            return;
        }
        let key = change.entry().key().as_str();
        let own = whole.as_str().len() - 1;
        let below = key.get(own..).unwrap_or_default();
        for (at, _) in below.match_indices('/') {
            let Some(feed) = key.get(..=own + at).and_then(|range| self.feeds.get(range)) else {
                continue;
            };
            feed.write(|log| {
                log.trim(dropped);
                log.changes.push_back(change.clone());
            });
            if !feed.touched.swap(true, Ordering::Relaxed) {
                touched.push(feed.clone());
            }
        }
    }

    /// Drops what the history dropped.
    pub(super) fn trim(&self, dropped: Revision) {
        for feed in self.feeds.values() {
            feed.write(|log| log.trim(dropped));
        }
    }

    /// All feeds, to wake them when the lock is gone.
    pub(super) fn all(&self) -> Vec<Arc<Feed>> {
        self.feeds.values().cloned().collect()
    }

    /// Ends all watches that there are.
    pub(super) fn end(&mut self, ended: Ended) {
        for (_, feed) in self.feeds.drain() {
            feed.end(ended);
        }
    }
}
