//! Watching what is not stored: an author's events as the selectors of one client let it see them. Go: `ServeWatch` of
//! `endpoints/handlers/watch.go` over a `rest.Watcher` of one's own.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt as _, StreamExt as _};

use super::read::{check_selection, is_named, is_selected};
use crate::endpoint::call::Call;
use crate::endpoint::initial_events::{Held, InitialEvents};
use crate::endpoint::watch::{Encoder, MOST_AT_ONCE};
use crate::object::Object;
use crate::offload::Turns;
use crate::registry::{self, encode_object, watch_deadline};
use crate::request::options::ListOptions;
use crate::resource::Resource;
use crate::rest::{RequestContext, WatchEvent, WatchEvents, Watcher};
use crate::status::ApiError;

/// What an event is thought to cost that nobody is told.
const EVENT: usize = 1024;

/// The body of a watch; `one_by_one`: each event in a piece of its own.
///
/// # Errors
/// 400: a field selector of a field that this version does not have; what its author's code fails with before any event.
pub(in crate::endpoint) async fn events(
    call: &Call<'_>,
    watcher: &dyn Watcher,
    options: &ListOptions,
    encoder: Encoder,
    one_by_one: bool,
) -> Result<BoxStream<'static, Bytes>, ApiError> {
    check_selection(call, options)?;
    let events = watcher
        .watch(RequestContext::of(call.request), options.clone())
        .await?;
    let view = View {
        kind: call.rules.resource().clone(),
        version: call.version.name.clone(),
        namespace: call.info().namespace.clone(),
        told: Told::new(options),
        options: options.clone(),
        encoder,
    };
    let pieces = Pieces {
        view,
        events: Some(events),
        // What is told waits for nobody who must be asked about the next event.
        piece: if one_by_one || call.kind.conversion_waits() {
            1
        } else {
            MOST_AT_ONCE
        },
        held: call
            .parts
            .extensions
            .get::<InitialEvents>()
            .and_then(InitialEvents::take),
        turns: Turns::default(),
    };
    let frames = stream::unfold(pieces, Pieces::next);
    let ended = tokio::time::sleep_until(watch_deadline(options));
    Ok(frames.take_until(ended).boxed())
}

/// A watch that goes on.
struct Pieces {
    view: View,
    /// `None`: the last event was told.
    events: Option<WatchEvents>,
    /// Bytes after which a piece is sent on.
    piece: usize,
    /// What is held while the initial events are told.
    held: Option<Held>,
    turns: Turns,
}

impl Pieces {
    /// All events that are there, as far as they make one piece.
    async fn next(mut self) -> Option<(Bytes, Self)> {
        let mut out = Vec::new();
        while out.len() < self.piece {
            let events = self.events.as_mut()?;
            let event = match events.next().now_or_never() {
                Some(event) => event,
                None if out.is_empty() => {
                    // More comes only by a change.
                    self.held = None;
                    events.next().await
                }
                None => break,
            };
            let before = out.len();
            let told = match event {
                Some(Ok(event)) => match self.view.in_version(event).await {
                    Ok(event) => self.view.push(event, &mut out),
                    Err(error) => Err(error),
                },
                Some(Err(error)) => Err(error),
                None if out.is_empty() => return None,
                None => {
                    self.events = None;
                    break;
                }
            };
            if let Err(error) = told {
                self.view.encoder.push_error(&error, &mut out);
                self.events = None;
                break;
            }
            if self.view.told.initial_events_end {
                self.held = None;
            }
            self.turns.take((out.len() - before).max(EVENT)).await;
        }
        Some((out.into(), self))
    }
}

/// What one client sees.
struct View {
    kind: Arc<Resource>,
    version: String,
    namespace: String,
    options: ListOptions,
    told: Told,
    encoder: Encoder,
}

impl View {
    /// An event of the version that the client asks for: selectors speak of its fields.
    async fn in_version(&self, event: WatchEvent) -> Result<WatchEvent, ApiError> {
        let mut objects = Vec::new();
        let Ok(event) = event.try_map(|object| {
            objects.push(object);
            Ok::<_, Infallible>(())
        });
        let converted = self.kind.all_converted(objects, &self.version).await;
        let mut converted = converted
            .map_err(|error| ApiError::Internal(error.to_string()))?
            .into_iter();
        let Ok(event) = event.try_map(|()| Ok::<_, Infallible>(converted.next().unwrap_or_default()));
        Ok(event)
    }

    fn push(&mut self, event: WatchEvent, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let event_type = event.event_type();
        let (object, previous) = match event {
            WatchEvent::Bookmark {
                resource_version,
                initial_events_end,
            } => {
                self.told.initial_events_end |= initial_events_end;
                if !self.options.allow_watch_bookmarks {
                    return Ok(());
                }
                return self
                    .encoder
                    .push_bookmark(&resource_version, initial_events_end, out);
            }
            WatchEvent::Added(object) | WatchEvent::Deleted(object) => (object, None),
            WatchEvent::Modified { object, previous } => (object, previous),
        };
        // What has another name or namespace concerns nobody who has asked for these, whatever becomes of it.
        if !is_named(&object, &self.options, &self.namespace) {
            return Ok(());
        }
        let matches = |object: &Object| is_selected(object, &self.options, &self.namespace);
        let (is_match, was_match) = (matches(&object), previous.as_ref().map(matches));
        let Some(told) = self.told.event(event_type, &object, is_match, was_match) else {
            return Ok(());
        };
        let object = if told == "DELETED" && event_type != told {
            as_it_was(object, previous)
        } else {
            object
        };
        let pieces = registry::Pieces::whole(encode_object(&object)?);
        self.encoder.push_made(told, pieces, out)
    }
}

/// The object that a client is told to be gone which matches no longer: as it was, at the resourceVersion of the change, as Go tells it;
/// where that is not known, no more than which one it is.
fn as_it_was(object: Object, previous: Option<Object>) -> Object {
    let mut told = previous.unwrap_or_else(|| {
        let mut known = Object::default();
        known.set_type(object.api_version(), object.kind());
        for field in ["name", "namespace", "uid"] {
            known.set_meta(field, object.meta(field));
        }
        known
    });
    told.set_meta("resourceVersion", object.resource_version());
    told
}

/// Which objects a client with selectors believes to match.
struct Told {
    /// Whether each object that an event was about matched then, by its namespace and name; `None`: there are no selectors.
    matched: Option<HashMap<u64, bool>>,
    /// Whether the client knows nothing but what this watch has told it.
    from_nothing: bool,
    initial_events_end: bool,
}

impl Told {
    fn new(options: &ListOptions) -> Self {
        let selects = !options.label_selector.is_empty() || !options.field_selector.is_empty();
        Self {
            matched: selects.then(HashMap::new),
            from_nothing: options.send_initial_events == Some(true) || options.resource_version.is_empty(),
            initial_events_end: false,
        }
    }

    /// The type of the event that the client is told, for one of this type of an object that matches now or not, and did so before, where
    /// the author says it; `None`: it is not told.
    fn event(
        &mut self,
        event_type: &'static str,
        object: &Object,
        matches: bool,
        matched_before: Option<bool>,
    ) -> Option<&'static str> {
        let Some(matched) = &mut self.matched else {
            return Some(event_type);
        };
        let mut hasher = DefaultHasher::new();
        (object.namespace(), object.name()).hash(&mut hasher);
        let key = hasher.finish();
        if event_type == "DELETED" {
            // Of what this watch has not told, the last state says whether the client may know it.
            let was_known = matched.remove(&key).unwrap_or(matches && !self.from_nothing);
            return was_known.then_some("DELETED");
        }
        let before = matched.insert(key, matches).or(matched_before);
        match (before, matches) {
            (Some(false), true) => Some("ADDED"),
            (None, true) if self.from_nothing => Some("ADDED"),
            (_, true) => Some(event_type),
            (Some(true), false) => Some("DELETED"),
            (Some(false) | None, false) => None,
        }
    }
}
