//! What the extensions of a schema say of its lists and maps (Go: kube-openapi's `schemaconv/smd.go`).

use std::sync::Arc;

use annex_structured_merge_diff::schema::ElementRelationship;
use serde_json::{Map, Value};

use super::SchemaError;

/// What the items of a list have to do with each other, and the fields that they are known by: `x-kubernetes-list-type`,
/// or, where there is none, the older `x-kubernetes-patch-strategy`.
///
/// # Errors
/// Where an extension has no meaning.
pub(super) fn list_relationship(
    schema: &Map<String, Value>,
) -> Result<(ElementRelationship, Vec<Arc<str>>), SchemaError> {
    use ElementRelationship::{Associative, Atomic};
    if let Some(list_type) = schema.get("x-kubernetes-list-type") {
        return match list_type.as_str() {
            Some("atomic") => Ok((Atomic, Vec::new())),
            Some("set") => Ok((Associative, Vec::new())),
            Some("map") => Ok((Associative, list_map_keys(schema)?)),
            _ => Err(SchemaError::ListType(shown(list_type))),
        };
    }
    let Some(strategy) = schema.get("x-kubernetes-patch-strategy") else {
        return Ok((Atomic, Vec::new()));
    };
    match strategy.as_str() {
        Some("merge" | "merge,retainKeys") => {
            // Without a key it is a set.
            let key = schema.get("x-kubernetes-patch-merge-key");
            let key = key.map(|key| key.as_str().ok_or_else(|| SchemaError::PatchMergeKey(shown(key))));
            Ok((
                Associative,
                key.transpose()?.into_iter().map(Into::into).collect(),
            ))
        }
        Some("retainKeys") => Ok((Atomic, Vec::new())),
        _ => Err(SchemaError::PatchStrategy(shown(strategy))),
    }
}

fn list_map_keys(schema: &Map<String, Value>) -> Result<Vec<Arc<str>>, SchemaError> {
    let keys = schema
        .get("x-kubernetes-list-map-keys")
        .ok_or(SchemaError::NoListMapKeys)?;
    let keys = keys
        .as_array()
        .ok_or_else(|| SchemaError::ListMapKeys(shown(keys)))?;
    Ok(keys.iter().filter_map(Value::as_str).map(Into::into).collect())
}

/// What the fields of a map or struct have to do with each other: `x-kubernetes-map-type`; granular where it is unsaid.
///
/// # Errors
/// Where the extension has no meaning.
pub(super) fn map_relationship(schema: &Map<String, Value>) -> Result<ElementRelationship, SchemaError> {
    let Some(map_type) = schema.get("x-kubernetes-map-type") else {
        return Ok(ElementRelationship::Separable);
    };
    match map_type.as_str() {
        Some("atomic") => Ok(ElementRelationship::Atomic),
        Some("granular") => Ok(ElementRelationship::Separable),
        _ => Err(SchemaError::MapType(shown(map_type))),
    }
}

fn shown(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), ToOwned::to_owned)
}
