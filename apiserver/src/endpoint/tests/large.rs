//! What is large is encoded off the threads that answer others, and in the memory that large requests share.

use futures::FutureExt as _;
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;

use super::super::testing::{BETA, FLUNDERS, Reply, TestServer, flunder};

const YAML: (&str, &str) = ("accept", "application/yaml");
const TABLE: (&str, &str) = ("accept", "application/json;as=Table;g=meta.k8s.io;v=v1");

/// All the memory that stored objects have, until it is dropped: whoever is asked to wait for it waits.
struct Occupied(OwnedSemaphorePermit);

impl Occupied {
    async fn begin(server: &TestServer) -> Self {
        Self(server.endpoints.memory().for_stored(usize::MAX).await.unwrap())
    }

    /// What `future` comes to, which waits as long as this is not released.
    async fn holds<T>(self, what: &str, future: impl Future<Output = T>) -> T {
        let mut future = Box::pin(future);
        for _ in 0..100 {
            assert!((&mut future).now_or_never().is_none(), "{what} waits for nothing");
            tokio::task::yield_now().await;
        }
        drop(self.0);
        future.await
    }
}

/// One small Flunder, and four of 200 KiB.
async fn server() -> TestServer {
    let server = TestServer::new();
    server.create("small").await;
    for number in 0..4 {
        let mut large = flunder(&format!("large-{number}"));
        large["spec"]["reference"] = "x".repeat(200 * 1024).into();
        assert_eq!(server.post(FLUNDERS, &large).await.code, 201);
    }
    server
}

fn is_whole(what: &str, reply: &Reply, count: usize) {
    assert_eq!(reply.code, 200, "{what}");
    let expected = if what.contains("Table") { 0 } else { count * 200 };
    let found = reply.body.iter().filter(|byte| **byte == b'x').count() / 1024;
    assert_eq!(found, expected, "{what}");
}

#[tokio::test]
async fn one_large_object_that_is_more_than_copied_waits_for_its_turn() {
    let server = server().await;
    let path = |base: &str, query: &str| format!("{base}/large-0{query}");
    for (what, uri, headers) in [
        ("indented", path(FLUNDERS, "?pretty=1"), vec![]),
        ("YAML", path(FLUNDERS, ""), vec![YAML]),
        ("a Table", path(FLUNDERS, "?includeObject=None"), vec![TABLE]),
        ("another version", path(BETA, ""), vec![]),
    ] {
        let occupied = Occupied::begin(&server).await;
        let reply = occupied.holds(what, server.send("GET", &uri, &headers, "")).await;
        is_whole(what, &reply, 1);
    }
    // What is small or only copied holds nobody up.
    let occupied = Occupied::begin(&server).await;
    is_whole("copied", &server.get(&path(FLUNDERS, "")).await, 1);
    let small = format!("{FLUNDERS}/small?pretty=1");
    assert_eq!(server.send("GET", &small, &[YAML], "").await.code, 200);
    drop(occupied);
}

#[tokio::test]
async fn a_list_of_large_objects_is_looked_at_and_sent_in_its_turn() {
    let server = server().await;
    let pretty = format!("{FLUNDERS}?pretty=1");
    for (what, uri, headers) in [
        ("indented", pretty.as_str(), vec![]),
        ("YAML", FLUNDERS, vec![YAML]),
    ] {
        let occupied = Occupied::begin(&server).await;
        let reply = occupied.holds(what, server.send("GET", uri, &headers, "")).await;
        is_whole(what, &reply, 4);
        // What it was looked at for it does not hold until it is sent, piece by piece.
        let response = server.response("GET", uri, &headers, "").await;
        let occupied = Occupied::begin(&server).await;
        let body = occupied.holds(what, response.into_body().collect()).await;
        let body = body.unwrap().to_bytes();
        assert_eq!(body, reply.body, "{what}");
    }
    let occupied = Occupied::begin(&server).await;
    is_whole("copied", &server.get(FLUNDERS).await, 4);
    drop(occupied);
}

#[tokio::test]
async fn a_small_request_for_a_large_answer_waits_too() {
    let server = server().await;
    let uri = format!("{FLUNDERS}/large-0?pretty=1");
    let occupied = Occupied::begin(&server).await;
    let patch = json!({"metadata": {"labels": {"a": "b"}}});
    let reply = occupied.holds("a patch", server.merge(&uri, &patch)).await;
    is_whole("a patch", &reply, 1);
}

/// What is too large for the store with its managedFields is stored without them.
#[tokio::test]
async fn managed_fields_never_make_an_object_too_large() {
    let server = TestServer::new();
    let labels = |count: usize| -> serde_json::Map<String, serde_json::Value> {
        (0..count)
            .map(|number| (format!("l{number:05}"), "x".into()))
            .collect()
    };
    let mut large = flunder("large");
    large["metadata"]["labels"] = labels(62_000).into();
    let created = server.post(FLUNDERS, &large).await;
    assert_eq!(created.code, 201);
    let metadata = created.json()["metadata"].clone();
    assert_eq!(metadata.get("managedFields"), None);
    assert_eq!(metadata["labels"].as_object().unwrap().len(), 62_000);
    // An update that makes one as large.
    server.create("grows").await;
    let path = format!("{FLUNDERS}/grows");
    let managed = server.get(&path).await.json()["metadata"]["managedFields"].clone();
    assert_eq!(managed.as_array().map(Vec::len), Some(1));
    let grown = server
        .merge(&path, &json!({"metadata": {"labels": labels(62_000)}}))
        .await;
    assert_eq!(grown.code, 200);
    assert_eq!(
        server.get(&path).await.json()["metadata"].get("managedFields"),
        None
    );
    // The same again changes nothing.
    let again = server
        .merge(&path, &json!({"metadata": {"labels": labels(62_000)}}))
        .await;
    assert_eq!(
        again.json()["metadata"]["resourceVersion"],
        grown.json()["metadata"]["resourceVersion"]
    );
    // An apply would take from others what they manage.
    let apply = json!({
        "apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder",
        "metadata": {"name": "small", "labels": labels(62_000)},
    });
    server.create("small").await;
    let uri = format!("{FLUNDERS}/small?fieldManager=a");
    let media = [("content-type", "application/apply-patch+yaml")];
    let refused = server.send("PATCH", &uri, &media, apply.to_string()).await;
    assert_eq!(refused.code, 413);
    // Without them it is too large as well.
    large["metadata"]["labels"] = labels(140_000).into();
    large["metadata"]["name"] = "larger".into();
    assert_eq!(server.post(FLUNDERS, &large).await.code, 413);
}
