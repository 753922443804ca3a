//! Lists of the types `set` and `map` have each item once: `structuralschema/listtype`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::field::go;
use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;
use crate::values::MOST_ERRORS;

/// What stands in a list more than once, in all lists of an object.
#[must_use]
pub fn validate(path: &Path<'_>, value: &Value, schema: &JsonSchemaProps) -> Vec<Error> {
    let mut errors = Vec::new();
    if let Value::Object(fields) = value {
        object(path, fields, schema, &mut errors);
    }
    errors
}

fn object(path: &Path<'_>, fields: &Map<String, Value>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    if let Some(additional) = schema.additional() {
        for (name, value) in fields {
            any(&path.key(name), value, additional, errors);
        }
    }
    for (name, value) in fields {
        if let Some(property) = schema.property(name) {
            any(&path.child(name), value, property, errors);
        }
    }
}

fn any(path: &Path<'_>, value: &Value, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    if errors.len() >= MOST_ERRORS {
        return;
    }
    match value {
        Value::Object(fields) => object(path, fields, schema, errors),
        Value::Array(items) => {
            match schema.list_type.as_deref() {
                Some("set") => set(path, items, errors),
                Some("map") => map(path, items, schema, errors),
                _ => {}
            }
            if let Some(schema) = schema.item() {
                for (index, item) in items.iter().enumerate() {
                    any(&path.index(index), item, schema, errors);
                }
            }
        }
        _ => {}
    }
}

fn set(path: &Path<'_>, items: &[Value], errors: &mut Vec<Error>) {
    for index in repeated(items.iter().map(Some)).into_iter().take(MOST_ERRORS) {
        errors.push(Error::duplicate(&path.index(index), items.get(index).cloned()));
    }
}

fn map(path: &Path<'_>, items: &[Value], schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let wrong = items.iter().position(|item| !item.is_null() && !item.is_object());
    if let Some(index) = wrong {
        let detail = "must be an object for an array of list-type map";
        errors.push(Error::invalid(
            &path.index(index),
            items.get(index).cloned(),
            detail,
        ));
        return;
    }
    let keys = schema.list_map_keys();
    let key_of = |item: &Value| {
        let given = |key: &String| Some((key.clone(), item.get(key)?.clone()));
        Value::Object(keys.iter().filter_map(given).collect())
    };
    let keyed: Vec<Value> = items.iter().map(key_of).collect();
    let repeated = match keys {
        // Values of one key are compared themselves: where it is missing, nothing is.
        [key] => repeated(keyed.iter().map(|item| item.get(key))),
        _ => repeated(keyed.iter().map(Some)),
    };
    for index in repeated.into_iter().take(MOST_ERRORS) {
        errors.push(Error::duplicate(&path.index(index), keyed.get(index).cloned()));
    }
}

/// Where a value stands for the second time. Numbers of different types are different.
fn repeated<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> Vec<usize> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut second = Vec::new();
    for (index, value) in values.enumerate() {
        let mut identity = String::new();
        match value {
            None => {}
            // As a scalar a float is another value than an integer; within others their JSON is compared.
            Some(Value::Number(number)) if number.as_i64().is_none() => {
                let float = number.as_f64().unwrap_or_default();
                // Zeros of both signs are one.
                identity = format!("float {}", go::float(float + 0.0));
            }
            Some(value) => go::write_json(&mut identity, value),
        }
        let times = seen.entry(identity).or_default();
        *times += 1;
        if *times == 2 {
            second.push(index);
        }
    }
    second
}
