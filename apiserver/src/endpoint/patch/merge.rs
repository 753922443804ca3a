//! JSON merge patch, RFC 7386, as the library below k8s.io/apiserver applies it.

use serde_json::{Map, Value};

use super::document;
use super::unreadable;
use crate::decode::go_kind;
use crate::decode::strict::StrictFindings as Findings;
use crate::status::ApiError;

/// Reads a merge patch. `is_checked`: as a request with a `fieldValidation` that looks at it reads it.
///
/// # Errors
/// 400.
pub(super) fn read(body: &[u8], is_checked: bool) -> Result<(Value, Findings), ApiError> {
    let bad = || ApiError::BadRequest("Invalid JSON Patch".into());
    let (value, findings) = match document::read(body, None) {
        Ok(read) => read,
        Err(message) if is_checked => return Err(unreadable(&message)),
        Err(_) => return Err(bad()),
    };
    match &value {
        Value::Object(_) => Ok((value, findings)),
        Value::Null => Err(bad()),
        other if is_checked => Err(unreadable(&format!(
            "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
            go_kind(other)
        ))),
        // It takes the object's place, which then is none.
        Value::Array(_) => Ok((value, findings)),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => Err(bad()),
    }
}

/// `current` with `patch` merged into it. Both are taken apart: a large patch is nowhere twice.
pub(super) fn merged(mut current: Value, patch: Value) -> Value {
    merge(&mut current, patch);
    current
}

fn merge(current: &mut Value, patch: Value) {
    match (current, patch) {
        (Value::Object(fields), Value::Object(changes)) => merge_fields(fields, changes),
        // What takes an object's place stays as it is, nulls and all.
        (current @ Value::Object(_), patch) => *current = patch,
        (current, patch) => *current = without_nulls(patch),
    }
}

fn merge_fields(fields: &mut Map<String, Value>, changes: Map<String, Value>) {
    for (key, change) in changes {
        if change.is_null() {
            fields.remove(&key);
            continue;
        }
        match fields.get_mut(&key) {
            Some(current) if !current.is_null() => merge(current, change),
            _ => {
                fields.insert(key, without_nulls(change));
            }
        }
    }
}

/// A null stands for a field that is to go; of a new value there is nothing to go.
fn without_nulls(mut value: Value) -> Value {
    remove_nulls(&mut value);
    value
}

/// Removes fields that are null. Go: `pruneNils` of evanphx/json-patch, and `discardNullValuesFromPatch` of strategicpatch.
pub(super) fn remove_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(remove_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(remove_nulls),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_are_merged_and_nulls_remove() {
        for (current, patch, expected) in [
            (json!({"a": 1}), json!({"b": 2}), json!({"a": 1, "b": 2})),
            (
                json!({"a": {"b": 1, "c": 2}}),
                json!({"a": {"b": null}}),
                json!({"a": {"c": 2}}),
            ),
            (json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]})),
            (
                json!({"a": 1}),
                json!({"a": {"b": null, "c": 1}}),
                json!({"a": {"c": 1}}),
            ),
            (json!({}), json!({"a": {"b": null}}), json!({"a": {}})),
            (
                json!({}),
                json!({"a": [null, {"b": null}]}),
                json!({"a": [null, {}]}),
            ),
            (
                json!({"a": {}}),
                json!({"a": [{"b": null}]}),
                json!({"a": [{"b": null}]}),
            ),
            (json!({"a": null}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}})),
            (json!({"a": 1}), json!({}), json!({"a": 1})),
        ] {
            assert_eq!(
                merged(current.clone(), patch.clone()),
                expected,
                "{current} + {patch}"
            );
        }
    }

    #[test]
    fn what_is_no_object_is_refused_in_go_s_words() {
        let message = |body: &str, is_checked| {
            let status = read(body.as_bytes(), is_checked).unwrap_err().status();
            assert_eq!(status.code, 400);
            status.message
        };
        assert_eq!(message("null", true), "Invalid JSON Patch");
        assert_eq!(message("{", false), "Invalid JSON Patch");
        assert_eq!(message("1", false), "Invalid JSON Patch");
        assert_eq!(
            message("{", true),
            "error decoding patch: unexpected end of JSON input"
        );
        assert_eq!(
            message("[]", true),
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
        );
        assert!(read(b"[]", false).is_ok());
    }
}
