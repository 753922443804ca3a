//! The CustomResourceDefinition of Gadgets, made of the OpenAPI of the server that has them as a program.

use serde_json::{Map, Value, json};

use crate::scenarios::{Failure, failure};

/// What is in an OpenAPI document and not in a structural schema
/// (apiextensions-apiserver's `apis/apiextensions/v1/types_jsonschema.go`).
const NOT_STRUCTURAL: [&str; 4] = [
    "x-kubernetes-group-version-kind",
    "x-kubernetes-patch-strategy",
    "x-kubernetes-patch-merge-key",
    // A program drops a null; a definition does so where its field is not nullable.
    "nullable",
];

/// The manifest of the definition that serves the kind of `group` in `other`.
///
/// # Errors
/// The document has no schema of it, or none with the fields that rules are about.
pub(super) fn manifest(openapi: &Value, group: &str, other: &str) -> Result<Value, Failure> {
    let reversed: Vec<&str> = group.split('.').rev().collect();
    // `gadgets.example.com` is published as `com.example.gadgets`.
    let name = format!("{}.v1.Gadget", reversed.join("."));
    let mut schema = openapi["components"]["schemas"]
        .get(&name)
        .cloned()
        .ok_or_else(|| failure(format!("OpenAPI has no schema {name}")))?;
    structural(&mut schema);
    schema["properties"]["metadata"] = json!({"type": "object"});
    for (at, words) in ADDED {
        // Long rules are written on several lines.
        let words: Map<String, Value> = serde_json::from_str(&words.replace('\n', " "))?;
        let target = schema
            .pointer_mut(at)
            .and_then(Value::as_object_mut)
            .ok_or_else(|| failure(format!("the schema has no {at}")))?;
        target.extend(words);
    }
    Ok(definition(&schema, other))
}

fn structural(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            fields.retain(|name, _| !NOT_STRUCTURAL.contains(&name.as_str()));
            fields.values_mut().for_each(structural);
        }
        Value::Array(items) => items.iter_mut().for_each(structural),
        _ => {}
    }
}

fn definition(schema: &Value, group: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("gadgets.{group}") },
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "plural": "gadgets", "singular": "gadget", "kind": "Gadget", "listKind": "GadgetList",
                "shortNames": ["gd"], "categories": ["peers"],
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": { "openAPIV3Schema": schema },
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "selectableFields": [{ "jsonPath": ".spec.class" }],
                "additionalPrinterColumns": [
                    { "name": "Class", "type": "string", "jsonPath": ".spec.class" },
                    { "name": "Desired", "type": "integer", "jsonPath": ".spec.replicas" },
                    { "name": "Current", "type": "integer", "jsonPath": ".status.replicas" },
                    { "name": "Ready", "type": "string", "jsonPath": r#".status.conditions[?(@.type=="Ready")].status"# },
                    { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
                ],
            }],
        },
    })
}

/// What the program's code says about its fields: where, and the words of a schema for it. Rules about fields with a default that
/// they refuse stand at the top, which has none.
const ADDED: [(&str, &str); 14] = [
    (
        "",
        r#"{"x-kubernetes-validations": [
            {"rule": "self.spec.class in ['Small', 'Medium', 'Large']", "fieldPath": ".spec.class"},
            {"rule": "self.spec.class == oldSelf.spec.class", "message": "field is immutable", "fieldPath": ".spec.class"},
            {"rule": "!has(self.spec.ports) || self.spec.ports.all(port, port.port > 0)", "fieldPath": ".spec.ports"},
            {"rule": "!has(self.spec.parts) || self.spec.parts.all(part, part.name != '')", "fieldPath": ".spec.parts"},
            {"rule": "!has(self.spec.mainPart) || self.spec.mainPart == ''
                || (has(self.spec.parts) && self.spec.parts.exists(part, part.name == self.spec.mainPart))", "fieldPath": ".spec.mainPart"},
            {"rule": "!has(self.status) || !has(self.status.conditions)
                || self.status.conditions.all(known, known.type != '' && known.status in ['True', 'False', 'Unknown'])",
             "fieldPath": ".status.conditions"},
            {"rule": "!has(oldSelf.status) || !has(oldSelf.status.observedGeneration) || !has(self.status)
                || (has(self.status.observedGeneration) && self.status.observedGeneration >= oldSelf.status.observedGeneration)",
             "fieldPath": ".status.observedGeneration"}
        ]}"#,
    ),
    ("/properties/spec", r#"{"default": {}}"#),
    ("/properties/spec/properties/color", r#"{"maxLength": 16}"#),
    (
        "/properties/spec/properties/replicas",
        r#"{"default": 1, "minimum": 0}"#,
    ),
    ("/properties/spec/properties/minReadySeconds", r#"{"minimum": 0}"#),
    ("/properties/spec/properties/mainPart", r#"{"maxLength": 63}"#),
    ("/properties/spec/properties/features", r#"{"maxItems": 4}"#),
    (
        "/properties/spec/properties/limits",
        r#"{"x-kubernetes-validations": [{"rule": "!has(self.min) || !has(self.max) || self.min <= self.max"}]}"#,
    ),
    ("/properties/spec/properties/ports", r#"{"maxItems": 64}"#),
    (
        "/properties/spec/properties/ports/items/properties",
        r#"{"port": {"type": "integer", "format": "int32", "default": 0, "maximum": 65535},
            "protocol": {"type": "string", "default": "TCP", "enum": ["TCP", "UDP"]}}"#,
    ),
    ("/properties/spec/properties/parts", r#"{"maxItems": 64}"#),
    (
        "/properties/spec/properties/strategy",
        r#"{"default": {"type": "Rolling", "rolling": {"maxSurge": "25%"}},
            "x-kubernetes-validations": [{"rule": "self.type in ['Recreate', 'Rolling'] && (self.type != 'Recreate' || !has(self.rolling))"}]}"#,
    ),
    (
        "/properties/spec/properties/strategy/properties/type",
        r#"{"default": "Rolling"}"#,
    ),
    ("/properties/status/properties/conditions", r#"{"maxItems": 16}"#),
];
