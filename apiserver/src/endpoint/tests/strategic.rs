//! Strategic merge patches.

use serde_json::{Value, json};

use super::super::testing::{Reply, TestServer};

const A: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/a";
const MEDIA: &str = "application/strategic-merge-patch+json";

async fn stocked() -> TestServer {
    let server = TestServer::new();
    server.create("a").await;
    server
}

async fn patch(server: &TestServer, query: &str, body: impl Into<String>) -> Reply {
    let headers = [("content-type", MEDIA)];
    server
        .send("PATCH", &format!("{A}{query}"), &headers, body.into())
        .await
}

async fn refused(server: &TestServer, query: &str, body: &str) -> (u16, String) {
    patch(server, query, body).await.error()
}

fn invalid(shown: &str, message: &str) -> (u16, String) {
    (
        422,
        format!(" \"\" is invalid: patch: Invalid value: \"{shown}\": {message}"),
    )
}

#[tokio::test]
async fn lists_of_metadata_are_merged_and_others_replaced() {
    let server = stocked().await;
    let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": uid, "uid": uid});
    let first = json!({
        "metadata": {"finalizers": ["x/a", "x/b"], "ownerReferences": [owner("1"), owner("2")]},
        "spec": {"list": ["p"], "size": 2.0},
    });
    assert_eq!(patch(&server, "", first.to_string()).await.code, 200);
    let second = json!({
        "metadata": {
            "$deleteFromPrimitiveList/finalizers": ["x/a"], "finalizers": ["x/c"],
            "ownerReferences": [{"uid": "1", "$patch": "delete"}, owner("3")],
        },
        "spec": {"list": ["q"], "reference": null},
    });
    let patched = patch(&server, "", second.to_string()).await;
    assert_eq!(patched.code, 200);
    let (metadata, spec) = (&patched.json()["metadata"], &patched.json()["spec"]);
    // What is new comes first, since the live list has no place for it.
    assert_eq!(metadata["finalizers"], json!(["x/c", "x/b"]));
    assert_eq!(metadata["ownerReferences"], json!([owner("3"), owner("2")]));
    assert_eq!(*spec, json!({"list": ["q"], "size": 2}));
    let ordered = json!({"metadata": {"$setElementOrder/finalizers": ["x/b", "x/c"]}});
    let patched = patch(&server, "?dryRun=All", ordered.to_string()).await;
    assert_eq!(patched.json()["metadata"]["finalizers"], json!(["x/b", "x/c"]));
    let kept: Value = server.get(A).await.json();
    assert_eq!(kept["metadata"]["finalizers"], json!(["x/c", "x/b"]));
}

#[tokio::test]
async fn errors_are_those_of_go() {
    let server = stocked().await;
    for (body, code, message) in [
        (
            "[]",
            400,
            "json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
        ("{", 400, "unexpected end of JSON input"),
        (
            r#"{"spec":{"$patch":"x"}}"#,
            500,
            "unknown patch type: x in map: map[$patch:x]",
        ),
        (
            r#"{"spec":{"$retainKeys":["size"],"reference":"a"}}"#,
            400,
            "invalid patch format of retainKeys",
        ),
        (
            r#"{"metadata":{"$setElementOrder/x":[]}}"#,
            500,
            "unable to find api field in struct ObjectMeta for the json field \"x\"",
        ),
        (
            r#"{"metadata":null}"#,
            400,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        ),
        (
            r#"{"metadata":{"$setElementOrder/finalizers":["a"],"finalizers":[{}]}}"#,
            500,
            "The order in patch list:\n[map[]]\n doesn't match $setElementOrder list:\n[a]\n",
        ),
    ] {
        assert_eq!(
            refused(&server, "", body).await,
            (code, message.to_owned()),
            "{body}"
        );
    }
    for (body, shown, message) in [
        (
            r#"{"spec":"x"}"#,
            "map[spec:x]",
            "cannot restore struct from: string",
        ),
        (
            r#"{"spec":{"reference":1}}"#,
            "map[spec:map[reference:1]]",
            "cannot convert int64 to string",
        ),
        (
            r#"{"spec":{"size":1.5}}"#,
            "map[spec:map[size:1.5]]",
            "cannot convert float64 to int64",
        ),
        (
            r#"{"spec":{"size":true}}"#,
            "map[spec:map[size:true]]",
            "unrecognized type: int64",
        ),
        (
            r#"{"metadata":{"labels":[]}}"#,
            "map[metadata:map[labels:[]]]",
            "cannot restore map from slice",
        ),
        (
            r#"{"spec":{"list":{}}}"#,
            "map[spec:map[list:map[]]]",
            "cannot restore slice from map",
        ),
    ] {
        assert_eq!(
            refused(&server, "", body).await,
            invalid(shown, message),
            "{body}"
        );
    }
    let stale = r#"{"metadata":{"resourceVersion":"1"}}"#;
    assert_eq!(refused(&server, "", stale).await.0, 409);
}

#[tokio::test]
async fn unknown_and_duplicate_fields_are_told_in_one_order() {
    let server = stocked().await;
    let body = r#"{"spec":{"z":1,"reference":"b","reference":"c"},"other":null,"more":1}"#;
    assert_eq!(
        refused(&server, "?fieldValidation=Strict", body).await,
        invalid(
            "map[more:1 other:<nil> spec:map[reference:c z:1]]",
            "strict decoding error: duplicate field \"spec.reference\", unknown field \"more\", unknown field \"spec.z\""
        )
    );
    let patched = patch(&server, "?fieldValidation=Ignore", body).await;
    assert_eq!(patched.json()["spec"], json!({"reference": "c"}));
    // A patch may say what it likes of the kind, which is the request's.
    let patched = patch(&server, "", r#"{"kind":"Other","apiVersion":"v1"}"#).await;
    assert_eq!((patched.code, &patched.json()["kind"]), (200, &json!("Flunder")));
}
