//! What is stored and cannot be read: 500 with its key, never absent, and gone when somebody says so.

use http_body_util::{BodyExt as _, Full};

use crate::authz::Authorized;
use crate::endpoint::serve;
use crate::endpoint::testing::*;
use crate::request::{RequestInfo, User};
use crate::storage::{Key, ReadAt, Storage as _};

const KEY: &str = "/wardle.example.com/flunders/default/b";

/// Three Flunders, of which the middle one is no JSON.
async fn damaged() -> TestServer {
    let server = TestServer::new();
    server.create("a").await;
    server.create("c").await;
    damage(&server).await;
    server
}

/// Stores an object that is no JSON.
async fn damage(server: &TestServer) {
    let key = Key::parse(KEY).unwrap();
    let half = r#"{"kind":"Flunder","metadata":{"na"#;
    server.store.create(&key, half.into()).await.unwrap();
}

#[tokio::test]
async fn a_damaged_object_is_named_to_whoever_would_get_it_and_never_left_out() {
    let server = damaged().await;
    let one = format!("{FLUNDERS}/b");
    for uri in [
        one.clone(),
        FLUNDERS.to_owned(),
        format!("{FLUNDERS}?limit=2"),
        format!("{FLUNDERS}?labelSelector=x%3Dy"),
        format!("{FLUNDERS}?fieldSelector=metadata.name%3Db"),
        format!("{FLUNDERS}?fieldSelector=metadata.namespace%3Ddefault"),
    ] {
        let (code, message) = server.get(&uri).await.error();
        assert!(code == 500 && message.contains(KEY), "{uri}: {code} {message}");
        let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        if uri != one {
            let reply = server.send("GET", &uri, &[("accept", metadata)], "").await;
            let (code, message) = reply.error();
            assert!(code == 500 && message.contains(KEY), "{uri}: {code} {message}");
        }
    }
    // The others are nobody's fault.
    assert_eq!(server.get(&format!("{FLUNDERS}/a")).await.code, 200);
    assert_eq!(server.get(&format!("{FLUNDERS}?limit=1")).await.code, 200);
    let (code, message) = server.delete(&one).await.error();
    assert!(code == 500 && message.contains(KEY), "{code} {message}");
    let (code, _) = server.put(&one, &flunder("b")).await.error();
    assert_eq!(code, 500);
}

/// What a watch tells until it ends.
async fn told(server: &TestServer, response: crate::response::Response) -> Vec<serde_json::Value> {
    let damaged = Key::parse(KEY).unwrap();
    if server
        .store
        .get(&damaged, ReadAt::Latest)
        .await
        .unwrap()
        .entry
        .is_none()
    {
        damage(server).await;
    }
    let body = response.into_body().collect();
    let body = tokio::time::timeout(std::time::Duration::from_secs(60), body).await;
    let lines = body.expect("the watch ends").unwrap().to_bytes();
    lines
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

#[tokio::test]
async fn a_watch_that_comes_to_a_damaged_object_ends_with_an_error_of_500_that_names_it() {
    let server = TestServer::new();
    server.create("a").await;
    let seen = server.get(FLUNDERS).await.json()["metadata"]["resourceVersion"].clone();
    let from = format!("{FLUNDERS}?watch=1&resourceVersion={}", seen.as_str().unwrap());
    let initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    for (uri, before) in [
        (from.clone(), 0),
        // Who comes again where it was is told again.
        (from, 0),
        (format!("{FLUNDERS}?watch=1"), 1),
        (format!("{FLUNDERS}?watch=1&{initial}"), 1),
    ] {
        let response = server.response("GET", &uri, &[], "").await;
        let events = told(&server, response).await;
        assert_eq!(events.len(), before + 1, "{uri}: {events:?}");
        let error = &events[before];
        assert_eq!(
            (&error["type"], &error["object"]["code"]),
            (&"ERROR".into(), &500.into()),
            "{uri}"
        );
        let message = error["object"]["message"].as_str().unwrap();
        assert!(message.contains(KEY), "{uri}: {message}");
    }
    // So a client lists again, and is told the same.
    let (code, message) = server.get(FLUNDERS).await.error();
    assert!(code == 500 && message.contains(KEY), "{code} {message}");
}

const IGNORE: &str = "ignoreStoreReadErrorWithClusterBreakingPotential=true";

#[tokio::test]
async fn a_damaged_object_is_deleted_by_who_says_that_it_cannot_be_read() {
    let server = damaged().await;
    let one = format!("{FLUNDERS}/b?{IGNORE}");
    let readable = format!("{FLUNDERS}/a?{IGNORE}");
    let (code, message) = server.delete(&readable).await.error();
    assert_eq!(
        (code, message.as_str()),
        (
            422,
            "Flunder.wardle.example.com \"a\" is invalid: ignoreStoreReadErrorWithClusterBreakingPotential: Invalid \
             value: true: is exclusively used to delete corrupt object(s), try again by removing this option"
        )
    );
    let (code, message) = server.delete(&format!("{FLUNDERS}?{IGNORE}")).await.error();
    assert!(code == 422 && message.contains("is not allowed with DELETECOLLECTION"));

    let user = User {
        name: "jane".into(),
        ..User::default()
    };
    let info = RequestInfo::parse(&http::Method::DELETE, &one.parse().unwrap()).unwrap();
    let request = Authorized::in_test(user, info);
    let (parts, ()) = http::Request::delete(&one).body(()).unwrap().into_parts();
    let body = Full::new(bytes::Bytes::new());
    let refused = serve(&server.endpoints, &request, &parts, body)
        .await
        .unwrap_err()
        .status();
    assert_eq!(refused.code, 403);
    assert!(
        refused.message.contains("unsafe-delete-ignore-read-errors"),
        "{}",
        refused.message
    );

    let reply = server.delete(&one).await;
    assert_eq!(reply.code, 200, "{}", reply.json());
    assert_eq!(server.get(&format!("{FLUNDERS}/b")).await.code, 404);
    assert_eq!(server.delete(&one).await.code, 404);
    let listed = server.get(FLUNDERS).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
}
