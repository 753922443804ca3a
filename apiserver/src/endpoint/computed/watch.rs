//! Watching what is not stored: an author's events as the selectors of one client let it see them. Go: `ServeWatch` of
//! `endpoints/handlers/watch.go` over a `rest.Watcher` of one's own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt as _};

use super::read::is_selected;
use crate::endpoint::call::Call;
use crate::endpoint::watch::Encoder;
use crate::object::Object;
use crate::registry::{Pieces, check_fields, check_path, encode_object, watch_deadline};
use crate::request::options::ListOptions;
use crate::resource::Resource;
use crate::rest::{RequestContext, WatchEvent, WatchEvents, Watcher};
use crate::status::ApiError;

/// Events that become one piece of the body, where they are there at once.
const AT_ONCE: usize = 32;

/// The body of a watch, in pieces of so many events.
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
    check_fields(
        call.served.resource(),
        &call.version.name,
        &options.field_selector,
    )?;
    check_path(&call.info().namespace, "")?;
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
    let at_once = if one_by_one { 1 } else { AT_ONCE };
    let ended = tokio::time::sleep_until(watch_deadline(options));
    Ok(view.frames(events, at_once).take_until(ended).boxed())
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
    fn frames(self, events: WatchEvents, at_once: usize) -> impl Stream<Item = Bytes> + Send + 'static {
        let batches = events.ready_chunks(at_once);
        let frames = stream::unfold((self, Some(batches)), |(mut view, batches)| async move {
            let mut batches = batches?;
            let batch = batches.next().await?;
            let mut out = Vec::new();
            for event in batch {
                if let Err(error) = event.and_then(|event| view.push(event, &mut out)) {
                    view.encoder.push_error(&error, &mut out);
                    return Some((out.into(), (view, None)));
                }
            }
            Some((Bytes::from(out), (view, Some(batches))))
        });
        frames.filter(|frame| std::future::ready(!frame.is_empty()))
    }

    fn push(&mut self, event: WatchEvent, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let (kind, version) = (&self.kind, &self.version);
        // Selectors speak of the fields of the version that the client asks for.
        let event = event.try_map(|object| kind.strategy.convert(object, version));
        let event = event.map_err(|error| ApiError::Internal(error.to_string()))?;
        let event_type = event.event_type();
        let (event_type, object) = match event {
            WatchEvent::Bookmark {
                resource_version,
                initial_events_end,
            } => {
                if !self.options.allow_watch_bookmarks {
                    return Ok(());
                }
                return self
                    .encoder
                    .push_bookmark(&resource_version, initial_events_end, out);
            }
            WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
                let matches = is_selected(&object, &self.options, &self.namespace);
                match self.told.event(event_type, &object, matches) {
                    Some(event_type) => (event_type, object),
                    None => return Ok(()),
                }
            }
        };
        let pieces = Pieces::whole(encode_object(&object)?);
        self.encoder.push_made(event_type, pieces, out)
    }
}

/// Which objects a client with selectors believes to match.
struct Told {
    /// Whether each object that an event was about matched then, by its namespace and name; `None`: there are no selectors.
    matched: Option<HashMap<u64, bool>>,
    /// Whether the client knows nothing but what this watch has told it.
    from_nothing: bool,
}

impl Told {
    fn new(options: &ListOptions) -> Self {
        let selects = !options.label_selector.is_empty() || !options.field_selector.is_empty();
        Self {
            matched: selects.then(HashMap::new),
            from_nothing: options.send_initial_events == Some(true) || options.resource_version.is_empty(),
        }
    }

    /// The type of the event that the client is told, for one of this type of an object that matches now or not; `None`: it is not
    /// told. What a client knows from a list before is not known here: of such an object it is told one deletion too many, rather than
    /// one too few.
    fn event(&mut self, event_type: &'static str, object: &Object, matches: bool) -> Option<&'static str> {
        let Some(matched) = &mut self.matched else {
            // Of another namespace it never is.
            return matches.then_some(event_type);
        };
        let mut hasher = DefaultHasher::new();
        (object.namespace(), object.name()).hash(&mut hasher);
        let key = hasher.finish();
        if event_type == "DELETED" {
            let may_have_matched = matched.remove(&key).unwrap_or(!self.from_nothing);
            return may_have_matched.then_some("DELETED");
        }
        let before = matched.insert(key, matches).unwrap_or(!self.from_nothing);
        match (before, matches) {
            (true, true) => Some(event_type),
            (false, true) => Some("ADDED"),
            (true, false) => Some("DELETED"),
            (false, false) => None,
        }
    }
}
