//! Validation: typed/validate_test.go. The messages are those of the Go library.

use annex_structured_merge_diff::MAX_DEPTH;
use annex_structured_merge_diff::typed::{Duplicates, Error, ParseableType};
use serde_json::{Value, json};

use crate::support::{bag, type_of};

#[test]
fn values_of_their_types_are_valid() {
    for object in [
        json!({"numeric": null}),
        json!({"numeric": 1}),
        json!({"numeric": 3.25}),
        json!({"string": null}),
        json!({"string": "aoeu"}),
        json!({"bool": null}),
        json!({"bool": false}),
        json!({"any": {}}),
        json!({"any": true}),
        json!({"setStr": ["a", "b", "c"]}),
        json!({"setBool": [true, false]}),
        json!({"setNumeric": [1, 2, 3, 3.25]}),
        json!({"list": []}),
        json!({"list": null}),
        json!({"list": [{"key": "a", "id": 1, "value": {"a": "a"}}]}),
        json!({"list": [{"key": "a", "id": 1}, {"key": "a", "id": 2}, {"key": "b", "id": 1}]}),
        json!({"list": [{"key": "x", "value": {"a": "a"}, "bv": true, "nv": 3.5}]}),
        json!({"args": [{"key": "a"}, {"key": "a"}]}),
        Value::Null,
    ] {
        assert_eq!(
            bag().typed(object.clone(), Duplicates::Refuse).err(),
            None,
            "{object}"
        );
    }
}

#[test]
fn values_of_other_types_are_refused_in_gos_words() {
    for (object, error) in [
        (
            json!({"numeric": "x"}),
            ".numeric: expected numeric (int or float), got string",
        ),
        (
            json!({"numeric": {"a": 1}}),
            ".numeric: expected numeric (int or float), got map[string]interface {}",
        ),
        (
            json!({"numeric": [1]}),
            ".numeric: expected numeric (int or float), got []interface {}",
        ),
        (
            json!({"numeric": true}),
            ".numeric: expected numeric (int or float), got bool",
        ),
        (
            json!({"string": 5}),
            ".string: expected string, got &value.valueUnstructured{Value:5}",
        ),
        (
            json!({"string": 1e6}),
            ".string: expected string, got &value.valueUnstructured{Value:1e+06}",
        ),
        (
            json!({"string": {"a": null, "b": [1, "x"]}}),
            ".string: expected string, got &value.valueUnstructured{Value:map[string]interface {}{\"a\":interface {}(nil), \"b\":[]interface {}{1, \"x\"}}}",
        ),
        (json!({"bool": "x"}), ".bool: expected boolean, got &{x}"),
        (
            json!({"bool": {"a": 1}}),
            ".bool: expected boolean, got &{map[a:1]}",
        ),
        (
            json!({"bool": [1, "a", null]}),
            ".bool: expected boolean, got &{[1 a <nil>]}",
        ),
        (json!({"labels": [1]}), ".labels: expected map, got &{[1]}"),
        (
            json!({"labels": {"a b": 1}}),
            ".labels.a b: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (json!({"args": "x"}), ".args: expected list, got &{x}"),
        (
            json!({"args": [{}, {"key": 1}]}),
            ".args[1].key: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            json!({"setStr": ["a", 1]}),
            ".setStr[=1]: expected string, got &value.valueUnstructured{Value:1}",
        ),
        (
            json!({"setStr": [{}]}),
            ".setStr: element 0: associative list without keys has an element that's a map type",
        ),
        (
            json!({"setStr": [[]]}),
            ".setStr: element 0: not supported: associative list with lists as elements",
        ),
        (
            json!({"setStr": [null]}),
            ".setStr: element 0: associative list without keys has an element that's an explicit null",
        ),
        (
            json!({"list": [null]}),
            ".list: element 0: associative list with keys may not have a null element",
        ),
        (
            json!({"list": [[]]}),
            ".list: element 0: associative list with keys may not have non-map elements",
        ),
        (
            json!({"list": [{"nv": 1}]}),
            ".list: element 0: associative list with keys has an element that omits all key fields [\"key\" \"id\"] (and doesn't have default values for any key fields)",
        ),
        (
            json!({"list": [{"key": "a", "id": 1, "bv": "true"}]}),
            ".list[id=1,key=\"a\"].bv: expected boolean, got &{true}",
        ),
        (json!({"zz": 1}), ".zz: field not declared in schema"),
        (json!(true), "expected map, got &{true}"),
        (json!([]), "expected map, got &{[]}"),
        (
            json!({"numeric": "x", "string": 1}),
            "errors:\n  .numeric: expected numeric (int or float), got string\n  .string: expected string, got &value.valueUnstructured{Value:1}",
        ),
    ] {
        let ours = bag()
            .typed(object.clone(), Duplicates::Refuse)
            .expect_err("an invalid object");
        assert_eq!(ours.to_string(), error, "{object}");
    }
}

#[test]
fn duplicates_are_valid_where_they_are_allowed() {
    for (object, error) in [
        (
            json!({"setStr": ["a", "a"]}),
            ".setStr: duplicate entries for key [=\"a\"]",
        ),
        (
            json!({"setBool": [true, false, true]}),
            ".setBool: duplicate entries for key [=true]",
        ),
        (
            json!({"setNumeric": [1, 2, 1.0]}),
            ".setNumeric: duplicate entries for key [=1]",
        ),
        (
            json!({"list": [{"key": "a", "id": 1}, {"key": "a", "id": 1}]}),
            ".list: duplicate entries for key [id=1,key=\"a\"]",
        ),
    ] {
        let refused = bag()
            .typed(object.clone(), Duplicates::Refuse)
            .expect_err("duplicates");
        assert_eq!(refused.to_string(), error);
        assert_eq!(bag().typed(object, Duplicates::Allow).err(), None);
    }
}

#[test]
fn faults_of_the_schema_are_told() {
    let of = type_of(
        "types: [{name: t, map: {fields: [{name: missing, type: {namedType: nope}}, {name: bad, type: {}}]}}]",
        "t",
    );
    let error = |object: Value| {
        of.typed(object, Duplicates::Refuse)
            .expect_err("a fault")
            .to_string()
    };
    assert_eq!(
        error(json!({"missing": 1})),
        ".missing: schema error: no type found matching: nope"
    );
    assert_eq!(
        error(json!({"bad": 1})),
        ".bad: schema error: invalid atom: inlined"
    );
}

#[test]
fn errors_beyond_a_hundred_are_not_listed() {
    let many: Vec<_> = (0..1000).map(|number| json!({"key": number})).collect();
    match bag().typed(json!({ "args": many }), Duplicates::Refuse) {
        Err(Error::Invalid(errors)) => assert_eq!(errors.errors().len(), 100),
        other => panic!("{other:?}"),
    }
}

#[test]
fn depth_has_a_limit() {
    let nested = |levels| (0..levels).fold(json!(1), |value, _| json!({"a": value}));
    let of = ParseableType::deduced();
    assert!(of.typed(nested(MAX_DEPTH), Duplicates::Refuse).is_ok());
    assert_eq!(
        of.typed(nested(MAX_DEPTH + 1), Duplicates::Refuse).err(),
        Some(Error::TooDeep)
    );
}
