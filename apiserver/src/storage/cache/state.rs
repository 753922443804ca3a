//! What the cache knows at one moment.

use std::sync::Arc;

use tokio::time::Instant;

use super::Options;
use super::budget::HistoryBudget;
use super::content::Content;
use super::feed::{Ended, Feed, Feeds};
use super::history::History;
use crate::storage::{Change, Event, Prefix, Revision};

/// The content and how it came to be.
#[derive(Debug)]
pub(super) struct State {
    /// Whether it was ever filled.
    pub(super) filled: bool,
    /// Whether the backend is being watched, so that it stays fresh.
    pub(super) following: bool,
    /// The entries.
    pub(super) content: Content,
    /// The content is exactly what the store had from this revision on …
    pub(super) changed: Revision,
    /// … up to this one.
    pub(super) reached: Revision,
    /// Exact reads before this revision are the backend's to refuse.
    pub(super) compacted: Revision,
    /// The latest changes.
    pub(super) history: History,
}

/// The backend told something older than what it had told before.
#[derive(Debug, thiserror::Error)]
#[error("the store told revision {told} after {reached}")]
pub(super) struct Backwards {
    pub(super) told: Revision,
    pub(super) reached: Revision,
}

impl State {
    /// One that was never filled.
    pub(super) fn empty(content: Content, budget: &HistoryBudget) -> Self {
        Self {
            filled: false,
            following: false,
            content,
            changed: Revision::ZERO,
            reached: Revision::ZERO,
            compacted: Revision::ZERO,
            history: History::after(Revision::ZERO, budget),
        }
    }

    /// Replaces everything by what the store had at `revision`, and gives back the old content. Watches end: what
    /// happened in between is not known.
    pub(super) fn fill(&mut self, content: Content, revision: Revision, feeds: &Feeds) -> Content {
        self.changed = revision;
        self.reached = revision;
        // Of what came before, nothing is here; and a store that went back may be below it.
        self.compacted = Revision::ZERO;
        self.history.restart(revision);
        self.filled = true;
        feeds.lock().end(Ended::Refilled(revision));
        std::mem::replace(&mut self.content, content)
    }

    /// Takes in what the backend's watch told; those feeds whose watchers must be woken are added to `touched`.
    ///
    /// # Errors
    /// [`Backwards`]: the store is not the one that it was.
    pub(super) fn apply(
        &mut self,
        events: &[Event],
        scope: &Scope<'_>,
        touched: &mut Vec<Arc<Feed>>,
    ) -> Result<(), Backwards> {
        let ranges = scope.feeds.lock();
        let now = Instant::now();
        for event in events {
            match event {
                // It may be older than a change that was told since it was asked for.
                Event::Progress(revision) => self.reached = self.reached.max(*revision),
                Event::Changed(change) => {
                    let told = change.revision();
                    if told < self.reached {
                        let reached = self.reached;
                        return Err(Backwards { told, reached });
                    }
                    let change = self.take_in(change);
                    self.history.push(change.clone(), now);
                    self.history.trim(scope.options, now);
                    ranges.push(scope.prefix, &change, self.history.dropped(), touched);
                    self.changed = told;
                    self.reached = told;
                }
            }
        }
        Ok(())
    }

    /// Drops what has become too old.
    pub(super) fn trim(&mut self, scope: &Scope<'_>) {
        self.history.trim(scope.options, Instant::now());
        scope.feeds.lock().trim(self.history.dropped());
    }

    /// Whether the content is what the store had at `revision`.
    pub(super) fn is_exactly(&self, revision: Revision) -> bool {
        self.filled && (self.changed..=self.reached).contains(&revision) && revision >= self.compacted
    }

    /// Changes the content, and gives the change with the previous entry that everybody else here holds, whose labels
    /// and encodings are known already.
    fn take_in(&mut self, change: &Change) -> Change {
        let entry = change.entry();
        let known = if change.is_deletion() {
            self.content.remove(entry.key())
        } else {
            self.content.insert(entry.clone())
        };
        match known {
            Some(known) if change.previous().is_some_and(|previous| previous.is_same(&known)) => {
                change.clone()
            }
            Some(known) if change.is_deletion() => Change::deleted(known, change.revision()),
            Some(known) => Change::written(entry.clone(), Some(known)),
            None => change.clone(),
        }
    }
}

/// What a state is part of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) prefix: &'a Prefix,
    pub(super) options: &'a Options,
    pub(super) feeds: &'a Feeds,
}
