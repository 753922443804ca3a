//! Answers: objects, lists and Statuses as HTTP responses.

mod protobuf;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, VARY};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;

use super::call::Call;
use super::encode::{self, Form, ListBody, push_partial, push_protobuf};
use super::endpoints::ServedVersion;
use crate::offload::{self, Elsewhere};
use crate::protobuf::status as protobuf_status;
use crate::registry::{Listed, Pieces, Registry};
use crate::request::media::{self, Format, MetaVersion, Transform, Wanted};
use crate::response::{Body, Incomplete, Response};
use crate::status::{ApiError, Status};
use crate::storage::Entry;

/// The Status that tells an error, as the client wants it; as indented JSON where it wants nothing that can be made.
#[must_use]
pub fn status(error: &ApiError, headers: &HeaderMap, query: &str) -> Response {
    let status = error.status();
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let wanted = media::wanted_document(headers, query).unwrap_or(Wanted {
        format: Format::Json,
        transform: None,
        pretty: true,
        drops_managed_fields: false,
    });
    let mut response = document(&status, code, wanted, headers);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}

/// A Status that a verb answers in the place of an object.
///
/// # Errors
/// 406: it cannot be made as the client wants it.
pub(super) fn success(call: &Call<'_>, status: &Status, code: StatusCode) -> Result<Response, ApiError> {
    let headers = &call.parts.headers;
    let wanted = media::wanted_outcome(headers, call.query())?;
    Ok(document(status, code, wanted, headers))
}

fn document(status: &Status, code: StatusCode, wanted: Wanted, headers: &HeaderMap) -> Response {
    let encoded = if wanted.format == Format::Protobuf {
        protobuf_status::encode(status)
    } else {
        // A Status has nothing that could fail to be encoded.
        let mut json = serde_json::to_vec(status).unwrap_or_default();
        json.push(b'\n');
        json
    };
    finish(encoded.into(), wanted, headers, code).unwrap_or_else(|_| Response::new(Body::empty()))
}

/// Whether an object is sent as it is stored, which is never much work, however large it is.
pub(super) fn is_copied(call: &Call<'_>, wanted: Wanted, entry: &Entry) -> bool {
    wanted == Wanted::PLAIN
        && call.scale.is_none()
        && call
            .served
            .registry()
            .is_some_and(|registry| registry.is_copied(entry, &call.version.name))
}

/// Waits for the memory of an object that has to be converted, indented, cut or written as YAML; `None`: it is copied.
async fn expect(call: &Call<'_>, wanted: Wanted, entry: &Entry) -> Option<offload::Stored> {
    if is_copied(call, wanted, entry) {
        return None;
    }
    Some(offload::expect_stored(entry.value()).await)
}

/// An object. To be called in what is [`offload::movable`], where it may be large.
pub(super) async fn object(
    call: &Call<'_>,
    wanted: Wanted,
    entry: &Entry,
    code: StatusCode,
) -> Result<Response, ApiError> {
    let kind = &call.served.resource().names.kind;
    check_encodable(call, wanted, kind)?;
    let entry = &call.registry()?.entry_in(entry, &call.info().version).await?;
    let _memory = expect(call, wanted, entry).await;
    made(call, wanted, &call.pieces(entry, wanted)?, code)
}

/// An object, encoded already.
pub(super) fn pieces(
    call: &Call<'_>,
    wanted: Wanted,
    pieces: &Pieces,
    code: StatusCode,
) -> Result<Response, ApiError> {
    let without = wanted
        .drops_managed_fields
        .then(|| pieces.clone().without_managed_fields());
    made(call, wanted, without.as_ref().unwrap_or(pieces), code)
}

fn made(call: &Call<'_>, wanted: Wanted, pieces: &Pieces, code: StatusCode) -> Result<Response, ApiError> {
    let mut json = Vec::with_capacity(pieces.len() + 1);
    match wanted.transform {
        Some(Transform::Partial(version)) if wanted.format == Format::Protobuf => {
            let mut encoded = Vec::new();
            push_protobuf(pieces, version, &mut encoded)?;
            return finish(encoded.into(), wanted, &call.parts.headers, code);
        }
        None => pieces.append_to(&mut json),
        Some(Transform::Partial(version)) => push_partial(pieces, version, &mut json),
        Some(Transform::PartialList(_)) => return Err(no_list(call)),
        Some(Transform::Table(version)) => call.rows(version)?.push_table(pieces, true, false, &mut json),
    }
    json.push(b'\n');
    finish(json.into(), wanted, &call.parts.headers, code)
}

/// Refuses before a write what could not be answered after it.
pub(super) fn check_object(call: &Call<'_>, wanted: Wanted) -> Result<(), ApiError> {
    check_encodable(call, wanted, &call.served.resource().names.kind)?;
    match wanted.transform {
        Some(Transform::PartialList(_)) => Err(no_list(call)),
        Some(Transform::Table(version)) => call.rows(version).map(|_| ()),
        Some(Transform::Partial(_)) | None => Ok(()),
    }
}

/// The same before objects are deleted that are answered as a list.
pub(super) fn check_list(call: &Call<'_>, wanted: Wanted) -> Result<(), ApiError> {
    check_encodable(call, wanted, &call.served.resource().names.list_kind)?;
    match wanted.transform {
        Some(Transform::Partial(_)) => Err(no_object(call)),
        Some(Transform::Table(version)) => call.rows(version).map(|_| ()),
        Some(Transform::PartialList(_)) | None => Ok(()),
    }
}

/// Refuses what has no protobuf, in the words of Go's serializer: the resource's `kind` itself.
pub(super) fn check_encodable(call: &Call<'_>, wanted: Wanted, kind: &str) -> Result<(), ApiError> {
    if !wanted.is_own_protobuf() {
        return Ok(());
    }
    let version = &call.version.name;
    Err(ApiError::NotTransformable(format!(
        "object *{version}.{kind} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message"
    )))
}

fn no_object(call: &Call<'_>) -> ApiError {
    let found = call.go_list_type();
    ApiError::NotTransformable(format!(
        "you requested PartialObjectMetadata, but the requested object is a list ({found})"
    ))
}

fn no_list(call: &Call<'_>) -> ApiError {
    if call.kind.policy.unstructured {
        // Go's type could be a list, and turns out to be none.
        return ApiError::Plain("content is not a list".into());
    }
    let found = call.go_type(&call.kind.names.kind);
    ApiError::NotTransformable(format!(
        "you requested PartialObjectMetadataList, but the requested object is not a list ({found})"
    ))
}

/// How many objects are looked at before others have their turn: some of them may have to be converted.
const TURN: usize = 512;

/// A list. Its objects are looked at twice: now, since after the head of the answer an error cannot be said any more, and
/// when they are sent. What lies in memory between the two is the list of their handles. To be called in what is
/// [`offload::movable`].
pub(super) async fn list(call: &Call<'_>, wanted: Wanted, listed: Listed) -> Result<Response, ApiError> {
    check_encodable(call, wanted, &call.served.resource().names.list_kind)?;
    let empty_continue = wanted.transform.is_none() && call.served.resource().policy.unstructured;
    let metadata = list_metadata(&listed, empty_continue);
    let (head, form, none) = list_form(call, wanted, &metadata)?;
    if wanted.format == Format::Protobuf
        && let Some(Transform::PartialList(version)) = wanted.transform
    {
        return protobuf::list(call, wanted, version, listed).await;
    }
    let registry = call.registry()?;
    let mut of_items = Some(0);
    let mut heaviest = None;
    for (number, entry) in listed.entries.iter().enumerate() {
        if number % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
        let memory = expect(call, wanted, entry).await;
        heaviest = heaviest.max(memory.as_ref().and_then(offload::Stored::heavy));
        let pieces = call.pieces(entry, wanted)?;
        of_items = of_items
            .zip(form.length(&pieces))
            .map(|(sum, length)| sum + length as u64);
    }
    let list = ListBody {
        head,
        items: Encoded::new(call, registry, listed.entries, wanted),
        form,
        none,
        of_items,
        // What is sent as it is needed no more than the look above.
        elsewhere: heaviest
            .filter(|_| wanted != Wanted::PLAIN)
            .map(|weight| Elsewhere::new(call.memory, weight)),
    };
    let (body, is_compressed) = encode::list_body(list, wanted, &call.parts.headers)?;
    Ok(with_headers(body, is_compressed, wanted, StatusCode::OK))
}

/// A list of objects that are encoded already.
pub(super) fn list_of_pieces(
    call: &Call<'_>,
    wanted: Wanted,
    items: Vec<Pieces>,
    resource_version: String,
) -> Result<Response, ApiError> {
    let metadata = match resource_version.as_str() {
        "" => "{}".to_owned(),
        version => format!(r#"{{"resourceVersion":{}}}"#, serde_json::Value::from(version)),
    };
    let items = if wanted.drops_managed_fields {
        items.into_iter().map(Pieces::without_managed_fields).collect()
    } else {
        items
    };
    let (head, form, none) = list_form(call, wanted, &metadata)?;
    if wanted.format == Format::Protobuf
        && let Some(Transform::PartialList(version)) = wanted.transform
    {
        return protobuf::list_of_pieces(call, wanted, version, items, resource_version);
    }
    let of_items = items
        .iter()
        .try_fold(0, |sum, pieces| Some(sum + form.length(pieces)? as u64));
    let list = ListBody {
        head,
        items: items.into_iter().map(Ok::<_, Incomplete>),
        form,
        none,
        of_items,
        elsewhere: None,
    };
    let (body, is_compressed) = encode::list_body(list, wanted, &call.parts.headers)?;
    Ok(with_headers(body, is_compressed, wanted, StatusCode::OK))
}

/// The objects of a list as they are sent.
struct Encoded {
    entries: std::vec::IntoIter<Entry>,
    registry: Arc<Registry>,
    version: Arc<ServedVersion>,
    drops_managed_fields: bool,
}

impl Encoded {
    fn new(call: &Call<'_>, registry: &Arc<Registry>, entries: Vec<Entry>, wanted: Wanted) -> Self {
        Self {
            entries: entries.into_iter(),
            registry: registry.clone(),
            version: call.version.clone(),
            drops_managed_fields: wanted.drops_managed_fields,
        }
    }
}

impl Iterator for Encoded {
    type Item = Result<Pieces, Incomplete>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.entries.next()?;
        let pieces = self
            .registry
            .pieces_to_send(&entry, &self.version.name, self.drops_managed_fields);
        Some(pieces.map_err(|error| Incomplete(error.to_string())))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for Encoded {}

/// What stands before the items, their form, and what stands for none.
fn list_form(
    call: &Call<'_>,
    wanted: Wanted,
    metadata: &str,
) -> Result<(String, Form, &'static str), ApiError> {
    let resource = call.served.resource();
    let head = |kind: &str, api_version: &str| {
        format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{metadata},"items":"#)
    };
    match wanted.transform {
        None => {
            let form = if resource.policy.bare_items {
                Form::Bare(call.version.type_heads.clone())
            } else {
                Form::Whole
            };
            let head = head(&resource.names.list_kind, &call.version.api_version);
            Ok((head, form, "[]"))
        }
        // Go makes a new list here, whose items are null where there are none.
        Some(Transform::PartialList(version)) => {
            let head = head("PartialObjectMetadataList", version.api_version());
            Ok((head, Form::Partial(version), "null"))
        }
        Some(Transform::Partial(_)) => Err(no_object(call)),
        Some(Transform::Table(version)) => table_form(call, version, metadata),
    }
}

fn table_form(
    call: &Call<'_>,
    version: MetaVersion,
    metadata: &str,
) -> Result<(String, Form, &'static str), ApiError> {
    let rows = call.rows(version)?;
    let head = rows.head(metadata, true);
    let none = rows.none();
    Ok((head, rows.form(), none))
}

fn list_metadata(listed: &Listed, empty_continue: bool) -> String {
    let mut metadata = format!(r#"{{"resourceVersion":"{}""#, listed.revision);
    if empty_continue || !listed.continue_token.is_empty() {
        // A token is base64url, which needs no quoting in JSON.
        metadata.push_str(r#","continue":""#);
        metadata.push_str(&listed.continue_token);
        metadata.push('"');
    }
    if let Some(remaining) = listed.remaining {
        metadata.push_str(r#","remainingItemCount":"#);
        metadata.push_str(&remaining.to_string());
    }
    metadata.push('}');
    metadata
}

fn finish(
    encoded: Bytes,
    wanted: Wanted,
    headers: &HeaderMap,
    code: StatusCode,
) -> Result<Response, ApiError> {
    let (body, is_compressed) = encode::body(encoded, wanted, headers)?;
    Ok(with_headers(body, is_compressed, wanted, code))
}

fn with_headers(body: Body, is_compressed: bool, wanted: Wanted, code: StatusCode) -> Response {
    let length = body.size_hint().exact();
    let mut response = Response::new(body);
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(wanted.format.media_type()));
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    if is_compressed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    response
}
