//! What the follower of the backend, the readers and the watchers share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use tokio::sync::{Notify, watch};

use super::Options;
use super::content::Content;
use super::feed::{Cursor, Ended, Feed, Feeds};
use super::freshness::Asked;
use super::pages::Pages;
use super::state::{Backwards, Scope, State};
use super::written::Written;
use crate::storage::{Entry, Event, Prefix, ReadAt, Revision, Storage, StorageError};

/// Changes that are taken in under one lock, so that readers wait for microseconds only.
const APPLY: usize = 256;

/// The cache without the task that fills it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Storage>,
    pub(super) prefix: Prefix,
    pub(super) options: Options,
    pub(super) asked: Asked,
    written: Written,
    pages: Mutex<Pages>,
    state: RwLock<State>,
    feeds: Arc<Feeds>,
    /// The state's `reached`, told after the state and all feeds have it.
    reached: watch::Sender<Revision>,
    filled: watch::Sender<bool>,
    /// Raised when all watches must tell their progress.
    round: AtomicU64,
    /// The backend's history that the content is of.
    history: AtomicU64,
    /// The newest revision that somebody was told by the backend because the cache was behind.
    told: AtomicU64,
    /// The store was found to be behind what is here.
    gone_back: Notify,
}

impl Shared {
    /// An empty one.
    pub(super) fn new(backend: Arc<dyn Storage>, prefix: Prefix, options: Options) -> Self {
        Self {
            asked: Asked::default(),
            written: Written::default(),
            pages: Mutex::new(Pages::new(options.pages, options.freshness)),
            backend,
            prefix,
            state: RwLock::new(State::empty(Content::default(), &options.history_budget)),
            options,
            feeds: Arc::new(Feeds::default()),
            reached: watch::Sender::new(Revision::ZERO),
            filled: watch::Sender::new(false),
            round: AtomicU64::new(0),
            history: AtomicU64::new(0),
            told: AtomicU64::new(0),
            gone_back: Notify::new(),
        }
    }

    /// Refuses a revision that the backend left out: nothing that is here can be compared with it.
    ///
    /// # Errors
    /// [`StorageError::Compacted`].
    pub(super) fn check_known(&self, requested: Revision) -> Result<(), StorageError> {
        match self.backend.skipped() {
            Some(skipped) if skipped.contains(&requested) => Err(StorageError::Compacted {
                requested,
                oldest: skipped.end().next(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Has the cache's own entry of a write know what the writer knows of the value, now or when the watch tells it.
    pub(super) fn note_written(&self, written: &Entry) {
        let there = || self.state().content.get(written.key()).cloned();
        let is_told = |there: &Entry| there.revision() >= written.revision();
        // A backend that tells its own entries has told all.
        if there().is_some_and(|there| is_told(&there) && there.schema().is_some()) {
            return;
        }
        self.written.note(written);
        // It may have come just before.
        if let Some(there) = there().filter(is_told) {
            self.written.is_there(&there);
        }
    }

    /// Notes what the backend told a reader who wanted it as it is now.
    pub(super) fn note_told(&self, at: ReadAt, revision: Revision) {
        if !matches!(at, ReadAt::Exact(_)) {
            self.told.fetch_max(revision.get(), Ordering::AcqRel);
        }
    }

    /// The newest revision of [`note_told`](Self::note_told).
    pub(super) fn newest_told(&self) -> Revision {
        Revision::new(self.told.load(Ordering::Acquire))
    }

    /// Has the cache filled again: the store lost what is here.
    pub(super) fn went_back(&self) {
        self.gone_back.notify_one();
    }

    /// Completes when the store was found to be behind what is here.
    pub(super) async fn gone_back(&self) {
        self.gone_back.notified().await;
    }

    /// The state at this moment. Not to be held over anything slow.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The moments of unfinished lists.
    pub(super) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What every revision up to which the cache knows all is sent to.
    pub(super) const fn reached(&self) -> &watch::Sender<Revision> {
        &self.reached
    }

    /// Whether it was filled, and when that happens.
    pub(super) const fn filled(&self) -> &watch::Sender<bool> {
        &self.filled
    }

    /// The number of the present round of progress.
    pub(super) fn round(&self) -> u64 {
        self.round.load(Ordering::Acquire)
    }

    /// Feeds and watchers there are.
    pub(super) fn watched(&self) -> (usize, usize) {
        let ranges = self.feeds.lock();
        (ranges.len(), ranges.watchers())
    }

    /// Watchers that are told of a change in `prefix`.
    pub(super) fn watchers_of(&self, prefix: &Prefix) -> usize {
        self.feeds.lock().watchers_of(&self.prefix, prefix)
    }

    /// A place right after `after` in what is told of `prefix`. `None`: the history begins later.
    pub(super) fn subscribe(&self, prefix: &Prefix, after: Revision) -> Option<Cursor> {
        let state = self.state();
        self.feeds.subscribe(prefix, after, &state.history, state.reached)
    }

    /// The backend's history that the content is of.
    pub(super) fn history(&self) -> u64 {
        self.history.load(Ordering::Acquire)
    }

    /// Takes in a whole list of the backend, while it told this history.
    pub(super) fn fill(&self, listed: Vec<Entry>, revision: Revision, history: u64) {
        // Only the follower changes the content, so it stays as it is while the new one is made beside it.
        let known = self.state().content.clone();
        let content = listed.into_iter().map(|entry| held(&known, entry)).collect();
        let (old, is_other) = self.change(|state| {
            let is_other = self.history.swap(history, Ordering::AcqRel) != history;
            (state.fill(content, revision, &self.feeds), is_other)
        });
        drop((known, old));
        self.pages().clear();
        self.asked.reset();
        self.written.clear();
        if self.reached.send_replace(revision) > revision || is_other {
            // What was told before is of a store that is no more.
            self.told.store(0, Ordering::Release);
        }
        self.filled.send_replace(true);
    }

    /// Takes in what the backend's watch told, and tells it on.
    ///
    /// # Errors
    /// [`Backwards`].
    pub(super) fn apply(&self, events: &[Event]) -> Result<(), Backwards> {
        for part in events.chunks(APPLY) {
            let mut touched = Vec::new();
            let (result, reached) = self.change(|state| {
                let result = state.apply(part, &self.scope(), &mut touched);
                (result, state.reached)
            });
            self.written.told(part);
            // Also where it stays the same: whoever asked for progress then knows that this was the answer.
            self.reached.send_replace(reached);
            touched.iter().for_each(|feed| feed.wake());
            result?;
        }
        let progress = events.iter().any(|event| matches!(event, Event::Progress(_)));
        self.asked.answered(progress);
        if self.asked.is_wanted(*self.reached.borrow()) {
            self.tell_progress();
        }
        Ok(())
    }

    /// Says whether the backend is being watched.
    pub(super) fn set_following(&self, following: bool) {
        self.change(|state| state.following = following);
    }

    /// Reads and watches before `revision` are the backend's to refuse.
    pub(super) fn forget_before(&self, revision: Revision) {
        self.change(|state| {
            state.compacted = state.compacted.max(revision);
            state.history.forget_before(revision);
        });
        self.pages().forget_before(revision);
    }

    /// Drops what has become too old.
    pub(super) fn trim(&self) {
        self.change(|state| state.trim(&self.scope()));
        self.pages().trim();
    }

    /// Has every watch tell how far it is.
    pub(super) fn tell_progress(&self) {
        self.round.fetch_add(1, Ordering::AcqRel);
        let feeds: Vec<Arc<Feed>> = self.feeds.lock().all();
        feeds.iter().for_each(|feed| feed.wake());
    }

    /// Serves nothing until it is filled again: what is here may not be what the store has. All watches end.
    pub(super) fn doubt(&self) {
        self.filled.send_replace(false);
        self.change(|state| {
            state.filled = false;
            state.following = false;
        });
        self.pages().clear();
        self.feeds.lock().end(Ended::Closed);
    }

    /// Ends all watches: nobody follows the backend any more.
    pub(super) fn close(&self) {
        self.feeds.close();
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            prefix: &self.prefix,
            options: &self.options,
            feeds: &self.feeds,
        }
    }
}

/// The entry that is held already, with what was worked out about it, where it is the listed one.
fn held(known: &Content, listed: Entry) -> Entry {
    match known.get(listed.key()) {
        Some(held) if *held == listed => held.clone(),
        _ => listed,
    }
}
