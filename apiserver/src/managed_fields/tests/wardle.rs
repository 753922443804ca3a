//! Flunders as the sample of Kubernetes decodes and converts them.

use annex_structured_merge_diff::merge::ConversionError;
use serde_json::{Map, Value};

use super::super::ObjectConverter;
use crate::object::Object;
use crate::schema::tidy_metadata;

const V1ALPHA1: &str = "wardle.example.com/v1alpha1";
const V1BETA1: &str = "wardle.example.com/v1beta1";

pub(super) struct Flunders;

/// The object as a Go struct has it, with defaults.
pub(super) fn decoded(object: Object) -> Object {
    let mut object = complete(object);
    if object.api_version() == V1ALPHA1
        && let Some(Value::Object(spec)) = object.0.get_mut("spec")
        && spec.contains_key("reference")
    {
        spec.entry("referenceType").or_insert_with(|| "Flunder".into());
    }
    object
}

fn complete(mut object: Object) -> Object {
    for name in ["metadata", "spec", "status"] {
        let field = object.0.entry(name).or_insert(Value::Null);
        if !field.is_object() {
            *field = Value::Object(Map::new());
        }
    }
    // An empty list says that managers are forgotten.
    let reset = object
        .metadata()
        .and_then(|metadata| metadata.get("managedFields"))
        .filter(|list| list.as_array().is_some_and(Vec::is_empty))
        .cloned();
    tidy_metadata(object.metadata_mut());
    if let Some(reset) = reset {
        object.metadata_mut().insert("managedFields".into(), reset);
    }
    // A null in a map of texts is read as an empty one.
    for labels in ["labels", "annotations"] {
        if let Some(Value::Object(labels)) = object.metadata_mut().get_mut(labels) {
            let nulls = labels.values_mut().filter(|value| value.is_null());
            nulls.for_each(|value| *value = "".into());
        }
    }
    if let Some(Value::Object(spec)) = object.0.get_mut("spec") {
        spec.retain(|name, value| !value.is_null() && (*value != "" || name == "referenceType"));
    }
    object
}

impl ObjectConverter for Flunders {
    fn convert(&self, object: Object, api_version: &str) -> Result<Object, ConversionError> {
        if !matches!(api_version, V1ALPHA1 | V1BETA1) {
            return Err(ConversionError::MissingVersion(api_version.to_owned()));
        }
        let mut object = complete(object);
        let from = object.api_version().to_owned();
        if let Some(Value::Object(spec)) = object.0.get_mut("spec")
            && from != api_version
        {
            *spec = converted(spec, api_version);
        }
        object.0.insert("apiVersion".into(), api_version.into());
        Ok(object)
    }
}

fn converted(spec: &Map<String, Value>, api_version: &str) -> Map<String, Value> {
    let mut out = Map::new();
    let Some(kind) = spec.get("referenceType").and_then(Value::as_str) else {
        return out;
    };
    let field = match kind {
        "Flunder" => "flunderReference",
        "Fischer" => "fischerReference",
        _ => return out,
    };
    let (from, to) = if api_version == V1BETA1 {
        ("reference", field)
    } else {
        (field, "reference")
    };
    out.insert("referenceType".into(), kind.into());
    if let Some(reference) = spec.get(from) {
        out.insert(to.into(), reference.clone());
    }
    out
}
