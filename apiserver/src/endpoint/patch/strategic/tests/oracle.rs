//! Random patches, and what Go makes of them (`e2e/go/strategic-merge-patch`). With `ANNEX_STRATEGIC_FACTS=FILE` those in a file.

use serde_json::{Value, json};

use super::super::{Error, Remains, apply};
use crate::schema::Schema;

/// The type `Root` of the Go program.
fn root() -> Schema {
    let text = || json!({"type": "string"});
    let number = || json!({"type": "integer", "format": "int64"});
    let list = |items: Value, strategy: &str, merge_key: &str| json!({"type": "array", "items": items, "x-kubernetes-patch-strategy": strategy, "x-kubernetes-patch-merge-key": merge_key});
    let object = |name: &str, properties: Value| json!({"type": "object", "x-annex-type-name": format!("v1.{name}"), "properties": properties});
    let set = || list(text(), "merge", "");
    let inner = || object("Inner", json!({"x": text(), "y": text(), "set": set()}));
    let port = object(
        "Port",
        json!({"port": number(), "protocol": text(), "inner": inner()}),
    );
    let item = object(
        "Item",
        json!({
            "name": text(), "value": number(), "tags": set(), "ports": list(port, "merge", "port"), "inner": inner(),
        }),
    );
    let union = object("Union", json!({"name": text(), "a": inner(), "b": inner()}));
    let with_strategy = |schema: &Value, strategy: &str| {
        let mut schema = schema.clone();
        schema["x-kubernetes-patch-strategy"] = strategy.into();
        schema
    };
    Schema::new(object(
        "Root",
        json!({
            "text": text(), "set": set(), "numbers": list(number(), "merge", ""), "plain": list(text(), "", ""),
            "items": list(item.clone(), "merge", "name"), "keyless": list(item.clone(), "merge", ""),
            "listed": list(item.clone(), "", ""), "lists": list(list(text(), "", ""), "merge", ""),
            "replaced": with_strategy(&item, "replace"), "union": with_strategy(&union, "retainKeys"),
            "unions": list(union, "merge,retainKeys", "name"), "wrong": list(text(), "merge,replace", ""),
            "labels": {"type": "object", "additionalProperties": text()}, "map": {"type": "object", "additionalProperties": item},
            "inner": inner(),
        }),
    ))
}

/// What this module makes of a patch, as a fact says it.
fn outcome(schema: &Schema, original: &Value, patch: &Value) -> Value {
    let original = original.as_object().unwrap();
    let mut left = patch.clone();
    let patched = apply(original.clone(), &mut left, schema.root(), Remains::Copy);
    let mut taken = patch.clone();
    assert_eq!(
        patched,
        apply(original.clone(), &mut taken, schema.root(), Remains::Nothing)
    );
    match patched {
        Ok(patched) if left == *patch => json!({"patched": patched}),
        Ok(patched) => json!({"patched": patched, "left": left}),
        Err(Error::Incomparable(of)) => json!({"panic": of.to_string()}),
        Err(Error::NullElement) => json!({"panic": "nil pointer dereference"}),
        Err(error) => json!({"error": error.to_string()}),
    }
}

fn is_same(ours: &Value, go: &Value, with_left: bool) -> bool {
    match (ours["panic"].as_str(), go["panic"].as_str()) {
        (Some(ours), Some(go)) => go.ends_with(ours),
        _ if with_left => ours == go,
        _ => ours["patched"] == go["patched"] && ours["error"] == go["error"],
    }
}

/// Whether a list has two elements with one merge key. In Go the second is then merged into the first in the patch as well, which
/// what an error shows of the patch does not follow.
fn has_twins(patch: &Value) -> bool {
    match patch {
        Value::Object(fields) => fields.values().any(has_twins),
        Value::Array(list) => {
            let keys = ["name", "port", "uid"];
            let is_twin = |one: &Value, other: &Value| {
                keys.iter()
                    .any(|key| one.get(key).is_some() && one.get(key) == other.get(key))
            };
            let mut elements = list.iter().enumerate();
            elements.any(|(at, one)| has_twins(one) || list[..at].iter().any(|other| is_twin(one, other)))
        }
        _ => false,
    }
}

#[test]
fn patches_are_applied_as_go_applies_them() {
    let schema = root();
    let file = std::env::var("ANNEX_STRATEGIC_FACTS").map(|file| std::fs::read_to_string(file).unwrap());
    let facts = file.as_deref().unwrap_or(include_str!("facts.jsonl"));
    let (mut all, mut several, mut failed) = (0, 0, 0);
    let mut wrong = Vec::new();
    for line in facts.lines() {
        let fact: Value = serde_json::from_str(line).unwrap();
        let outcomes = fact["outcomes"].as_array().unwrap();
        let ours = outcome(&schema, &fact["original"], &fact["patch"]);
        all += 1;
        several += usize::from(outcomes.len() > 1);
        failed += usize::from(ours.get("patched").is_none());
        let with_left = !has_twins(&fact["patch"]);
        if !outcomes.iter().any(|go| is_same(&ours, go, with_left)) {
            wrong.push(format!("{line}\nours: {ours}"));
        }
    }
    println!(
        "{all} patches, {failed} refused, {several} of which Go makes several things, {} otherwise",
        wrong.len()
    );
    assert!(
        all > 0 && wrong.is_empty(),
        "{} of {all}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n\n")
    );
}
