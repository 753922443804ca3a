//! Subresources of the author's own: those that connect, and those with a kind.

use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Full};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::testing::TestServer;
use crate::admission::{Admission, Attributes, Operation};
use crate::authz::Authorized;
use crate::discovery::{Discovery, Found};
use crate::openapi;
use crate::request::{RequestInfo, User, Verb};
use crate::resource::typed::{self, Connect, DescriptionError, Verbs};
use crate::resource::{Resource, SubresourceRest};
use crate::rest;
use crate::status::ApiError;

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Door {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    color: String,
}

crate::kind!(Door: "example.com", "v1", "doors", Namespaced);

/// Of which key it opens.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Opening {
    #[serde(default)]
    metadata: ObjectMeta,
    key: i64,
}

crate::kind!(Opening: "locks.example.com", "v2", "openings", Namespaced);

/// Where doors are.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Building {
    metadata: ObjectMeta,
}

crate::kind!(Building: "example.com", "v1", "buildings", Cluster);

const A: &str = "/apis/example.com/v1/namespaces/n/doors/a";

fn openings() -> Verbs<Opening> {
    Verbs::new()
        .get(|context| async move {
            let metadata = ObjectMeta {
                name: Some(context.name),
                namespace: Some(context.namespace),
                ..ObjectMeta::default()
            };
            let is_there = metadata.name.as_deref() != Some("none");
            Ok(is_there.then_some(Opening { metadata, key: 1 }))
        })
        .create(|context, mut opening: Opening, _| async move {
            if opening.key != 1 {
                return Err(ApiError::BadRequest(format!("{} stays shut", context.name)));
            }
            opening.metadata.name = Some(context.name);
            Ok(opening)
        })
        .update(|context, opening: Opening, old: Opening, _| async move {
            assert_eq!((context.name.as_str(), old.key), ("a", 1));
            Ok(opening)
        })
}

fn doors() -> Resource {
    let view = Connect::new(|door: Door, _| async move { Ok(rest::answer("text/plain", door.color)) });
    let walk = Connect::new(|_: Door, request: rest::ConnectRequest| async move {
        request.upgrade(&[], |_| std::future::ready(()))
    });
    let opening = typed::resource::<Opening>().computed(openings()).build().unwrap();
    typed::resource::<Door>()
        .connect("view", view.only_reads())
        .connect("walk", walk.verbs([Verb::Get, Verb::Create]).subpath())
        .subresource("opening", opening)
        .status()
        .build()
        .unwrap()
}

async fn server() -> TestServer {
    let server = TestServer::of([doors()]);
    let door = json!({"metadata": {"name": "a"}, "color": "red"});
    assert_eq!(
        server
            .post("/apis/example.com/v1/namespaces/n/doors", &door)
            .await
            .code,
        201
    );
    server
}

#[tokio::test]
async fn an_upgrade_that_does_more_than_read_wants_the_right_to_create() {
    let server = server().await;
    let upgrade = async |path: &str, groups: &[&str]| {
        let request = Request::builder()
            .uri(path)
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let info = RequestInfo::parse(&parts.method, &parts.uri).unwrap();
        let user = User {
            name: "reader".into(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..User::default()
        };
        let request = Authorized::in_test(user, info);
        let answered = super::super::serve(&server.endpoints, &request, &parts, Full::default()).await;
        answered.map_or_else(
            |error| (error.status().code, error.status().message),
            |answer| (answer.status().as_u16(), String::new()),
        )
    };
    let (code, message) = upgrade(&format!("{A}/walk"), &[]).await;
    assert_eq!(code, 403);
    assert!(
        message.contains(r#"cannot create resource "doors/walk""#),
        "{message}"
    );
    // What is not upgraded after all: over no connection of its own.
    assert_eq!(upgrade(&format!("{A}/walk"), &[User::MASTERS]).await.0, 400);
    assert_eq!(upgrade(&format!("{A}/view"), &[]).await.0, 200);
}

#[tokio::test]
async fn admission_is_asked_before_it_connects() {
    /// Refuses what connects to `shut`.
    struct Shut;

    #[async_trait::async_trait]
    impl Admission for Shut {
        fn handles(&self, operation: Operation) -> bool {
            operation == Operation::Connect
        }

        async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
            assert!(attributes.object().is_none() && attributes.subresource() == "view");
            match attributes.name() {
                "shut" => Err(attributes.forbidden("it is shut")),
                _ => Ok(()),
            }
        }
    }

    let verbs = Verbs::new().get(|context| async move {
        let metadata = ObjectMeta {
            name: Some(context.name),
            namespace: Some(context.namespace),
            ..ObjectMeta::default()
        };
        Ok(Some(Door {
            metadata,
            color: "red".into(),
        }))
    });
    let view = Connect::new(|door: Door, _| async move { Ok(rest::answer("text/plain", door.color)) });
    let doors = typed::resource::<Door>().computed(verbs).connect("view", view);
    let server = TestServer::computed(doors.build().unwrap(), Shut);
    let of = async |name: &str| {
        server
            .get(&format!("/apis/example.com/v1/namespaces/n/doors/{name}/view"))
            .await
    };
    assert_eq!(of("open").await.body, "red");
    let (code, message) = of("shut").await.error();
    assert_eq!(code, 403);
    assert_eq!(message, r#"doors.example.com "shut" is forbidden: it is shut"#);
}

#[tokio::test]
async fn a_subresource_has_a_kind_of_its_own() {
    let server = server().await;
    let opening = format!("{A}/opening");
    let got = server.get(&opening).await.json();
    assert_eq!(
        got,
        json!({"apiVersion": "locks.example.com/v2", "kind": "Opening", "metadata": {"name": "a", "namespace": "n"}, "key": 1})
    );
    let created = server.post(&opening, &json!({"key": 1})).await;
    assert_eq!(
        (created.code, &created.json()["metadata"]["name"]),
        (201, &json!("a"))
    );
    for (body, code, message) in [
        (json!({"key": 2}), 400, "a stays shut"),
        (json!({"key": "x"}), 400, "key"),
        (
            json!({"key": 1, "kind": "Door", "apiVersion": "example.com/v1"}),
            400,
            "Door",
        ),
        (
            json!({"key": 1, "metadata": {"namespace": "other"}}),
            400,
            "namespace",
        ),
    ] {
        let refused = server.post(&opening, &body).await;
        let (found, said) = refused.error();
        assert!(found == code && said.contains(message), "{body}: {said}");
    }
    for (method, path, code) in [
        ("PUT", opening.as_str(), 422),
        ("PATCH", &opening, 415),
        ("DELETE", &opening, 405),
        (
            "GET",
            "/apis/example.com/v1/namespaces/n/doors/a/opening/deeper",
            404,
        ),
        ("POST", "/apis/example.com/v1/namespaces/n/doors/opening", 405),
        ("GET", "/apis/example.com/v1/doors/a/opening", 404),
        ("POST", "/apis/example.com/v1/namespaces/n/doors/a/view", 405),
        ("GET", "/apis/example.com/v1/namespaces/n/doors/b/view", 404),
        (
            "GET",
            "/apis/example.com/v1/namespaces/n/doors/a/status/deeper",
            404,
        ),
    ] {
        assert_eq!(
            server.send(method, path, &[], "{}").await.code,
            code,
            "{method} {path}"
        );
    }
    let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
    let table = server.send("GET", &opening, &table, "").await.json();
    assert_eq!(table["rows"][0]["cells"][0], "a");
}

#[tokio::test]
async fn what_is_served_is_advertised() {
    let doors = [std::sync::Arc::new(doors())];
    let discovery = Discovery::new(&doors, "");
    let Found::One(document) = discovery.find("/apis/example.com/v1") else {
        panic!("there is a version");
    };
    let listed = document.value();
    let of = |entry: &Value| {
        json!([
            entry["name"],
            entry["group"],
            entry["version"],
            entry["kind"],
            entry["verbs"]
        ])
    };
    let resources = listed["resources"].as_array().unwrap().iter();
    assert_eq!(
        resources.skip(1).map(of).collect::<Vec<_>>(),
        [
            json!([
                "doors/opening",
                "locks.example.com",
                "v2",
                "Opening",
                ["create", "get", "patch", "update"]
            ]),
            json!(["doors/status", null, null, "Door", ["get", "patch", "update"]]),
            json!(["doors/view", null, null, "Door", ["get"]]),
            json!(["doors/walk", null, null, "Door", ["create", "get"]]),
        ]
    );
    let info = openapi::Info {
        title: "Doors".into(),
        version: "1".into(),
    };
    let documents = openapi::Documents::new(&info, &doors);
    for (path, prefix) in [
        ("/openapi/v2", "#/definitions/"),
        ("/openapi/v3/apis/example.com/v1", "#/components/schemas/"),
    ] {
        let answer = documents
            .answer(path, None, &HeaderMap::new(), Timestamp::UNIX_EPOCH)
            .unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let document: Value = serde_json::from_slice(&body).unwrap();
        let paths = &document["paths"];
        let base = "/apis/example.com/v1/namespaces/{namespace}/doors/{name}";
        let walk = &paths[format!("{base}/walk/{{path}}")];
        assert_eq!(
            walk["get"]["operationId"],
            "connectExampleComV1GetNamespacedDoorWalkWithPath"
        );
        assert_eq!(walk["post"]["x-kubernetes-action"], "connect");
        let opening = &paths[format!("{base}/opening")];
        assert_eq!(
            opening["post"]["operationId"],
            "createExampleComV1NamespacedDoorOpening"
        );
        assert!(
            opening["get"]["responses"]["200"]
                .to_string()
                .contains(&format!("{prefix}com.example.locks.v2.Opening")),
            "{opening}"
        );
        assert_eq!(
            opening["put"]["operationId"],
            "replaceExampleComV1NamespacedDoorOpening"
        );
        assert_eq!(opening.get("delete"), None);
        assert!(
            document
                .to_string()
                .contains(r#""com.example.locks.v2.Opening":{"#)
        );
    }
}

#[test]
fn descriptions_that_contradict_themselves_are_refused() {
    let connect = || Connect::new(|_: Door, _| async { Ok(rest::answer("text/plain", "")) });
    for name in ["status", "scale", "", "a/b", "Log", "view"] {
        let built = typed::resource::<Door>()
            .connect("view", connect())
            .connect(name, connect())
            .build();
        let resource = "example.com/v1 doors".to_owned();
        assert_eq!(
            built.unwrap_err(),
            DescriptionError::Subresource {
                resource,
                name: name.to_owned()
            }
        );
    }
    let stored = typed::resource::<Opening>().build().unwrap();
    let of_cluster = typed::resource::<Building>()
        .computed(Verbs::new().create(|_, building: Building, _| std::future::ready(Ok(building))));
    let built = typed::resource::<Door>()
        .subresource("building", of_cluster.build().unwrap())
        .build();
    assert!(matches!(
        built.unwrap_err(),
        DescriptionError::SubresourceScope { .. }
    ));
    let built = typed::resource::<Door>().subresource("opening", stored).build();
    assert!(matches!(
        built.unwrap_err(),
        DescriptionError::SubresourceVerbs { .. }
    ));
    let created = Verbs::new().create(|_, door: Door, _| async { Ok(door) });
    let built = typed::resource::<Door>()
        .computed(created)
        .connect("view", connect())
        .build();
    assert_eq!(
        built.unwrap_err(),
        DescriptionError::NoGetter("example.com/v1 doors".into())
    );
    let own = doors().subresources;
    assert!(
        own.iter()
            .any(|own| matches!(own.rest, SubresourceRest::Computed(_)))
    );
}

#[tokio::test]
async fn a_subresource_with_a_kind_is_changed_where_its_author_says_so() {
    let server = server().await;
    let opening = format!("{A}/opening");
    let patched = server.merge(&opening, &json!({"key": 2})).await;
    assert_eq!((patched.code, &patched.json()["key"]), (200, &json!(2)));
    let managed = &patched.json()["metadata"]["managedFields"][0];
    assert_eq!(
        (&managed["subresource"], &managed["apiVersion"]),
        (&json!("opening"), &json!("locks.example.com/v2"))
    );
    let mut new = patched.json();
    new["key"] = json!(3);
    assert_eq!(server.put(&opening, &new).await.json()["key"], 3);
    let applied =
        json!({"apiVersion": "locks.example.com/v2", "kind": "Opening", "metadata": {"name": "a"}, "key": 4});
    let headers = [("content-type", "application/apply-patch+yaml")];
    let uri = format!("{opening}?fieldManager=m&force=true");
    assert_eq!(
        server
            .send("PATCH", &uri, &headers, applied.to_string())
            .await
            .json()["key"],
        4
    );
    // What is not there is not made by it.
    let nowhere = uri.replace("/doors/a/", "/doors/none/");
    let applied = applied.to_string().replace(r#""a""#, r#""none""#);
    let refused = server.send("PATCH", &nowhere, &headers, applied).await;
    assert_eq!(refused.code, 404);
    assert_eq!(server.delete(&opening).await.code, 405);
}
