//! Cases of k8s.io/apimachinery's `api/validation/objectmeta_test.go`.

use serde_json::{Value, json};

use super::*;

fn errors_of(metadata: &Value, namespaced: bool) -> Vec<String> {
    let object = Object(json!({"metadata": metadata}).as_object().unwrap().clone());
    let metadata = Metadata::read(&object).unwrap();
    validate(&object, &metadata, ObjectNames::PathSegment, namespaced)
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn errors_beside(field: &str, value: &Value) -> Vec<String> {
    errors_of(&json!({"name": "a", "namespace": "b", field: value}), true)
}

#[test]
fn ordinary_metadata_is_fine() {
    let metadata = json!({
        "name": "System:role", "namespace": "default", "generateName": "a-", "generation": 1,
        "labels": {"app.example.com/name": "x", "empty": ""},
        "annotations": {"Example.com/Note": "anything, at {all}\n"},
        "finalizers": ["example.com/x", "orphan"],
        "ownerReferences": [
            {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1", "controller": true},
            {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "2", "controller": false},
        ],
    });
    assert_eq!(errors_of(&metadata, true), Vec::<String>::new());
}

#[test]
fn names_can_be_segments_of_a_path() {
    assert_eq!(
        errors_of(&json!({"namespace": "b"}), true),
        ["metadata.name: Required value: name or generateName is required"]
    );
    for (name, message) in [
        ("a/b", "may not contain '/'"),
        ("a%b", "may not contain '%'"),
        ("..", "may not be '..'"),
    ] {
        let errors = errors_of(&json!({"name": name}), false);
        assert_eq!(
            errors,
            [format!("metadata.name: Invalid value: {name:?}: {message}")]
        );
    }
    assert_eq!(
        errors_beside("generateName", &json!("a/")),
        [r#"metadata.generateName: Invalid value: "a/": may not contain '/'"#]
    );
}

#[test]
fn the_scope_decides_over_the_namespace() {
    assert_eq!(
        errors_of(&json!({"name": "a"}), true),
        ["metadata.namespace: Required value"]
    );
    assert_eq!(
        errors_of(&json!({"name": "a", "namespace": "b"}), false),
        ["metadata.namespace: Forbidden: not allowed on this type"]
    );
    assert!(errors_of(&json!({"name": "a", "namespace": "b.c"}), true)[0].ends_with("must not contain dots"));
}

#[test]
fn labels_and_annotations_are_checked() {
    assert!(
        errors_beside("labels", &json!({"-": "x"}))[0]
            .starts_with(r#"metadata.labels: Invalid value: "-": name part"#)
    );
    assert!(
        errors_beside("labels", &json!({"a": "-"}))[0]
            .starts_with(r#"metadata.labels: Invalid value: "-": a valid label"#)
    );
    assert!(
        errors_beside("annotations", &json!({"a b": ""}))[0]
            .starts_with("metadata.annotations: Invalid value")
    );
    let large = "a".repeat(ANNOTATIONS_LIMIT);
    assert_eq!(
        errors_beside("annotations", &json!({"a": large})),
        ["metadata.annotations: Too long: may not be more than 262144 bytes"]
    );
    assert!(errors_beside("annotations", &json!({"a": &large[1..]})).is_empty());
}

#[test]
fn owners_are_named_and_at_most_one_controls() {
    let owner =
        |name: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": name, "uid": "1", "controller": true});
    assert_eq!(
        errors_beside("ownerReferences", &json!([{}])),
        [
            r#"metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty"#,
            r#"metadata.ownerReferences.kind: Invalid value: "": must not be empty"#,
            r#"metadata.ownerReferences.name: Invalid value: "": must not be empty"#,
            r#"metadata.ownerReferences.uid: Invalid value: "": must not be empty"#,
        ]
    );
    let two = errors_beside("ownerReferences", &json!([owner("a"), owner("b")]));
    assert!(
        two[0].ends_with(r#"Found "true" in references for Pod/a and Pod/b"#),
        "{two:?}"
    );
    let event = json!([{"apiVersion": "v1", "kind": "Event", "name": "e", "uid": "1"}]);
    assert!(
        errors_beside("ownerReferences", &event)[0]
            .ends_with("/v1, Kind=Event is disallowed from being an owner")
    );
}

#[test]
fn finalizers_are_qualified_and_do_not_contradict_each_other() {
    assert!(
        errors_beside("finalizers", &json!(["a b"]))[0]
            .starts_with(r#"metadata.finalizers: Invalid value: "a b""#)
    );
    assert_eq!(
        errors_beside("finalizers", &json!(["orphan", "foregroundDeletion"])),
        [
            "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan and \
          foregroundDeletion cannot be both set"
        ]
    );
}

#[test]
fn a_generation_is_not_negative() {
    assert_eq!(
        errors_beside("generation", &json!(-1)),
        ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"]
    );
}
