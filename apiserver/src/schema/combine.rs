//! Alternatives of a schema described together, as a structural schema must: properties of all of them in one place.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

/// Replaces `allOf`, `anyOf` and `oneOf` by what all their branches say together. Which branches exclude each other is
/// lost: the Rust type decides it when an object is read.
pub(super) fn alternatives(schema: &mut Map<String, Value>) {
    for keyword in ["allOf", "anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.remove(keyword) else {
            continue;
        };
        let all = keyword == "allOf";
        let nulls = branches.len();
        let branches: Vec<Map<String, Value>> = branches
            .into_iter()
            .filter_map(|branch| match branch {
                Value::Object(branch) if !is_null(&branch) => Some(branch),
                _ => None,
            })
            .collect();
        if branches.len() < nulls && !all {
            schema.insert("nullable".into(), true.into());
        }
        let Some(united) = unite(branches, all) else {
            keep_anything(schema);
            continue;
        };
        let own = std::mem::replace(schema, united);
        absorb(schema, own);
    }
}

/// `{"enum": [null]}`: what an optional type adds.
fn is_null(branch: &Map<String, Value>) -> bool {
    branch
        .get("enum")
        .and_then(Value::as_array)
        .is_some_and(|values| values.iter().all(Value::is_null))
        || branch.get("type").and_then(Value::as_str) == Some("null")
}

/// One schema for all branches; `None` where they have nothing in common.
fn unite(branches: Vec<Map<String, Value>>, all: bool) -> Option<Map<String, Value>> {
    let single = branches.len() == 1;
    let mut branches = branches.into_iter();
    let mut united = branches.next()?;
    if !single {
        forget_branch(&mut united);
    }
    for mut branch in branches {
        forget_branch(&mut branch);
        if united.get("type") != branch.get("type") {
            return None;
        }
        match united.get("type").and_then(Value::as_str) {
            Some("object") => unite_objects(&mut united, branch, all),
            Some("string") => unite_choices(&mut united, branch),
            _ => {}
        }
    }
    // Here, and not for each branch, of which there may be as many as there are choices.
    dedup(&mut united, "enum");
    dedup(&mut united, "required");
    if let Some(Value::Object(properties)) = united.get_mut("properties") {
        let properties = properties.values_mut().filter_map(Value::as_object_mut);
        properties.for_each(|property| dedup(property, "enum"));
    }
    Some(united)
}

/// Leaves of equal values of a list the first.
fn dedup(schema: &mut Map<String, Value>, keyword: &str) {
    if let Some(Value::Array(list)) = schema.get_mut(keyword) {
        let mut seen = HashSet::with_capacity(list.len());
        list.retain(|value| seen.insert(value.clone()));
    }
}

/// What describes one branch only.
fn forget_branch(branch: &mut Map<String, Value>) {
    branch.remove("description");
    if branch.get("additionalProperties") == Some(&Value::Bool(false)) {
        branch.remove("additionalProperties");
    }
}

fn unite_objects(united: &mut Map<String, Value>, mut branch: Map<String, Value>, all: bool) {
    unite_required(united, &mut branch, all);
    if let Some(Value::Object(properties)) = branch.remove("properties") {
        let own = united.entry("properties").or_insert_with(|| json!({}));
        for (name, schema) in properties {
            match own.get_mut(&name) {
                Some(present) => unite_property(present, schema),
                None => own[name] = schema,
            }
        }
    }
    for keyword in ["additionalProperties", "x-kubernetes-preserve-unknown-fields"] {
        if let Some(value) = branch.remove(keyword) {
            united.entry(keyword).or_insert(value);
        }
    }
}

/// What all branches require, or one of them.
fn unite_required(united: &mut Map<String, Value>, branch: &mut Map<String, Value>, all: bool) {
    let take = |schema: &mut Map<String, Value>| match schema.remove("required") {
        Some(Value::Array(names)) => names,
        _ => Vec::new(),
    };
    let (mut ours, theirs) = (take(united), take(branch));
    if all {
        ours.extend(theirs);
    } else {
        let theirs: HashSet<Value> = theirs.into_iter().collect();
        ours.retain(|name| theirs.contains(name));
    }
    if !ours.is_empty() {
        united.insert("required".into(), Value::Array(ours));
    }
}

fn unite_property(present: &mut Value, other: Value) {
    if *present == other {
        return;
    }
    match (present.as_object_mut(), other) {
        (Some(ours), Value::Object(theirs))
            if ours.get("type") == theirs.get("type")
                && ours.contains_key("enum")
                && theirs.contains_key("enum") =>
        {
            unite_choices(ours, theirs);
        }
        _ => *present = json!({"x-kubernetes-preserve-unknown-fields": true}),
    }
}

/// Both lists of choices, with what stands in both twice; one without a list permits all.
fn unite_choices(united: &mut Map<String, Value>, mut branch: Map<String, Value>) {
    let theirs = branch.remove("enum");
    match (united.get_mut("enum").and_then(Value::as_array_mut), theirs) {
        (Some(ours), Some(Value::Array(theirs))) => ours.extend(theirs),
        _ => {
            united.remove("enum");
        }
    }
}

/// What the schema says beside its branches holds before what they say.
fn absorb(schema: &mut Map<String, Value>, own: Map<String, Value>) {
    for (keyword, value) in own {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                let map = schema.entry("properties").or_insert_with(|| json!({}));
                for (name, value) in properties {
                    map[name] = value;
                }
            }
            ("required", Value::Array(names)) => {
                if let Some(list) = schema
                    .entry("required")
                    .or_insert_with(|| json!([]))
                    .as_array_mut()
                {
                    list.extend(names);
                }
                dedup(schema, "required");
            }
            (_, value) => {
                schema.insert(keyword, value);
            }
        }
    }
}

fn keep_anything(schema: &mut Map<String, Value>) {
    schema.retain(|keyword, _| matches!(keyword.as_str(), "description" | "default" | "nullable"));
    schema.insert("x-kubernetes-preserve-unknown-fields".into(), true.into());
}
