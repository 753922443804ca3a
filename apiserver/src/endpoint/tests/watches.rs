use serde_json::{Value, json};

use super::super::testing::{BETA, FISCHERS, FLUNDERS, TestServer, flunder, next_frames};
use crate::response::Body;

const A: &str = "/apis/wardle.example.com/v1alpha1/namespaces/default/flunders/a";

async fn watch(server: &TestServer, uri: &str, headers: &[(&str, &str)]) -> Body {
    let response = server.response("GET", uri, headers, "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    assert!(!response.headers().contains_key("content-length"));
    response.into_body()
}

/// As many events as are expected, however they are merged into pieces.
async fn events(body: &mut Body, count: usize) -> Vec<Value> {
    let mut events = Vec::new();
    while events.len() < count {
        events.extend(next_frames(body).await);
    }
    assert_eq!(events.len(), count);
    events
}

fn told(events: &[Value]) -> Vec<(&str, &str)> {
    events
        .iter()
        .map(|event| {
            let name = event["object"]["metadata"]["name"].as_str().unwrap_or_default();
            (event["type"].as_str().unwrap(), name)
        })
        .collect()
}

#[tokio::test]
async fn a_watch_tells_the_state_and_what_becomes_of_it() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let mut body = watch(
        &server,
        &format!("{FLUNDERS}?watch=1"),
        &[("user-agent", "curl/8")],
    )
    .await;
    let first = events(&mut body, 1).await;
    assert_eq!(first[0], json!({"type": "ADDED", "object": a}));
    server.create("b").await;
    server.merge(A, &json!({"spec": {"size": 1}})).await;
    let deleted_at = {
        server.delete(A).await;
        server.get(FLUNDERS).await.json()["metadata"]["resourceVersion"].clone()
    };
    let events = events(&mut body, 3).await;
    assert_eq!(
        told(&events),
        [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]
    );
    assert_eq!(events[2]["object"]["metadata"]["resourceVersion"], deleted_at);
    assert_eq!(events[2]["object"]["spec"], json!({"reference": "x", "size": 1}));
}

#[tokio::test]
async fn what_is_pending_comes_in_one_piece() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let from = a["metadata"]["resourceVersion"].as_str().unwrap();
    let mut body = watch(
        &server,
        &format!("{FLUNDERS}?watch=1&resourceVersion={from}"),
        &[],
    )
    .await;
    for name in ["b", "c", "d"] {
        server.create(name).await;
    }
    let events = next_frames(&mut body).await;
    assert_eq!(told(&events), [("ADDED", "b"), ("ADDED", "c"), ("ADDED", "d")]);
}

#[tokio::test]
async fn watchers_of_each_version_and_form_get_theirs() {
    let server = TestServer::new();
    let a = server.create("a").await;
    let from = a["metadata"]["resourceVersion"].as_str().unwrap();
    let query = format!("watch=1&resourceVersion={from}");
    let partial = [(
        "accept",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    )];
    let mut alpha = watch(&server, &format!("{FLUNDERS}?{query}"), &[]).await;
    let mut beta = watch(&server, &format!("{BETA}?{query}"), &[]).await;
    let mut metadata = watch(&server, &format!("{FLUNDERS}?{query}"), &partial).await;
    let mut again = watch(&server, &format!("{FLUNDERS}?{query}"), &partial).await;
    let b = server.create("b").await;
    assert_eq!(
        events(&mut alpha, 1).await,
        [json!({"type": "ADDED", "object": b})]
    );
    let event = events(&mut beta, 1).await.remove(0);
    assert_eq!(event["object"]["apiVersion"], "wardle.example.com/v1beta1");
    assert_eq!(event["object"]["spec"], json!({"flunderReference": "x"}));
    let expected = json!({"type": "ADDED", "object": {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": b["metadata"],
    }});
    assert_eq!(events(&mut metadata, 1).await, std::slice::from_ref(&expected));
    assert_eq!(events(&mut again, 1).await, [expected]);
}

#[tokio::test]
async fn an_object_that_stops_to_match_is_told_as_it_was_to_all_who_watch_so() {
    let server = TestServer::new();
    let mut object = flunder("a");
    object["metadata"]["labels"] = json!({"x": "1"});
    let a = server.post(FLUNDERS, &object).await.json();
    let from = a["metadata"]["resourceVersion"].as_str().unwrap();
    let uri = format!("{FLUNDERS}?watch=1&resourceVersion={from}&labelSelector=x%3D1");
    let mut bodies = [watch(&server, &uri, &[]).await, watch(&server, &uri, &[]).await];
    let mut all = watch(
        &server,
        &format!("{FLUNDERS}?watch=1&resourceVersion={from}"),
        &[],
    )
    .await;
    let changed = server
        .merge(A, &json!({"metadata": {"labels": null}}))
        .await
        .json();
    assert_eq!(
        events(&mut all, 1).await,
        [json!({"type": "MODIFIED", "object": changed})]
    );
    let mut was = a.clone();
    was["metadata"]["resourceVersion"] = changed["metadata"]["resourceVersion"].clone();
    for body in &mut bodies {
        assert_eq!(events(body, 1).await, [json!({"type": "DELETED", "object": was})]);
    }
}

#[tokio::test]
async fn a_table_has_its_columns_in_the_first_event_only() {
    let server = TestServer::new();
    for name in ["a", "b"] {
        let fischer = json!({"metadata": {"name": name}, "spec": {"size": 1}});
        assert_eq!(server.post(FISCHERS, &fischer).await.code, 201);
    }
    let table = [("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")];
    let uri = format!("{FISCHERS}?watch=1&includeObject=None");
    let mut body = watch(&server, &uri, &table).await;
    let initial = events(&mut body, 2).await;
    assert_eq!(initial[0]["object"]["columnDefinitions"][1]["name"], "Size");
    assert_eq!(initial[1]["object"]["columnDefinitions"], Value::Null);
    assert_eq!(
        initial[0]["object"]["rows"],
        json!([{"cells": ["a", 1], "object": null}])
    );
    let fischer = json!({"metadata": {"name": "c"}, "spec": {"size": 2}});
    let c = server.post(FISCHERS, &fischer).await.json();
    let event = events(&mut body, 1).await.remove(0);
    assert_eq!(event["object"]["columnDefinitions"], Value::Null);
    assert_eq!(event["object"]["rows"][0]["cells"], json!(["c", 2]));
    assert_eq!(
        event["object"]["metadata"],
        json!({"resourceVersion": c["metadata"]["resourceVersion"]})
    );
}

#[tokio::test]
async fn the_bookmark_that_ends_the_state_is_of_the_watched_kind() {
    let server = TestServer::new();
    server.create("a").await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut body = watch(&server, &format!("{FLUNDERS}?{query}"), &[]).await;
    let plain = events(&mut body, 2).await;
    assert_eq!(told(&plain), [("ADDED", "a"), ("BOOKMARK", "")]);
    let revision = plain[1]["object"]["metadata"]["resourceVersion"].clone();
    assert_eq!(
        plain[1]["object"],
        json!({
            "kind": "Flunder", "apiVersion": "wardle.example.com/v1alpha1", "spec": {}, "status": {},
            "metadata": {"resourceVersion": revision, "annotations": {"k8s.io/initial-events-end": "true"}},
        })
    );
    let table = [("accept", "application/json;as=Table;g=meta.k8s.io;v=v1")];
    let mut body = watch(&server, &format!("{FLUNDERS}?{query}&includeObject=None"), &table).await;
    let rows = events(&mut body, 2).await;
    assert_eq!(
        rows[1]["object"]["rows"],
        json!([{
            "cells": ["", "0001-01-01T00:00:00Z"],
            "object": {
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": plain[1]["object"]["metadata"],
            },
        }])
    );
}

#[tokio::test]
async fn a_watch_by_path_is_of_one_object() {
    let server = TestServer::new();
    server.create("a").await;
    server.create("b").await;
    let path = "/apis/wardle.example.com/v1alpha1/watch/namespaces/default/flunders/b";
    let mut body = watch(&server, path, &[]).await;
    assert_eq!(told(&events(&mut body, 1).await), [("ADDED", "b")]);
    let other = server
        .get(&format!("{path}?fieldSelector=metadata.name%3Da"))
        .await;
    assert_eq!(
        other.error(),
        (
            400,
            "fieldSelector metadata.name doesn't match requested name".into()
        )
    );
    let all = "/apis/wardle.example.com/v1alpha1/watch/flunders";
    let mut body = watch(&server, all, &[]).await;
    assert_eq!(
        told(&events(&mut body, 2).await),
        [("ADDED", "a"), ("ADDED", "b")]
    );
}

#[tokio::test]
async fn what_is_too_old_is_the_last_event() {
    let server = TestServer::new();
    let a = server.create("a").await;
    server.create("b").await;
    let now = server.create("c").await["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    crate::storage::Storage::compact(&*server.store, crate::storage::Revision::new(now))
        .await
        .unwrap();
    let from = a["metadata"]["resourceVersion"].as_str().unwrap();
    let reply = server
        .get(&format!("{FLUNDERS}?watch=1&resourceVersion={from}"))
        .await;
    assert_eq!(reply.code, 200);
    let event = reply.json();
    assert_eq!(event["type"], "ERROR");
    assert_eq!(
        (&event["object"]["code"], &event["object"]["reason"]),
        (&json!(410), &json!("Expired"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_cleanly_at_its_time() {
    let server = TestServer::new();
    let reply = server.get(&format!("{FLUNDERS}?watch=1&timeoutSeconds=5")).await;
    assert_eq!((reply.code, reply.body.len()), (200, 0));
}
