//! What managers of many fields, and many managers, cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use annex_structured_merge_diff::merge::ConversionError;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use super::inputs::Prepared;
use crate::managed_fields::{FieldManager, FieldManagerOptions, ObjectConverter, types};
use crate::object::Object;

const NOW: &str = "2024-05-01T10:00:00Z";
const VERSION: &str = "example.com/v1";

struct OneVersion;

impl ObjectConverter for OneVersion {
    fn convert(&self, _: Object, api_version: &str) -> Result<Object, ConversionError> {
        Err(ConversionError::MissingVersion(api_version.to_owned()))
    }
}

fn manager() -> FieldManager {
    let parseable = types::parseable_type(&json!({
        "properties": {"spec": {"type": "object", "additionalProperties": {"type": "string"}}},
    }));
    FieldManager::new(FieldManagerOptions {
        kind: "Toy".into(),
        api_version: VERSION.into(),
        subresource: String::new(),
        types: Arc::new(BTreeMap::from([(VERSION.into(), parseable.unwrap())])),
        converter: Arc::new(OneVersion),
        reset_fields: BTreeMap::new(),
        empty: Object::default(),
    })
    .unwrap()
}

fn object(metadata: Value, size: usize, value: &str) -> Object {
    let spec: Map<String, Value> = (0..size).map(|n| (format!("f{n}"), value.into())).collect();
    let object = json!({"apiVersion": VERSION, "kind": "Toy", "metadata": metadata, "spec": spec});
    serde_json::from_value(object).map(Object).unwrap()
}

/// An update whose client says that everybody manages a field.
pub(super) fn many_managers(_: &Runtime, size: usize) -> Prepared<'_> {
    let entry = |n: usize| {
        let name = format!("f:f{n}");
        json!({
            "manager": format!("m{n}"), "operation": "Update", "apiVersion": VERSION, "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {name: {}}},
        })
    };
    let entries: Value = (0..size).map(entry).collect();
    let live = object(json!({"uid": "u"}), size, "1");
    let new = object(json!({"uid": "u", "managedFields": entries}), size, "2");
    let manager = manager();
    Box::new(move || drop(manager.update(Some(&live), new, "me", NOW)))
}

/// An apply that changes every field.
pub(super) fn many_fields(_: &Runtime, size: usize) -> Prepared<'_> {
    let manager = manager();
    let live = manager.apply(None, object(json!({}), size, "1"), "me", false, NOW);
    let (live, config) = (live.unwrap(), object(json!({}), size, "2"));
    Box::new(move || assert!(manager.apply(Some(&live), config, "me", false, NOW).is_ok()))
}

/// An apply of fields that are all somebody else's.
pub(super) fn many_conflicts(_: &Runtime, size: usize) -> Prepared<'_> {
    let manager = manager();
    let live = manager.update(None, object(json!({}), size, "1"), "other", NOW);
    let config = object(json!({}), size, "2");
    Box::new(move || {
        let error = manager
            .apply(Some(&live), config, "kubectl", false, NOW)
            .unwrap_err();
        assert_eq!(error.into_api_error().status().code, 409);
    })
}
