//! Objects without a type: what `schemaCoercingDecoder` of apiextensions' `customresource_handler.go` makes of what the JSON serializer reads
//! into an `unstructured.Unstructured`.
//!
//! Of which kind and version an object is, is said by itself, and judged later: of the version by the handler ([`check_version`]), of both
//! with what is validated.

use annex_schema::object_meta;
use serde_json::Value;

use super::reader::{MAX_DEPTH, is_shallow};
use super::{DecodeError, Decoded, Read, group_version};
use crate::object::Object;
use crate::resource::Resource;
use crate::status::ApiError;

/// What stays of an object of a version that the definition does not have.
const OF_EVERY_OBJECT: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// What was read, pruned and with its defaults by the schema of the version that it says it is of, or what is wrong with it, in Go's order.
pub(super) fn judge(read: Read, resource: &Resource, version: &str) -> Result<Decoded, DecodeError> {
    let Read {
        mut object, findings, ..
    } = read;
    if let Some(message) = findings.gave_up {
        return Err(unusable(&object, resource, version, message));
    }
    let (group, named) = group_version(object.api_version())?;
    if object.kind().is_empty() {
        return Err(DecodeError::NoKind);
    }
    let is_of_kind = group == resource.group && object.kind() == resource.names.kind;
    let schema = is_of_kind.then(|| named.to_owned());
    let mut strict = findings.strict;
    if let Some(metadata) = object.0.get("metadata") {
        let read =
            object_meta::read(metadata).map_err(|message| unusable(&object, resource, version, message))?;
        for path in &read.unknown {
            strict.add_unknown(|| format!("metadata.{path}"));
        }
        object.0.insert("metadata".into(), Value::Object(read.fields));
    }
    // Whoever asks for metadata that is not there gets some.
    object.metadata_mut();
    let mut of_version = None;
    match schema {
        Some(named) if resource.any_version(&named).is_some() => {
            let pruned = resource.strategy.prune(&named, &mut object);
            let unknown = pruned.map_err(|error| unusable(&object, resource, version, error.0))?;
            for path in unknown.paths() {
                strict.add_unknown(|| path.clone());
            }
            if unknown.has_more() {
                strict.has_more();
            }
            of_version = Some(named);
        }
        Some(_) => {
            let mut unknown: Vec<String> = object.0.keys().cloned().collect();
            unknown.retain(|name| !OF_EVERY_OBJECT.contains(&name.as_str()));
            unknown.sort_unstable();
            for name in unknown {
                object.0.remove(&name);
                strict.add_unknown(|| name);
            }
        }
        None => {}
    }
    if let Some(named) = of_version {
        let (kind, said) = (object.kind().to_owned(), named.clone());
        let defaulted = resource.strategy.normalize_and_default(&named, object);
        object = defaulted.map_err(|error| DecodeError::Unusable {
            kind,
            version: said,
            message: error.0,
        })?;
    }
    Ok(Decoded {
        object,
        strict: strict.into_texts(),
        of_yaml: 0,
    })
}

/// An object of `version` that was merged, not read, with its defaults and with metadata as it is stored.
///
/// # Errors
/// Its metadata is none, or it is deeper than what is read.
pub(crate) fn complete(
    mut object: Object,
    resource: &Resource,
    version: &str,
) -> Result<Object, DecodeError> {
    if !object.0.values().all(|value| is_shallow(value, 1)) {
        let message = format!("exceeded max depth of {MAX_DEPTH}");
        return Err(unusable(&object, resource, version, message));
    }
    if let Some(metadata) = object.0.get("metadata") {
        let read =
            object_meta::read(metadata).map_err(|message| unusable(&object, resource, version, message))?;
        object.0.insert("metadata".into(), Value::Object(read.fields));
    }
    let defaulted = resource.strategy.normalize_and_default(version, object);
    defaulted.map_err(|error| DecodeError::of_type(error, resource, version))
}

/// A number that no float is.
pub(super) fn too_large(number: &str, resource: &Resource, version: &str) -> DecodeError {
    let message = format!("json: cannot unmarshal number {number} into Go value of type float64");
    unusable(&Object::default(), resource, version, message)
}

/// An object of which something is wrong, by the kind and version that it says; what it does not say is the request's.
pub(super) fn unusable(object: &Object, resource: &Resource, version: &str, message: String) -> DecodeError {
    let (api_version, kind) = (object.api_version(), object.kind());
    let named = match group_version(api_version) {
        Ok((_, named)) if !api_version.is_empty() => named,
        _ => version,
    };
    let kind = if kind.is_empty() {
        &resource.names.kind
    } else {
        kind
    };
    DecodeError::Unusable {
        kind: kind.to_owned(),
        version: named.to_owned(),
        message,
    }
}

/// Whether an object that was sent is of the request's version: `AcceptsGroupVersion` of a `RequestScope`. What has a type was asked when it
/// was decoded.
///
/// # Errors
/// 400.
pub(crate) fn check_version(object: &Object, resource: &Resource, version: &str) -> Result<(), ApiError> {
    let (found, expected) = (object.api_version(), resource.api_version(version));
    if !resource.policy.unstructured || found == expected {
        return Ok(());
    }
    let found = found.to_owned();
    Err(ApiError::BadRequest(
        DecodeError::OtherVersion { found, expected }.to_string(),
    ))
}
