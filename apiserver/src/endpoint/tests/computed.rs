//! Resources that are not stored.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::admission::{Admission, Attributes};
use crate::discovery::Discovery;
use crate::endpoint::testing::{AdmitAll, Reply, TestServer};
use crate::resource::Resource;
use crate::resource::typed::{self, DescriptionError, Verbs};
use crate::status::{ApiError, FieldError};

#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
struct Lamp {
    #[serde(default)]
    metadata: ObjectMeta,
    watts: i64,
}

crate::kind!(Lamp: "example.com", "v1", "lamps", Namespaced);

mod v1beta1 {
    use super::*;

    #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
    pub(super) struct Lamp {
        #[serde(default)]
        pub(super) metadata: ObjectMeta,
        pub(super) milliwatts: i64,
    }

    crate::kind!(Lamp: "example.com", "v1beta1", "lamps", Namespaced);

    impl From<Lamp> for super::Lamp {
        fn from(lamp: Lamp) -> Self {
            Self {
                metadata: lamp.metadata,
                watts: lamp.milliwatts / 1000,
            }
        }
    }

    impl From<super::Lamp> for Lamp {
        fn from(lamp: super::Lamp) -> Self {
            Self {
                metadata: lamp.metadata,
                milliwatts: lamp.watts * 1000,
            }
        }
    }
}

const LAMPS: &str = "/apis/example.com/v1/namespaces/a/lamps";

fn lamp(namespace: &str, name: &str) -> Lamp {
    let metadata = ObjectMeta {
        name: Some(name.into()),
        namespace: Some(namespace.into()),
        labels: Some([("is".to_owned(), name.to_owned())].into()),
        ..ObjectMeta::default()
    };
    Lamp { metadata, watts: 5 }
}

fn lamps() -> Vec<Lamp> {
    [("a", "x"), ("a", "y"), ("b", "x")]
        .map(|(namespace, name)| lamp(namespace, name))
        .into()
}

/// With what the verbs are told in the answers.
fn resource() -> Resource {
    let verbs = Verbs::new()
        .get(|context| async move {
            let is_it = |lamp: &Lamp| {
                lamp.metadata.name.as_ref() == Some(&context.name)
                    && lamp.metadata.namespace.as_ref() == Some(&context.namespace)
            };
            Ok(lamps().into_iter().find(is_it))
        })
        .list(|_, _| async { Ok(lamps()) })
        .create(|context, mut lamp: Lamp, options| async move {
            if lamp.watts < 0 {
                return Err(ApiError::BadRequest("it is dark".into()));
            }
            let told = [("by", context.user.name), ("dry", options.dry_run.to_string())];
            let told = told.map(|(key, value)| (key.to_owned(), value));
            lamp.metadata.annotations = Some(told.into());
            Ok(lamp)
        });
    typed::resource::<Lamp>()
        .version::<v1beta1::Lamp>()
        .selectable_fields::<v1beta1::Lamp>([".milliwatts"])
        .prepare_for_create(|lamp| lamp.watts += i64::from(lamp.watts == 40))
        .validate(|lamp| match lamp.watts {
            1000.. => vec![FieldError::invalid("watts", lamp.watts, "it melts")],
            _ => vec![],
        })
        .warnings(|lamp| match lamp.watts {
            100.. => vec!["it is hot".to_owned()],
            _ => vec![],
        })
        .computed(verbs)
        .build()
        .unwrap()
}

fn server() -> TestServer {
    TestServer::computed(resource(), AdmitAll)
}

#[tokio::test]
async fn an_object_is_read_in_any_version() {
    let server = server();
    let reply = server.get(&format!("{LAMPS}/x")).await;
    assert_eq!(reply.code, 200);
    assert_eq!(
        reply.json(),
        json!({
            "apiVersion": "example.com/v1", "kind": "Lamp", "watts": 5,
            "metadata": {"name": "x", "namespace": "a", "labels": {"is": "x"}},
        })
    );
    let beta = server
        .get(&format!("{}/x", LAMPS.replace("v1", "v1beta1")))
        .await
        .json();
    assert_eq!(
        (&beta["milliwatts"], &beta["apiVersion"]),
        (&json!(5000), &json!("example.com/v1beta1"))
    );
    let missing = server.get(&format!("{LAMPS}/z")).await.json();
    assert_eq!(
        (&missing["code"], &missing["message"]),
        (&json!(404), &json!(r#"lamps.example.com "z" not found"#))
    );
}

#[tokio::test]
async fn a_list_has_what_namespace_and_selectors_select() {
    let server = server();
    let names = async |uri: &str| {
        let list = server.get(uri).await.json();
        assert_eq!(
            (&list["kind"], &list["metadata"]),
            (&json!("LampList"), &json!({})),
            "{list}"
        );
        let of = |lamp: &Value| {
            format!("{}/{}", lamp["metadata"]["namespace"], lamp["metadata"]["name"]).replace('"', "")
        };
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(of)
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(names("/apis/example.com/v1/lamps").await, "a/x a/y b/x");
    assert_eq!(names(LAMPS).await, "a/x a/y");
    assert_eq!(names(&format!("{LAMPS}?labelSelector=is%3Dy")).await, "a/y");
    let by_name = "/apis/example.com/v1beta1/lamps?fieldSelector=metadata.name%3Dx,metadata.namespace!%3Da";
    assert_eq!(names(by_name).await, "b/x");
    // A field is what the request's version calls it.
    let by_power = "/apis/example.com/v1beta1/lamps?fieldSelector=milliwatts%3D5000";
    assert_eq!(names(by_power).await, "a/x a/y b/x");
    let refused = server.get(&format!("{LAMPS}?fieldSelector=watts%3D5")).await;
    assert_eq!(refused.code, 400);
}

#[tokio::test]
async fn tables_and_metadata_are_made_of_computed_objects_too() {
    let server = server();
    let accept = async |what: &str, uri: &str| {
        let accept = format!("application/json;g=meta.k8s.io;v=v1;as={what}");
        server.send("GET", uri, &[("accept", &accept)], "").await.json()
    };
    let table = accept("Table", LAMPS).await;
    assert_eq!(table["rows"][1]["cells"][0], "y");
    let table = accept("Table", &format!("{LAMPS}/x")).await;
    assert_eq!(table["rows"][0]["cells"][0], "x");
    let partial = accept("PartialObjectMetadataList", LAMPS).await;
    assert_eq!(partial["items"][0]["metadata"]["labels"], json!({"is": "x"}));
    let protobuf = "application/vnd.kubernetes.protobuf;g=meta.k8s.io;v=v1;as=PartialObjectMetadataList";
    let reply = server.send("GET", LAMPS, &[("accept", protobuf)], "").await;
    assert_eq!((reply.code, &reply.body[..4]), (200, &b"k8s\0"[..]));
}

fn without_managers(reply: &Reply) -> Value {
    let mut metadata = reply.json()["metadata"].take();
    metadata.as_object_mut().unwrap().remove("managedFields");
    metadata
}

#[tokio::test]
async fn a_creation_is_answered_with_what_was_made_of_it() {
    let server = server();
    let reply = server.post(LAMPS, &json!({"watts": 7})).await;
    assert_eq!(reply.code, 201);
    let metadata = json!({"namespace": "a", "annotations": {"by": "tester", "dry": "false"}});
    assert_eq!(without_managers(&reply), metadata);
    assert_eq!(
        reply.json()["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:watts": {}})
    );
    let beta = format!("{}?dryRun=All", LAMPS.replace("v1", "v1beta1"));
    let reply = server.post(&beta, &json!({"milliwatts": 7000})).await.json();
    assert_eq!(
        (&reply["milliwatts"], &reply["metadata"]["annotations"]["dry"]),
        (&json!(7000), &json!("true"))
    );
    // What only a server says of an object, a client does not.
    let said = json!({"watts": 7, "metadata": {"uid": "x", "deletionTimestamp": "2026-01-01T00:00:00Z", "selfLink": "/x"}});
    let reply = server.post(LAMPS, &said).await;
    assert_eq!(without_managers(&reply), metadata);
    let hot = server.post(LAMPS, &json!({"watts": 200})).await;
    assert_eq!(hot.headers["warning"], "299 - \"it is hot\"");
    assert_eq!(
        server.post(LAMPS, &json!({"watts": 40})).await.json()["watts"],
        41
    );
    for (uri, body, code, message) in [
        (
            LAMPS.to_owned(),
            json!({"watts": 2000}),
            422,
            "watts: Invalid value: 2000: it melts",
        ),
        (LAMPS.to_owned(), json!({"watts": -1}), 400, "it is dark"),
        (
            LAMPS.to_owned(),
            json!({"watts": 1, "metadata": {"namespace": "b"}}),
            400,
            "does not match the namespace",
        ),
        (LAMPS.to_owned(), json!({"watts": "x"}), 400, "watts"),
        (
            format!("{LAMPS}?fieldValidation=Strict"),
            json!({"watts": 1, "volts": 2}),
            400,
            r#"unknown field "volts""#,
        ),
    ] {
        let refused = server.post(&uri, &body).await.json();
        let said = refused["message"].as_str().unwrap_or_default();
        assert!(
            refused["code"] == code && said.contains(message),
            "{body}: {refused}"
        );
    }
}

#[tokio::test]
async fn what_is_not_offered_is_405_and_not_advertised() {
    let server = server();
    for (method, uri) in [
        ("DELETE", format!("{LAMPS}/x")),
        ("DELETE", LAMPS.to_owned()),
        ("PUT", format!("{LAMPS}/x")),
        ("PATCH", format!("{LAMPS}/x")),
    ] {
        let refused = server.send(method, &uri, &[], "{}").await;
        assert_eq!(refused.code, 405, "{method} {uri}");
    }
    let watch = server.get(&format!("{LAMPS}?watch=true")).await.json();
    assert_eq!(
        (&watch["reason"], &watch["message"]),
        (
            &json!("MethodNotAllowed"),
            &json!(r#"watch is not supported on resources of kind "lamps.example.com""#)
        )
    );
    for uri in [
        format!("{LAMPS}/x/status"),
        "/apis/example.com/v1/watch/lamps".to_owned(),
    ] {
        assert_eq!(server.get(&uri).await.code, 404, "{uri}");
    }
    assert_eq!(server.get(&format!("{LAMPS}/%25252e%25252e")).await.code, 400);
    let discovery = Discovery::new(&[std::sync::Arc::new(resource())], "");
    let crate::discovery::Found::One(document) = discovery.find("/apis/example.com/v1") else {
        panic!("there is a version");
    };
    let listed = document.value();
    assert_eq!(listed["resources"][0]["verbs"], json!(["create", "get", "list"]));
    assert_eq!(listed["resources"][0].get("storageVersionHash"), None);
}

#[tokio::test]
async fn admission_is_asked_before_a_creation() {
    struct Nobody;

    #[async_trait::async_trait]
    impl Admission for Nobody {
        async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
            let object = attributes.object();
            assert_eq!(object.map(|object| object.namespace()), Some("a"));
            Err(ApiError::BadRequest("nobody".into()))
        }
    }

    let server = TestServer::computed(resource(), Nobody);
    assert_eq!(
        server.post(LAMPS, &json!({"watts": 7})).await.json()["message"],
        "nobody"
    );
    assert_eq!(server.get(LAMPS).await.code, 200);
}

#[test]
fn what_is_computed_has_a_verb_and_no_subresource() {
    let error = typed::resource::<Lamp>()
        .computed(Verbs::new())
        .build()
        .unwrap_err();
    assert_eq!(error, DescriptionError::NoVerb("example.com/v1 lamps".into()));
    let error = typed::resource::<Lamp>()
        .computed(Verbs::new())
        .status()
        .build()
        .unwrap_err();
    assert_eq!(error, DescriptionError::NotStored("example.com/v1 lamps".into()));
}

#[tokio::test]
async fn nothing_is_at_a_path_where_no_verb_is() {
    let verbs = Verbs::new().create(|_, lamp: Lamp, _| std::future::ready(Ok(lamp)));
    let resource = typed::resource::<Lamp>().computed(verbs).build().unwrap();
    let server = TestServer::computed(resource, AdmitAll);
    assert_eq!(server.get(&format!("{LAMPS}/x")).await.code, 404);
    assert_eq!(server.delete(&format!("{LAMPS}/x")).await.code, 404);
    assert_eq!(server.get(LAMPS).await.code, 405);
    assert_eq!(
        server.get(&format!("{LAMPS}?watch=true")).await.json()["message"],
        ApiError::MethodNotAllowed.to_string()
    );
}
