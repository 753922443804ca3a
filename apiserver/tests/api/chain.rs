//! What happens to every request, whatever it is about.

use std::time::Duration;

use tokio::time::timeout;

use crate::client::Client;
use crate::fixture::{PATIENCE, THINGS, serve, serve_with, thing};

#[tokio::test]
async fn every_answer_has_the_name_of_its_request_and_is_not_to_be_kept() {
    let served = serve().await;
    let mut client = served.client().await;
    let named = client.ask("GET", "/version", &[("audit-id", "abc")], None).await;
    assert_eq!((named.code, named.header("audit-id")), (200, "abc"));
    assert_eq!(named.header("cache-control"), "no-cache, private");
    let unnamed = client.get(&format!("{THINGS}/nope")).await;
    assert_eq!((unnamed.code, unnamed.header("audit-id").len()), (404, 36));
}

#[tokio::test]
async fn strangers_may_ask_for_health_and_nothing_else() {
    let served = serve().await;
    assert_eq!(served.stranger().await.get("/readyz").await.body, "ok");
    let refused = served.stranger().await.get(THINGS).await;
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.json()["message"],
        "things.test.example.com is forbidden: User \"system:anonymous\" cannot list resource \"things\" in API group \"test.example.com\" in the namespace \"ns\""
    );
    let mut wrong = Client::connect(served.address, &served.trust, true, Some("wrong")).await;
    let refused = wrong.get("/readyz").await;
    assert_eq!(
        (refused.code, refused.json()["reason"].as_str()),
        (401, Some("Unauthorized"))
    );
}

#[tokio::test]
async fn a_strangers_connection_is_closed_after_its_answer() {
    let served = serve().await;
    let mut stranger = served.stranger().await;
    assert_eq!(stranger.get("/livez").await.code, 200);
    timeout(PATIENCE, stranger.connection)
        .await
        .expect("the connection ends")
        .unwrap();
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let served = serve().await;
    let mut client = served.client().await;
    let answer = client.post(THINGS, &thing("panics")).await;
    assert_eq!(answer.code, 500);
    assert_eq!(
        answer.body,
        "This request caused apiserver to panic. Look in the logs for details.\n"
    );
    // On the same connection.
    assert_eq!(client.post(THINGS, &thing("well")).await.code, 201);
    let metrics = client.get("/metrics").await.body;
    assert!(
        metrics.contains("apiserver_request_terminations_total{code=\"500\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_request_ends_when_the_client_says_so() {
    let served = serve().await;
    let mut client = served.client().await;
    let answer = client
        .post(&format!("{THINGS}?timeout=100ms"), &thing("waits"))
        .await;
    assert_eq!(answer.code, 504);
    let status = answer.json();
    assert_eq!(status["reason"], "Timeout");
    assert_eq!(
        status["message"],
        "Timeout: request did not complete within the allotted timeout"
    );
    let answer = client.get(&format!("{THINGS}?timeout=soon")).await;
    assert_eq!(answer.code, 400);
    assert_eq!(
        answer.json()["message"],
        "invalid timeout specified in the request URL - time: invalid duration \"soon\""
    );
    assert_eq!(client.get(&format!("{THINGS}?timeout=1ns")).await.code, 504);
}

#[tokio::test]
async fn a_request_ends_when_the_server_says_so() {
    let served = serve_with(|config| config.limits.request_timeout = Duration::from_millis(100)).await;
    let answer = served.client().await.post(THINGS, &thing("waits")).await;
    assert_eq!(answer.code, 504);
}

#[tokio::test]
async fn administrators_come_in_even_when_all_places_are_taken() {
    // The only user of a standalone server is an administrator, so a place is never asked for: all of these wait at
    // once on a server with one place.
    let served = serve_with(|config| config.limits.writing = 1).await;
    let mut waiting = Vec::new();
    for _ in 0..3 {
        let mut client = served.client().await;
        waiting.push(tokio::spawn(async move {
            client.post(THINGS, &thing("waits")).await.code
        }));
    }
    let all = timeout(PATIENCE, served.arrived.acquire_many(3)).await;
    assert!(all.is_ok(), "three wait at once");
    served.go.add_permits(1);
    let mut codes = Vec::new();
    for task in waiting {
        codes.push(task.await.unwrap());
    }
    codes.sort_unstable();
    // They make the same object.
    assert_eq!(codes, [201, 409, 409]);
}

#[tokio::test]
async fn a_deprecated_way_and_an_unknown_one_are_answered_as_in_kubernetes() {
    let served = serve().await;
    let mut client = served.client().await;
    for (method, path, code) in [
        ("GET", "/nope", 404),
        ("GET", "/apis/test.example.com/v1/nope", 404),
        (
            "GET",
            "/apis/test.example.com/v1/namespaces/ns/things/x/nope",
            404,
        ),
        ("PUT", THINGS, 405),
        ("POST", "/apis/test.example.com/v1/things", 405),
        ("GET", "/apis/test.example.com/v1/watch", 500),
        ("GET", "/apis/test.example.com/v1/namespaces/ns/things/%zz", 400),
        ("GET", "/debug/pprof/", 404),
    ] {
        let answer = client.ask(method, path, &[], None).await;
        assert_eq!(answer.code, code, "{method} {path}: {answer:?}");
    }
}

#[tokio::test]
async fn http_1_is_spoken_too() {
    let served = serve().await;
    let mut client = Client::connect(served.address, &served.trust, false, Some(&served.token)).await;
    assert_eq!(client.post(THINGS, &thing("one")).await.code, 201);
    assert_eq!(client.get(&format!("{THINGS}/one")).await.json()["text"], "x");
}

#[tokio::test]
async fn warnings_are_headers_of_whatever_is_answered() {
    let served = serve().await;
    let mut odd = thing("odd");
    odd["colour"] = "red".into();
    let answer = served.client().await.post(THINGS, &odd).await;
    assert_eq!(
        (answer.code, answer.header("warning")),
        (201, "299 - \"unknown field \\\"colour\\\"\"")
    );
}
