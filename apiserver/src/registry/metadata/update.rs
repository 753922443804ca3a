//! What an update may do to `metadata`: `rest.BeforeUpdate` and `ValidateObjectMetaAccessorUpdate`.

use std::collections::HashSet;

use serde_json::Value;

use super::Metadata;
use super::managed_fields::managed_fields;
use super::validate::{contents, validate};
use crate::object::Object;
use crate::resource::ObjectNames;
use crate::status::{FieldError, MOST_LISTED};

/// Copies from the stored object what no update changes.
pub(in crate::registry) fn keep_system_fields(object: &mut Object, old: &Object) {
    let Some(old) = old.metadata() else {
        return;
    };
    let metadata = object.metadata_mut();
    let missing = |value: Option<&Value>| value.is_none_or(|value| value.is_null() || *value == "");
    for (field, always) in [
        ("uid", false),
        ("creationTimestamp", true),
        ("deletionTimestamp", true),
        ("deletionGracePeriodSeconds", false),
    ] {
        let Some(kept) = old.get(field).filter(|value| !value.is_null()) else {
            continue;
        };
        if always || missing(metadata.get(field)) {
            metadata.insert(field.into(), kept.clone());
        }
    }
}

/// What is wrong with the changed metadata, by itself and against the old one.
pub(in crate::registry) fn validate_update(
    object: &Object,
    new: &Metadata<'_>,
    old: &Metadata<'_>,
    namespaced: bool,
) -> Vec<FieldError> {
    let mut errors = validate(object, new, ObjectNames::PathSegment, namespaced);
    let is_valid_alone = errors.is_empty();
    changed(new, old, &mut errors);
    // A second time, as Go does; where nothing was wrong, nothing is.
    if !is_valid_alone {
        contents(object, new, &mut errors);
        managed_fields(object, &mut errors);
    }
    errors
}

/// What is wrong with the changed metadata against the old one, and with what of it an update looks at again:
/// `ValidateObjectMetaAccessorUpdate`, which the strategies of resources without a type ask themselves too.
pub(in crate::registry) fn validate_change(
    object: &Object,
    new: &Metadata<'_>,
    old: &Metadata<'_>,
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    changed(new, old, &mut errors);
    contents(object, new, &mut errors);
    managed_fields(object, &mut errors);
    errors
}

fn changed(new: &Metadata<'_>, old: &Metadata<'_>, errors: &mut Vec<FieldError>) {
    if old.is_in_deletion() {
        no_new_finalizers(new.finalizers(), old.finalizers(), errors);
    }
    if new.generation.unwrap_or_default() < old.generation.unwrap_or_default() {
        let detail = "must not be decremented";
        errors.push(FieldError::invalid("metadata.generation", new.generation, detail));
    }
    immutable("name", new.name, old.name, errors);
    immutable("namespace", new.namespace, old.namespace, errors);
    immutable("uid", new.uid, old.uid, errors);
    immutable(
        "deletionTimestamp",
        new.deletion_timestamp,
        old.deletion_timestamp,
        errors,
    );
    immutable(
        "deletionGracePeriodSeconds",
        new.deletion_grace_period_seconds,
        old.deletion_grace_period_seconds,
        errors,
    );
}

fn immutable<T: PartialEq + Into<Value>>(
    field: &str,
    new: Option<T>,
    old: Option<T>,
    errors: &mut Vec<FieldError>,
) {
    if new != old {
        let field = format!("metadata.{field}");
        errors.push(FieldError::invalid(field, new, "field is immutable"));
    }
}

fn no_new_finalizers(new: &[&str], old: &[&str], errors: &mut Vec<FieldError>) {
    let old: HashSet<&str> = old.iter().copied().collect();
    let mut added: Vec<&str> = new
        .iter()
        .copied()
        .filter(|finalizer| !old.contains(finalizer))
        .collect();
    added.sort_unstable();
    added.dedup();
    if !added.is_empty() {
        // As Go prints a list of texts.
        let listed = added.iter().take(MOST_LISTED);
        let mut shown: Vec<String> = listed.map(|finalizer| format!("{finalizer:?}")).collect();
        if added.len() > MOST_LISTED {
            shown.push("...".to_owned());
        }
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            shown.join(", ")
        );
        errors.push(FieldError::forbidden("metadata.finalizers", detail));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(metadata: &Value) -> Object {
        let mut value = json!({"metadata": {"name": "a", "namespace": "b", "uid": "u"}});
        let fields = value["metadata"].as_object_mut().unwrap();
        fields.extend(metadata.as_object().unwrap().clone());
        Object(value.as_object().unwrap().clone())
    }

    fn errors(new: &Value, old: &Value) -> Vec<String> {
        let (new, old) = (object(new), object(old));
        let (new_metadata, old_metadata) = (Metadata::read(&new).unwrap(), Metadata::read(&old).unwrap());
        validate_update(&new, &new_metadata, &old_metadata, true)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_names_an_object_never_changes() {
        let none = json!({});
        for (field, value) in [
            ("name", json!("x")),
            ("namespace", json!("x")),
            ("uid", json!("x")),
            ("deletionTimestamp", json!("2026-01-01T00:00:00Z")),
            ("deletionGracePeriodSeconds", json!(5)),
        ] {
            let expected = format!("metadata.{field}: Invalid value: {value}: field is immutable");
            assert_eq!(errors(&json!({field: value}), &none), [expected]);
        }
        assert_eq!(
            errors(&json!({"generation": 1}), &json!({"generation": 2})),
            ["metadata.generation: Invalid value: 1: must not be decremented"]
        );
    }

    #[test]
    fn an_object_in_deletion_takes_no_new_finalizers() {
        let old = json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x/a"]});
        let with = |finalizers: Value| json!({"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers});
        assert!(errors(&with(json!(["x/a"])), &old).is_empty());
        assert!(errors(&with(json!([])), &old).is_empty());
        assert_eq!(
            errors(&with(json!(["x/a", "x/c", "x/b"])), &old),
            [
                "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new \
              finalizers []string{\"x/b\", \"x/c\"}"
            ]
        );
    }

    #[test]
    fn what_the_server_said_is_kept() {
        let old = object(&json!({
            "creationTimestamp": "2026-01-01T00:00:00Z", "deletionTimestamp": "2026-01-02T00:00:00Z",
            "deletionGracePeriodSeconds": 0,
        }));
        let mut new = object(&json!({"uid": "", "creationTimestamp": "2020-01-01T00:00:00Z"}));
        keep_system_fields(&mut new, &old);
        assert_eq!(new, old);
    }
}
