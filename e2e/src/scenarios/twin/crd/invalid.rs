//! The order of what is wrong with an object.
//!
//! A definition's validation goes through the fields of a schema in the order of a Go map, which is another one each time
//! (k8s.io/kube-openapi's `pkg/validation/validate/object_validator.go`). What comes from one such walk is compared as a set; metadata
//! before the schema, the schema before `/scale`, and that before what is twice in a set or map, is Kubernetes' order and compared.

use serde_json::{Map, Value};

/// Brings the causes of a 422, and the list in its message, into an order.
pub(super) fn normalize(status: &mut Map<String, Value>) {
    if status.get("reason").is_none_or(|reason| reason != "Invalid") {
        return;
    }
    let Some(Value::Array(causes)) = status.get("details").and_then(|details| details.get("causes")) else {
        return;
    };
    let before = listed(causes);
    let mut ordered = causes.clone();
    for run in ordered.chunk_by_mut(|one, other| walk(one) == walk(other)) {
        run.sort_by_key(shown);
    }
    let after = listed(&ordered);
    if let Some(Value::String(message)) = status.get_mut("message") {
        // A message that does not list the causes stays as it is.
        *message = message.replace(&before, &after);
    }
    if let Some(Value::Object(details)) = status.get_mut("details") {
        details.insert("causes".to_owned(), ordered.into());
    }
}

/// Which of the walks a cause comes from.
fn walk(cause: &Value) -> u8 {
    let text = |field: &str| cause.get(field).and_then(Value::as_str).unwrap_or_default();
    if text("field").starts_with("metadata") {
        0
    } else if text("field").starts_with('.') {
        2
    } else if text("reason") == "FieldValueDuplicate" {
        3
    } else {
        1
    }
}

fn shown(cause: &Value) -> String {
    let text = |field: &str| cause.get(field).and_then(Value::as_str).unwrap_or_default();
    format!("{}: {}", text("field"), text("message"))
}

/// Causes as a message lists them: each once.
fn listed(causes: &[Value]) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in causes.iter().map(shown) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn status(causes: &[[&str; 3]]) -> Map<String, Value> {
        let causes: Vec<Value> = causes
            .iter()
            .map(|[field, message, reason]| json!({ "field": field, "message": message, "reason": reason }))
            .collect();
        let message = format!("x is invalid: [{}]", listed(&causes));
        let Value::Object(mut status) =
            json!({ "reason": "Invalid", "message": message, "details": { "causes": causes } })
        else {
            unreachable!("it is an object")
        };
        normalize(&mut status);
        status
    }

    const NAME: [&str; 3] = ["metadata.name", "bad", "FieldValueInvalid"];
    const SIZE: [&str; 3] = ["spec.size", "bad", "FieldValueNotSupported"];
    const COLOR: [&str; 3] = ["spec.color", "bad", "FieldValueInvalid"];
    const TWICE: [&str; 3] = ["spec.tags[1]", "twice", "FieldValueDuplicate"];

    #[test]
    fn fields_of_a_schema_are_a_set() {
        let one = status(&[NAME, SIZE, COLOR, TWICE]);
        assert_eq!(one, status(&[NAME, COLOR, SIZE, TWICE]));
        assert_eq!(
            one["message"],
            "x is invalid: [metadata.name: bad, spec.color: bad, spec.size: bad, spec.tags[1]: twice]"
        );
    }

    #[test]
    fn the_order_of_kubernetes_is_compared() {
        let one = status(&[NAME, SIZE, COLOR, TWICE]);
        for other in [
            [SIZE, COLOR, NAME, TWICE],
            [NAME, TWICE, SIZE, COLOR],
            [NAME, SIZE, COLOR, COLOR],
        ] {
            assert_ne!(one, status(&other));
        }
    }
}
