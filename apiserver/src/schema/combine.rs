//! Alternatives of a schema described together, as a structural schema must: properties of all of them in one place.

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
    Some(united)
}

/// What describes one branch only.
fn forget_branch(branch: &mut Map<String, Value>) {
    branch.remove("description");
    if branch.get("additionalProperties") == Some(&Value::Bool(false)) {
        branch.remove("additionalProperties");
    }
}

fn unite_objects(united: &mut Map<String, Value>, mut branch: Map<String, Value>, all: bool) {
    let required = |schema: &Map<String, Value>| -> Vec<Value> {
        schema
            .get("required")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let (ours, theirs) = (required(united), required(&branch));
    let together: Vec<Value> = if all {
        let further: Vec<_> = theirs.into_iter().filter(|name| !ours.contains(name)).collect();
        ours.into_iter().chain(further).collect()
    } else {
        ours.into_iter().filter(|name| theirs.contains(name)).collect()
    };
    if together.is_empty() {
        united.remove("required");
    } else {
        united.insert("required".into(), Value::Array(together));
    }
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

/// Both lists of choices; one without a list permits all.
fn unite_choices(united: &mut Map<String, Value>, branch: Map<String, Value>) {
    let theirs = branch.get("enum").and_then(Value::as_array);
    match (united.get_mut("enum").and_then(Value::as_array_mut), theirs) {
        (Some(ours), Some(theirs)) => {
            for choice in theirs {
                if !ours.contains(choice) {
                    ours.push(choice.clone());
                }
            }
        }
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
                    let further: Vec<_> = names.into_iter().filter(|name| !list.contains(name)).collect();
                    list.extend(further);
                }
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
