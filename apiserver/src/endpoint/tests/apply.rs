use serde_json::{Value, json};

use super::super::testing::{Reply, TestServer};
use crate::storage::{Key, Storage as _};

const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders";
const A: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/a";
const APPLY: &[(&str, &str)] = &[("content-type", "application/apply-patch+yaml")];

fn config(spec: &Value) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder", "metadata": {"name": "a"}, "spec": spec,
    })
}

async fn apply(server: &TestServer, parameters: &str, config: &Value) -> Reply {
    let uri = format!("{A}?{parameters}");
    server.send("PATCH", &uri, APPLY, config.to_string()).await
}

/// Manager, operation and fields of each entry. Those of an operation are in the order of their seconds, and here of their names.
fn managers(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().cloned();
    let mut entries = entries.unwrap_or_default();
    entries.sort_by_key(|entry| ["operation", "manager"].map(|field| entry[field].to_string()));
    let entries = entries.into_iter().map(|entry| {
        let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
        (
            format!("{} {}", text("manager"), text("operation")),
            entry["fieldsV1"].clone(),
        )
    });
    entries.collect()
}

#[tokio::test]
async fn an_apply_creates_changes_and_removes() {
    let server = TestServer::new();
    let made = apply(
        &server,
        "fieldManager=me",
        &config(&json!({"reference": "x", "size": 1})),
    )
    .await;
    assert_eq!(made.code, 201, "{:?}", made.json());
    let owned = json!({"f:spec": {"f:reference": {}, "f:size": {}}});
    assert_eq!(managers(&made.json()), [("me Apply".to_owned(), owned)]);
    let changed = apply(&server, "fieldManager=me", &config(&json!({"reference": "y"}))).await;
    assert_eq!(changed.code, 200);
    assert_eq!(
        changed.json()["spec"],
        json!({"reference": "y"}),
        "what is left out is removed"
    );
    let again = apply(&server, "fieldManager=me", &config(&json!({"reference": "y"}))).await;
    assert_eq!(
        again.json(),
        changed.json(),
        "nothing has changed, nothing is written"
    );
    let dry = apply(
        &server,
        "fieldManager=me&dryRun=All",
        &config(&json!({"reference": "z"})),
    )
    .await;
    assert_eq!(dry.json()["spec"], json!({"reference": "z"}));
    assert_eq!(server.get(A).await.json(), changed.json());
}

#[tokio::test]
async fn what_nobody_knows_to_be_complete_is_completed_by_an_apply_that_changes_nothing() {
    let server = TestServer::new();
    let mine = config(&json!({"reference": "x"}));
    let made = apply(&server, "fieldManager=me", &mine).await.json();
    // As another program stored it, which knew of no status.
    let mut stored = made.clone();
    stored.as_object_mut().unwrap().remove("status");
    let metadata = stored["metadata"].as_object_mut().unwrap();
    metadata.remove("resourceVersion");
    metadata.insert("name".into(), "b".into());
    let key = Key::parse("/wardle.example.com/flunders/default/b").unwrap();
    server
        .store
        .create(&key, stored.to_string().into())
        .await
        .unwrap();
    let mut same = mine.clone();
    same["metadata"]["name"] = "b".into();
    let uri = format!("{FLUNDERS}/b?fieldManager=me");
    let completed = server.send("PATCH", &uri, APPLY, same.to_string()).await.json();
    assert_eq!(completed["status"], json!({}));
    assert_eq!(completed["spec"], made["spec"]);
    let again = server.send("PATCH", &uri, APPLY, same.to_string()).await.json();
    assert_eq!(again, completed);
}

#[tokio::test]
async fn managers_conflict_and_force() {
    let server = TestServer::new();
    apply(
        &server,
        "fieldManager=one",
        &config(&json!({"reference": "x", "size": 1})),
    )
    .await;
    let refused = apply(
        &server,
        "fieldManager=two",
        &config(&json!({"reference": "y", "size": 1})),
    )
    .await;
    let status = refused.json();
    assert_eq!(
        (refused.code, &status["message"], &status["reason"]),
        (
            409,
            &json!("Apply failed with 1 conflict: conflict with \"one\": .spec.reference"),
            &json!("Conflict")
        )
    );
    assert_eq!(
        status["details"]["causes"],
        json!([{
            "reason": "FieldManagerConflict", "message": "conflict with \"one\"", "field": ".spec.reference",
        }])
    );
    let forced = apply(
        &server,
        "fieldManager=two&force=true",
        &config(&json!({"reference": "y", "size": 1})),
    )
    .await;
    assert_eq!(forced.code, 200);
    assert_eq!(
        managers(&forced.json()),
        [
            ("one Apply".to_owned(), json!({"f:spec": {"f:size": {}}})),
            (
                "two Apply".to_owned(),
                json!({"f:spec": {"f:reference": {}, "f:size": {}}})
            ),
        ]
    );
}

#[tokio::test]
async fn every_writer_is_named() {
    let server = TestServer::new();
    let agent = ("user-agent", "kubectl/v1.36.3 (linux/amd64)");
    let body = json!({"metadata": {"name": "a"}, "spec": {"reference": "x"}});
    let made = server.send("POST", FLUNDERS, &[agent], body.to_string()).await;
    assert_eq!(managers(&made.json())[0].0, "kubectl Update");
    let merge = ("content-type", "application/merge-patch+json");
    let patch = json!({"spec": {"size": 3}}).to_string();
    let patched = server
        .send("PATCH", &format!("{A}?fieldManager=hpa"), &[merge], patch)
        .await;
    assert_eq!(
        managers(&patched.json()),
        [
            ("hpa Update".to_owned(), json!({"f:spec": {"f:size": {}}})),
            (
                "kubectl Update".to_owned(),
                json!({"f:spec": {"f:reference": {}}})
            ),
        ]
    );
    let before = managers(&patched.json());
    let labels = json!({"metadata": {"labels": {"a": "b"}, "managedFields": [{}]}}).to_string();
    let cleared = server
        .send("PATCH", &format!("{A}?fieldManager=me"), &[merge], labels)
        .await;
    assert_eq!(
        managers(&cleared.json()),
        [],
        "an entry without anything forgets all: {before:?}"
    );
    let replaced = server.send("PUT", A, &[agent], cleared.body.clone()).await;
    assert_eq!(
        managers(&replaced.json()),
        [],
        "what has no managers has none until it is applied"
    );
    let applied = apply(&server, "fieldManager=me", &config(&json!({"reference": "x"}))).await;
    let names: Vec<String> = managers(&applied.json())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["me Apply", "before-first-apply Update"]);
}

#[tokio::test]
async fn what_is_wrong_with_a_configuration_is_told_as_kubernetes_does() {
    let server = TestServer::new();
    let good = config(&json!({"reference": "x"}));
    let missing = apply(&server, "", &good).await;
    assert_eq!(
        missing.error(),
        (
            422,
            "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch".into()
        )
    );
    let mut managed = good.clone();
    managed["metadata"]["managedFields"] = json!([]);
    assert_eq!(
        apply(&server, "fieldManager=me", &managed).await.error(),
        (400, "metadata.managedFields must be nil".into())
    );
    assert_eq!(
        apply(&server, "fieldManager=me", &config(&json!({"foo": 1}))).await.error(),
        (
            500,
            "failed to create typed patch object (/a; wardle.example.com/v1alpha1, Kind=Flunder): .spec.foo: field \
             not declared in schema"
                .into()
        )
    );
    let mut uid = good.clone();
    uid["metadata"]["uid"] = "u".into();
    assert_eq!(
        apply(&server, "fieldManager=me", &uid).await.error(),
        (
            409,
            "Operation cannot be fulfilled on flunders.wardle.example.com \"a\": uid mismatch: the provided object \
             specified uid u, and no existing object was found"
                .into()
        )
    );
    let yaml = "apiVersion: wardle.example.com/v1alpha1\nkind: Flunder\nmetadata:\n  name: a\nspec:\n  size: 1\n  size: 2\n";
    let uri = format!("{A}?fieldManager=me&fieldValidation=Strict");
    let twice = server.send("PATCH", &uri, APPLY, yaml).await;
    assert_eq!(
        twice.error(),
        (
            400,
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 7: key \
             \"size\" already set in map"
                .into()
        )
    );
    let list = server
        .send("PATCH", &format!("{A}?fieldManager=me"), APPLY, "[]")
        .await;
    assert_eq!(list.code, 400);
    let mut other = good;
    other["kind"] = "Fischer".into();
    assert_eq!(apply(&server, "fieldManager=me", &other).await.code, 400);
    assert_eq!(server.get(A).await.code, 404, "nothing was written");
}

#[tokio::test]
async fn a_manager_of_one_version_owns_its_fields_in_the_other() {
    let server = TestServer::new();
    apply(&server, "fieldManager=one", &config(&json!({"reference": "x"}))).await;
    let beta = A.replace("v1alpha1", "v1beta1");
    let read = server.get(&beta).await.json();
    let field = read["spec"].as_object().unwrap().keys().next().unwrap().clone();
    let mut other = config(&json!({field.clone(): "y"}));
    other["apiVersion"] = "wardle.example.com/v1beta1".into();
    let uri = format!("{beta}?fieldManager=two");
    let refused = server.send("PATCH", &uri, APPLY, other.to_string()).await;
    assert_eq!(
        refused.error(),
        (
            409,
            "Apply failed with 1 conflict: conflict with \"one\": .spec.reference".into()
        )
    );
}

#[tokio::test]
async fn duplicate_fields_are_warned_of_one_by_one() {
    let server = TestServer::new();
    let body = r#"{"apiVersion":"wardle.example.com/v1alpha1","kind":"Flunder","metadata":{"name":"a"},
        "spec":{"reference":"a","reference":"b","size":1,"size":2}}"#;
    let uri = format!("{A}?fieldManager=me");
    let reply = server.send("PATCH", &uri, APPLY, body).await;
    assert_eq!(reply.code, 201);
    let expected =
        ["reference", "size"].map(|key| format!("299 - \"line 2: key \\\"{key}\\\" already set in map\""));
    let warnings = reply.headers.get_all("warning").iter();
    assert_eq!(warnings.collect::<Vec<_>>(), expected.each_ref());
}

#[tokio::test]
async fn a_configuration_is_yaml_even_where_it_looks_like_json() {
    let server = TestServer::new();
    let uri = format!("{A}?fieldManager=me");
    let refused = "error decoding YAML: error converting YAML to JSON: yaml: ";
    for (letter, message) in [
        (b'\xff', "invalid leading UTF-8 octet"),
        (b'\x01', "control characters are not allowed"),
    ] {
        let mut body = config(&json!({"reference": "?"})).to_string().into_bytes();
        let at = body.iter().position(|byte| *byte == b'?').unwrap();
        body[at] = letter;
        let reply = server.send("PATCH", &uri, APPLY, body).await;
        assert_eq!(reply.code, 400);
        assert_eq!(reply.json()["message"], format!("{refused}{message}"));
    }
    // YAML knows not all escapes of JSON, and takes a float without a fraction for an integer.
    let body = config(&json!({"reference": "?"})).to_string();
    let reply = server.send("PATCH", &uri, APPLY, body.replace('?', "\\/")).await;
    assert_eq!(reply.code, 400);
    assert_eq!(
        reply.json()["message"],
        format!("{refused}found unknown escape character")
    );
    let body = config(&json!({"size": 7})).to_string().replace('7', "7.0");
    let reply = server.send("PATCH", &uri, APPLY, body).await;
    assert_eq!((reply.code, &reply.json()["spec"]["size"]), (201, &json!(7)));
}

#[tokio::test]
async fn what_was_merged_is_converted_as_go_converts_it() {
    let server = TestServer::new();
    assert_eq!(
        apply(&server, "fieldManager=me", &config(&json!({"size": 1.5})))
            .await
            .error(),
        (
            500,
            "failed to convert new object (/a; wardle.example.com/v1alpha1, Kind=Flunder) to proper version: unable to \
             convert unstructured object to wardle.example.com/v1alpha1, Kind=Flunder: cannot convert float64 to int64"
                .into()
        )
    );
    let whole = apply(&server, "fieldManager=me", &config(&json!({"size": 3.0}))).await;
    assert_eq!((whole.code, &whole.json()["spec"]["size"]), (201, &json!(3)));
}
