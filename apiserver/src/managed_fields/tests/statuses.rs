//! What a client is told that may not apply.

use serde_json::{Value, json};

use super::super::{ApplyError, FieldManager};
use super::fixture::{NOW, config, manager, object, toy};
use crate::object::Object;
use crate::status::Status;

fn created(manager: &FieldManager, names: &[&str]) -> Object {
    let spec: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), "1".into()))
        .collect();
    manager.update(None, toy(&spec.into(), &Value::Null), "creator", NOW)
}

fn refused(result: Result<Object, ApplyError>) -> Status {
    result.unwrap_err().into_api_error().status()
}

#[test]
fn a_conflict_names_field_and_manager() {
    let manager = manager("status");
    let live = created(&manager, &["x"]);
    let status = refused(manager.apply(Some(&live), config(&json!({"x": "2"})), "me", false, NOW));
    assert_eq!((status.code, &*status.reason), (409, "Conflict"));
    assert_eq!(
        status.message,
        r#"Apply failed with 1 conflict: conflict with "creator" with subresource "status" using example.com/v1: .spec.x"#
    );
    let causes = status.details.unwrap().causes;
    assert_eq!(causes.len(), 1);
    assert_eq!(causes[0].reason, "FieldManagerConflict");
    assert_eq!(
        causes[0].message,
        r#"conflict with "creator" with subresource "status" using example.com/v1"#
    );
    assert_eq!(causes[0].field, ".spec.x");
}

#[test]
fn of_many_conflicts_the_first_are_listed() {
    let manager = manager("");
    let names: Vec<String> = (0..1000).map(|number| format!("f{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let live = created(&manager, &names);
    let spec: serde_json::Map<String, Value> = names
        .iter()
        .map(|name| ((*name).to_owned(), "2".into()))
        .collect();
    let status = refused(manager.apply(Some(&live), config(&spec.into()), "me", false, NOW));
    let head =
        "Apply failed with 1000 conflicts: conflicts with \"creator\" using example.com/v1:\n- .spec.f000\n";
    assert!(status.message.starts_with(head), "{}", status.message);
    assert!(
        status
            .message
            .ends_with("\n- .spec.f099\ntoo many errors: only the first 100 are listed")
    );
    assert_eq!(status.details.unwrap().causes.len(), 101);
}

#[test]
fn what_is_no_configuration_of_the_kind_is_refused() {
    let manager = manager("");
    let mut other = config(&json!({}));
    other.set_type("example.com/v2", "Toy");
    let status = refused(manager.apply(None, other, "me", false, NOW));
    assert_eq!(
        (status.code, &*status.message),
        (400, "invalid object type: example.com/v2, Kind=Toy")
    );

    let managed = toy(&json!({}), &json!([]));
    let status = refused(manager.apply(None, managed, "me", false, NOW));
    assert_eq!(
        (status.code, &*status.message),
        (400, "metadata.managedFields must be nil")
    );

    let unknown = object(json!({
        "apiVersion": "example.com/v1", "kind": "Toy", "metadata": {"name": "a", "namespace": "n"}, "x": 1,
    }));
    let status = refused(manager.apply(None, unknown, "me", false, NOW));
    assert_eq!((status.code, &*status.reason), (500, ""));
    assert_eq!(
        status.message,
        "failed to create typed patch object (n/a; example.com/v1, Kind=Toy): .x: field not declared in schema"
    );

    let live = toy(&json!({}), &json!([{"operation": "Delete"}]));
    let status = refused(manager.apply(Some(&live), config(&json!({})), "me", false, NOW));
    let message = "failed to decode managed fields: operation must be `Apply` or `Update`";
    assert_eq!((status.code, &*status.message), (500, message));
}
