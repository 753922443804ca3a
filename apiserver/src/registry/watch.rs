//! Watch: the state first where it is asked for, then every change, as one client's selectors let it see them.

use std::pin::Pin;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use rand::Rng as _;
use tokio::time::{Instant, Sleep, sleep_until};

use super::selection::Selection;
use super::{Registry, Source, WatchEvent, WatchStream, versions};
use crate::request::Verb;
use crate::request::options::ListOptions;
use crate::status::ApiError;
use crate::storage::{Change, Entry, Event, List, ReadAt, Revision, StorageError, Watch};

/// How long a watch lasts whose client does not say: this, up to twice this, so that not all come back at once.
const SHORTEST: Duration = Duration::from_secs(1800);
/// How often a client is told how far it has seen.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// The last bookmark comes this long before the end, so that the client's next watch begins with what it has seen.
const BEFORE_THE_END: Duration = Duration::from_secs(2);
/// Events of the state that are told at once.
const STATE_BATCH: usize = 1000;

impl Registry {
    /// What happens to the objects that match, of a namespace or (empty) of all; `version` is the request's. The stream ends at the deadline that
    /// the options set. What goes wrong with the history (410, 504) comes in the stream, as Kubernetes tells it: as an
    /// event of a watch that did begin.
    ///
    /// # Errors
    /// Before the stream: 400 for a field selector that is not known; 500 for a resourceVersion that is no number; 429
    /// while the cache is not filled.
    pub async fn watch(
        &self,
        version: &str,
        namespace: &str,
        options: &ListOptions,
    ) -> Result<WatchStream, ApiError> {
        let selection = Selection::new(self, version, namespace, options)?;
        let requested = versions::parse(&options.resource_version).map_err(ApiError::Plain)?;
        let deadline = watch_deadline(options);
        match self.begin(&selection, requested, options).await {
            Ok((state, revision, changes)) => Ok(until(
                self.retirement(),
                Watcher {
                    selection,
                    state: state.map(Vec::into_iter),
                    told: revision,
                    changes,
                    marks_end: options.send_initial_events == Some(true),
                    bookmarks: options.allow_watch_bookmarks,
                    due: Box::pin(sleep_until(if options.allow_watch_bookmarks {
                        next_bookmark(Instant::now(), deadline)
                    } else {
                        deadline
                    })),
                    deadline,
                    failed: false,
                    says_state_is_told: self.resource().conversion_waits(),
                },
            )),
            Err(StorageError::Initializing) => {
                Err(self.storage_error(StorageError::Initializing, "", Verb::Watch))
            }
            Err(error) => {
                let error = self.storage_error(error, "", Verb::Watch);
                Ok(stream::once(async { Err(error) }).boxed())
            }
        }
    }

    /// The state to tell first (where there is one), the revision that was seen, and the changes after it.
    async fn begin(
        &self,
        selection: &Selection,
        requested: Revision,
        options: &ListOptions,
    ) -> Result<(Option<Vec<Entry>>, Revision, Watch), StorageError> {
        let from_now = requested == Revision::ZERO;
        let with_state = options.send_initial_events.unwrap_or(from_now);
        if with_state {
            let at = match options.resource_version.as_str() {
                "" => ReadAt::Latest,
                _ if from_now => ReadAt::Any,
                _ => ReadAt::NotOlderThan(requested),
            };
            let (state, revision) = self.state(selection, at).await?;
            let changes = self.storage.watch(&selection.range, revision).await?;
            return Ok((Some(state), revision, changes));
        }
        let after = if from_now {
            self.storage.current_revision().await?
        } else {
            // Nobody was ever told a revision that the store has not reached: it is of a history that was lost with a
            // backup's restoration, and what this history brings up to there would be missed. While the store does not
            // answer, the watch begins as it would.
            if matches!(self.storage.is_future(requested).await, Ok(true)) {
                let oldest = self.storage.current_revision().await?;
                return Err(StorageError::Compacted { requested, oldest });
            }
            requested
        };
        let changes = self.storage.watch(&selection.range, after).await?;
        Ok((None, after, changes))
    }

    /// The state that is selected: where conversion has to wait, all that may be.
    async fn state(&self, selection: &Selection, at: ReadAt) -> Result<(Vec<Entry>, Revision), StorageError> {
        if let Some(key) = &selection.key {
            let read = self.storage.get(key, at).await?;
            let entries = selection.retained(read.entry.into_iter().collect());
            return Ok((entries, read.revision));
        }
        let page = self
            .storage
            .list(&List {
                prefix: selection.range.clone(),
                after: None,
                limit: None,
                at,
            })
            .await?;
        Ok((selection.retained(page.entries), page.revision))
    }
}

/// When a watch with these options ends that begins now.
pub(crate) fn watch_deadline(options: &ListOptions) -> Instant {
    let duration = match options.timeout_seconds {
        Some(seconds) if seconds > 0 => Duration::from_secs(seconds.min(u64::from(u32::MAX))),
        _ => SHORTEST.mul_f64(rand::rng().random_range(1.0..2.0)),
    };
    Instant::now() + duration
}

fn next_bookmark(now: Instant, deadline: Instant) -> Instant {
    let last = deadline.checked_sub(BEFORE_THE_END).unwrap_or(deadline);
    let next = now + BOOKMARKS;
    if last > now { next.min(last) } else { deadline }
}

/// One client's watch.
struct Watcher {
    selection: Selection,
    /// What is still to be told of the state; `None`: nothing of it, not even its end.
    state: Option<std::vec::IntoIter<Entry>>,
    /// The revision up to which everything was told.
    told: Revision,
    changes: Watch,
    /// Whether the client is told where the state ends.
    marks_end: bool,
    /// Whether the client knows bookmarks.
    bookmarks: bool,
    /// The next bookmark, or the end. Kept: to make a timer for every change would cost as much as to tell it.
    due: Pin<Box<Sleep>>,
    deadline: Instant,
    failed: bool,
    /// Whether an empty batch is still to say that the state is told: where conversion has to wait, a stream that has nothing to tell
    /// for the moment does not say so.
    says_state_is_told: bool,
}

/// What `watcher` tells, until `end`.
fn until(
    end: impl Future<Output = ()> + Send + 'static,
    watcher: Watcher,
) -> BoxStream<'static, Result<Vec<WatchEvent>, ApiError>> {
    stream::unfold(watcher, |mut watcher| async move {
        let item = watcher.next().await?;
        Some((item, watcher))
    })
    .take_until(Box::pin(end))
    .boxed()
}

impl Watcher {
    async fn next(&mut self) -> Option<Result<Vec<WatchEvent>, ApiError>> {
        if let Some(batch) = self.next_of_state().await {
            return Some(batch);
        }
        if std::mem::take(&mut self.says_state_is_told) {
            return Some(Ok(Vec::new()));
        }
        while !self.failed {
            tokio::select! {
                biased;
                () = &mut self.due => {
                    let is_over = Instant::now() >= self.deadline;
                    return (!is_over).then(|| Ok(self.bookmark()));
                }
                batch = self.changes.next() => match batch? {
                    Ok(events) => {
                        // A watch ends at its time, whoever is asked meanwhile.
                        match self.selection.events_converted(events, self.deadline).await? {
                            Ok(events) => {
                                let batch = self.visible(events);
                                if !batch.is_empty() {
                                    return Some(Ok(batch));
                                }
                            }
                            Err(error) => return Some(Err(self.fail(error))),
                        }
                    }
                    Err(error) => {
                        let error = self.selection.registry().storage_error(error, "", Verb::Watch);
                        return Some(Err(self.fail(error)));
                    }
                },
            }
        }
        None
    }

    /// Nothing is told after an error.
    fn fail(&mut self, error: ApiError) -> ApiError {
        self.failed = true;
        self.state = None;
        self.says_state_is_told = false;
        error
    }

    /// The next part of the state, with its end where the client wants to know it.
    async fn next_of_state(&mut self) -> Option<Result<Vec<WatchEvent>, ApiError>> {
        loop {
            let state = self.state.as_mut()?;
            let entries: Vec<Entry> = state.by_ref().take(STATE_BATCH).collect();
            let is_end = state.len() == 0;
            let mut batch: Vec<WatchEvent> = match self.selection.converted(entries, self.deadline).await {
                Some(Ok(entries)) => entries
                    .into_iter()
                    .map(|entry| WatchEvent::Added(Source::Initial(entry)))
                    .collect(),
                Some(Err(error)) => return Some(Err(self.fail(error))),
                None => {
                    // It is over; the timer says so.
                    self.state = None;
                    return None;
                }
            };
            if is_end {
                self.state = None;
                if self.marks_end && self.bookmarks {
                    batch.push(WatchEvent::Bookmark {
                        revision: self.told,
                        initial_events_end: true,
                    });
                }
            }
            if !batch.is_empty() {
                return Some(Ok(batch));
            }
        }
    }

    fn bookmark(&mut self) -> Vec<WatchEvent> {
        let next = next_bookmark(Instant::now(), self.deadline);
        self.due.as_mut().reset(next);
        vec![WatchEvent::Bookmark {
            revision: self.told,
            initial_events_end: false,
        }]
    }

    fn visible(&mut self, events: Vec<Event>) -> Vec<WatchEvent> {
        let mut batch = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Event::Changed(change) => {
                    self.told = change.revision();
                    batch.extend(self.told_of(change));
                }
                Event::Progress(revision) => self.told = self.told.max(revision),
            }
        }
        batch
    }

    /// What the client sees of a change: an object that begins to match is new to it, one that ceases to is gone.
    fn told_of(&self, change: Change) -> Option<WatchEvent> {
        let matched = change.previous().is_some_and(|old| self.selection.matches(old));
        let matches = !change.is_deletion() && self.selection.matches(change.entry());
        match (matched, matches) {
            (false, true) => Some(WatchEvent::Added(Source::Change(change))),
            (true, true) => Some(WatchEvent::Modified(change)),
            (true, false) if change.is_deletion() => Some(WatchEvent::Deleted(change)),
            (true, false) => Some(WatchEvent::Left(change)),
            (false, false) => None,
        }
    }
}
