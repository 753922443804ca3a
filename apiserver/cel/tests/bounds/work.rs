//! What expressions do beside what they are charged for: it is bounded, and what is too much costs too much.

use std::sync::Arc;

use annex_cel::{Fail, PER_CALL_LIMIT, Program, Schema, Scope, Type, Value};
use serde_json::json;

use super::{answer, answer_within};

/// An expression to which the same is added many times.
fn chained(begin: &str, link: &str, times: usize, end: &str) -> String {
    format!("{begin}{}{end}", link.repeat(times))
}

fn is_too_costly(expression: &str) {
    assert_eq!(
        answer_within(expression, 100_000),
        Err("too costly".to_owned()),
        "{expression}"
    );
}

/// A macro whose variable is within so many lists.
fn nested(lists: usize) -> String {
    format!(".map(a, dyn({}a{}))", "[".repeat(lists), "]".repeat(lists))
}

#[test]
fn what_is_replaced_is_counted_before_it_is_made() {
    let text = "a".repeat(1_000_000);
    let scope = Scope::default().variable("s", Type::String);
    for rule in ["s.replace('a', s) == ''", "s.replace('', s) == ''"] {
        let rule = scope.compile(rule).unwrap();
        let value = Value::String(annex_cel::Text::Borrowed(&text));
        let evaluation = rule.evaluate(vec![Some(Ok(value))], PER_CALL_LIMIT);
        assert_eq!(evaluation.result.err(), Some(Fail::TooCostly));
    }
}

#[test]
fn lists_that_double_are_never_written_nor_walked_through() {
    let double = ".map(x, x + x)";
    for end in [
        ".map(x, '%s'.format([x]))",
        ".map(x, x.reverse())",
        ".map(x, x.sum())",
        ".map(x, x.isSorted())",
        "",
    ] {
        is_too_costly(&chained("[[1]]", double, 40, end));
    }
    is_too_costly(&chained("[['a']]", double, 40, ".map(x, x.join('b'))"));
    is_too_costly(&chained("[[1]]", double, 70, ".map(x, x.size())"));
    assert_eq!(
        answer(&chained("[[1]]", double, 15, ".map(x, x.sum())")).as_deref(),
        Ok("[32768]")
    );
}

#[test]
fn lists_within_lists_that_double_are_never_compared_nor_flattened() {
    let double = ".map(a, [a, a])";
    is_too_costly(&chained("[1]", double, 40, ".all(z, z == z)"));
    is_too_costly(&chained("[1]", double, 40, ".flatten(41)"));
    is_too_costly(&chained("[1]", double, 40, ".map(z, '%s'.format([z]))"));
    is_too_costly(&chained("[1]", double, 40, ".map(z, [z].indexOf(z))"));
    assert_eq!(
        answer(&chained("[1]", double, 8, ".all(z, z == z)")).as_deref(),
        Ok("true")
    );
}

#[test]
fn entries_that_are_taken_back_are_counted() {
    let entries: Vec<String> = (0..3000).map(|at| format!("{at}: x, ?{at}: n")).collect();
    let taken = format!(
        "[0].map(x, optional.none()).all(n, [1].all(x, {{{}, -1: x}}.size() == 1))",
        entries.join(", ")
    );
    assert_eq!(answer(&taken).as_deref(), Ok("true"));
    let kept: Vec<String> = (0..3000).map(|at| format!("{at}: x")).collect();
    let taken: Vec<String> = (0..1500).map(|at| format!("?{at}: n")).collect();
    let all = format!("{}, {}", kept.join(", "), taken.join(", "));
    is_too_costly(&format!(
        "[0].map(x, optional.none()).all(n, [1].all(x, {{{all}}}.size() == 1500))"
    ));
}

#[test]
fn values_are_deep_only_so_far() {
    // As deep as lists may be, and compared on the stack of a thread.
    let deep = chained("[1]", &nested(70), 4, ".all(z, z == z)");
    assert_eq!(answer(&deep).as_deref(), Ok("true"));
    is_too_costly(&chained("[1]", &nested(70), 60, ".all(z, z == z)"));
    let optional = format!(".map(a, dyn({}a{}))", "optional.of(".repeat(70), ")".repeat(70));
    is_too_costly(&chained("[1]", &optional, 60, ".all(z, z == z)"));
    let map = format!(".map(a, dyn({}a{}))", "{'b': ".repeat(70), "}".repeat(70));
    is_too_costly(&chained("[1]", &map, 60, ".all(z, z == z)"));
}

#[test]
fn types_are_deep_and_large_only_so_far() {
    let refused = |expression: &str| {
        let error = answer(expression).unwrap_err();
        assert!(error.contains("too deep or too large"), "{error}");
    };
    let list = format!(".map(a, {}a{})", "[".repeat(70), "]".repeat(70));
    refused(&chained("[1]", &list, 200, ""));
    refused(&chained("[1]", ".map(a, {a: a})", 30, ""));
    refused(&chained("[[]]", ".map(a, {a: a})", 30, ".size() == 1"));
}

#[test]
fn macros_copy_only_so_much() {
    let error = answer(&chained("optional.of(1)", ".optMap(x, x)", 30, "")).unwrap_err();
    assert!(
        error.contains("the macro makes the expression too large"),
        "{error}"
    );
    assert_eq!(
        answer(&chained("optional.of(1)", ".optMap(x, x + 1)", 8, "")).as_deref(),
        Ok("optional(9)")
    );
}

#[test]
fn sets_and_lists_of_maps_are_compared_by_their_keys() {
    let set = json!({"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"});
    let schema = Arc::new(Schema::new(&set, false));
    let names: Vec<String> = (0..100_000).map(|at| format!("name-{at}")).collect();
    let reversed: Vec<&String> = names.iter().rev().collect();
    let (object, old) = (json!(names), json!(reversed));
    for rule in ["self == oldSelf", "size(self + oldSelf) == size(self)"] {
        let rule = Program::compile(&schema, rule).unwrap();
        let evaluation = rule.eval(&object, Some(&old), PER_CALL_LIMIT);
        assert!(
            matches!(evaluation.result, Ok(Value::Bool(true))),
            "{evaluation:?}"
        );
    }
    let item = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let map = json!({
        "type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]
    });
    let schema = Arc::new(Schema::new(&map, false));
    let items: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    let object = json!(items);
    let rule = Program::compile(&schema, "size(self + oldSelf) == size(self) && self == oldSelf").unwrap();
    let evaluation = rule.eval(&object, Some(&object), PER_CALL_LIMIT);
    assert!(
        matches!(evaluation.result, Ok(Value::Bool(true))),
        "{evaluation:?}"
    );
}
