//! Bodies of requests, read as objects: strictly, with the words of Kubernetes' own decoder.

mod base64;
mod custom_resource;
mod error;
mod go_type;
pub(crate) mod place;
mod reader;
pub(crate) mod strict;
mod surrogates;
pub(crate) mod syntax;
mod time;
mod unstructured;
pub(crate) mod yaml;

use std::borrow::Cow;

use serde::de::Deserializer;
use serde_json::{Map, Value};

use crate::object::Object;
use crate::resource::Resource;
use crate::schema::{Schema, tidy_metadata};
use crate::status::{ApiError, Quoted};

pub(crate) use custom_resource::{check_version, complete};
pub use error::DecodeError;
pub(crate) use go_type::{GoType, go_kind};
use reader::Findings;
pub(crate) use reader::{GO_TYPE_META, is_shallow};
pub(crate) use unstructured::convert as convert_unstructured;

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyMedia {
    /// `application/json`
    Json,
    /// `application/yaml`
    Yaml,
}

/// A body that is an object of the expected kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The object in the request's version: normalized, with its defaults, `apiVersion` and `kind` set.
    pub object: Object,
    /// What `fieldValidation` is about, in Go's words and order: `unknown field "spec.x"`, `duplicate field "spec.y"`.
    /// One warning each.
    pub strict: Vec<String>,
    /// How many of them, at the beginning, are YAML's: Go tells those together.
    of_yaml: usize,
}

impl Decoded {
    /// What `fieldValidation=Strict` says; `None` where the body was in order.
    #[must_use]
    pub fn strict_message(&self) -> Option<String> {
        if self.strict.is_empty() {
            return None;
        }
        let (of_yaml, others) = self.strict.split_at(self.of_yaml.min(self.strict.len()));
        let of_yaml =
            (!of_yaml.is_empty()).then(|| format!("yaml: unmarshal errors:\n  {}", of_yaml.join("\n  ")));
        let all: Vec<&str> = of_yaml
            .as_deref()
            .into_iter()
            .chain(others.iter().map(String::as_str))
            .collect();
        Some(format!("strict decoding error: {}", all.join(", ")))
    }

    /// The answer of `fieldValidation=Strict` to an object of `version`; `None` where the body was in order.
    #[must_use]
    pub fn strict_error(&self, resource: &Resource, version: &str) -> Option<ApiError> {
        let message = self.strict_message()?;
        let (kind, version) = if resource.policy.unstructured {
            // What it says it is: Go asks what it was decoded to.
            let (_, version) = group_version(self.object.api_version()).unwrap_or_default();
            (self.object.kind(), version)
        } else {
            (resource.names.kind.as_str(), version)
        };
        Some(ApiError::BadRequest(format!(
            "{kind} in version {} cannot be handled as a {kind}: {message}",
            Quoted(version)
        )))
    }
}

/// Reads a body of a create or an update as an object of `resource` in `version`. `apiVersion` and `kind` may be left
/// out: they are then the request's. A null stands for nothing, and of a field that stands twice the last value counts,
/// as in Go.
///
/// # Errors
/// The body is no such object: 400, as k8s.io/apiserver answers it; 422 where fields are missing or have impossible
/// values.
pub fn decode(
    body: &[u8],
    media: BodyMedia,
    resource: &Resource,
    version: &str,
) -> Result<Decoded, ApiError> {
    decode_body(body, media, resource, version).map_err(|error| error.into_api_error(resource, body))
}

/// The same, of which [`DecodeError::into_api_error`] is the answer.
///
/// # Errors
/// The body is no such object.
pub(crate) fn decode_body(
    body: &[u8],
    media: BodyMedia,
    resource: &Resource,
    version: &str,
) -> Result<Decoded, DecodeError> {
    match media {
        BodyMedia::Json => decode_json(body, resource, version),
        BodyMedia::Yaml => decode_yaml(body, resource, version),
    }
}

/// Reads a value, an object after a patch, as an object of `resource` in `version`. A patch may have brought it to
/// another version that is served: it is read in that one, and converted, but for an object without a type, of which its rules say what
/// is wrong then.
///
/// # Errors
/// The value is no such object. [`DecodeError::into_patch_error`] is what Kubernetes answers to a patch.
pub fn decode_value(value: Value, resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    let said = value
        .get("apiVersion")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let other = said
        .strip_prefix(resource.group.as_str())
        .and_then(|rest| rest.strip_prefix('/'))
        .filter(|other| *other != version && resource.version(other).is_some());
    let other = other.filter(|_| !resource.policy.unstructured);
    let Some(other) = other.map(ToOwned::to_owned) else {
        return read_value(value, resource, version);
    };
    let mut decoded = read_value(value, resource, &other)?;
    let of_type = |error| DecodeError::of_type(error, resource, &other);
    decoded.object = resource.convert(decoded.object, version).map_err(of_type)?;
    // It was defaulted in the other version, whose defaults are others.
    resource.strategy.default_fields(version, &mut decoded.object);
    Ok(decoded)
}

fn read_value(value: Value, resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    let served = served(resource, version)?;
    let read = read_from(value, served).map_err(|error| DecodeError::Unrecognized(error.to_string()))?;
    judge(read, resource, version)
}

fn decode_json(body: &[u8], resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    let served = served(resource, version)?;
    let text = text(body);
    let mut source = serde_json::Deserializer::from_str(&text);
    let read = read_from(&mut source, served);
    // Where the reader gave up the rest has not been read.
    let read = read.and_then(|read| {
        if read.gave_up {
            if let Some(message) = syntax::explain(body) {
                return Err(serde::de::Error::custom(message));
            }
            Ok(read)
        } else {
            source.end().map(|()| read)
        }
    });
    let error = match read {
        Ok(read) => return judge(read, resource, version),
        Err(error) => error,
    };
    let message = match syntax::explain(body) {
        Some(message) => message,
        None => match surrogates::mend(&text) {
            Some(mended) => return decode_json(mended.as_bytes(), resource, version),
            None => match syntax::too_large(&text) {
                Some(number) if resource.policy.unstructured => {
                    return Err(custom_resource::too_large(number, resource, version));
                }
                _ => error.to_string(),
            },
        },
    };
    Err(DecodeError::Unrecognized(format!(
        "couldn't get version/kind; json parse error: {message}"
    )))
}

/// A body as text. Go takes bytes that are no UTF-8 for replacement characters.
pub(crate) fn text(body: &[u8]) -> Cow<'_, str> {
    // Looked at many bytes at a time, where the lossy reader looks at each.
    str::from_utf8(body).map_or_else(|_| String::from_utf8_lossy(body), Cow::Borrowed)
}

fn decode_yaml(body: &[u8], resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    let document = yaml::read(body).map_err(|error| DecodeError::Unrecognized(error.to_string()))?;
    let duplicates = yaml::duplicates(&document);
    let mut decoded = read_value(document.value, resource, version)?;
    decoded.of_yaml = duplicates.len();
    decoded.strict.splice(0..0, duplicates);
    Ok(decoded)
}

fn served<'a>(resource: &'a Resource, version: &str) -> Result<&'a Schema, DecodeError> {
    resource
        .version(version)
        .map(|served| &*served.schema)
        .ok_or_else(|| DecodeError::Unrecognized(format!("no version {version:?} is served")))
}

/// What was read of a body.
struct Read {
    object: Object,
    findings: Findings,
    /// Whether there is more that was not read.
    gave_up: bool,
}

fn read_from<'de, D: Deserializer<'de>>(source: D, schema: &Schema) -> Result<Read, D::Error> {
    let mut findings = Findings::default();
    let (value, gave_up) = match reader::read(schema.root(), source, &mut findings) {
        Ok(value) => (value, false),
        Err(_) if findings.gave_up.is_some() => (Value::Null, true),
        Err(error) => return Err(error),
    };
    let fields = match value {
        Value::Object(fields) => fields,
        // A null is an object without fields.
        _ => Map::new(),
    };
    Ok(Read {
        object: Object(fields),
        findings,
        gave_up,
    })
}

/// What was read, brought to the form that the resource's type gives it, or what is wrong with it, in Go's order.
fn judge(read: Read, resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    if let Some(message) = &read.findings.kind_error {
        return Err(DecodeError::Unrecognized(format!(
            "couldn't get version/kind; json parse error: {message}"
        )));
    }
    if resource.policy.unstructured {
        return custom_resource::judge(read, resource, version);
    }
    let Read {
        mut object, findings, ..
    } = read;
    check_type(&object, resource, version)?;
    if let Some(message) = findings.gave_up.or(findings.fatal).or(findings.type_error) {
        return Err(DecodeError::Unusable {
            kind: resource.names.kind.clone(),
            version: version.to_owned(),
            message,
        });
    }
    if !findings.invalid.is_empty() {
        return Err(DecodeError::Invalid {
            name: object.name().to_owned(),
            errors: findings.invalid,
        });
    }
    object.set_type(&resource.api_version(version), &resource.names.kind);
    tidy_metadata(object.metadata_mut());
    let of_type = |error| DecodeError::of_type(error, resource, version);
    let mut strict = findings.strict;
    let unknown = resource.strategy.prune(version, &mut object).map_err(of_type)?;
    for path in unknown.paths() {
        strict.add_field("unknown", || path.clone());
    }
    if unknown.has_more() {
        strict.has_more();
    }
    let strict = strict.into_texts();
    let object = resource.strategy.normalize_and_default(version, object);
    Ok(Decoded {
        object: object.map_err(of_type)?,
        strict,
        of_yaml: 0,
    })
}

/// The group and the version in an `apiVersion`; what has no slash is a version alone.
fn group_version(api_version: &str) -> Result<(&str, &str), DecodeError> {
    match api_version.split_once('/') {
        None => Ok(("", api_version)),
        Some((_, rest)) if rest.contains('/') => {
            let message = format!("unexpected GroupVersion string: {api_version}");
            Err(DecodeError::Unrecognized(message))
        }
        Some(parts) => Ok(parts),
    }
}

/// Whether the object says that it is of the wanted kind, or says nothing.
fn check_type(object: &Object, resource: &Resource, version: &str) -> Result<(), DecodeError> {
    let kind = object.kind();
    let (group, named) = group_version(object.api_version())?;
    // A group without a version stands for the request's version.
    let (group, named) = match (group, named) {
        ("", "") => (resource.group.as_str(), version),
        (group, "") if group == resource.group => (group, version),
        parts => parts,
    };
    let kind = if kind.is_empty() {
        &resource.names.kind
    } else {
        kind
    };
    let found = if group.is_empty() {
        named.to_owned()
    } else {
        format!("{group}/{named}")
    };
    let expected = resource.api_version(version);
    if *kind == resource.names.kind && found == expected {
        return Ok(());
    }
    let is_known = named == GO_INTERNAL || resource.version(named).is_some();
    if *kind == resource.names.kind && group == resource.group && is_known {
        return Err(DecodeError::OtherVersion { found, expected });
    }
    Err(DecodeError::Unusable {
        kind: kind.to_owned(),
        version: named.to_owned(),
        message: if kind == resource.names.list_kind && found == expected {
            let (name, package) = (&resource.names.kind, internal_package(&resource.group));
            format!("converting ({version}.{kind}) to ({package}.{name}): unknown conversion")
        } else {
            format!(
                "no kind {} is registered for version {} in scheme {GO_SCHEME:?}",
                Quoted(kind),
                Quoted(&found)
            )
        },
    })
}

/// The version of Go's internal types: known, and never the expected one.
const GO_INTERNAL: &str = "__internal";

/// Where Kubernetes' scheme is made, which its message names.
pub(crate) const GO_SCHEME: &str = "pkg/runtime/scheme.go:111";

/// The Go package of a group's internal types, as it is usually called.
fn internal_package(group: &str) -> &str {
    group.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
