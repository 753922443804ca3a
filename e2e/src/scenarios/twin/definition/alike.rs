//! What always tells a definition from a program with types of Go, and is not compared.
//!
//! A type's struct that is no pointer is always there, so that nobody comes to manage that it is; in a definition whoever sets a field
//! of it first does. And a program's lists have items without a kind, and no empty token.

use serde_json::{Map, Value};

use super::super::answer::Answer;

/// The structs of a Gadget that are always there.
const ALWAYS_THERE: [&str; 4] = ["f:spec", "f:status", "f:strategy", "f:anchor"];

/// The answers without that.
pub(super) fn answers(answers: Vec<Answer>) -> Vec<Answer> {
    let alike = |mut answer: Answer| {
        answer.body.iter_mut().for_each(value);
        answer
    };
    answers.into_iter().map(alike).collect()
}

fn value(value: &mut Value) {
    match value {
        Value::Object(fields) => object(fields),
        Value::Array(items) => items.iter_mut().for_each(self::value),
        _ => {}
    }
}

fn object(fields: &mut Map<String, Value>) {
    if fields.get("continue").is_some_and(|token| token == "") {
        fields.remove("continue");
    }
    if let Some(Value::Array(items)) = fields.get_mut("items") {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            item.retain(|name, _| name != "apiVersion" && name != "kind");
        }
    }
    for name in ALWAYS_THERE {
        if let Some(Value::Object(managed)) = fields.get_mut(name) {
            managed.remove(".");
        }
    }
    fields.values_mut().for_each(value);
}
