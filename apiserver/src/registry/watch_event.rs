//! Watch events of objects: a storage watch as one client sees it, through its selectors. Go: `watch.Event` of
//! apimachinery, made by `storage/cacher/cache_watcher.go`.

use futures::stream::BoxStream;

use crate::status::ApiError;
use crate::storage::{Change, Entry, Revision};

/// Watch events in batches: all that was ready at once, for one flush. The stream ends at its deadline, when the
/// store closes it, and after an error, which the client is told as an `ERROR` event with the error's Status.
pub type WatchStream = BoxStream<'static, Result<Vec<WatchEvent>, ApiError>>;

/// Where an `ADDED` comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The state at the start of the watch.
    Initial(Entry),
    /// A write: of a new object, or of one that matches the selectors since.
    Change(Change),
}

/// One event of a watch.
///
/// It carries the [`Change`] rather than bytes, so that a frame that was encoded for one watcher serves all
/// ([`Change::encodings`]); the key of a frame must hold [`WatchEvent::event_type`] and whether it is [`WatchEvent::Left`].
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// `ADDED`: the object is there, or begins to match.
    Added(Source),
    /// `MODIFIED`: it matched and goes on to match.
    Modified(Change),
    /// `DELETED`: it is gone.
    Deleted(Change),
    /// `DELETED`: it lives on, but no longer matches. The client is told the object as it was, at the new revision.
    Left(Change),
    /// `BOOKMARK`: nothing else has happened up to this revision.
    Bookmark {
        /// Up to here.
        revision: Revision,
        /// Whether the initial state ends here: the annotation `k8s.io/initial-events-end: "true"`.
        initial_events_end: bool,
    },
}

impl WatchEvent {
    /// The event's `type`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Added(_) => "ADDED",
            Self::Modified(_) => "MODIFIED",
            Self::Deleted(_) | Self::Left(_) => "DELETED",
            Self::Bookmark { .. } => "BOOKMARK",
        }
    }

    /// The object that the client is told, with the resourceVersion that it is told with; of a bookmark `None`.
    #[must_use]
    pub fn entry(&self) -> Option<Entry> {
        match self {
            Self::Added(Source::Initial(entry)) => Some(entry.clone()),
            Self::Added(Source::Change(change)) | Self::Modified(change) | Self::Deleted(change) => {
                Some(change.entry().clone())
            }
            Self::Left(change) => Some(as_it_was(change)),
            Self::Bookmark { .. } => None,
        }
    }

    /// The change behind it, whose cache frames belong in; of the initial state and of bookmarks `None`.
    #[must_use]
    pub fn change(&self) -> Option<&Change> {
        match self {
            Self::Added(Source::Change(change))
            | Self::Modified(change)
            | Self::Deleted(change)
            | Self::Left(change) => Some(change),
            Self::Added(Source::Initial(_)) | Self::Bookmark { .. } => None,
        }
    }

    /// The revision that the client has seen when it has seen this event.
    #[must_use]
    pub fn revision(&self) -> Revision {
        match self {
            Self::Added(Source::Initial(entry)) => entry.revision(),
            Self::Added(Source::Change(change))
            | Self::Modified(change)
            | Self::Deleted(change)
            | Self::Left(change) => change.revision(),
            Self::Bookmark { revision, .. } => *revision,
        }
    }
}

/// The object before the change, with the change's revision: else a client that resumes from it would see the change
/// again.
fn as_it_was(change: &Change) -> Entry {
    let old = change.previous().unwrap_or_else(|| change.entry());
    old.at(change.revision())
}
