use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::testing::TestServer;
use crate::resource::{ScalePaths, typed};
use crate::status::FieldError;
use crate::storage::{List, Prefix, ReadAt, Storage as _};

const WIDGETS: &str = "/apis/test.example.com/v1/namespaces/default/widgets";
const A: &str = "/apis/test.example.com/v1/namespaces/default/widgets/a";
const MERGE: &[(&str, &str)] = &[("content-type", "application/merge-patch+json")];

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Widget {
    metadata: ObjectMeta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct Spec {
    #[serde(skip_serializing_if = "Option::is_none")]
    replicas: Option<i64>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    color: String,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct Status {
    #[serde(default, skip_serializing_if = "is_zero")]
    replicas: i64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    selector: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

crate::kind!(Widget: "test.example.com", "v1", "widgets", Namespaced);

fn server() -> TestServer {
    let widgets = typed::resource::<Widget>()
        .status()
        .scale(ScalePaths {
            spec_replicas: ".spec.replicas".into(),
            status_replicas: ".status.replicas".into(),
            label_selector: Some(".status.selector".into()),
        })
        .warnings(|widget| match widget.spec.color.as_str() {
            "mauve" => vec!["mauve fades".to_owned()],
            _ => vec![],
        })
        .validate_status_update(|new, old| {
            if new.status.replicas < old.status.replicas - 5 {
                vec![FieldError::invalid(
                    "status.replicas",
                    new.status.replicas,
                    "falls too fast",
                )]
            } else {
                vec![]
            }
        })
        .build()
        .unwrap();
    TestServer::of([widgets])
}

async fn with_a(spec: Value) -> TestServer {
    let server = server();
    let body = json!({"metadata": {"name": "a"}, "spec": spec, "status": {"replicas": 9}});
    let made = server.post(WIDGETS, &body).await;
    assert_eq!(
        (made.code, &made.json()["status"]),
        (201, &json!({})),
        "a create sets no status"
    );
    server
}

async fn put(server: &TestServer, path: &str, body: &Value) -> (u16, Value) {
    let reply = server.send("PUT", path, &[], body.to_string()).await;
    (reply.code, reply.json())
}

async fn patch(server: &TestServer, path: &str, body: &Value) -> (u16, Value) {
    let reply = server.send("PATCH", path, MERGE, body.to_string()).await;
    (reply.code, reply.json())
}

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Task {
    metadata: ObjectMeta,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    status: TaskStatus,
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
struct TaskStatus {
    #[serde(default)]
    phase: String,
}

crate::kind!(Task: "test.example.com", "v1", "tasks", Namespaced);

mod v2 {
    use super::*;

    /// Says nothing where nothing is said.
    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Task {
        pub(super) metadata: ObjectMeta,
        #[serde(default)]
        pub(super) size: i64,
        #[serde(default)]
        pub(super) status: TaskStatus,
    }

    crate::kind!(Task: "test.example.com", "v2", "tasks", Namespaced);

    impl From<Task> for super::Task {
        fn from(task: Task) -> Self {
            Self {
                metadata: task.metadata,
                size: task.size,
                status: task.status,
            }
        }
    }

    impl From<super::Task> for Task {
        fn from(task: super::Task) -> Self {
            Self {
                metadata: task.metadata,
                size: task.size,
                status: task.status,
            }
        }
    }
}

/// What is stored as complete is read as it is, by whoever reads it.
#[tokio::test]
async fn what_is_stored_is_complete_whatever_was_done_to_it() {
    let tasks = typed::resource::<Task>()
        .version::<v2::Task>()
        .default(|task: &mut Task| {
            if task.status.phase.is_empty() {
                task.status.phase = "Pending".into();
            }
            task.size = task.size.max(1);
        })
        .prepare_for_update(|task, _| {
            if task.size == 7 {
                task.size = 0;
            }
        })
        .status()
        .build()
        .unwrap();
    let server = TestServer::of([tasks]);
    let tasks = "/apis/test.example.com/v1/namespaces/default/tasks";
    let stored = async || {
        let list = List {
            prefix: Prefix::resource("test.example.com", "tasks").unwrap(),
            after: None,
            limit: None,
            at: ReadAt::Latest,
        };
        let entries = server.store.list(&list).await.unwrap().entries;
        let entry = entries.first().unwrap();
        let value: Value = serde_json::from_slice(entry.value()).unwrap();
        (value["size"].clone(), value["status"]["phase"].clone())
    };
    let complete = (json!(1), json!("Pending"));
    let made = server.post(tasks, &json!({"metadata": {"name": "a"}})).await;
    assert_eq!(made.code, 201);
    assert_eq!(stored().await, complete);
    let (code, _) = patch(&server, &format!("{tasks}/a"), &json!({"size": 7})).await;
    assert_eq!((code, stored().await), (200, complete.clone()));
    // To another version, which has no defaults.
    let other = json!({"apiVersion": "test.example.com/v2", "size": null});
    let (code, _) = patch(&server, &format!("{tasks}/a"), &other).await;
    assert_eq!((code, stored().await), (200, complete));
}

#[tokio::test]
async fn the_status_has_a_path_of_its_own() {
    let server = with_a(json!({"color": "red"})).await;
    let status = format!("{A}/status");
    let (code, mut object) = patch(
        &server,
        &status,
        &json!({"metadata": {"labels": {"x": "y"}}, "spec": {"color": "blue"}, "status": {"replicas": 3}}),
    )
    .await;
    assert_eq!(code, 200, "{object}");
    assert_eq!(object["spec"], json!({"color": "red"}));
    assert_eq!(object["status"], json!({"replicas": 3}));
    assert_eq!(object["metadata"].get("labels"), None);
    assert_eq!(object["metadata"]["generation"], 1);
    object["spec"]["color"] = "green".into();
    object["status"]["replicas"] = 4.into();
    let (code, object) = put(&server, A, &object).await;
    assert_eq!(
        (code, &object["status"]),
        (200, &json!({"replicas": 3})),
        "only /status writes it"
    );
    assert_eq!(object["metadata"]["generation"], 2);
    let (_, again) = patch(&server, A, &json!({"status": {"replicas": 8}})).await;
    assert_eq!(
        again["metadata"]["resourceVersion"], object["metadata"]["resourceVersion"],
        "nothing has changed, nothing is written"
    );
    let read = server.get(&status).await;
    assert_eq!(read.json(), object);
}

#[tokio::test]
async fn a_status_is_judged_by_rules_of_its_own() {
    let server = with_a(json!({})).await;
    let status = format!("{A}/status");
    assert_eq!(
        patch(&server, &status, &json!({"status": {"replicas": 9}}))
            .await
            .0,
        200
    );
    let (code, answer) = patch(&server, &status, &json!({"status": {"replicas": 1}})).await;
    assert_eq!(code, 422);
    assert_eq!(
        answer["message"],
        "Widget.test.example.com \"a\" is invalid: status.replicas: Invalid value: 1: falls too fast"
    );
    let (code, answer) = patch(&server, &status, &json!({"status": {"replicas": -1}})).await;
    assert_eq!(code, 422);
    assert_eq!(
        answer["message"],
        "Widget.test.example.com \"a\" is invalid: [status.replicas: Invalid value: -1: falls too fast, \
         .status.replicas: Invalid value: -1: should be a non-negative integer]"
    );
    let stale = json!({"metadata": {"resourceVersion": "1"}, "status": {"replicas": 8}});
    assert_eq!(patch(&server, &status, &stale).await.0, 409);
    assert_eq!(
        patch(&server, &format!("{WIDGETS}/b/status"), &stale).await.0,
        404
    );
}

#[tokio::test]
async fn who_writes_a_status_is_not_warned_of_the_rest() {
    let server = with_a(json!({"color": "mauve"})).await;
    let body = json!({"status": {"replicas": 1}, "spec": {"replicas": 2}}).to_string();
    let status = format!("{A}/status");
    for (path, warned) in [(A, Some("299 - \"mauve fades\"")), (status.as_str(), None)] {
        let reply = server.send("PATCH", path, MERGE, body.clone()).await;
        assert_eq!((reply.code, reply.header("warning")), (200, warned), "{path}");
    }
}

#[tokio::test]
async fn a_scale_reads_and_writes_the_replicas() {
    let server = with_a(json!({"replicas": 2, "color": "red"})).await;
    let scale = format!("{A}/scale");
    let selected = json!({"status": {"replicas": 1, "selector": "a=b"}});
    assert_eq!(patch(&server, &format!("{A}/status"), &selected).await.0, 200);
    let mut read = server.get(&scale).await.json();
    assert_eq!(
        (&read["kind"], &read["apiVersion"]),
        (&json!("Scale"), &json!("autoscaling/v1"))
    );
    assert_eq!(read["spec"], json!({"replicas": 2}));
    assert_eq!(read["status"], json!({"replicas": 1, "selector": "a=b"}));
    let stale = read.clone();
    read["spec"]["replicas"] = 5.into();
    read["status"]["replicas"] = 77.into();
    let (code, answer) = put(&server, &scale, &read).await;
    assert_eq!((code, &answer["spec"]), (200, &json!({"replicas": 5})));
    assert_eq!(answer["status"], json!({"replicas": 1, "selector": "a=b"}));
    let object = server.get(A).await.json();
    assert_eq!(object["spec"], json!({"replicas": 5, "color": "red"}));
    assert_eq!(object["metadata"]["generation"], 2);
    assert_eq!(put(&server, &scale, &stale).await.0, 409);
    let (code, answer) = patch(&server, &scale, &json!({"spec": {"replicas": 0}})).await;
    assert_eq!((code, &answer["spec"]), (200, &json!({})));
    assert_eq!(server.get(A).await.json()["spec"]["replicas"], 0);
    let (code, answer) = patch(&server, &scale, &json!({"spec": {"replicas": -3}})).await;
    assert_eq!(code, 422);
    assert_eq!(
        answer["message"],
        "Widget.test.example.com \"a\" is invalid: .spec.replicas: Invalid value: -3: should be a non-negative integer"
    );
    let (code, answer) = put(
        &server,
        &scale,
        &json!({"kind": "Widget", "metadata": {"name": "a"}}),
    )
    .await;
    assert_eq!(code, 400, "{answer}");
    let table = server
        .send(
            "GET",
            &scale,
            &[("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")],
            "",
        )
        .await
        .json();
    let heads: Vec<&str> = table["columnDefinitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|column| column["name"].as_str())
        .collect();
    assert_eq!(heads, ["Name", "Desired", "Available"]);
    // Go's Scale leaves replicas of 0 out, and so its cell is empty.
    let cells = table["rows"][0]["cells"].as_array().unwrap();
    assert_eq!(cells[..3], [json!("a"), json!(null), json!(1)]);
}

#[tokio::test]
async fn replicas_that_an_object_does_not_say_are_no_scale() {
    let server = with_a(json!({})).await;
    let scale = format!("{A}/scale");
    assert_eq!(
        server.get(&scale).await.error(),
        (
            500,
            "Internal error occurred: the spec replicas field \".spec.replicas\" does not exist".into()
        )
    );
    let (code, answer) = patch(&server, &scale, &json!({"metadata": {"labels": {"x": "y"}}})).await;
    assert_eq!(code, 400);
    assert_eq!(
        answer["message"],
        "the spec replicas field \".spec.replicas\" cannot be empty"
    );
    assert_eq!(
        patch(&server, &scale, &json!({"spec": {"replicas": 3}})).await.0,
        200
    );
    assert_eq!(server.get(&scale).await.json()["spec"], json!({"replicas": 3}));
}

#[tokio::test]
async fn a_subresource_has_three_verbs_and_only_where_it_is_served() {
    let server = with_a(json!({})).await;
    for path in [format!("{A}/status"), format!("{A}/scale")] {
        for method in ["POST", "DELETE"] {
            assert_eq!(
                server.send(method, &path, &[], "{}").await.code,
                405,
                "{method} {path}"
            );
        }
    }
    for path in [
        format!("{A}/log"),
        format!("{A}/status/x"),
        format!("{WIDGETS}//status"),
    ] {
        assert_eq!(server.get(&path).await.code, 404, "{path}");
    }
    let bare = TestServer::new();
    let flunder = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/a";
    for name in ["status", "scale"] {
        assert_eq!(bare.get(&format!("{flunder}/{name}")).await.code, 404);
    }
}
