//! Conversion that has to wait: the same answers as of a function, in as few calls as there can be. Go: the integration tests of
//! apiextensions' `test/integration/conversion`.

use std::sync::Arc;

use http_body_util::BodyExt as _;
use serde_json::{Value, json};

use crate::endpoint::testing::*;
use crate::resource::testing::{Answer, Calls, waiting};
use crate::resource::{ObjectNames, Policy};
use crate::response::Body;

fn policy() -> Policy {
    Policy {
        generation: true,
        strategic_merge_patch: true,
        object_names: ObjectNames::PathSegment,
        ..Policy::default()
    }
}

fn server() -> (TestServer, Arc<Calls>) {
    let (flunders, calls) = waiting(flunders(policy()));
    (TestServer::of([flunders]), calls)
}

/// A Flunder of the version that is not stored.
fn beta(name: &str, reference: &str) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1beta1", "kind": "Flunder", "metadata": {"name": name},
        "spec": {"flunderReference": reference},
    })
}

/// An answer without what no two runs have alike.
fn comparable(mut value: Value) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for field in ["uid", "creationTimestamp", "time", "resourceVersion"] {
                    if let Some(found) = fields.get_mut(field) {
                        *found = "some".into();
                    }
                }
                // They are in the order of their times, which may be one second's here and two seconds' there.
                if let Some(Value::Array(managers)) = fields.get_mut("managedFields") {
                    managers.sort_by_key(|entry| entry["manager"].to_string());
                }
                fields.values_mut().for_each(strip);
            }
            Value::Array(items) => items.iter_mut().for_each(strip),
            _ => {}
        }
    }
    strip(&mut value);
    value
}

/// Sends every verb in both versions; returns the answers.
async fn play(server: &TestServer) -> Vec<Value> {
    const APPLY: &str = "application/apply-patch+yaml";
    let other = beta("a", "y").to_string();
    let applied = |reference: &str| beta("b", reference).to_string();
    let alpha = json!({
        "apiVersion": "wardle.example.com/v1alpha1", "kind": "Flunder", "metadata": {"name": "b"},
        "spec": {"reference": "z", "size": 3},
    })
    .to_string();
    let moved = r#"{"apiVersion":"wardle.example.com/v1alpha1","spec":{"reference":"moved"}}"#;
    let requests: Vec<(&str, String, &str, String)> = vec![
        (
            "POST",
            FLUNDERS.into(),
            "application/json",
            flunder("a").to_string(),
        ),
        (
            "POST",
            BETA.into(),
            "application/json",
            beta("c", "c").to_string(),
        ),
        (
            "POST",
            BETA.into(),
            "application/json",
            beta("c", "c").to_string(),
        ),
        (
            "POST",
            format!("{BETA}?dryRun=All"),
            "application/json",
            beta("d", "d").to_string(),
        ),
        ("GET", format!("{BETA}/a"), "", String::new()),
        ("GET", format!("{FLUNDERS}/c"), "", String::new()),
        ("PUT", format!("{BETA}/a"), "application/json", other.clone()),
        ("PUT", format!("{BETA}/a"), "application/json", other),
        (
            "PATCH",
            format!("{BETA}/a"),
            "application/merge-patch+json",
            r#"{"spec":{"flunderReference":"m"}}"#.into(),
        ),
        (
            "PATCH",
            format!("{BETA}/a"),
            "application/merge-patch+json",
            moved.into(),
        ),
        (
            "PATCH",
            format!("{BETA}/a"),
            "application/json-patch+json",
            r#"[{"op":"replace","path":"/spec/flunderReference","value":"j"}]"#.into(),
        ),
        (
            "PATCH",
            format!("{BETA}/a"),
            "application/strategic-merge-patch+json",
            r#"{"spec":{"size":4}}"#.into(),
        ),
        ("PATCH", format!("{BETA}/b?fieldManager=one"), APPLY, applied("x")),
        ("PATCH", format!("{BETA}/b?fieldManager=one"), APPLY, applied("x")),
        (
            "PATCH",
            format!("{FLUNDERS}/b?fieldManager=two"),
            APPLY,
            alpha.clone(),
        ),
        (
            "PATCH",
            format!("{FLUNDERS}/b?fieldManager=two&force=true"),
            APPLY,
            alpha,
        ),
        ("PATCH", format!("{BETA}/b?fieldManager=one"), APPLY, applied("w")),
        (
            "PATCH",
            format!("{BETA}/b?fieldManager=three&force=true"),
            APPLY,
            applied("v"),
        ),
        ("GET", BETA.into(), "", String::new()),
        ("GET", format!("{BETA}?limit=2"), "", String::new()),
        (
            "GET",
            format!("{BETA}?fieldSelector=metadata.name%3Db"),
            "",
            String::new(),
        ),
        ("DELETE", format!("{BETA}/c"), "", String::new()),
        ("DELETE", BETA.into(), "", String::new()),
        ("GET", FLUNDERS.into(), "", String::new()),
    ];
    let mut answers = Vec::new();
    for (method, uri, media, body) in requests {
        let headers = [("content-type", media), ("user-agent", "me/1")];
        let headers = if media.is_empty() {
            &headers[1..]
        } else {
            &headers[..]
        };
        let reply = server.send(method, &uri, headers, body).await;
        let mut answer = comparable(reply.json());
        if answer["metadata"]["continue"].is_string() {
            answer["metadata"]["continue"] = "more".into();
        }
        answers.push(json!({ "request": format!("{method} {uri}"), "code": reply.code, "body": answer }));
    }
    answers
}

#[tokio::test]
async fn who_waits_is_answered_as_who_does_not() {
    let (waiting, calls) = server();
    let function = TestServer::with(policy());
    let (expected, found) = (play(&function).await, play(&waiting).await);
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    let codes: Vec<_> = expected
        .iter()
        .map(|answer| answer["code"].as_u64().unwrap())
        .collect();
    assert!(codes.contains(&201) && codes.contains(&409), "{codes:?}");
    assert!(!codes.contains(&500), "{expected:?}");
    assert!(!calls.take().is_empty());
}

#[tokio::test]
async fn a_list_is_converted_page_by_page_and_once() {
    let (server, calls) = server();
    for number in 0..1200 {
        server.create(&format!("f{number}")).await;
    }
    calls.take();
    let listed = server.get(BETA).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1200);
    assert_eq!(listed["items"][7]["spec"]["flunderReference"], "x");
    assert_eq!(listed["items"][7]["apiVersion"], "wardle.example.com/v1beta1");
    assert_eq!(calls.take(), [500, 500, 200]);
    // What has changed since is converted, and nothing else.
    server
        .merge(&format!("{FLUNDERS}/f3"), &json!({"spec": {"reference": "y"}}))
        .await;
    calls.take();
    let again = server.get(BETA).await.json();
    assert_eq!(again["items"].as_array().unwrap().len(), 1200);
    assert_eq!(calls.take(), [1]);
    assert_eq!(
        server.get(&format!("{BETA}/f3")).await.json()["spec"]["flunderReference"],
        "y"
    );
    assert!(calls.take().is_empty());
}

async fn watch(server: &TestServer, uri: &str) -> Body {
    let response = server.response("GET", uri, &[], "").await;
    assert_eq!(response.status(), 200);
    response.into_body()
}

async fn events(body: &mut Body, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    while all.len() < count {
        all.extend(next_frames(body).await);
    }
    all
}

#[tokio::test]
async fn the_events_of_a_batch_are_converted_in_one_call_for_all_who_watch() {
    let (server, calls) = server();
    server.create("old").await;
    let version = server.get(FLUNDERS).await.json()["metadata"]["resourceVersion"].clone();
    let since = format!("{BETA}?watch=true&resourceVersion={}", version.as_str().unwrap());
    let mut watchers = Vec::new();
    for _ in 0..20 {
        watchers.push(watch(&server, &since).await);
    }
    for number in 0..30 {
        server.create(&format!("f{number}")).await;
    }
    server
        .merge(&format!("{FLUNDERS}/f3"), &json!({"spec": {"reference": "y"}}))
        .await;
    server.delete(&format!("{FLUNDERS}/old")).await;
    calls.take();
    let told = futures::future::join_all(watchers.iter_mut().map(|body| events(body, 32))).await;
    for events in told {
        let types: Vec<_> = events
            .iter()
            .map(|event| event["type"].as_str().unwrap())
            .collect();
        assert_eq!(types[..30], ["ADDED"; 30]);
        assert_eq!(types[30..], ["MODIFIED", "DELETED"]);
        assert_eq!(events[0]["object"]["spec"]["flunderReference"], "x");
        assert_eq!(events[30]["object"]["spec"]["flunderReference"], "y");
        let deleted = &events[31]["object"];
        assert_eq!(deleted["spec"]["flunderReference"], "x");
        assert_ne!(deleted["metadata"]["resourceVersion"], version);
    }
    let objects = calls.take();
    assert_eq!(objects.iter().sum::<usize>(), 32, "{objects:?}");
    assert!(objects.len() <= 3, "{objects:?}");
}

#[tokio::test]
async fn a_watch_begins_with_the_converted_state() {
    let (server, calls) = server();
    for name in ["a", "b", "c"] {
        server.create(name).await;
    }
    calls.take();
    let mut body = watch(&server, &format!("{BETA}?watch=true")).await;
    let told = events(&mut body, 3).await;
    assert_eq!(told[2]["object"]["spec"]["flunderReference"], "x");
    assert_eq!(calls.take(), [3]);
}

#[tokio::test]
async fn who_cannot_be_asked_fails_what_needs_the_answer_and_nothing_else() {
    let (server, calls) = server();
    server.create("a").await;
    let mut body = watch(
        &server,
        &format!("{BETA}?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"),
    )
    .await;
    calls.answer(Answer::Fails("conversion webhook for x failed: no such host"));
    for uri in [format!("{BETA}/a"), BETA.to_owned()] {
        let (code, message) = server.get(&uri).await.error();
        assert_eq!(code, 500, "{message}");
        assert!(message.contains("no such host"), "{message}");
    }
    let (code, message) = server.post(BETA, &beta("b", "b")).await.error();
    assert_eq!(code, 500);
    assert!(message.contains("no such host"), "{message}");
    let patch = json!({"spec": {"flunderReference": "n"}});
    let (_, message) = server.merge(&format!("{BETA}/a"), &patch).await.error();
    assert!(message.contains("no such host"), "{message}");
    // The stored version needs nobody.
    assert_eq!(server.get(&format!("{FLUNDERS}/a")).await.code, 200);
    server.create("c").await;
    let told = events(&mut body, 1).await;
    assert_eq!(told[0]["type"], "ERROR");
    assert_eq!(told[0]["object"]["code"], 500);
    calls.answer(Answer::TooFew);
    let (code, message) = server.get(&format!("{BETA}/a")).await.error();
    assert_eq!(code, 500);
    let expected =
        "conversion webhook for wardle.example.com/v1alpha1, Kind=Flunder returned 0 objects, expected 1";
    assert!(message.contains(expected), "{message}");
    assert_eq!(server.delete(&format!("{FLUNDERS}/a")).await.code, 200);
    calls.answer(Answer::Converted);
    assert_eq!(
        server.get(&format!("{BETA}/c")).await.json()["spec"]["flunderReference"],
        "x"
    );
}

#[tokio::test(start_paused = true)]
async fn who_never_answers_is_waited_for_in_bounds() {
    let (server, calls) = server();
    server.create("a").await;
    calls.take();
    calls.answer(Answer::Hangs);
    let uri = format!("{BETA}/a");
    let before = tokio::time::Instant::now();
    let all = futures::future::join_all((0..50).map(|_| server.get(&uri))).await;
    for reply in all {
        let (code, message) = reply.error();
        assert_eq!(code, 500);
        assert!(message.contains("context deadline exceeded"), "{message}");
    }
    assert!(before.elapsed().as_secs() < 40, "{:?}", before.elapsed());
    assert_eq!(calls.take(), [1], "all have waited for one call");
    let patch = json!({"spec": {"flunderReference": "n"}});
    let before = tokio::time::Instant::now();
    assert_ne!(server.merge(&uri, &patch).await.code, 200);
    assert!(before.elapsed().as_secs() < 40, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_time_whoever_is_asked_meanwhile() {
    let (server, calls) = server();
    server.create("a").await;
    calls.answer(Answer::Hangs);
    for initial in ["", "&sendInitialEvents=false&resourceVersionMatch=NotOlderThan"] {
        let before = tokio::time::Instant::now();
        let mut body = watch(&server, &format!("{BETA}?watch=true&timeoutSeconds=5{initial}")).await;
        server.create(&format!("b{}", initial.len())).await;
        assert!(body.frame().await.is_none());
        assert_eq!(before.elapsed().as_secs(), 5);
    }
}

#[tokio::test]
async fn of_what_comes_back_only_labels_and_annotations_are_metadata() {
    let (server, calls) = server();
    let created = server.create("a").await;
    calls.answer(Answer::Strips);
    let found = server.get(&format!("{BETA}/a")).await.json();
    for field in ["uid", "creationTimestamp", "managedFields"] {
        assert_eq!(found["metadata"][field], created["metadata"][field], "{field}");
    }
    assert_eq!(found["metadata"]["labels"], json!({"converted": "yes"}));
    server.create("b").await;
    calls.answer(Answer::Renames);
    let (code, message) = server.get(&format!("{BETA}/b")).await.error();
    assert_eq!(code, 500);
    assert!(
        message.contains("at index 0: must have the same name: b != other"),
        "{message}"
    );
}
