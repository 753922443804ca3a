//! The merge itself, on JSON: a field that the template leaves out is not there, rather than zero.

use serde_json::Value;

use super::shape::{Key, Shape};

/// Merges `template` into `generated`. The template was checked: its lists have keys and no duplicates.
pub(super) fn merge(generated: &mut Value, template: &Value, shape: &Shape) {
    match (shape, generated, template) {
        (
            Shape::Plain | Shape::Object { .. } | Shape::Quantities,
            Value::Object(into),
            Value::Object(from),
        ) => {
            // The template's member replaces another one; its own kind it merges with.
            let one_of = shape.one_of();
            if from.keys().any(|name| one_of.contains(name)) {
                into.retain(|name, _| !one_of.contains(name) || from.contains_key(name));
            }
            for (name, field) in from {
                match into.get_mut(name) {
                    Some(own) => merge(own, field, shape.field(name)),
                    None => drop(into.insert(name.clone(), field.clone())),
                }
            }
        }
        (Shape::Keyed { keys, item: shape }, Value::Array(into), Value::Array(from)) => {
            for item in from {
                let key = key_of(item, keys);
                match into.iter_mut().find(|own| key_of(own, keys) == key) {
                    Some(own) => merge(own, item, shape),
                    None => into.push(item.clone()),
                }
            }
        }
        (_, generated, template) => generated.clone_from(template),
    }
}

/// What an item is known by; a key that it lacks has the server's default.
pub(super) fn key_of(item: &Value, keys: &[Key]) -> Vec<Value> {
    let value = |key: &Key| match (item.get(key.field), key.default) {
        (Some(value), _) => value.clone(),
        (None, Some(default)) => default.into(),
        (None, None) => Value::Null,
    };
    keys.iter().map(value).collect()
}
