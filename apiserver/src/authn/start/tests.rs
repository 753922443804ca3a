//! From flags to an authenticator.

use http::Request;
use serde_json::json;

use super::*;
use crate::authn::Peer;
use crate::authn::testing::Authority;
use crate::kubernetes::testing::{Answer, FakeCluster};

fn refusing() -> FakeCluster {
    FakeCluster::new(|_| Answer::status(403, "Forbidden", "may not"))
}

async fn name_of(authenticator: &Authenticator, authority: &Authority, header: &str) -> Option<String> {
    let chain = authority.client("somebody").chain;
    let mut parts = Request::builder()
        .header(header, "alice")
        .body(())
        .unwrap()
        .into_parts()
        .0;
    let user = authenticator
        .authenticate(&mut parts, &Peer::new(Some(&chain)))
        .await;
    user.ok().map(|user| user.name)
}

#[tokio::test]
async fn without_the_clusters_word_a_server_does_not_start_unless_told_to() {
    let cluster = refusing();
    let error = build(Options::default(), Some(cluster.client.clone()))
        .await
        .unwrap_err();
    assert!(matches!(
        error,
        StartError::Lookup(LookupError::Get { forbidden: true, .. })
    ));
    let tolerant = Options {
        tolerate_lookup_failure: true,
        ..Options::default()
    };
    build(tolerant, Some(cluster.client.clone())).await.unwrap();
    let blind = Options {
        skip_lookup: true,
        ..Options::default()
    };
    let asked = cluster.seen().len();
    build(blind, Some(cluster.client.clone())).await.unwrap();
    assert_eq!(cluster.seen().len(), asked, "nothing is looked up");
}

#[tokio::test]
async fn a_cluster_that_has_no_word_yet_is_waited_for() {
    let cluster = FakeCluster::new(|request| {
        if request.path.ends_with(config_map::NAME) {
            return Answer::status(404, "NotFound", "not found");
        }
        Answer::ok(
            json!({"apiVersion": "v1", "kind": "ConfigMapList", "metadata": {"resourceVersion": "1"},
                          "items": []}),
        )
    });
    let authenticator = build(Options::default(), Some(cluster.client.clone()))
        .await
        .unwrap();
    assert!(authenticator.authority_hints().borrow().is_empty());
}

#[tokio::test]
async fn files_take_the_place_of_the_cluster_and_are_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let (clients, proxies) = (directory.path().join("clients"), directory.path().join("proxies"));
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    std::fs::write(&clients, first.pem()).unwrap();
    std::fs::write(&proxies, second.pem()).unwrap();
    let options = Options {
        client_ca_file: Some(clients.clone()),
        request_header: RequestHeaderOptions {
            client_ca_file: Some(proxies.clone()),
            username_headers: vec!["X-My-User".into()],
            ..RequestHeaderOptions::default()
        },
        ..Options::default()
    };
    let cluster = refusing();
    let authenticator = build(options, Some(cluster.client.clone())).await.unwrap();
    assert!(cluster.seen().is_empty());
    let name = name_of(&authenticator, &second, "x-my-user").await;
    assert_eq!(name.as_deref(), Some("alice"));
    let name = name_of(&authenticator, &first, "x-my-user").await;
    assert_eq!(name.as_deref(), Some("somebody"));

    let mut hints = authenticator.authority_hints();
    std::fs::write(&clients, "broken").unwrap();
    std::fs::write(&proxies, first.pem()).unwrap();
    let changed = tokio::time::timeout(Duration::from_secs(60), hints.changed()).await;
    assert!(changed.is_ok());
    let name = name_of(&authenticator, &first, "x-my-user").await;
    assert_eq!(
        name.as_deref(),
        Some("alice"),
        "the other file counts, the broken one does not"
    );
    assert_eq!(
        hints.borrow().len(),
        1,
        "both bundles are the first authority now"
    );
}

#[tokio::test]
async fn files_and_flags_that_are_wrong_keep_it_from_starting() {
    let missing = Options {
        client_ca_file: Some("/nowhere".into()),
        ..Options::default()
    };
    let error = build(missing, None).await.unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
    let mut blank = Options::default();
    blank.request_header.group_headers = vec![" ".into()];
    assert!(matches!(build(blank, None).await, Err(StartError::Option(_))));
}

#[tokio::test]
async fn without_a_cluster_it_starts_and_believes_nobody() {
    let authenticator = build(Options::default(), None).await.unwrap();
    let name = name_of(&authenticator, &Authority::new("x"), "x-remote-user").await;
    assert_eq!(name.as_deref(), Some("system:anonymous"));
}
