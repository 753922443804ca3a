//! What one look writes.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::*;
use crate::{
    aggregated_server::testing::context,
    fake_client::{Answer, Request, fake_client},
};

const DEFINITION: &str = "/apis/annex.dev/v1alpha1/aggregatedresourcedefinitions/lamps.example.com";
const STATUS: &str = "/apis/annex.dev/v1alpha1/aggregatedresourcedefinitions/lamps.example.com/status";
const CRD: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/aggregatedresourcedefinitions.annex.dev";

/// A definition that names the server of the fake cluster.
fn lamps(metadata: Value, status: Value) -> DynamicObject {
    let mut object = json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedResourceDefinition",
        "metadata": { "name": "lamps.example.com", "uid": "u", "generation": 1, "resourceVersion": "7" },
        "spec": {
            "server": "wardle", "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "lamps", "kind": "Lamp" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
        "status": status,
    });
    for (name, value) in metadata.as_object().unwrap() {
        object["metadata"][name] = value.clone();
    }
    serde_json::from_value(object).unwrap()
}

fn established() -> Value {
    json!({
        "acceptedNames": { "plural": "lamps", "kind": "Lamp" },
        "conditions": [{ "type": "Established", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
    })
}

/// What a look at `object` asks for, where the definitions' own CustomResourceDefinition is being deleted or not.
async fn writes_for(object: DynamicObject, is_going: bool) -> Vec<Request> {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = fake_client(move |request| {
        seen.lock().unwrap().push(request.clone());
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", CRD) => {
                let mut metadata = json!({ "name": "aggregatedresourcedefinitions.annex.dev" });
                if is_going {
                    metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
                }
                Answer::ok(json!({
                    "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata,
                }))
            }
            ("GET", "/apis/annex.dev/v1alpha1/aggregatedservers/gone") => Answer::status(404, "NotFound"),
            ("GET", "/apis/annex.dev/v1alpha1/aggregatedservers/late") => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": "late" },
            })),
            ("PATCH", DEFINITION) => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": "lamps.example.com" },
            })),
            ("PUT", STATUS) => Answer::ok(request.body),
            ("POST", path) if path.ends_with("/events") => Answer::ok(request.body),
            (method, path) => panic!("{method} {path}"),
        }
    });
    let ctx = context(client);
    ctx.servers.observe(&watcher::Event::InitDone);
    let mut controller = Controller::new(Arc::new(ctx));
    controller.take(object);
    controller.are_listed = true;
    let pause = controller.look().await;
    assert_eq!(pause, HURRY, "{:?}", controller.failures);
    let requests = requests.lock().unwrap().clone();
    let is_write = |request: &Request| matches!(request.method.as_str(), "PATCH" | "PUT");
    requests.into_iter().filter(is_write).collect()
}

#[tokio::test]
async fn a_definition_gets_its_finalizer_before_anything_is_said_of_it() {
    let writes = writes_for(lamps(json!({}), Value::Null), false).await;
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].body["metadata"],
        json!({ "name": "lamps.example.com", "uid": "u", "resourceVersion": "7", "finalizers": ["annex.dev/objects"] })
    );
    let kept = lamps(json!({ "finalizers": ["annex.dev/objects"] }), Value::Null);
    let writes = writes_for(kept, false).await;
    assert_eq!((writes.len(), writes[0].path.as_str()), (1, STATUS));
    let status = &writes[0].body["status"];
    assert_eq!(status["acceptedNames"]["listKind"], "LampList");
    assert_eq!(status["conditions"][0]["reason"], "NoConflicts");
    assert_eq!(status["conditions"][1]["reason"], "Installing");
    assert_eq!(
        status["conditions"][2]["reason"], "Installing",
        "no pass has said which replicas there are"
    );
}

#[tokio::test]
async fn objects_are_deleted_on_its_own_deletion_alone() {
    let deleting = || {
        let finalizers = json!(["example.com/other", "annex.dev/objects"]);
        let metadata = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers });
        lamps(metadata, established())
    };
    let writes = writes_for(deleting(), false).await;
    assert_eq!(writes.len(), 1);
    assert_eq!(
        writes[0].body["metadata"]["annotations"],
        json!({ "annex.dev/delete-objects": "u" })
    );
    let writes = writes_for(deleting(), true).await;
    assert_eq!(writes.len(), 1);
    let metadata = &writes[0].body["metadata"];
    assert_eq!(metadata["finalizers"], json!(["example.com/other"]));
    assert!(metadata["annotations"].is_null(), "{metadata}");
}

/// The watch of servers may be late: one that was just made again has the objects.
#[tokio::test]
async fn a_definition_is_let_go_where_its_server_is_gone_by_a_read_of_now() {
    let of = |server: &str| {
        let finalizers = json!(["annex.dev/objects"]);
        let metadata = json!({ "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers });
        let mut object = lamps(metadata, established());
        object.data["spec"]["server"] = server.into();
        object
    };
    assert_eq!(writes_for(of("late"), false).await.len(), 0);
    let writes = writes_for(of("gone"), false).await;
    assert_eq!(writes.len(), 1);
    assert_eq!(writes[0].body["metadata"]["finalizers"], json!([]));
}

/// The API server may refuse a write of one definition for ever.
#[tokio::test]
async fn a_definition_that_cannot_be_written_stops_no_other() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = fake_client(move |request| {
        seen.lock().unwrap().push(request.path.clone());
        match request.path.as_str() {
            CRD => Answer::status(500, "InternalError"),
            DEFINITION => Answer::status(500, "InternalError"),
            path => Answer::ok(json!({
                "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": { "name": path },
            })),
        }
    });
    let ctx = Arc::new(context(client));
    ctx.servers.observe(&watcher::Event::InitDone);
    let mut controller = Controller::new(Arc::clone(&ctx));
    let mut chairs = lamps(json!({ "name": "zchairs.example.com", "uid": "c" }), Value::Null);
    chairs.data["spec"]["names"] = json!({ "plural": "zchairs", "kind": "Chair" });
    let finalizers = json!(["annex.dev/objects"]);
    let mut deleted = lamps(
        json!({ "name": "zz.example.com", "uid": "z", "deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": finalizers }),
        established(),
    );
    deleted.data["spec"]["names"] = json!({ "plural": "zz", "kind": "Z" });
    for object in [lamps(json!({}), Value::Null), chairs, deleted] {
        controller.take(object);
    }
    controller.are_listed = true;
    assert_eq!(controller.look().await, HURRY);
    let asked = std::mem::take(&mut *requests.lock().unwrap());
    assert!(
        asked.iter().any(|path| path.ends_with("/zchairs.example.com")),
        "{asked:?}"
    );
    assert!(
        !asked.iter().any(|path| path.ends_with("/zz.example.com")),
        "whether objects may go is not known: {asked:?}"
    );
    assert!(ctx.definitions.are_known(), "claims are told");
    let failed: Vec<&str> = controller.failures.keys().map(String::as_str).collect();
    assert_eq!(failed, [PLURAL, "lamps.example.com"]);
}
