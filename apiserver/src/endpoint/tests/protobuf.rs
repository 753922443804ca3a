//! `application/vnd.kubernetes.protobuf`, with the answers of Go's sample-apiserver where it has any.

use bytes::{Buf as _, Bytes};
use http_body_util::BodyExt as _;
use prost::Message as _;
use serde_json::{Value, json};

use super::super::testing::{BETA, FLUNDERS, Reply, TestServer};
use crate::protobuf::envelope::{self, TypeMeta, Unknown};
use crate::protobuf::list::ListMeta;
use crate::protobuf::object_meta::ObjectMeta;
use crate::protobuf::status;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const OWN: (&str, &str) = ("accept", PROTOBUF);
const PARTIAL: (&str, &str) = (
    "accept",
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
);
const PARTIAL_LIST: (&str, &str) = (
    "accept",
    "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json",
);
/// What client-go's metadata client sends with a DELETE.
const DELETING: (&str, &str) = ("accept", "application/vnd.kubernetes.protobuf,application/json");

#[derive(Clone, PartialEq, prost::Message)]
struct Partial {
    #[prost(message, required, tag = "1")]
    metadata: ObjectMeta,
}

#[derive(Clone, PartialEq, prost::Message)]
struct List {
    #[prost(message, required, tag = "1")]
    metadata: ListMeta,
    #[prost(message, repeated, tag = "2")]
    items: Vec<Partial>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Event {
    #[prost(string, required, tag = "1")]
    type_: String,
    #[prost(message, required, tag = "2")]
    object: Raw,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Raw {
    #[prost(bytes = "bytes", required, tag = "1")]
    raw: Bytes,
}

fn open(body: &[u8], kind: &str) -> Bytes {
    let Unknown { type_meta, raw, .. } = envelope::open(body).unwrap();
    assert_eq!(type_meta.kind, kind);
    raw.unwrap()
}

fn partial(body: &[u8]) -> ObjectMeta {
    Partial::decode(open(body, "PartialObjectMetadata"))
        .unwrap()
        .metadata
}

fn meta(object: &Value) -> ObjectMeta {
    ObjectMeta::from_json(object["metadata"].to_string().as_bytes()).unwrap()
}

/// The Status that a protobuf answer is, by what it says in JSON.
fn is_status(reply: &Reply, json: &Value) {
    assert_eq!(reply.header("content-type"), Some(PROTOBUF), "{reply:?}");
    let expected = status::encode(&serde_json::from_value(json.clone()).unwrap());
    assert_eq!(reply.body, expected, "{json}");
}

#[tokio::test]
async fn metadata_of_one_object_is_read_and_written_in_protobuf() {
    let server = TestServer::new();
    let created = server
        .send(
            "POST",
            FLUNDERS,
            &[PARTIAL],
            r#"{"metadata":{"name":"a","labels":{"x":""}}}"#,
        )
        .await;
    assert_eq!(
        (created.code, created.header("content-type")),
        (201, Some(PROTOBUF))
    );
    let path = format!("{FLUNDERS}/a");
    let a = server.get(&path).await.json();
    assert_eq!(partial(&created.body), meta(&a));
    for path in [path.clone(), format!("{BETA}/a"), format!("{path}?pretty=1")] {
        let reply = server.send("GET", &path, &[PARTIAL], "").await;
        assert_eq!(reply.body, created.body, "{path}");
    }
    let merge = ("content-type", "application/merge-patch+json");
    let patched = server
        .send(
            "PATCH",
            &path,
            &[PARTIAL, merge],
            r#"{"metadata":{"labels":{"y":"1"}}}"#,
        )
        .await;
    assert_eq!(partial(&patched.body), meta(&server.get(&path).await.json()));
}

#[tokio::test]
async fn lists_are_what_their_json_is() {
    let server = TestServer::new();
    for name in ["a", "b", "c"] {
        server.create(name).await;
    }
    for path in [
        format!("{FLUNDERS}?limit=2"),
        format!("{BETA}?labelSelector=none"),
    ] {
        let json = server.get(&path).await.json();
        let reply = server.send("GET", &path, &[PARTIAL_LIST], "").await;
        assert_eq!((reply.code, reply.header("content-type")), (200, Some(PROTOBUF)));
        assert_eq!(
            reply.header("content-length"),
            Some(reply.body.len().to_string().as_str())
        );
        let list = List::decode(open(&reply.body, "PartialObjectMetadataList")).unwrap();
        assert_eq!(
            list.metadata.resource_version,
            json["metadata"]["resourceVersion"]
        );
        assert_eq!(
            list.metadata.remaining_item_count,
            json["metadata"]["remainingItemCount"].as_i64()
        );
        assert_eq!(
            list.metadata.continue_token.is_empty(),
            json["metadata"].get("continue").is_none()
        );
        let items: Vec<ObjectMeta> = list.items.into_iter().map(|item| item.metadata).collect();
        let expected: Vec<ObjectMeta> = json["items"].as_array().unwrap().iter().map(meta).collect();
        assert_eq!(items, expected);
    }
    let gone = server.send("DELETE", FLUNDERS, &[PARTIAL_LIST], "").await;
    let list = List::decode(open(&gone.body, "PartialObjectMetadataList")).unwrap();
    assert_eq!(list.items.len(), 3);
}

#[tokio::test]
async fn a_long_list_is_compressed_and_made_in_pieces() {
    let server = TestServer::new();
    let text = "x".repeat(10_000);
    for number in 0..30 {
        let annotations = json!({"text": text, "number": number.to_string()});
        let object = json!({"metadata": {"name": format!("n{number}"), "annotations": annotations}});
        assert_eq!(server.post(FLUNDERS, &object).await.code, 201);
    }
    let plain = server.send("GET", FLUNDERS, &[PARTIAL_LIST], "").await;
    assert_eq!(
        List::decode(open(&plain.body, "PartialObjectMetadataList"))
            .unwrap()
            .items
            .len(),
        30
    );
    let gzip = ("accept-encoding", "gzip");
    let compressed = server.send("GET", FLUNDERS, &[PARTIAL_LIST, gzip], "").await;
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    let mut read = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&compressed.body[..]), &mut read).unwrap();
    assert_eq!(read, plain.body);
}

#[tokio::test]
async fn a_resource_s_own_kind_has_no_protobuf() {
    let server = TestServer::new();
    server.create("a").await;
    let path = format!("{FLUNDERS}/a");
    let refused = |kind: &str| {
        json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotAcceptable", "code": 406,
            "message": format!("object *v1alpha1.{kind} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message")})
    };
    is_status(&server.send("GET", &path, &[OWN], "").await, &refused("Flunder"));
    is_status(
        &server.send("GET", FLUNDERS, &[OWN], "").await,
        &refused("FlunderList"),
    );
    is_status(
        &server.send("DELETE", FLUNDERS, &[OWN], "").await,
        &refused("FlunderList"),
    );
    let watch = format!("{FLUNDERS}?watch=1");
    is_status(&server.send("GET", &watch, &[OWN], "").await, &refused("Flunder"));
    let post = server
        .send("POST", FLUNDERS, &[OWN], r#"{"metadata":{"name":"b"}}"#)
        .await;
    is_status(&post, &refused("Flunder"));
    assert_eq!(
        server.get(FLUNDERS).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    // Who accepts something else as well gets that.
    let either = server.send("GET", &path, &[DELETING], "").await;
    assert_eq!(
        (either.code, either.header("content-type")),
        (200, Some("application/json"))
    );
    let body = server
        .send("POST", FLUNDERS, &[("content-type", PROTOBUF)], "k8s\0")
        .await;
    assert_eq!(body.error().0, 415);
}

#[tokio::test]
async fn statuses_are_negotiated() {
    let server = TestServer::new();
    let missing = format!("{FLUNDERS}/none");
    let not_found = server.get(&missing).await.json();
    is_status(&server.send("GET", &missing, &[OWN], "").await, &not_found);
    // Of a kind that a Status cannot be made as, Go says it in indented JSON.
    let partial = server.send("GET", &missing, &[PARTIAL], "").await;
    assert!(partial.body.starts_with(b"{\n  \"kind\""), "{partial:?}");
    for accept in [DELETING, PARTIAL] {
        server.create("a").await;
        let deleted = server
            .send("DELETE", &format!("{FLUNDERS}/a"), &[accept], "")
            .await;
        assert_eq!(
            (deleted.code, deleted.header("content-type")),
            (200, Some(PROTOBUF))
        );
        open(&deleted.body, "Status");
    }
    server.create("a").await;
    let json = (
        "accept",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    );
    let deleted = server.send("DELETE", &format!("{FLUNDERS}/a"), &[json], "").await;
    assert!(deleted.body.starts_with(br#"{"kind":"Status""#), "{deleted:?}");
}

#[tokio::test]
async fn delete_options_are_read_in_protobuf() {
    let server = TestServer::new();
    server.create("a").await;
    let path = format!("{FLUNDERS}/a");
    let of_protobuf = ("content-type", PROTOBUF);
    let options = |raw: &'static [u8]| Unknown {
        type_meta: TypeMeta {
            api_version: "v1".into(),
            kind: "DeleteOptions".into(),
        },
        raw: Some(Bytes::from_static(raw)),
        ..Unknown::default()
    };
    let body = |unknown: Unknown| [&envelope::PREFIX[..], &unknown.encode_to_vec()].concat();
    // preconditions: {uid: "x"}
    let other = server
        .send(
            "DELETE",
            &path,
            &[of_protobuf],
            body(options(b"\x12\x03\x0a\x01x")),
        )
        .await;
    assert_eq!(other.error().0, 409);
    // dryRun: ["All"]
    let dry = server
        .send("DELETE", &path, &[of_protobuf], body(options(b"\x2a\x03All")))
        .await;
    assert_eq!(dry.code, 200);
    let garbage = server.send("DELETE", &path, &[of_protobuf], "x").await;
    let message = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]";
    assert_eq!(garbage.error(), (400, message.into()));
    let empty = server.send("DELETE", &path, &[of_protobuf], "k8s\0").await;
    assert_eq!(empty.error(), (400, "empty body".into()));
    assert_eq!(server.get(&path).await.code, 200);
    assert_eq!(
        server
            .send("DELETE", &path, &[of_protobuf], body(options(b"")))
            .await
            .code,
        200
    );
    assert_eq!(server.get(&path).await.code, 404);
}

#[tokio::test]
async fn a_watch_has_frames_of_metadata_that_are_made_once() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let uri = format!(
        "{FLUNDERS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    );
    let response = server.response("GET", &uri, &[PARTIAL], "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "application/vnd.kubernetes.protobuf;stream=watch"
    );
    let json = server
        .response(
            "GET",
            &uri,
            &[(
                "accept",
                "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
            )],
            "",
        )
        .await;
    let (mut body, mut json) = (response.into_body(), json.into_body());
    let mut frames = Vec::new();
    let mut read = async |count: usize| {
        while frames.len() < count {
            let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
            while bytes.has_remaining() {
                let length = bytes.get_u32() as usize;
                let event = Event::decode(bytes.split_to(length)).unwrap();
                frames.push((event.type_, partial(&event.object.raw)));
            }
        }
        frames.split_off(0)
    };
    let first = read(2).await;
    assert_eq!(first[0], ("ADDED".into(), meta(&a)));
    assert_eq!(first[1].0, "BOOKMARK");
    assert_eq!(first[1].1.annotations[0].key, "k8s.io/initial-events-end");
    assert_eq!(super::super::testing::next_frames(&mut json).await.len(), 2);
    let b = server.create("b").await;
    // Another form of the same change is not mixed up with it.
    assert_eq!(
        super::super::testing::next_frames(&mut json).await[0]["object"]["metadata"],
        b["metadata"]
    );
    assert_eq!(read(1).await, [("ADDED".into(), meta(&b))]);
    server.delete(&format!("{FLUNDERS}/b")).await;
    assert_eq!(read(1).await[0].0, "DELETED");
}

#[tokio::test]
async fn the_end_of_a_watch_is_told_as_a_status() {
    let server = TestServer::new();
    let uri = format!("{FLUNDERS}?watch=1&resourceVersion=99999999999");
    let reply = server.send("GET", &uri, &[PARTIAL], "").await;
    let mut body = reply.body.clone();
    let length = body.get_u32() as usize;
    assert_eq!(length, body.len());
    let event = Event::decode(body).unwrap();
    assert_eq!(event.type_, "ERROR");
    open(&event.object.raw, "Status");
}
