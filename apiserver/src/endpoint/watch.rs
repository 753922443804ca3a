//! The events of a watch: as frames of JSON, one a line, or of protobuf, each behind its length.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;

use super::call::Call;
use super::encode::{push_partial, push_protobuf};
use super::endpoints::ServedVersion;
use super::table::Rows;
use crate::object::EncodingKey;
use crate::protobuf::{status, watch_event};
use crate::registry::{Pieces, Registry, WatchEvent, WatchStream};
use crate::request::media::{Format, MetaVersion, Transform, Wanted};
use crate::status::ApiError;

/// Bytes after which what is pending is sent on, however much more there is.
pub(super) const MOST_AT_ONCE: usize = 64 * 1024;

/// The body of a watch: all events that are pending when the connection can take them, merged into one piece. What a
/// watcher costs is a system call and a TLS record for each piece, not its bytes.
pub(super) struct Frames {
    registry: Arc<Registry>,
    encoder: Encoder,
    told: Option<WatchStream>,
    /// Events that were told and are not encoded yet.
    pending: VecDeque<WatchEvent>,
    /// Bytes after which a piece is sent on.
    piece: usize,
}

/// How events are encoded for one watcher.
pub(super) struct Encoder {
    version: Arc<ServedVersion>,
    form: WatchForm,
    /// Protobuf is of metadata alone.
    format: Format,
    drops_managed_fields: bool,
    /// What tells this watcher's encodings from those of others that watch the same objects.
    key: EncodingKey,
}

enum WatchForm {
    Whole,
    Partial(MetaVersion),
    Table {
        rows: Rows,
        /// Only the first event has the columns.
        columns_sent: bool,
    },
}

impl Frames {
    /// Frames of this form. Nothing is told yet.
    pub(super) fn new(registry: &Arc<Registry>, encoder: Encoder) -> Self {
        Self {
            registry: registry.clone(),
            encoder,
            told: None,
            pending: VecDeque::new(),
            piece: MOST_AT_ONCE,
        }
    }

    /// Gives each event in a piece of its own.
    pub(super) fn one_by_one(&mut self) {
        self.piece = 1;
    }

    /// Tells what `told` tells.
    pub(super) fn follow(&mut self, told: WatchStream) {
        self.told = Some(told);
    }

    /// Encodes what is pending, until there is enough for one piece.
    fn encode_pending(&mut self, out: &mut Vec<u8>) {
        while out.len() < self.piece
            && let Some(told) = self.pending.pop_front()
        {
            if let Err(error) = self.push(&told, out) {
                self.fail(&error, out);
            }
        }
        if self.pending.is_empty() {
            // The room that the initial state took is not kept for as long as the watch lasts.
            self.pending = VecDeque::new();
        }
    }

    fn push(&mut self, told: &WatchEvent, out: &mut Vec<u8>) -> Result<(), ApiError> {
        match told {
            WatchEvent::Bookmark {
                revision,
                initial_events_end,
            } => self
                .encoder
                .push_bookmark(&revision.to_string(), *initial_events_end, out),
            _ if self.is_made_once(told) => self.push_shared(told, out),
            _ => self.push_object(told, out),
        }
    }

    /// Whether a frame is worth keeping for other watchers. A whole object needs no encoding: its frame is copied from
    /// the stored bytes as fast as from a kept frame, and costs no memory for as long as the history goes.
    fn is_made_once(&self, told: &WatchEvent) -> bool {
        let has_form = match &self.encoder.form {
            WatchForm::Whole => matches!(told, WatchEvent::Left(_)),
            WatchForm::Partial(_) => true,
            WatchForm::Table { columns_sent, .. } => *columns_sent,
        };
        has_form && told.change().is_some()
    }

    fn push_shared(&mut self, told: &WatchEvent, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Some(change) = told.change() else {
            return self.push_object(told, out);
        };
        let kind = match told {
            WatchEvent::Added(_) => 1,
            WatchEvent::Modified(_) => 2,
            WatchEvent::Deleted(_) => 3,
            WatchEvent::Left(_) => 4,
            WatchEvent::Bookmark { .. } => 5,
        };
        let frame = change
            .encodings()
            .get_or_make(self.encoder.key.wrapping_add(kind), || {
                let mut frame = Vec::new();
                self.push_object(told, &mut frame)?;
                Ok::<_, ApiError>(frame.into())
            })?;
        out.extend_from_slice(&frame);
        Ok(())
    }

    fn push_object(&mut self, told: &WatchEvent, out: &mut Vec<u8>) -> Result<(), ApiError> {
        if let Some(entry) = told.entry() {
            let (version, drops) = (&self.encoder.version.name, self.encoder.drops_managed_fields);
            let pieces = self.registry.pieces_to_send(&entry, version, drops)?;
            self.encoder.push_frame(told.event_type(), &pieces, false, out)?;
        }
        Ok(())
    }

    /// The last event: as Go's `transformErrorToEvent` (k8s.io/apiserver/pkg/storage/etcd3/watcher.go) an `ERROR` with the
    /// error's Status, by which the watch ends. An object that cannot be read is 500 there as here: a client lists again and
    /// is told by the list which object that is. 410 would promise that a list is the cure.
    fn fail(&mut self, error: &ApiError, out: &mut Vec<u8>) {
        self.encoder.push_error(error, out);
        self.pending.clear();
        self.told = None;
    }
}

impl Stream for Frames {
    type Item = Bytes;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let this = &mut *self;
        let mut out = Vec::new();
        loop {
            this.encode_pending(&mut out);
            if out.len() >= this.piece {
                return Poll::Ready(Some(out.into()));
            }
            let Some(told) = &mut this.told else {
                return Poll::Ready((!out.is_empty()).then(|| out.into()));
            };
            match told.as_mut().poll_next(context) {
                Poll::Ready(Some(Ok(batch))) => this.pending = batch.into(),
                Poll::Ready(Some(Err(error))) => this.fail(&error, &mut out),
                Poll::Ready(None) => this.told = None,
                Poll::Pending if out.is_empty() => return Poll::Pending,
                Poll::Pending => return Poll::Ready(Some(out.into())),
            }
        }
    }
}

impl Encoder {
    /// For the form that a client wants.
    ///
    /// # Errors
    /// 400, 406: it cannot be made.
    pub(super) fn new(call: &Call<'_>, wanted: Wanted) -> Result<Self, ApiError> {
        let mut hasher = DefaultHasher::new();
        call.version.fingerprint.hash(&mut hasher);
        wanted.transform.hash(&mut hasher);
        (wanted.format, wanted.drops_managed_fields).hash(&mut hasher);
        let form = match wanted.transform {
            // An event's object is no list, and Go then sends it as it is.
            None | Some(Transform::PartialList(_)) => WatchForm::Whole,
            Some(Transform::Partial(version)) => WatchForm::Partial(version),
            Some(Transform::Table(version)) => {
                let rows = call.rows(version)?;
                rows.include.hash(&mut hasher);
                WatchForm::Table {
                    rows,
                    columns_sent: false,
                }
            }
        };
        Ok(Self {
            version: call.version.clone(),
            form,
            format: wanted.format,
            drops_managed_fields: wanted.drops_managed_fields,
            key: hasher.finish(),
        })
    }

    /// An event of this type. `always_metadata`: its Table has the object's metadata, whatever was asked for.
    fn push_frame(
        &mut self,
        event_type: &str,
        pieces: &Pieces,
        always_metadata: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        if self.format == Format::Protobuf
            && let WatchForm::Partial(version) = self.form
        {
            let mut object = Vec::new();
            push_protobuf(pieces, version, &mut object)?;
            watch_event::push_frame(event_type, &object, out);
            return Ok(());
        }
        out.reserve(pieces.len() + 64);
        out.extend_from_slice(br#"{"type":""#);
        out.extend_from_slice(event_type.as_bytes());
        out.extend_from_slice(br#"","object":"#);
        match &mut self.form {
            WatchForm::Whole => pieces.append_to(out),
            WatchForm::Partial(version) => push_partial(pieces, *version, out),
            WatchForm::Table { rows, columns_sent } => {
                rows.push_table(pieces, !*columns_sent, always_metadata, out);
                *columns_sent = true;
            }
        }
        out.extend_from_slice(b"}\n");
        Ok(())
    }

    pub(super) fn push_bookmark(
        &mut self,
        resource_version: &str,
        initial_events_end: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        let mut object = self.version.empty.clone();
        object.set_meta("resourceVersion", resource_version);
        if initial_events_end {
            let annotations = serde_json::json!({"k8s.io/initial-events-end": "true"});
            object.metadata_mut().insert("annotations".into(), annotations);
        }
        let json = serde_json::to_vec(&object.0).map_err(|error| ApiError::Internal(error.to_string()))?;
        self.push_frame("BOOKMARK", &Pieces::whole(json.into()), initial_events_end, out)
    }

    /// An event of an object that nothing is known of but its JSON.
    pub(super) fn push_made(
        &mut self,
        event_type: &str,
        pieces: Pieces,
        out: &mut Vec<u8>,
    ) -> Result<(), ApiError> {
        let pieces = if self.drops_managed_fields {
            pieces.without_managed_fields()
        } else {
            pieces
        };
        self.push_frame(event_type, &pieces, false, out)
    }

    /// The last event: the error's Status.
    pub(super) fn push_error(&self, error: &ApiError, out: &mut Vec<u8>) {
        if self.format == Format::Protobuf {
            watch_event::push_frame("ERROR", &status::encode(&error.status()), out);
        } else {
            push_json_error(error, out);
        }
    }
}

fn push_json_error(error: &ApiError, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":"ERROR","object":"#);
    // A Status has nothing that could fail to be encoded.
    out.extend_from_slice(&serde_json::to_vec(&error.status()).unwrap_or_default());
    out.extend_from_slice(b"}\n");
}
