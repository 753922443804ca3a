//! Path elements, paths and sets: fieldpath/element_test.go, path_test.go, set_test.go, fromvalue_test.go.

use annex_structured_merge_diff::fieldpath::{ElementMatcher, Filter, Path, PathElement, Set, SetMatcher};
use annex_structured_merge_diff::schema::{Map, Scalar, Schema, TypeRef};
use serde_json::json;

use crate::support::{at, k, set, v};

#[test]
fn path_elements_are_ordered_by_kind_and_then_by_what_they_hold() {
    let ascending: [PathElement; 19] = [
        "anteater".into(),
        "zebra".into(),
        k([("goat", json!(1))]),
        k([("horse", json!(1))]),
        k([("horse", json!(2))]),
        k([("kite", json!(1))]),
        k([("kite", json!(1)), ("kite-2", json!(1))]),
        v(1),
        v(1.5),
        v(2),
        v("a"),
        v(false),
        v(true),
        v(json!([1])),
        v(json!([1, 2])),
        v(json!({"a": 1})),
        v(json!({"b": 1})),
        v(json!(null)),
        PathElement::Index(1),
    ];
    assert!(ascending.is_sorted_by(|left, right| left < right));
    assert_eq!(v(1), v(1.0), "numbers are compared by value");
    assert_eq!(
        v(9_007_199_254_740_993_i64),
        v(9_007_199_254_740_992.0),
        "a float's neighbours are that float"
    );
}

#[test]
fn paths_are_shown_as_errors_show_them_and_ordered_shorter_first() {
    let path = at![
        "spec",
        k([("port", json!(80)), ("name", json!("a\"b"))]),
        v("x"),
        3
    ];
    assert_eq!(path.to_string(), r#".spec[name="a\"b",port=80][="x"][3]"#);
    assert!(at!["a"] < at!["a", "b"] && at!["a", "b"] < at!["b"]);
    assert_eq!(Path::new(["a", "b"]), at!["a", "b"]);
}

#[test]
fn a_set_has_what_was_inserted_and_not_its_parents() {
    let fields = set([
        at!["foo", 0],
        at!["foo"],
        at!["bar", "baz"],
        at!["qux", k([("name", json!("first"))])],
    ]);
    assert!(fields.has(&at!["foo"]) && fields.has(&at!["foo", 0]) && fields.has(&at!["bar", "baz"]));
    assert!(!fields.has(&at!["bar"]) && !fields.has(&at!["foo", 1]) && !fields.has(&Path::default()));
    assert_eq!(fields.len(), 4);
    assert_eq!(
        fields.to_string(),
        ".foo\n.bar.baz\n.foo[0]\n.qux[name=\"first\"]",
        "members of a level come first"
    );
    assert_eq!(fields.with_prefix(&"bar".into()), Some(&set([at!["baz"]])));
    assert_eq!(fields.with_prefix(&"baz".into()), None);
    assert!(Set::new().is_empty() && !fields.is_empty());
}

#[test]
fn a_union_has_the_members_of_both() {
    let (first, second) = (k([("name", json!("first"))]), k([("name", json!("second"))]));
    let left = set([
        at!["foo", 0],
        at!["foo"],
        at!["bar", "baz"],
        at!["qux", first.clone()],
        at!["parent", "child", "x"],
    ]);
    let right = set([
        at!["foo", 1],
        at!["bar", "baz"],
        at!["bar"],
        at!["qux", second.clone()],
        at!["parent", "child"],
    ]);
    let union = set([
        at!["foo", 0],
        at!["foo", 1],
        at!["foo"],
        at!["bar", "baz"],
        at!["bar"],
        at!["qux", first],
        at!["qux", second],
        at!["parent", "child"],
        at!["parent", "child", "x"],
    ]);
    assert_eq!(left.union(&right), union);
}

#[test]
fn an_intersection_and_a_difference_take_parents_and_children_apart() {
    let name = k([("name", json!("first"))]);
    let left = set([
        at!["a0"],
        at!["a1"],
        at!["foo", 0],
        at!["foo", 1],
        at!["b1", name.clone()],
        at!["cp", name.clone(), "child"],
    ]);
    let right = set([
        at!["a1"],
        at!["a2"],
        at!["foo", 1],
        at!["foo", 2],
        at!["b1", name.clone()],
        at!["cp", name.clone()],
    ]);
    assert_eq!(
        left.intersection(&right),
        set([at!["a1"], at!["foo", 1], at!["b1", name.clone()]])
    );
    assert_eq!(
        left.clone().difference(&right),
        set([at!["a0"], at!["foo", 0], at!["cp", name.clone(), "child"]])
    );
    assert_eq!(
        right.clone().difference(&left),
        set([at!["a2"], at!["foo", 2], at!["cp", name]])
    );
}

#[test]
fn a_recursive_difference_takes_what_is_below_too() {
    let fields = set([at!["a"], at!["a", "b"], at!["a", "b", "c"], at!["d", "e"]]);
    assert_eq!(
        fields.clone().recursive_difference(&set([at!["a", "b"]])),
        set([at!["a"], at!["d", "e"]])
    );
    assert_eq!(
        fields.clone().recursive_difference(&set([at!["d"]])),
        set([at!["a"], at!["a", "b"], at!["a", "b", "c"]])
    );
    assert_eq!(
        fields.clone().recursive_difference(&set([at!["d", "e", "f"]])),
        fields
    );
}

#[test]
fn a_subset_has_no_member_that_the_other_has_not() {
    let (part, all) = (set([at!["a", "b"]]), set([at!["a"], at!["a", "b"], at!["c"]]));
    assert!(part.is_subset(&all) && all.is_subset(&all) && set([]).is_subset(&part));
    // A parent is no member for what is below it.
    assert!(!all.is_subset(&part) && !set([at!["a"]]).is_subset(&part));
    assert!(!set([at!["a", "b", "d"]]).is_subset(&part));
}

#[test]
fn leaves_have_no_members_below_them() {
    let fields = set([
        at!["a"],
        at!["a", "b"],
        at!["a", "b", "c"],
        at!["d"],
        at!["e", "f"],
    ]);
    assert_eq!(
        fields.leaves(),
        set([at!["a", "b", "c"], at!["d"], at!["e", "f"]])
    );
}

#[test]
fn declared_fields_become_members_and_keys_of_maps_do_not() {
    let schema = Schema::default().with_type(
        "type",
        Map::of_fields([
            ("struct", TypeRef::named("type")),
            ("map", TypeRef::from(Map::of(Map::of(Scalar::String)))),
        ]),
    );
    let fields = set([at!["struct", "struct", "x"], at!["map", "k", "l"]]);
    assert_eq!(
        fields.ensure_named_fields_are_members(&schema, &TypeRef::named("type")),
        set([
            at!["struct"],
            at!["struct", "struct"],
            at!["struct", "struct", "x"],
            at!["map"],
            at!["map", "k", "l"],
        ])
    );
}

#[test]
fn an_object_without_a_schema_has_its_leaves() {
    let object =
        json!({"a": {"b": [{"name": "x", "value": 1}, {"value": 2}, "c"]}, "d": null, "e": {}, "f": []});
    assert_eq!(
        Set::from_value(&object).unwrap(),
        set([
            at!["a", "b", k([("name", json!("x"))]), "name"],
            at!["a", "b", k([("name", json!("x"))]), "value"],
            at!["a", "b", 1, "value"],
            at!["a", "b", 2],
            at!["d"],
        ])
    );
}

#[test]
fn filters_exclude_fields_or_include_what_matches() {
    let fields = set([
        at!["spec"],
        at!["spec", "a"],
        at!["status"],
        at!["status", "a"],
        at!["status", "b", "c"],
    ]);
    let exclude = Filter::Exclude(set([at!["status"]]));
    assert_eq!(
        exclude.filter(fields.clone()),
        set([at!["spec"], at!["spec", "a"]])
    );
    let status = SetMatcher::prefix(["status"]).unwrap();
    let include = Filter::include([status.clone()]);
    assert_eq!(
        include.filter(fields.clone()),
        set([at!["status"], at!["status", "a"], at!["status", "b", "c"]])
    );
    assert_eq!(Filter::include([]).filter(fields.clone()), fields);
    let any_a = SetMatcher::prefix([ElementMatcher::Any, "a".into()]).unwrap();
    assert_eq!(
        Filter::include([any_a.clone()]).filter(fields.clone()),
        set([at!["spec"], at!["spec", "a"], at!["status"], at!["status", "a"]])
    );
    let both = Filter::include([SetMatcher::prefix(["spec"]).unwrap(), status]);
    assert_eq!(both.filter(fields.clone()), fields);
    assert_eq!(
        Filter::include([any_a, SetMatcher::everything()]).filter(fields.clone()),
        fields
    );
}
