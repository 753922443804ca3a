//! The fields of a value, and values without some: typed/toset_test.go, remove_test.go, reconcile_schema_test.go.

use annex_structured_merge_diff::fieldpath::Set;
use annex_structured_merge_diff::typed::TypedValue;
use serde_json::{Value, json};

use crate::support::{at, bag, k, set, stored, type_of, v};

fn fields(object: Value) -> Set {
    stored(&bag(), object).to_field_set().unwrap()
}

#[test]
fn leaves_are_fields() {
    assert_eq!(
        fields(json!({"numeric": 1, "string": "a"})),
        set([at!["numeric"], at!["string"]])
    );
    assert_eq!(fields(json!({"any": {"a": "b"}})), set([at!["any"]]));
    assert_eq!(fields(json!({"bool": null})), set([at!["bool"]]));
}

#[test]
fn what_is_atomic_is_one_field() {
    for object in [
        json!({"color": {}}),
        json!({"color": null}),
        json!({"color": {"R": 255}}),
    ] {
        assert_eq!(fields(object), set([at!["color"]]));
    }
    for object in [
        json!({"args": []}),
        json!({"args": null}),
        json!({"args": [null]}),
        json!({"args": [{"key": "a"}]}),
    ] {
        assert_eq!(fields(object), set([at!["args"]]));
    }
    assert_eq!(fields(json!({"waves": {"IR": 255}})), set([at!["waves"]]));
}

#[test]
fn items_of_sets_are_fields_once() {
    let abc = set([at!["setStr", v("a")], at!["setStr", v("b")]]);
    assert_eq!(fields(json!({"setStr": ["a", "b"]})), abc);
    assert_eq!(fields(json!({"setStr": ["a", "b", "a", "b", "b"]})), abc);
    assert_eq!(fields(json!({"setStr": []})), Set::new());
}

#[test]
fn items_of_associative_lists_are_fields_with_what_they_hold_unless_they_are_duplicates() {
    let item = |id: i64| k([("key", json!("a")), ("id", json!(id))]);
    assert_eq!(
        fields(json!({"list": [
            {"key": "a", "id": 1, "value": {"a": "a"}},
            {"key": "a", "id": 2, "nv": 3},
            {"key": "a", "id": 2, "bv": true},
        ]})),
        set([
            at!["list", item(1)],
            at!["list", item(1), "key"],
            at!["list", item(1), "id"],
            at!["list", item(1), "value", "a"],
            at!["list", item(2)],
        ])
    );
}

#[test]
fn fields_that_are_not_declared_and_empty_ones_are_fields_beside_what_they_hold() {
    assert_eq!(
        fields(json!({"deduced": {"a": {"b": 1}, "c": {}}, "labels": {"a": "b"}, "struct": {}})),
        set([
            at!["deduced", "a"],
            at!["deduced", "a", "b"],
            at!["deduced", "c"],
            at!["labels", "a"],
            at!["struct"]
        ])
    );
}

#[test]
fn what_is_removed_leaves_null_where_nothing_is_left() {
    let object = stored(
        &bag(),
        json!({"string": "a", "setStr": ["a", "b"], "labels": {"a": "b"}, "args": [{"key": "a"}],
            "list": [{"key": "a", "id": 1, "nv": 1}, {"key": "b", "id": 1}]}),
    );
    let key = |key: &str| k([("key", json!(key)), ("id", json!(1))]);
    let items = set([
        at!["string"],
        at!["setStr", v("a")],
        at!["labels", "a"],
        at!["list", key("a"), "nv"],
        at!["list", key("b")],
        at!["args", 0, "key"],
    ]);
    assert_eq!(
        **object.remove_items(&items).as_value(),
        json!({"setStr": ["b"], "labels": null, "args": null, "list": [{"key": "a", "id": 1}]})
    );
    assert_eq!(**object.empty().as_value(), Value::Null);
}

#[test]
fn what_is_extracted_has_its_keys_where_they_are_wanted() {
    let object = stored(
        &bag(),
        json!({"string": "a", "args": [{"key": "a"}], "setStr": ["a", "b"],
            "list": [{"key": "a", "id": 1, "nv": 1}, {"key": "b", "id": 1}]}),
    );
    let item = k([("key", json!("a")), ("id", json!(1))]);
    let items = set([at!["args"], at!["setStr", v("b")], at!["list", item, "nv"]]);
    assert_eq!(
        **object.extract_items(&items).as_value(),
        json!({"args": [{"key": "a"}], "setStr": ["b"], "list": [{"nv": 1}]})
    );
    assert_eq!(
        **object.extract_items_with_keys(&items).as_value(),
        json!({"args": [{"key": "a"}], "setStr": ["b"], "list": [{"key": "a", "id": 1, "nv": 1}]})
    );
}

#[test]
fn what_has_become_atomic_is_owned_as_a_whole() {
    let of = type_of(
        "
types:
- name: t
  map:
    fields:
    - {name: string, type: {scalar: string}}
    - {name: struct, type: {map: {elementRelationship: atomic, fields: [{name: a, type: {scalar: string}}]}}}
    - {name: list, type: {list: {elementRelationship: atomic, elementType: {scalar: string}}}}
    - {name: granular, type: {map: {elementType: {scalar: string}}}}
",
        "t",
    );
    let value: TypedValue = stored(&of, json!({}));
    let owned = set([
        at!["string"],
        at!["struct", "a"],
        at!["list", v("x")],
        at!["unknown", "a"],
    ]);
    let reconciled = set([at!["string"], at!["struct"], at!["list"], at!["unknown", "a"]]);
    assert_eq!(
        value.reconcile_field_set(&owned).unwrap(),
        Some(reconciled.clone())
    );
    assert_eq!(
        value.reconcile_field_set(&reconciled).unwrap(),
        None,
        "it is done once"
    );
    let granular = set([at!["granular"]]);
    assert_eq!(
        value.reconcile_field_set(&granular).unwrap(),
        None,
        "what was atomic stays as it is"
    );
}
