use serde_json::{Value, json};

use super::super::serve;
use super::super::testing::{BETA, FLUNDERS, TestServer, flunder};
use super::reads::names;
use crate::authz::Authorized;
use crate::request::{RequestInfo, User};
use crate::resource::Policy;

const A: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/a";

#[tokio::test]
async fn a_body_is_json_or_yaml_and_nothing_else() {
    let server = TestServer::new();
    let yaml = "apiVersion: wardle.example.com/v1alpha1\nkind: Flunder\nmetadata:\n  name: a\nspec:\n  reference: yaml\n";
    let created = server
        .send("POST", FLUNDERS, &[("content-type", "application/yaml")], yaml)
        .await;
    assert_eq!(
        (created.code, &created.json()["spec"]),
        (201, &json!({"reference": "yaml"}))
    );
    let cbor = server
        .send("POST", FLUNDERS, &[("content-type", "application/cbor")], "\u{1}")
        .await;
    assert_eq!(
        cbor.error(),
        (
            415,
            "the body of the request was in an unknown format - accepted media types include: application/json, \
             application/yaml, application/vnd.kubernetes.protobuf"
                .into()
        )
    );
    let large = server
        .send("POST", FLUNDERS, &[], vec![b' '; 3 * 1024 * 1024 + 1])
        .await;
    assert_eq!(
        large.error(),
        (413, "Request entity too large: limit is 3145728".into())
    );
}

#[tokio::test]
async fn what_would_take_more_memory_than_there_is_is_refused_unread() {
    const MIB: usize = 1024 * 1024;
    let server = TestServer::with_memory(12 * MIB);
    let objects = vec![r#"{"":0}"#; 20_000].join(",");
    let made = server
        .post(FLUNDERS, &json!({"metadata": {"name": "a"}, "spec": {}}))
        .await;
    assert_eq!(made.code, 201);
    let patch = format!(r#"{{"a":[{objects}]}}"#);
    let added = format!(r#"[{{"op":"add","path":"/spec/a","value":[{objects}]}}]"#);
    let yaml = format!("a: [{objects}]");
    let refused = (
        413,
        "Request entity too large: the body may take 16 MiB of memory once it is decoded, and this server has 6 MiB for it"
            .to_owned(),
    );
    for (method, path, media, body) in [
        ("PATCH", A, "application/merge-patch+json", &patch),
        ("PATCH", A, "application/json-patch+json", &added),
        ("POST", FLUNDERS, "application/json", &patch),
        ("PUT", A, "application/json", &patch),
    ] {
        let answer = server
            .send(method, path, &[("content-type", media)], body.clone())
            .await;
        assert_eq!(answer.error(), refused, "{method} {media}");
    }
    let yaml = server
        .send("POST", FLUNDERS, &[("content-type", "application/yaml")], yaml)
        .await;
    assert_eq!(yaml.code, 413);
    // A text of the same length takes no more than its length.
    let text = server
        .merge(A, &json!({"spec": {"reference": "x".repeat(objects.len())}}))
        .await;
    assert_eq!(text.code, 200);
}

#[tokio::test]
async fn copies_within_an_object_take_no_more_memory_than_there_is_for_them() {
    const MIB: usize = 1024 * 1024;
    let list = vec![r#"{"":0}"#; 2000].join(",");
    let copies: Vec<String> = (0..20)
        .map(|number| format!(r#"{{"op":"copy","from":"/spec/a","path":"/spec/b{number}"}}"#))
        .collect();
    let patch = format!(
        r#"[{{"op":"add","path":"/spec/a","value":[{list}]}},{}]"#,
        copies.join(",")
    );
    for (memory, code) in [(96 * MIB, 422), (960 * MIB, 200)] {
        let server = TestServer::with_memory(memory);
        let made = server
            .post(FLUNDERS, &json!({"metadata": {"name": "a"}, "spec": {}}))
            .await;
        assert_eq!(made.code, 201);
        let answer = server
            .send(
                "PATCH",
                A,
                &[("content-type", "application/json-patch+json")],
                patch.clone(),
            )
            .await;
        assert_eq!(answer.code, code, "{memory}");
    }
}

#[tokio::test]
async fn unknown_fields_are_warned_of_refused_or_ignored() {
    let server = TestServer::new();
    let body = r#"{"metadata":{"name":"NAME"},"spec":{"color":"red","reference":"x","reference":"y"}}"#;
    let warned = server
        .send("POST", FLUNDERS, &[], body.replace("NAME", "a"))
        .await;
    assert_eq!(warned.code, 201);
    assert_eq!(warned.json()["spec"], json!({"reference": "y"}));
    let warnings: Vec<_> = warned
        .headers
        .get_all("warning")
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    assert_eq!(
        warnings,
        [
            r#"299 - "unknown field \"spec.color\"""#,
            r#"299 - "duplicate field \"spec.reference\"""#
        ]
    );
    let strict = format!("{FLUNDERS}?fieldValidation=Strict");
    let refused = server.send("POST", &strict, &[], body.replace("NAME", "b")).await;
    assert_eq!(
        refused.error(),
        (
            400,
            "Flunder in version \"v1alpha1\" cannot be handled as a Flunder: strict decoding error: unknown field \
             \"spec.color\", duplicate field \"spec.reference\""
                .into()
        )
    );
    let ignored = format!("{FLUNDERS}?fieldValidation=Ignore");
    let ignored = server
        .send("POST", &ignored, &[], body.replace("NAME", "c"))
        .await;
    assert_eq!((ignored.code, ignored.header("warning")), (201, None));
}

#[tokio::test]
async fn a_dry_run_creates_nothing() {
    let server = TestServer::new();
    let reply = server
        .post(&format!("{FLUNDERS}?dryRun=All"), &flunder("a"))
        .await;
    assert_eq!(reply.code, 201);
    assert!(reply.json()["metadata"]["uid"].is_string());
    assert_eq!(reply.json()["metadata"]["resourceVersion"], Value::Null);
    assert_eq!(server.get(A).await.code, 404);
    let some = server
        .post(&format!("{FLUNDERS}?dryRun=Some"), &flunder("a"))
        .await;
    assert_eq!(some.code, 422);
}

#[tokio::test]
async fn an_update_is_of_the_object_that_the_url_names() {
    let server = TestServer::new();
    let mut a = server.create("a").await;
    a["spec"]["reference"] = "y".into();
    let updated = server.put(A, &a).await;
    assert_eq!(
        (updated.code, &updated.json()["spec"]["reference"]),
        (200, &json!("y"))
    );
    assert_ne!(
        updated.json()["metadata"]["resourceVersion"],
        a["metadata"]["resourceVersion"]
    );
    assert_eq!(
        server.put(A, &a).await.error(),
        (
            409,
            "Operation cannot be fulfilled on flunders.wardle.example.com \"a\": the object has been modified; please \
             apply your changes to the latest version and try again"
                .into()
        )
    );
    let path_b = format!("{FLUNDERS}/b");
    for (object, path, message) in [
        (
            json!({"metadata": {"name": "a"}}),
            path_b.as_str(),
            "the name of the object (a) does not match the name on the URL (b)",
        ),
        (
            json!({"metadata": {"name": "a", "namespace": "other"}}),
            A,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        (
            json!({"metadata": {}}),
            A,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
        (
            json!({"apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": {"name": "a"}}),
            A,
            "the API version in the data (wardle.example.com/v1beta1) does not match the expected API version \
             (wardle.example.com/v1alpha1)",
        ),
    ] {
        assert_eq!(server.put(path, &object).await.error(), (400, message.into()));
    }
    assert_eq!(server.put(&path_b, &flunder("b")).await.code, 404);
}

#[tokio::test]
async fn a_merge_patch_is_applied_to_the_object_as_it_is() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let patch = json!({"metadata": {"labels": {"x": "1"}}, "spec": {"reference": null, "size": 3}});
    let reply = server.merge(A, &patch).await;
    assert_eq!((reply.code, &reply.json()["spec"]), (200, &json!({"size": 3})));
    assert_eq!(reply.json()["metadata"]["labels"], json!({"x": "1"}));
    let same = server.merge(A, &patch).await.json();
    assert_eq!(
        same["metadata"]["resourceVersion"],
        reply.json()["metadata"]["resourceVersion"]
    );
    let beta = server
        .merge(&format!("{BETA}/a"), &json!({"spec": {"flunderReference": "z"}}))
        .await
        .json();
    assert_eq!(beta["spec"], json!({"flunderReference": "z", "size": 3}));
    let stale = json!({"metadata": {"resourceVersion": a["metadata"]["resourceVersion"], "finalizers": []}});
    assert_eq!(server.merge(A, &stale).await.error().0, 409);
    assert_eq!(
        server.merge(&format!("{FLUNDERS}/b"), &json!([])).await.error(),
        (404, "flunders.wardle.example.com \"b\" not found".into())
    );
}

#[tokio::test]
async fn a_patch_that_makes_no_object_is_invalid() {
    let server = TestServer::new();
    server.create("a").await;
    let wrong_type = server.merge(A, &json!({"spec": {"size": "large"}})).await;
    let (code, message) = wrong_type.error();
    assert_eq!(code, 422);
    assert!(
        message.starts_with(" \"\" is invalid: patch: Invalid value: \"{"),
        "{message}"
    );
    assert_eq!(wrong_type.json()["details"]["causes"][0]["field"], "patch");

    let strict = format!("{A}?fieldValidation=Strict");
    let (code, message) = server
        .merge(&strict, &json!({"spec": {"color": "red"}}))
        .await
        .error();
    assert_eq!(code, 422);
    assert!(
        message.ends_with("strict decoding error: unknown field \"spec.color\""),
        "{message}"
    );
    let warned = server.merge(A, &json!({"spec": {"color": "red"}})).await;
    assert_eq!(
        warned.header("warning"),
        Some(r#"299 - "unknown field \"spec.color\"""#)
    );

    assert_eq!(
        server.merge(A, &json!({"metadata": {"name": "b"}})).await.error(),
        (
            400,
            "the name of the object (b) does not match the name on the URL (a)".into()
        )
    );
    assert_eq!(
        server.merge(A, &json!(null)).await.error(),
        (400, "Invalid JSON Patch".into())
    );
}

#[tokio::test]
async fn a_json_patch_applies_as_a_whole_or_not_at_all() {
    let server = TestServer::new();
    server.create("a").await;
    let patch = json!([
        {"op": "test", "path": "/spec/reference", "value": "x"},
        {"op": "replace", "path": "/spec/reference", "value": "y"},
        {"op": "add", "path": "/spec/list", "value": ["p"]},
    ]);
    let reply = server.json_patch(A, &patch).await;
    assert_eq!(
        (reply.code, &reply.json()["spec"]),
        (200, &json!({"reference": "y", "list": ["p"]}))
    );
    let again = server.json_patch(A, &patch).await;
    assert_eq!(
        again.json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Invalid", "code": 422,
            "message": "the server rejected our request due to an error in our request", "details": {},
        })
    );
    let strict = format!("{A}?fieldValidation=Strict");
    let (code, message) = server
        .json_patch(
            &strict,
            &json!([{"op": "add", "path": "/spec/size", "value": 1, "foo": 1}]),
        )
        .await
        .error();
    assert_eq!(code, 422);
    assert!(
        message.ends_with("strict decoding error: json patch unknown field \"[0].foo\""),
        "{message}"
    );
}

#[tokio::test]
async fn other_patches_are_415_so_that_clients_fall_back() {
    let server = TestServer::with(Policy::default());
    server.create("a").await;
    let strategic = [("content-type", "application/strategic-merge-patch+json")];
    let reply = server.send("PATCH", A, &strategic, "{}").await;
    assert_eq!(
        reply.error(),
        (
            415,
            "the body of the request was in an unknown format - accepted media types include: \
             application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
                .into()
        )
    );
    let reply = server.send("PATCH", A, &[], "{}").await;
    assert_eq!(reply.error(), (415, "415: Unsupported Media Type".into()));
    let forced = server.merge(&format!("{A}?force=true"), &json!({})).await;
    assert_eq!(forced.error().0, 422);
}

#[tokio::test]
async fn what_is_deleted_is_named_with_its_uid() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let stale = json!({"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "other"}});
    assert_eq!(
        server.send("DELETE", A, &[], stale.to_string()).await.error().0,
        409
    );
    let table = [(
        "accept",
        "application/json;as=Table;g=meta.k8s.io;v=v1,application/json",
    )];
    let dry = server
        .send("DELETE", &format!("{A}?dryRun=All"), &table, "")
        .await;
    assert_eq!((dry.code, &dry.json()["kind"]), (200, &json!("Status")));
    let reply = server.delete(A).await;
    assert_eq!(
        (reply.code, reply.json()),
        (
            200,
            json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": {
                    "name": "a", "group": "wardle.example.com", "kind": "flunders", "uid": a["metadata"]["uid"],
                },
            })
        )
    );
    assert_eq!(server.delete(A).await.error().0, 404);
    let garbage = server.send("DELETE", A, &[], "{").await;
    assert_eq!(garbage.error().0, 400);
}

#[tokio::test]
async fn an_object_with_finalizers_lives_on_and_is_the_answer() {
    let server = TestServer::new();
    let mut object = flunder("a");
    object["metadata"]["finalizers"] = json!(["example.com/wait"]);
    assert_eq!(server.post(FLUNDERS, &object).await.code, 201);
    let pending = server.delete(A).await;
    assert_eq!((pending.code, &pending.json()["kind"]), (200, &json!("Flunder")));
    assert!(pending.json()["metadata"]["deletionTimestamp"].is_string());
    let accepted = server
        .send("DELETE", A, &[], r#"{"orphanDependents":false}"#)
        .await;
    assert_eq!(accepted.code, 202);
    let yaml = [("content-type", "application/yaml")];
    let foreground = server
        .send("DELETE", A, &yaml, "propagationPolicy: Foreground\n")
        .await;
    assert_eq!(
        foreground.json()["metadata"]["finalizers"],
        json!(["example.com/wait", "foregroundDeletion"])
    );
    let gone = server.merge(A, &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(gone.code, 200);
    assert_eq!(server.get(A).await.code, 404);
}

#[tokio::test]
async fn a_collection_is_deleted_by_its_labels() {
    let server = TestServer::new();
    for name in ["a", "b", "c"] {
        let mut object = flunder(name);
        object["metadata"]["labels"] = json!({"keep": (name == "b").to_string()});
        assert_eq!(server.post(FLUNDERS, &object).await.code, 201);
    }
    let dry = server.delete(&format!("{FLUNDERS}?dryRun=All")).await;
    assert_eq!((dry.code, names(&dry.json())), (200, vec!["a", "b", "c"]));
    let deleted = server
        .delete(&format!("{FLUNDERS}?labelSelector=keep%3Dfalse"))
        .await;
    assert_eq!(deleted.code, 200);
    assert_eq!(deleted.json()["kind"], "FlunderList");
    assert_eq!(names(&deleted.json()), ["a", "c"]);
    assert_eq!(names(&server.get(FLUNDERS).await.json()), ["b"]);
}

#[tokio::test]
async fn a_put_creates_where_the_resource_lets_it_and_the_user_may_create() {
    let server = TestServer::with(Policy {
        allow_create_on_update: true,
        ..Policy::default()
    });
    let path = format!("{FLUNDERS}/new");
    // What was authorized is the update alone.
    let info = RequestInfo::parse(&http::Method::PUT, &path.parse().unwrap()).unwrap();
    let stranger = Authorized::in_test(User::anonymous(), info);
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.uri = path.parse().unwrap();
    let body = http_body_util::Full::new(bytes::Bytes::from(flunder("new").to_string()));
    let refused = serve(&server.endpoints, &stranger, &parts, body)
        .await
        .err()
        .unwrap()
        .status();
    assert_eq!(
        (refused.code, refused.message.as_str()),
        (
            403,
            "flunders.wardle.example.com \"new\" is forbidden: User \"system:anonymous\" cannot create resource \
             \"flunders\" in API group \"wardle.example.com\" in the namespace \"default\""
        )
    );
    assert_eq!(server.get(&path).await.code, 404);
    // An administrator may.
    let created = server.put(&path, &flunder("new")).await;
    assert_eq!(created.code, 201, "{}", created.json());
    let mut changed = created.json();
    changed["spec"]["size"] = 3.into();
    assert_eq!(server.put(&path, &changed).await.code, 200);
    // A patch of what is not there has nothing to change.
    let reply = server
        .merge(&format!("{FLUNDERS}/other"), &json!({"spec": {}}))
        .await;
    assert_eq!(reply.code, 404);
    // Nor does a PUT create where the resource does not say so.
    assert_eq!(TestServer::new().put(&path, &flunder("new")).await.code, 404);
}
