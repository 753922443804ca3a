//! One value set on another: typed/merge_test.go.

use annex_structured_merge_diff::typed::{Duplicates, ParseableType};
use serde_json::{Value, json};

use crate::support::{applied, bag, stored};

fn check(of: &ParseableType, left: &Value, right: &Value, expected: &Value) {
    let merged = stored(of, left.clone())
        .merge(&applied(of, right.clone()))
        .unwrap();
    assert_eq!(**merged.as_value(), *expected, "{left} {right}");
}

#[test]
fn leaves_and_what_is_atomic_are_those_of_the_right_value() {
    for (left, right, merged) in [
        (json!({"any": {}}), json!({"any": 1}), json!({"any": 1})),
        (json!({"any": 1}), json!({"any": {}}), json!({"any": {}})),
        (json!({"any": null}), json!({"any": {}}), json!({"any": {}})),
        (
            json!({"string": "a"}),
            json!({"bool": true}),
            json!({"string": "a", "bool": true}),
        ),
        (
            json!({"numeric": 1}),
            json!({"numeric": 3.25}),
            json!({"numeric": 3.25}),
        ),
        (
            json!({"args": [{}, {}]}),
            json!({"args": null}),
            json!({"args": null}),
        ),
        (
            json!({"args": [{}, {}]}),
            json!({"args": []}),
            json!({"args": []}),
        ),
        (
            json!({"color": {"R": 1}}),
            json!({"color": {}}),
            json!({"color": {}}),
        ),
        (
            json!({"labels": {"a": "1", "b": "2"}}),
            json!({"labels": {"b": "3"}}),
            json!({"labels": {"a": "1", "b": "3"}}),
        ),
        (json!(null), json!({"string": "a"}), json!({"string": "a"})),
    ] {
        check(&bag(), &left, &right, &merged);
    }
}

#[test]
fn empty_and_null_are_kept_apart() {
    for (field, empty) in [
        ("labels", json!({})),
        ("struct", json!({})),
        ("args", json!([])),
        ("setStr", json!([])),
    ] {
        let with = |value: &Value| json!({ field: value });
        for (left, right) in [(&Value::Null, &empty), (&empty, &Value::Null), (&empty, &empty)] {
            check(&bag(), &with(left), &with(right), &with(right));
        }
        check(&bag(), &json!({}), &with(&empty), &with(&empty));
        check(&bag(), &json!({}), &with(&Value::Null), &with(&Value::Null));
    }
}

/// Each word is a set of its letters.
#[test]
fn a_merged_set_has_the_right_order_and_keeps_items_of_the_left_where_they_were() {
    for (left, right, merged) in [
        ("abc", "ab", "abc"),
        ("ab", "abc", "abc"),
        ("abc", "", "abc"),
        ("", "abc", "abc"),
        ("ab", "ba", "ba"),
        ("abc", "def", "abcdef"),
        ("abc", "cdef", "abcdef"),
        ("abcgf", "cdef", "abcgdef"),
        ("abc", "defxyz", "abcdefxyz"),
        ("cdef", "ace", "acdef"),
        ("abcxyz", "def", "abcxyzdef"),
        ("abcxyz", "defxyz", "abcdefxyz"),
        ("cagf", "cfag", "cfag"),
        ("abcd", "defa", "bcdefa"),
        ("cdefghij", "2h3e4kl", "cdfg2hij3e4kl"),
        ("abcdefghij", "1b2h3e4kl", "a1bcdfg2hij3e4kl"),
    ] {
        let letters = |word: &str| json!({"setStr": word.chars().map(String::from).collect::<Vec<_>>()});
        check(&bag(), &letters(left), &letters(right), &letters(merged));
    }
}

#[test]
fn duplicates_of_the_left_are_replaced_by_one_of_the_right_or_stay() {
    for (left, right, merged) in [
        ("abb", "c", "abbc"),
        ("abb", "b", "ab"),
        ("abb", "a", "abb"),
        ("abcdec", "1b2ed", "a1bc2ecd"),
        ("abcdec", "1b2ced", "a1b2ced"),
        ("aabb", "bcd", "aabcd"),
        ("aabb", "", "aabb"),
        ("cagfca", "cfag", "cfag"),
    ] {
        let letters = |word: &str| json!({"setStr": word.chars().map(String::from).collect::<Vec<_>>()});
        check(&bag(), &letters(left), &letters(right), &letters(merged));
    }
    for (left, right, merged) in [
        (json!([true]), json!([false]), json!([true, false])),
        (
            json!([true, false, true]),
            json!([false]),
            json!([true, false, true]),
        ),
        (json!([true, false, true]), json!([true]), json!([true, false])),
    ] {
        check(
            &bag(),
            &json!({"setBool": left}),
            &json!({"setBool": right}),
            &json!({"setBool": merged}),
        );
    }
    check(
        &bag(),
        &json!({"setNumeric": [1, 2, 3.25, 1, 2]}),
        &json!({"setNumeric": [1, 2, 3]}),
        &json!({"setNumeric": [1, 2, 3.25, 3]}),
    );
}

#[test]
fn items_of_associative_lists_are_merged_by_their_keys() {
    let item = |key: &str, id: i64| json!({"key": key, "id": id});
    for (left, right, merged) in [
        (
            json!([item("a", 1)]),
            json!([item("a", 2)]),
            json!([item("a", 1), item("a", 2)]),
        ),
        (
            json!([item("b", 2)]),
            json!([item("a", 1), item("b", 2), item("c", 3)]),
            json!([item("a", 1), item("b", 2), item("c", 3)]),
        ),
        (
            json!([item("a", 1), item("b", 2), item("c", 3)]),
            json!([item("c", 3), item("b", 2)]),
            json!([item("a", 1), item("c", 3), item("b", 2)]),
        ),
        (
            json!([item("a", 1), item("b", 2), item("c", 3)]),
            json!([item("c", 3), item("a", 1)]),
            json!([item("b", 2), item("c", 3), item("a", 1)]),
        ),
        (
            json!([{"key": "a", "id": 1, "bv": true}, item("b", 2), {"key": "a", "id": 1, "nv": 2}]),
            json!([{"key": "a", "id": 1, "nv": 3}, item("c", 3), item("b", 2)]),
            json!([{"key": "a", "id": 1, "nv": 3}, item("c", 3), item("b", 2)]),
        ),
        (
            json!([{"key": "a", "id": 1, "nv": 1}, {"key": "a", "id": 1, "nv": 2}]),
            json!([]),
            json!([{"key": "a", "id": 1, "nv": 1}, {"key": "a", "id": 1, "nv": 2}]),
        ),
    ] {
        check(
            &bag(),
            &json!({"list": left}),
            &json!({"list": right}),
            &json!({"list": merged}),
        );
    }
}

#[test]
fn duplicates_of_the_right_are_refused() {
    let of = bag();
    let right = of
        .typed(json!({"setStr": ["a", "a"]}), Duplicates::Allow)
        .unwrap();
    let error = stored(&of, json!({})).merge(&right).expect_err("duplicates");
    assert_eq!(error.to_string(), ".setStr: duplicate entries for key [=\"a\"]");
}

#[test]
fn long_lists_are_merged_in_time() {
    let numbers = |range: std::ops::Range<i64>| json!({"setNumeric": range.rev().collect::<Vec<_>>()});
    let of = bag();
    let merged = stored(&of, numbers(0..50_000))
        .merge(&applied(&of, numbers(25_000..75_000)))
        .unwrap();
    assert_eq!(merged.as_value()["setNumeric"].as_array().unwrap().len(), 75_000);
}
