//! Every answer that a discovery request can get, and health next to it.

use std::time::Duration;

use super::*;
use crate::pki::testing::{NAME, now};
use crate::probe::Limits;
use crate::probe::health::{Readyz, readyz};
use crate::probe::testing::{Answer, PATIENT, answer, wardle};
use crate::probe::verified::connect;

const LIST: &str = r#"{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"wardle.example.com/v1alpha1",
    "resources":[{"name":"flunders","singularName":"","namespaced":true,"kind":"Flunder","verbs":["get"]}]}"#;

fn token() -> Token {
    Token::new("a-very-secret-token".to_owned()).expect("a token")
}

async fn ask(limits: Limits, reply: impl Fn() -> Answer + Clone + Send + Sync + 'static) -> Discovery {
    let (server, bundle) = wardle(move |request| match request.uri.path() {
        "/apis/wardle.example.com/v1alpha1" => reply(),
        other => answer(418, other.to_owned()),
    })
    .await;
    let mut connection = connect(server.addr, NAME, &bundle, now(), &limits)
        .await
        .expect("a connection");
    group_version(&mut connection, "wardle.example.com", "v1alpha1", Some(&token())).await
}

async fn answered(code: u16, body: &str) -> Discovery {
    let body = body.to_owned();
    ask(PATIENT, move || answer(code, body.clone())).await
}

fn not_served(found: &str) -> Discovery {
    Discovery::NotServed {
        found: found.to_owned(),
    }
}

#[tokio::test]
async fn the_right_list_is_served() {
    assert_eq!(answered(200, LIST).await, Discovery::Served);
}

#[tokio::test]
async fn another_list_or_none_is_not_served() {
    let other = LIST.replace("v1alpha1", "v1beta1");
    let found = "an APIResourceList of `wardle.example.com/v1beta1`";
    assert_eq!(answered(200, &other).await, not_served(found));
    let found = "something that is no APIResourceList";
    for body in ["", "<html>", "{}", "[]", r#"{"kind":"Status"}"#, r#"{"kind":7}"#] {
        assert_eq!(answered(200, body).await, not_served(found), "{body}");
    }
    let group = LIST.replace("APIResourceList", "APIGroup");
    assert_eq!(answered(200, &group).await, not_served(found));
    assert_eq!(answered(404, LIST).await, not_served("404 Not Found"));
}

#[tokio::test]
async fn refusals_keep_their_codes() {
    assert_eq!(answered(401, "").await, Discovery::Unauthorized);
    assert_eq!(answered(403, LIST).await, Discovery::Forbidden);
    let text = "/elsewhere".to_owned();
    assert_eq!(
        answered(302, "/elsewhere").await,
        Discovery::Unexpected { code: 302, text }
    );
}

#[tokio::test]
async fn a_server_error_is_told_in_the_servers_words_without_the_token() {
    let status = r#"{"kind":"Status","message":"storage is (re)initializing","code":503}"#;
    let text = "storage is (re)initializing".to_owned();
    assert_eq!(
        answered(503, status).await,
        Discovery::ServerError { code: 503, text }
    );
    let echo = format!("no user for Bearer a-very-secret-token\n{}", "x".repeat(5000));
    let Discovery::ServerError { code: 500, text } = answered(500, &echo).await else {
        panic!("not a server error");
    };
    assert!(text.starts_with("no user for Bearer [redacted] xxx"), "{text}");
    assert_eq!(text.chars().count(), 200);
    let echo = LIST.replace("wardle.example.com", "a-very-secret-token");
    assert_eq!(
        answered(200, &echo).await,
        not_served("an APIResourceList of `[redacted]/v1alpha1`")
    );
}

#[tokio::test]
async fn slow_and_endless_answers_are_cut_off() {
    let limits = Limits {
        request: Duration::from_millis(50),
        ..PATIENT
    };
    assert_eq!(ask(limits, || None).await, Discovery::TooSlow);
    let huge = answered(200, &" ".repeat(crate::probe::verified::MAX_BODY_BYTES + 1)).await;
    assert_eq!(huge, Discovery::Failed(RequestError::BodyTooLarge));
}

#[tokio::test]
async fn readyz_is_asked_without_a_token() {
    let failing = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
    let cases = [
        (200, "[+]ping ok\nreadyz check passed\n", Readyz::Ok),
        (
            500,
            failing,
            Readyz::Failing {
                checks: vec!["etcd".to_owned()],
            },
        ),
        (403, "forbidden", Readyz::Unexpected(403)),
    ];
    for (code, body, expected) in cases {
        let (server, bundle) = wardle(move |_| answer(code, body)).await;
        let mut connection = connect(server.addr, NAME, &bundle, now(), &PATIENT)
            .await
            .expect("a connection");
        assert_eq!(readyz(&mut connection).await, Ok(expected));
        let request = server.seen().requests.remove(0);
        assert_eq!(
            request.uri.path_and_query().map(|path| path.as_str()),
            Some("/readyz?verbose")
        );
        assert!(!request.headers.contains_key("authorization"));
    }
}
