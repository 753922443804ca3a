//! Types of schemas, by what objects of them own.

use annex_structured_merge_diff::typed::{Duplicates, ParseableType};
use serde_json::{Value, json};

use super::{SchemaError, parseable_type};

fn of(properties: Value) -> ParseableType {
    parseable_type(&json!({"type": "object", "properties": properties})).unwrap()
}

fn owned(parseable: &ParseableType, object: Value) -> Value {
    let typed = parseable.typed(object, Duplicates::Refuse).unwrap();
    typed.to_field_set().unwrap().to_fields_v1_value()
}

#[test]
fn lists_are_atomic_unless_they_say_otherwise() {
    let text = json!({"type": "string"});
    let item =
        json!({"type": "object", "properties": {"name": text, "port": {"type": "integer", "default": 80}}});
    let parseable = of(json!({
        "plain": {"type": "array", "items": text},
        "set": {"type": "array", "items": text, "x-kubernetes-list-type": "set"},
        "map": {
            "type": "array",
            "items": item,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name", "port"],
        },
        "merged": {
            "type": "array",
            "items": item,
            "x-kubernetes-patch-strategy": "merge",
            "x-kubernetes-patch-merge-key": "name",
        },
    }));
    let object = json!({"plain": ["a"], "set": ["a"], "map": [{"name": "x"}], "merged": [{"name": "x"}]});
    assert_eq!(
        owned(&parseable, object),
        json!({
            "f:plain": {},
            "f:set": {"v:\"a\"": {}},
            "f:map": {"k:{\"name\":\"x\",\"port\":80}": {".": {}, "f:name": {}}},
            "f:merged": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}}},
        })
    );
}

#[test]
fn maps_are_granular_unless_they_are_atomic() {
    let parseable = of(json!({
        "granular": {"type": "object", "additionalProperties": {"type": "string"}},
        "atomic": {
            "type": "object", "additionalProperties": {"type": "string"}, "x-kubernetes-map-type": "atomic",
        },
        "undeclared": {"type": "object"},
        "any": {"x-kubernetes-int-or-string": true},
    }));
    let object = json!({
        "granular": {"x": "1"}, "atomic": {"x": "1"}, "undeclared": {"x": {"y": [1]}}, "any": 5,
    });
    assert_eq!(
        owned(&parseable, object),
        json!({
            "f:granular": {"f:x": {}},
            "f:atomic": {},
            "f:undeclared": {"f:x": {".": {}, "f:y": {}}},
            "f:any": {},
        })
    );
}

#[test]
fn metadata_is_that_of_every_object() {
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": true});
    let metadata = json!({
        "name": "a", "labels": {"x": "1"}, "finalizers": ["a/b"], "ownerReferences": [owner],
        "managedFields": [{"manager": "m"}], "creationTimestamp": null,
    });
    let fields = json!({
        "f:name": {}, "f:labels": {"f:x": {}}, "f:finalizers": {"v:\"a/b\"": {}},
        "f:ownerReferences": {"k:{\"uid\":\"1\"}": {}}, "f:managedFields": {}, "f:creationTimestamp": {},
    });
    // Whatever a document says of it, and of resources in objects too.
    let parseable = of(json!({
        "metadata": {"type": "object", "x-kubernetes-map-type": "atomic"},
        "template": {"type": "object", "x-kubernetes-embedded-resource": true},
    }));
    assert_eq!(
        owned(
            &parseable,
            json!({"metadata": metadata, "template": {"metadata": metadata}})
        ),
        json!({"f:metadata": fields, "f:template": {"f:metadata": fields}})
    );
}

#[test]
fn undeclared_fields_are_refused_unless_they_are_preserved() {
    let spec = |preserve: bool| {
        of(json!({
            "spec": {
                "type": "object",
                "x-kubernetes-preserve-unknown-fields": preserve,
                "properties": {"a": {"type": "object", "properties": {"b": {"type": "string"}}}},
            },
        }))
    };
    let object = json!({"spec": {"a": {"c": 1}}});
    let error = spec(false).typed(object.clone(), Duplicates::Refuse).unwrap_err();
    assert_eq!(error.to_string(), ".spec.a.c: field not declared in schema");
    // And so they are in what is below.
    assert!(spec(true).typed(object, Duplicates::Refuse).is_ok());
}

#[test]
fn what_has_no_meaning_is_no_type() {
    let error = |field: Value| parseable_type(&json!({"properties": {"a": field}})).unwrap_err();
    let cases = [
        (json!({"type": "tuple"}), "unrecognized type: 'tuple'"),
        (
            json!({"type": "array", "x-kubernetes-list-type": "bag"}),
            "unknown list type bag",
        ),
        (
            json!({"type": "array", "x-kubernetes-list-type": "map"}),
            "missing map keys",
        ),
        (
            json!({"type": "array", "x-kubernetes-patch-strategy": "x"}),
            "unknown patch strategy x",
        ),
        (
            json!({"type": "object", "x-kubernetes-map-type": "x"}),
            "unknown map type x",
        ),
    ];
    for (field, message) in cases {
        assert_eq!(error(field).to_string(), message);
    }
    assert_eq!(error(json!({"type": "tuple"})), SchemaError::Type("tuple".into()));
}
