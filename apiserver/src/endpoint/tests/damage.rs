//! What is stored and cannot be read: 500 with its key, never absent, and gone when somebody says so.

use http_body_util::Full;

use crate::authz::Authorized;
use crate::endpoint::serve;
use crate::endpoint::testing::*;
use crate::request::{RequestInfo, User};
use crate::storage::{Key, Storage as _};

const KEY: &str = "/wardle.example.com/flunders/default/b";

/// Three Flunders, of which the middle one is no JSON.
async fn damaged() -> TestServer {
    let server = TestServer::new();
    server.create("a").await;
    server.create("c").await;
    let key = Key::parse(KEY).unwrap();
    server
        .store
        .create(&key, r#"{"kind":"Flunder","metadata":{"na"#.into())
        .await
        .unwrap();
    server
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
