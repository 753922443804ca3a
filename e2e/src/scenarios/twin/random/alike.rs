//! What is not compared of the answers to random requests: what is declared to differ of those that are written down, and what Go
//! answers in no order.

use serde_json::Value;

use super::super::answer::Answer;

/// The answer without that.
pub(super) fn answer(mut answer: Answer) -> Answer {
    answer.body.iter_mut().for_each(value);
    answer
}

/// What is said through the kube-apiserver, without what that says itself: each of its own answers has a `Cache-Control`, and what it
/// passes on has another.
pub(super) fn without_proxy(mut answer: Answer) -> Answer {
    if let Some(values) = answer.headers.get_mut("cache-control")
        && let [first, second] = &values[..]
        && first == second
    {
        values.pop();
    }
    answer
}

/// What a Gadget of the kind's rules is warned of at each attempt to write it.
const OF_AN_ATTEMPT: &str = "spec.paused: a paused gadget does nothing";

/// The Go server's answer without a warning that ours has not, of an attempt that came to nothing: Go begins an update with what its
/// watch cache has, which may be old by then, and warns of that attempt too. Of an object that is paused both must warn.
pub(super) fn without_old_attempts(mut go: Answer, ours: &Answer) -> Answer {
    let is_paused = |object: &Value| object.pointer("/spec/paused") == Some(&Value::Bool(true));
    if go.body.iter().any(is_paused) {
        return go;
    }
    let known = ours.headers.get("warning");
    if let Some(values) = go.headers.get_mut("warning") {
        values.retain(|value| {
            !value.contains(OF_AN_ATTEMPT) || known.is_some_and(|known| known.contains(value))
        });
    }
    go
}

fn value(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // The causes of a conflict are compared; the message lists them by a manager that comes first by chance.
            let conflict = fields.get("reason").is_some_and(|reason| reason == "Conflict");
            if conflict
                && fields
                    .get("details")
                    .is_some_and(|details| details["causes"].is_array())
            {
                fields.remove("message");
            }
            fields.values_mut().for_each(self::value);
        }
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::String(text) => {
            // The Go server's versions share the types of fields, which Go names by the package that they are in.
            if text.contains("json: cannot unmarshal") {
                *text = text.replace("v1beta1.", "v1.");
            }
            if let Some(without) = without_patched_object(text) {
                *text = without;
            }
        }
        _ => {}
    }
}

/// A patched object that cannot be decoded is shown with its fields in another order.
fn without_patched_object(text: &str) -> Option<String> {
    let (before, shown) = text.split_once(r#"Invalid value: "{"#)?;
    // Ours shows 4 KiB of it at most.
    let (_, detail) = shown
        .rsplit_once(r#"}": "#)
        .or_else(|| shown.rsplit_once("...: "))?;
    Some(format!("{before}Invalid value: <object>: {detail}"))
}

#[cfg(test)]
mod tests {
    use super::without_patched_object;

    #[test]
    fn a_patched_object_is_left_out_and_what_is_wrong_with_it_is_not() {
        let text = r#" "" is invalid: patch: Invalid value: "{\"a\": \"}\": 1\"}": json: cannot"#;
        let without = without_patched_object(text);
        assert_eq!(
            without.as_deref(),
            Some(r#" "" is invalid: patch: Invalid value: <object>: json: cannot"#)
        );
        let cut = r#" "" is invalid: patch: Invalid value: "{\"a\": \"b...: json: cannot"#;
        assert_eq!(without_patched_object(cut), without);
        assert_eq!(without_patched_object("Invalid value: -1: must not"), None);
    }
}
