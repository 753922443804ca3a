//! In which form a client wants its answer, and in which form it sends its body: `Accept` and `Content-Type`.
//!
//! The rules are those of k8s.io/apiserver's `handlers/negotiation` and of the parser below it, odd ones included.

mod accept;
mod produced;

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};

use crate::decode::BodyMedia;
use crate::status::ApiError;
use accept::Clause;

pub use produced::check_produced;

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of YAML.
pub const YAML: &str = "application/yaml";
/// The media type of Kubernetes' protobuf.
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
/// What an answer may leave out.
const MANAGED_FIELDS: &str = "metadata.managedFields";
/// A JSON Patch, RFC 6902.
pub const JSON_PATCH: &str = "application/json-patch+json";
/// A JSON merge patch, RFC 7386.
pub const MERGE_PATCH: &str = "application/merge-patch+json";
/// A strategic merge patch, of resources whose types say how their lists are merged.
pub const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
/// The configuration of a server-side apply, KEP-555.
pub const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
    /// `application/vnd.kubernetes.protobuf`
    Protobuf,
}

impl Format {
    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Yaml => YAML,
            Self::Protobuf => PROTOBUF,
        }
    }

    /// The media type of a watch, which has no YAML.
    #[must_use]
    pub fn stream_media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Yaml => JSON,
            Self::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        }
    }
}

/// A version of the group `meta.k8s.io`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaVersion {
    /// `v1`
    V1,
    /// `v1beta1`
    V1beta1,
}

impl MetaVersion {
    /// `meta.k8s.io/v1`
    #[must_use]
    pub fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

/// Another kind than the resource's own, as which a client wants the answer (`;as=`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transform {
    /// `Table`
    Table(MetaVersion),
    /// `PartialObjectMetadata`
    Partial(MetaVersion),
    /// `PartialObjectMetadataList`
    PartialList(MetaVersion),
}

/// What a client wants, of what can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How it is written.
    pub format: Format,
    /// As which kind, if not as the resource's own.
    pub transform: Option<Transform>,
    /// Whether for a person to read.
    pub pretty: bool,
    /// Whether without `metadata.managedFields` (`;drop=metadata.managedFields`, KEP-5958). Whether that is heard is the server's to say.
    pub drops_managed_fields: bool,
}

impl Wanted {
    /// JSON of the resource's own kind, for a program.
    pub const PLAIN: Self = Self {
        format: Format::Json,
        transform: None,
        pretty: false,
        drops_managed_fields: false,
    };

    /// Whether a resource's own kind is wanted in protobuf. It has none; metadata, Statuses and documents have.
    #[must_use]
    pub fn is_own_protobuf(&self) -> bool {
        self.format == Format::Protobuf && self.transform.is_none()
    }
}

/// The media types of answers and bodies, as refusals list them.
pub(crate) fn all_types() -> Vec<String> {
    vec![JSON.into(), YAML.into(), PROTOBUF.into()]
}

/// What an endpoint can make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offer {
    /// An object or a list, in every form; a resource's own kind in protobuf only where nothing else is accepted.
    Objects,
    /// The events of a watch, of which the same is true.
    Events,
    /// The Status that a verb answers in the place of an object: what is said of another kind does not matter.
    Outcomes,
    /// The Status of an error, or a document: as it is.
    Documents,
}

/// How the answer about objects is wanted.
///
/// # Errors
/// [`ApiError::NotAcceptable`]: nothing that the client accepts can be made.
pub fn wanted(headers: &HeaderMap, query: &str) -> Result<Wanted, ApiError> {
    negotiate(headers, query, Offer::Objects).ok_or_else(|| ApiError::NotAcceptable(all_types()))
}

/// How the Status is wanted that a verb answers in the place of an object.
///
/// # Errors
/// As [`wanted`].
pub fn wanted_outcome(headers: &HeaderMap, query: &str) -> Result<Wanted, ApiError> {
    let wanted =
        negotiate(headers, query, Offer::Outcomes).ok_or_else(|| ApiError::NotAcceptable(all_types()))?;
    Ok(Wanted {
        transform: None,
        ..wanted
    })
}

/// How the Status of an error is wanted; `None`: as nothing that it can be made as.
#[must_use]
pub fn wanted_document(headers: &HeaderMap, query: &str) -> Option<Wanted> {
    negotiate(headers, query, Offer::Documents)
}

/// How a document is wanted.
///
/// # Errors
/// As [`wanted`].
pub fn document(headers: &HeaderMap, query: &str) -> Result<Wanted, ApiError> {
    wanted_document(headers, query).ok_or_else(|| ApiError::NotAcceptable(all_types()))
}

/// How the events of a watch are wanted: in JSON or protobuf, and never pretty.
///
/// # Errors
/// [`ApiError::NotAcceptable`], as for [`wanted`]; YAML does not stream.
pub fn wanted_stream(headers: &HeaderMap, query: &str) -> Result<Wanted, ApiError> {
    match negotiate(headers, query, Offer::Events) {
        Some(wanted) if wanted.format != Format::Yaml => Ok(Wanted {
            pretty: false,
            ..wanted
        }),
        _ => Err(ApiError::NotAcceptable(stream_types())),
    }
}

/// The media types of the events of a watch, as refusals list them.
pub(crate) fn stream_types() -> Vec<String> {
    vec![format!("{JSON};stream=watch"), format!("{PROTOBUF};stream=watch")]
}

fn negotiate(headers: &HeaderMap, query: &str, offer: Offer) -> Option<Wanted> {
    let header = header_text(headers, &ACCEPT);
    let mut wanted = match header {
        // What most clients send needs no parsing.
        "" | "*/*" | JSON => Wanted::PLAIN,
        _ => first_met(header, offer)?,
    };
    wanted.pretty |= is_pretty(headers, query);
    Some(wanted)
}

/// What the first clause asks for that can be met. Go's typed resources without protobuf take it where it comes first, and fail
/// when they encode. CustomResourceDefinitions, which have none either, go on to what the client accepts as well, and so is it
/// here; only where there is nothing else is it taken, to be refused in Go's words when there is something to encode.
fn first_met(header: &str, offer: Offer) -> Option<Wanted> {
    let mut last = None;
    for clause in &accept::clauses(header) {
        let Some(met) = meet(clause, offer) else {
            continue;
        };
        let is_whole = match offer {
            Offer::Objects => met.is_own_protobuf(),
            // The object of an event is no list, so it is sent as it is.
            Offer::Events => {
                met.is_own_protobuf()
                    || (met.format == Format::Protobuf
                        && matches!(met.transform, Some(Transform::PartialList(_))))
            }
            Offer::Outcomes | Offer::Documents => false,
        };
        if !is_whole {
            return Some(met);
        }
        last.get_or_insert(met);
    }
    last
}

/// What can be made of a clause: Go tries JSON before YAML, and YAML before protobuf, where the clause names none.
fn meet(clause: &Clause<'_>, offer: Offer) -> Option<Wanted> {
    let any = clause.type_ == "*" && clause.subtype == "*";
    let any_application = clause.type_ == "application" && clause.subtype == "*";
    [Format::Json, Format::Yaml, Format::Protobuf]
        .into_iter()
        .filter(|format| {
            any || any_application
                || format.media_type().split_once('/') == Some((clause.type_, clause.subtype))
        })
        .find_map(|format| meet_as(clause, format, offer))
}

fn meet_as(clause: &Clause<'_>, format: Format, offer: Offer) -> Option<Wanted> {
    let (mut kind, mut group, mut version) = (None, None, None);
    let (mut pretty, mut drops_managed_fields) = (false, false);
    for (key, value) in &clause.parameters {
        match *key {
            "as" => kind = Some(*value),
            "g" => group = Some(*value),
            "v" => version = Some(*value),
            "stream" if !value.is_empty() && (format == Format::Yaml || *value != "watch") => return None,
            // The version of the server's own API group: there is one.
            "sv" if !value.is_empty() && (offer == Offer::Documents || *value != "v1") => return None,
            "pretty" => pretty = *value == "1",
            // What is not known of it is left, so that clients may ask for more than a server of today has.
            "drop" => drops_managed_fields = value.split('+').any(|field| field == MANAGED_FIELDS),
            _ => {}
        }
    }
    let transform = match (kind, group, version) {
        (None, None, None) => None,
        _ if offer == Offer::Documents => return None,
        (Some(kind), Some("meta.k8s.io"), Some(version)) => Some(transform(kind, version)?),
        _ => return None,
    };
    // Kubernetes' Table has no protobuf.
    if format == Format::Protobuf && matches!(transform, Some(Transform::Table(_))) {
        return None;
    }
    Some(Wanted {
        format,
        transform,
        pretty,
        drops_managed_fields,
    })
}

fn transform(kind: &str, version: &str) -> Option<Transform> {
    let version = match version {
        "v1" => MetaVersion::V1,
        "v1beta1" => MetaVersion::V1beta1,
        _ => return None,
    };
    match kind {
        "Table" => Some(Transform::Table(version)),
        "PartialObjectMetadata" => Some(Transform::Partial(version)),
        "PartialObjectMetadataList" => Some(Transform::PartialList(version)),
        _ => None,
    }
}

/// The parameter `pretty` decides; without it, whether the client looks like a person's.
fn is_pretty(headers: &HeaderMap, query: &str) -> bool {
    if query.contains("pretty") {
        let parameter = query
            .split('&')
            .find_map(|pair| pair.strip_prefix("pretty="))
            .unwrap_or_default();
        if !parameter.is_empty() {
            return matches!(parameter, "1" | "t" | "T" | "true" | "TRUE" | "True");
        }
    }
    let agent = header_text(headers, &USER_AGENT);
    ["curl", "Wget", "Mozilla/5.0"]
        .iter()
        .any(|person| agent.starts_with(person))
}

/// How a body with an object of the resource is written. Without a `Content-Type` it is JSON.
///
/// # Errors
/// [`ApiError::UnsupportedMediaType`], of protobuf too, which a resource's own kind does not have.
pub fn body_media(headers: &HeaderMap) -> Result<BodyMedia, ApiError> {
    let header = header_text(headers, &CONTENT_TYPE);
    if header.is_empty() || header == JSON {
        return Ok(BodyMedia::Json);
    }
    match accept::media_type(header).as_deref() {
        Some(JSON) => Ok(BodyMedia::Json),
        Some(YAML) => Ok(BodyMedia::Yaml),
        Some(PROTOBUF) => Err(ApiError::UnsupportedMediaType(vec![JSON.into(), YAML.into()])),
        _ => Err(ApiError::UnsupportedMediaType(all_types())),
    }
}

/// Whether a body is written in protobuf.
#[must_use]
pub fn is_protobuf(headers: &HeaderMap) -> bool {
    let header = header_text(headers, &CONTENT_TYPE);
    // What most clients send needs no parsing.
    !matches!(header, "" | JSON) && accept::media_type(header).as_deref() == Some(PROTOBUF)
}

/// How a patch is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchMedia {
    /// [`JSON_PATCH`]
    JsonPatch,
    /// [`MERGE_PATCH`]
    MergePatch,
    /// [`STRATEGIC_MERGE_PATCH`]
    StrategicMergePatch,
    /// [`APPLY_PATCH`]
    Apply,
}

/// How a patch is written. Kubernetes compares the text up to the first `;`, and there is no default. `strategic`: whether the
/// resource takes strategic merge patches.
///
/// # Errors
/// [`ApiError::UnsupportedMediaType`], by which clients learn that they must send another kind of patch;
/// [`ApiError::UnknownPatchType`] of what is no kind of patch anywhere.
pub fn patch_media(headers: &HeaderMap, strategic: bool) -> Result<PatchMedia, ApiError> {
    let header = header_text(headers, &CONTENT_TYPE);
    let name = header.split(';').next().unwrap_or_default();
    match name.trim_matches(' ') {
        JSON_PATCH => Ok(PatchMedia::JsonPatch),
        MERGE_PATCH => Ok(PatchMedia::MergePatch),
        STRATEGIC_MERGE_PATCH if strategic => Ok(PatchMedia::StrategicMergePatch),
        APPLY_PATCH => Ok(PatchMedia::Apply),
        STRATEGIC_MERGE_PATCH => Err(unsupported_patch(strategic)),
        _ => Err(ApiError::UnknownPatchType),
    }
}

/// 415 of a patch that the resource does not take, with those that it does.
pub(crate) fn unsupported_patch(strategic: bool) -> ApiError {
    let media = patch_media_types(strategic).iter();
    ApiError::UnsupportedMediaType(media.map(|media| (*media).into()).collect())
}

/// The media types of the patches that a resource takes, in Kubernetes' order.
#[must_use]
pub fn patch_media_types(strategic: bool) -> &'static [&'static str] {
    if strategic {
        &[JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH, APPLY_PATCH]
    } else {
        &[JSON_PATCH, MERGE_PATCH, APPLY_PATCH]
    }
}

fn header_text<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
