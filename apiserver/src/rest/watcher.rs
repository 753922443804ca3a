//! What is told of objects as they change. Go: `rest.Watcher`, and `watch.Event` of apimachinery.

use async_trait::async_trait;
use futures::stream::BoxStream;

use super::RequestContext;
use crate::object::Object;
use crate::request::options::ListOptions;
use crate::status::ApiError;

/// An event of a watch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchEvent<T = Object> {
    /// `ADDED`: the object is there; at the beginning of a watch, or since.
    Added(T),
    /// `MODIFIED`: it has changed.
    Modified {
        /// As it is now.
        object: T,
        /// As it was before, where that is known. By it a watch that has gone on from a resourceVersion tells its client that an object
        /// no longer matches the selectors.
        previous: Option<T>,
    },
    /// `DELETED`: it is gone; as it was.
    Deleted(T),
    /// `BOOKMARK`: everything was told up to here. Only watchers that ask for bookmarks are told.
    Bookmark {
        /// Where a later watch may go on.
        resource_version: String,
        /// Whether the objects that were there at the beginning were told now.
        initial_events_end: bool,
    },
}

impl<T> WatchEvent<T> {
    /// The event's `type`.
    #[must_use]
    pub fn event_type(&self) -> &'static str {
        match self {
            Self::Added(_) => "ADDED",
            Self::Modified { .. } => "MODIFIED",
            Self::Deleted(_) => "DELETED",
            Self::Bookmark { .. } => "BOOKMARK",
        }
    }

    /// An object has changed, and nothing is known of what it was.
    #[must_use]
    pub fn modified(object: T) -> Self {
        Self::Modified {
            object,
            previous: None,
        }
    }

    /// The same event of what `change` makes of its objects.
    ///
    /// # Errors
    /// Those of `change`.
    pub fn try_map<U, E>(self, mut change: impl FnMut(T) -> Result<U, E>) -> Result<WatchEvent<U>, E> {
        Ok(match self {
            Self::Added(object) => WatchEvent::Added(change(object)?),
            Self::Modified { object, previous } => WatchEvent::Modified {
                object: change(object)?,
                previous: previous.map(change).transpose()?,
            },
            Self::Deleted(object) => WatchEvent::Deleted(change(object)?),
            Self::Bookmark {
                resource_version,
                initial_events_end,
            } => WatchEvent::Bookmark {
                resource_version,
                initial_events_end,
            },
        })
    }
}

/// The events of a watch. An error is the last one: the watcher is told its Status as an `ERROR` event.
pub type WatchEvents<T = Object> = BoxStream<'static, Result<WatchEvent<T>, ApiError>>;

/// Tells what happens to objects. Go: `rest.Watcher`.
#[async_trait]
pub trait Watcher: Send + Sync + 'static {
    /// What happens to the objects of the context's namespace, in any served version, from the `resource_version` of `options` on.
    /// Where that is empty, or `send_initial_events` is set, what is there is told first, as [`WatchEvent::Added`].
    ///
    /// Events of objects that selectors do not match are left out by the caller, who tells a change by which an object ceases to
    /// match as its deletion: where this watch has told the object before, or the event says what it was. An author who hands the
    /// selectors on to somebody else need not care. The stream is dropped when the client goes away, at the watch's deadline, and when the server ends.
    /// It is read only as fast as the client reads: what is kept for a slow one is the author's to bound.
    ///
    /// # Errors
    /// What the client is to be told before any event, such as 410 for a `resource_version` that is too old.
    async fn watch(&self, context: RequestContext, options: ListOptions) -> Result<WatchEvents, ApiError>;
}
