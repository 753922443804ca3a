//! A kind of one version, and its field manager.

use std::collections::BTreeMap;
use std::sync::Arc;

use annex_structured_merge_diff::merge::ConversionError;
use serde_json::{Value, json};

use super::super::{FieldManager, FieldManagerOptions, ObjectConverter, types};
use crate::object::Object;

/// What the clock says.
pub(super) const NOW: &str = "2024-05-01T10:00:00Z";

pub(super) fn object(value: Value) -> Object {
    serde_json::from_value(value).map(Object).unwrap()
}

/// A Toy of the name `a` with this spec and these managedFields.
pub(super) fn toy(spec: &Value, managed_fields: &Value) -> Object {
    object(json!({
        "apiVersion": "example.com/v1",
        "kind": "Toy",
        "metadata": {"name": "a", "namespace": "n", "uid": "u", "managedFields": managed_fields},
        "spec": spec,
    }))
}

/// The same as it is applied.
pub(super) fn config(spec: &Value) -> Object {
    object(json!({
        "apiVersion": "example.com/v1", "kind": "Toy", "metadata": {"name": "a", "namespace": "n"}, "spec": spec,
    }))
}

struct OneVersion;

impl ObjectConverter for OneVersion {
    fn convert(&self, _: Object, api_version: &str) -> Result<Object, ConversionError> {
        Err(ConversionError::MissingVersion(api_version.to_owned()))
    }
}

pub(super) fn manager(subresource: &str) -> FieldManager {
    let fields = json!({"additionalProperties": {"type": "string"}, "type": "object"});
    let document = json!({"type": "object", "properties": {"spec": fields, "status": fields}});
    let parseable = types::parseable_type(&document).unwrap();
    FieldManager::new(FieldManagerOptions {
        kind: "Toy".into(),
        api_version: "example.com/v1".into(),
        subresource: subresource.into(),
        types: Arc::new(BTreeMap::from([("example.com/v1".into(), parseable)])),
        converter: Arc::new(OneVersion),
        reset_fields: BTreeMap::new(),
        empty: Object::default(),
    })
    .unwrap()
}
