//! What is different between two values: typed/symdiff_test.go, value/less_test.go.

use annex_structured_merge_diff::fieldpath::{Path, Set};
use annex_structured_merge_diff::typed::{Error, ParseableType};
use annex_structured_merge_diff::value;
use serde_json::{Value, json};

use crate::support::{at, bag, k, set, stored, type_of, v};

#[derive(Default)]
struct Expected {
    removed: Vec<Path>,
    modified: Vec<Path>,
    added: Vec<Path>,
}

fn check(of: &ParseableType, left: Value, right: Value, expected: Expected) {
    let what = format!("{left} {right}");
    let compared = stored(of, left).compare(&stored(of, right)).unwrap();
    let sets =
        [expected.removed, expected.modified, expected.added].map(|paths| Set::from_paths(&paths).unwrap());
    assert_eq!(
        [compared.removed, compared.modified, compared.added],
        sets,
        "{what}"
    );
}

fn removed(paths: impl Into<Vec<Path>>) -> Expected {
    Expected {
        removed: paths.into(),
        ..Expected::default()
    }
}

fn modified(paths: impl Into<Vec<Path>>) -> Expected {
    Expected {
        modified: paths.into(),
        ..Expected::default()
    }
}

fn added(paths: impl Into<Vec<Path>>) -> Expected {
    Expected {
        added: paths.into(),
        ..Expected::default()
    }
}

#[test]
fn leaves_are_added_removed_and_modified() {
    check(
        &bag(),
        json!({"string": "foo"}),
        json!({"string": "foo"}),
        Expected::default(),
    );
    check(
        &bag(),
        json!({"any": {}}),
        json!({"any": 1}),
        modified([at!["any"]]),
    );
    check(
        &bag(),
        json!({"any": 1}),
        json!({"any": {"a": {"b": 1}}}),
        modified([at!["any"]]),
    );
    check(
        &bag(),
        json!({"any": null}),
        json!({"any": {}}),
        modified([at!["any"]]),
    );
    check(
        &bag(),
        json!({"string": "foo"}),
        json!({"bool": true}),
        Expected {
            removed: vec![at!["string"]],
            added: vec![at!["bool"]],
            ..Expected::default()
        },
    );
    check(
        &bag(),
        json!({"numeric": 1}),
        json!({"numeric": 1.0}),
        Expected::default(),
    );
}

#[test]
fn empty_and_null_are_leaves_that_differ() {
    for (field, empty) in [
        ("labels", json!({})),
        ("struct", json!({})),
        ("args", json!([])),
        ("setStr", json!([])),
    ] {
        let with = |value: &Value| json!({ field: value });
        check(&bag(), json!({}), with(&empty), added([at![field]]));
        check(&bag(), json!({}), with(&Value::Null), added([at![field]]));
        check(&bag(), with(&Value::Null), with(&empty), modified([at![field]]));
        check(&bag(), with(&empty), with(&Value::Null), modified([at![field]]));
        check(&bag(), with(&empty), with(&empty), Expected::default());
    }
}

#[test]
fn maps_are_compared_key_by_key() {
    let of = type_of("types: [{name: m, map: {elementType: {namedType: m}}}]", "m");
    check(
        &of,
        json!({"a": {}}),
        json!({"b": {}}),
        Expected {
            removed: vec![at!["a"]],
            added: vec![at!["b"]],
            ..Expected::default()
        },
    );
    check(
        &of,
        json!({"a": {"b": {"c": {}}}}),
        json!({"a": {"b": {}}}),
        removed([at!["a", "b", "c"]]),
    );
    check(
        &of,
        json!({"a": {}}),
        json!({"a": {"b": {}}}),
        added([at!["a", "b"]]),
    );
}

#[test]
fn values_of_deduced_types_may_change_their_kind() {
    let of = ParseableType::deduced();
    check(
        &of,
        json!({"a": null}),
        json!({"a": {"b": {}}}),
        added([at!["a", "b"]]),
    );
    check(
        &of,
        json!({"a": {"b": {}}}),
        json!({"a": null}),
        removed([at!["a", "b"]]),
    );
    check(&of, json!({"a": []}), json!({"a": ["b"]}), modified([at!["a"]]));
    check(&of, json!({"a": null}), json!({"a": "b"}), modified([at!["a"]]));
    for other in [json!({"a": ["b"]}), json!({"a": "b"})] {
        check(
            &of,
            json!({"a": {"b": {}}}),
            other.clone(),
            Expected {
                removed: vec![at!["a", "b"]],
                modified: vec![at!["a"]],
                ..Expected::default()
            },
        );
        check(
            &of,
            other,
            json!({"a": {"b": {}}}),
            Expected {
                added: vec![at!["a", "b"]],
                modified: vec![at!["a"]],
                ..Expected::default()
            },
        );
    }
    check(&of, json!({"a": ["b"]}), json!({"a": "b"}), modified([at!["a"]]));
}

#[test]
fn items_of_sets_are_compared_whatever_their_order() {
    check(
        &bag(),
        json!({"setStr": ["a", "b"]}),
        json!({"setStr": ["b", "a"]}),
        Expected::default(),
    );
    check(
        &bag(),
        json!({"setStr": ["a", "b"]}),
        json!({"setStr": ["b", "c"]}),
        Expected {
            removed: vec![at!["setStr", v("a")]],
            added: vec![at!["setStr", v("c")]],
            ..Expected::default()
        },
    );
    check(
        &bag(),
        json!({}),
        json!({"setStr": ["a"]}),
        added([at!["setStr"], at!["setStr", v("a")]]),
    );
}

#[test]
fn items_of_associative_lists_are_compared_by_their_keys() {
    let item = |id: i64| k([("key", json!("a")), ("id", json!(id))]);
    check(
        &bag(),
        json!({"list": [{"key": "a", "id": 1, "nv": 1}, {"key": "a", "id": 2}]}),
        json!({"list": [{"key": "a", "id": 3}, {"key": "a", "id": 1, "nv": 2}]}),
        Expected {
            removed: vec![
                at!["list", item(2)],
                at!["list", item(2), "key"],
                at!["list", item(2), "id"],
            ],
            modified: vec![at!["list", item(1), "nv"]],
            added: vec![
                at!["list", item(3)],
                at!["list", item(3), "key"],
                at!["list", item(3), "id"],
            ],
        },
    );
}

#[test]
fn duplicates_are_compared_as_one() {
    let of = bag();
    let a = || at!["setStr", v("a")];
    check(
        &of,
        json!({"setStr": ["a"]}),
        json!({"setStr": ["a", "a"]}),
        Expected {
            removed: vec![a()],
            added: vec![a()],
            ..Expected::default()
        },
    );
    check(
        &of,
        json!({"setStr": ["a", "a"]}),
        json!({"setStr": ["a"]}),
        Expected {
            removed: vec![a()],
            added: vec![a()],
            ..Expected::default()
        },
    );
    check(
        &of,
        json!({"setStr": ["a", "a"]}),
        json!({"setStr": []}),
        removed([a()]),
    );
    check(
        &of,
        json!({"setStr": ["a", "a"]}),
        json!({"setStr": ["a", "a", "a"]}),
        modified([a()]),
    );
    let item = || at!["list", k([("key", json!("a")), ("id", json!(1))])];
    check(
        &of,
        json!({"list": [{"key": "a", "id": 1, "nv": 1}, {"key": "a", "id": 1, "nv": 2}]}),
        json!({"list": [{"key": "a", "id": 1, "nv": 1}, {"key": "a", "id": 1, "nv": 3}]}),
        modified([item()]),
    );
}

#[test]
fn only_values_of_one_type_are_compared() {
    let (left, right) = (bag(), bag());
    let other = ParseableType::named(left.schema.clone(), "arg");
    let value = |of: &ParseableType| stored(of, json!({}));
    assert_eq!(value(&left).compare(&value(&right)), Err(Error::DifferentSchemas));
    assert!(matches!(
        value(&left).compare(&value(&other)),
        Err(Error::DifferentTypes(..))
    ));
    assert!(matches!(
        value(&left).merge(&value(&other)),
        Err(Error::DifferentTypes(..))
    ));
}

#[test]
fn a_comparison_is_shown_by_what_happened() {
    let of = bag();
    let left = stored(&of, json!({"string": "a", "bool": true}));
    let compared = left
        .compare(&stored(&of, json!({"string": "b", "numeric": 1})))
        .unwrap();
    assert!(!compared.is_same());
    assert_eq!(
        compared.to_string(),
        "- Modified Fields:\n.string\n- Added Fields:\n.numeric\n- Removed Fields:\n.bool\n"
    );
    let nothing = set([at!["string"], at!["numeric"], at!["bool"]]);
    let filter = annex_structured_merge_diff::fieldpath::Filter::Exclude(nothing);
    assert!(compared.filter(&filter).is_same());
}

#[test]
fn values_are_ordered_numbers_first_and_null_last() {
    let ascending = [
        json!(-1),
        json!(0.5),
        json!(1),
        json!(1.5),
        json!("a"),
        json!("b"),
        json!(false),
        json!(true),
        json!([]),
        json!([1]),
        json!([1, 2]),
        json!([2]),
        json!({}),
        json!({"a": 1}),
        json!({"a": 1, "b": 1}),
        json!({"a": 2}),
        json!({"b": 1}),
        json!(null),
    ];
    assert!(ascending.is_sorted_by(|left, right| value::compare(left, right).is_lt()));
    assert!(value::equals(&json!({"a": [1, 2.0]}), &json!({"a": [1.0, 2]})));
    assert!(!value::equals(&json!({"a": null}), &json!({})));
    assert!(
        !value::equals(&json!(u64::MAX), &json!(-1)),
        "what no int64 holds is a float"
    );
}
