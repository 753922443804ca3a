//! Resources without a type: as those of a CustomResourceDefinition.

use serde_json::{Value, json};

use super::super::testing::{Reply, TestServer, flunders};
use crate::definition;
use crate::resource::Policy;

const LAMPS: &str = "/apis/example.com/v1/namespaces/default/lamps";
const BETA: &str = "/apis/example.com/v1beta1/namespaces/default/lamps";
const NO_PAGE: &str = "404 page not found";

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: lamps.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: lamps, kind: Lamp}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}, scale: {specReplicasPath: .spec.count, statusReplicasPath: .status.count}}
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              color: {type: string, default: red}
              watts: {type: integer}
              count: {type: integer, default: 1}
              note: {type: string, nullable: true}
          status: {type: object, properties: {count: {type: integer}}}
  - name: v1beta1
    served: true
    storage: false
    deprecated: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {color: {type: string}, shape: {type: string}}}}
";

fn server() -> TestServer {
    let definitions = definition::read(DEFINITION.as_bytes()).unwrap();
    TestServer::of(
        definitions
            .iter()
            .map(|definition| definition::resource(definition).unwrap()),
    )
}

fn lamp(name: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": name}, "spec": {}})
}

fn warnings(reply: &Reply) -> Vec<&str> {
    let values = reply.headers.get_all("warning").iter();
    values.map(|value| value.to_str().unwrap()).collect()
}

async fn created(server: &TestServer) {
    let reply = server.post(LAMPS, &lamp("a")).await;
    assert_eq!(reply.code, 201, "{}", reply.json());
}

async fn apply(server: &TestServer, path: &str, config: &Value) -> Reply {
    let headers = [("content-type", "application/apply-patch+yaml")];
    server.send("PATCH", path, &headers, config.to_string()).await
}

#[tokio::test]
async fn what_is_asked_is_decided_by_verbs_and_not_by_routes() {
    let server = server();
    created(&server).await;
    let a = &format!("{LAMPS}/a");
    let not_supported =
        |verb: &str| format!("{verb} is not supported on resources of kind \"lamps.example.com\"");
    for (method, path, code, message) in [
        ("PUT", LAMPS, 400, "name must be provided".to_owned()),
        ("POST", a, 409, "lamps.example.com \"a\" already exists".into()),
        ("OPTIONS", a, 405, not_supported("")),
        ("DELETE", &format!("{a}/status"), 405, not_supported("delete")),
        ("POST", &format!("{a}/scale"), 405, not_supported("create")),
        (
            "GET",
            &format!("{a}/log"),
            404,
            "lamps.example.com \"a\" not found".into(),
        ),
        (
            "GET",
            "/apis/example.com/v1/proxy/namespaces/default/lamps/a",
            405,
            not_supported("proxy"),
        ),
    ] {
        let reply = server.send(method, path, &[], lamp("a").to_string()).await;
        assert_eq!(reply.error(), (code, message), "{method} {path}");
    }
    for path in [a, &format!("{a}/status/more"), "/apis/example.com/v1/lamps"] {
        assert_eq!(server.get(path).await.code, 200, "{path}");
    }
    assert_eq!(server.send("HEAD", a, &[], "").await.code, 200);
    let merge = [("content-type", "application/merge-patch+json")];
    let reply = server.send("PATCH", LAMPS, &merge, "{}").await;
    assert_eq!(reply.error(), (400, "name must be provided".into()));
    for media in ["application/strategic-merge-patch+json", "application/json"] {
        for path in [a, &format!("{a}/scale")] {
            let (code, message) = server
                .send("PATCH", path, &[("content-type", media)], "{}")
                .await
                .error();
            assert_eq!(code, 415);
            assert!(
                message.ends_with("merge-patch+json, application/apply-patch+yaml"),
                "{message}"
            );
            assert!(!message.contains("strategic"), "{message}");
        }
    }
}

#[tokio::test]
async fn what_nobody_serves_has_no_page() {
    let other = "/apis/wardle.example.com/v1alpha1/namespaces/default/others";
    let typed = flunders(Policy::default());
    let definitions = definition::read(DEFINITION.as_bytes()).unwrap();
    let declared = definition::resource(&definitions[0]).unwrap();
    let server = TestServer::of([declared, typed]);
    for path in [
        "/apis/example.com/v1/namespaces/default/others",
        "/apis/example.com/v3/namespaces/default/lamps",
        "/apis/example.com/v1/lamps/a",
        "/apis/other.example.com/v1/things",
    ] {
        assert_eq!(server.get(path).await.error(), (404, NO_PAGE.into()), "{path}");
    }
    // Of what has types Go's router answers.
    let (code, message) = server.get(other).await.error();
    assert_eq!(
        (code, message.as_str()),
        (404, "the server could not find the requested resource")
    );
}

#[tokio::test]
async fn an_object_says_of_which_kind_and_version_it_is() {
    let server = server();
    let of = async |change: fn(&mut Value)| {
        let mut object = lamp("a");
        change(&mut object);
        server.post(LAMPS, &object).await
    };
    let (code, message) = of(|object| drop(object.as_object_mut().unwrap().remove("kind")))
        .await
        .error();
    assert_eq!(code, 400);
    let start = "the object provided is unrecognized (must be of type Lamp): Object 'Kind' is missing in '{\"apiVersion\"";
    assert!(message.starts_with(start), "{message}");
    for (wrong, found) in [
        (json!(null), ""),
        (json!("v1"), "v1"),
        (json!("example.com/v1beta1"), "example.com/v1beta1"),
    ] {
        let mut object = lamp("a");
        object["apiVersion"] = wrong;
        let expected = format!(
            "the API version in the data ({found}) does not match the expected API version (example.com/v1)"
        );
        assert_eq!(server.post(LAMPS, &object).await.error(), (400, expected));
    }
    let unknown = of(|object| object["apiVersion"] = "example.com/v3".into()).await;
    assert_eq!(unknown.code, 400);
    assert_eq!(warnings(&unknown), [r#"299 - "unknown field \"spec\"""#]);
    let other = of(|object| object["kind"] = "Chair".into()).await;
    let invalid = "Chair.example.com \"a\" is invalid: kind: Invalid value: \"Chair\": must be Lamp";
    assert_eq!(other.error(), (422, invalid.into()));
    created(&server).await;
    let patched = server
        .merge(
            &format!("{LAMPS}/a"),
            &json!({"apiVersion": "example.com/v1beta1"}),
        )
        .await;
    let invalid = "Lamp.example.com \"a\" is invalid: apiVersion: Invalid value: \"example.com/v1beta1\": must be example.com/v1";
    assert_eq!(patched.error(), (422, invalid.into()));
    assert_eq!(warnings(&patched), [r#"299 - "unknown field \"spec.count\"""#]);
}

#[tokio::test]
async fn metadata_is_read_by_itself() {
    let server = server();
    let of = async |metadata: Value| {
        let mut object = lamp("a");
        object["metadata"] = metadata;
        server.post(LAMPS, &object).await.error()
    };
    let unusable = |message: &str| {
        (
            400,
            format!("Lamp in version \"v1\" cannot be handled as a Lamp: {message}"),
        )
    };
    let message = "json: cannot unmarshal number into Go struct field ObjectMeta.labels of type string";
    assert_eq!(
        of(json!({"name": "a", "labels": {"x": 1}})).await,
        unusable(message)
    );
    assert_eq!(
        of(json!("a")).await,
        unusable("json: cannot unmarshal string into Go value of type v1.ObjectMeta")
    );
}

#[tokio::test]
async fn what_is_wrong_with_changed_metadata_is_told_by_both_who_look_at_it() {
    let server = server();
    created(&server).await;
    let reply = server
        .merge(&format!("{LAMPS}/a"), &json!({"metadata": {"uid": "x"}}))
        .await;
    assert_eq!(reply.code, 422);
    let causes = reply.json()["details"]["causes"].as_array().unwrap().clone();
    let fields: Vec<&Value> = causes.iter().map(|cause| &cause["field"]).collect();
    assert_eq!(fields, ["metadata.uid", "metadata.uid"]);
}

#[tokio::test]
async fn what_is_applied_is_defaulted_and_not_pruned() {
    let server = server();
    let path = format!("{LAMPS}/a?fieldManager=one");
    let config = |spec: Value| json!({"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "a"}, "spec": spec});
    let reply = apply(&server, &path, &config(json!({"note": null}))).await;
    assert_eq!(reply.code, 201);
    assert_eq!(
        reply.json()["spec"],
        json!({"color": "red", "count": 1, "note": null})
    );
    let refused = apply(&server, &path, &config(json!({"watts": null}))).await;
    let invalid = "Lamp.example.com \"a\" is invalid: spec.watts: Invalid value: \"null\": spec.watts in body must be of type integer: \"null\"";
    assert_eq!(refused.error(), (422, invalid.into()));
    // Who manages fields in a version without a field of another one.
    let beta = json!({"apiVersion": "example.com/v1beta1", "kind": "Lamp", "metadata": {"name": "a"}, "spec": {"shape": "round"}});
    let refused = apply(&server, &format!("{BETA}/a?fieldManager=two"), &beta).await;
    let message = "failed to convert new object: .spec.shape: field not declared in schema";
    assert_eq!(refused.error(), (500, message.into()));
}

#[tokio::test]
async fn what_is_no_scale_is_told_as_go_tells_it() {
    let server = server();
    created(&server).await;
    let reply = server.put(&format!("{LAMPS}/a/scale"), &lamp("a")).await;
    let message = "no kind is registered for the type v1.Scale in scheme \"pkg/runtime/scheme.go:111\"";
    assert_eq!(reply.error(), (400, message.into()));
}

#[tokio::test]
async fn the_forms_of_what_has_no_type() {
    let server = server();
    created(&server).await;
    let protobuf = [("accept", "application/vnd.kubernetes.protobuf")];
    // Before it is known whether there is anything.
    let reply = server.send("GET", &format!("{LAMPS}/none"), &protobuf, "").await;
    assert_eq!(reply.code, 406);
    let list = [(
        "accept",
        "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
    )];
    let reply = server.send("GET", &format!("{LAMPS}/a"), &list, "").await;
    assert_eq!(reply.error(), (500, "content is not a list".into()));
    let one = [(
        "accept",
        "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
    )];
    let (code, message) = server.send("GET", LAMPS, &one, "").await.error();
    assert_eq!(code, 406);
    assert!(
        message.ends_with("is a list (*unstructured.UnstructuredList)"),
        "{message}"
    );
    let warned = server.get(&format!("{BETA}/a/scale")).await;
    assert_eq!((warned.code, warnings(&warned).len()), (404, 1));
}
