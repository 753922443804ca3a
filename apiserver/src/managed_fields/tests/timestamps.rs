//! Writes that change nothing but times.

use serde_json::{Value, json};

use super::super::keep_timestamps;
use super::fixture::toy;

const OLD: &str = "2024-05-01T10:00:00Z";
const NEW: &str = "2024-05-02T10:00:00Z";

fn entry(manager: &str, time: &str) -> Value {
    json!({"manager": manager, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}, "time": time})
}

// Whether the new times, of two managers, go for the old ones.
fn are_kept(new: [&str; 2], managers: [&str; 2], spec: &Value) -> bool {
    let entries =
        |names: [&str; 2], times: [&str; 2]| json!([entry(names[0], times[0]), entry(names[1], times[1])]);
    let old = toy(&json!({"a": "1"}), &entries(["x", "y"], [OLD, OLD]));
    let mut changed = toy(spec, &entries(managers, new));
    let before = changed.clone();
    keep_timestamps(&mut changed, &old);
    assert!(changed == old || changed == before);
    changed == old
}

#[test]
fn times_alone_are_no_change() {
    let same = json!({"a": "1"});
    assert!(are_kept([NEW, OLD], ["x", "y"], &same));
    assert!(are_kept([NEW, NEW], ["x", "y"], &same));
    assert!(are_kept([OLD, OLD], ["x", "y"], &same));
}

#[test]
fn whatever_else_is_different_keeps_the_new_times() {
    assert!(!are_kept([NEW, OLD], ["x", "y"], &json!({"a": "2"})));
    assert!(!are_kept([NEW, OLD], ["x", "y"], &json!({"a": "1", "b": "1"})));
    assert!(!are_kept([NEW, OLD], ["x", "z"], &json!({"a": "1"})));
}

#[test]
fn a_new_manager_is_a_change() {
    let old = toy(&json!({}), &json!([entry("x", OLD)]));
    let mut new = toy(&json!({}), &json!([entry("x", NEW), entry("y", NEW)]));
    let before = new.clone();
    keep_timestamps(&mut new, &old);
    assert_eq!(new, before);
}
