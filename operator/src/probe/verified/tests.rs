//! No secret before proof, and no more than so much of anything.

use std::time::Duration;

use super::*;
use crate::pki::testing::{DAY, NAME, authority, in_days, leaf, names, now};
use crate::pki::{Leaf, issue_leaf};
use crate::probe::testing::{AMPLE, PATIENT, TestServer, answer, https, recorder, tls_config, usual, wardle};

fn token() -> Token {
    Token::new("a-very-secret-token".to_owned()).expect("a token")
}

async fn connected(server: &TestServer, bundle: &[Certificate]) -> Connection {
    connect(server.addr, NAME, bundle, now(), &PATIENT)
        .await
        .expect("a connection")
}

#[tokio::test]
async fn a_trusted_server_is_asked_in_the_version_that_it_speaks() {
    let ca = authority(&[NAME]);
    let bundle = [ca.certificate().clone()];
    let Leaf {
        certificate, key_pem, ..
    } = leaf(&ca);
    let cases = [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ];
    for (protocols, version) in cases {
        let config = tls_config(&certificate, &key_pem, rustls::ALL_VERSIONS, protocols);
        let server = https(config, |request| answer(200, request.uri.path().to_owned())).await;
        let mut connection = connected(&server, &bundle).await;
        assert_eq!(connection.served().leaf, certificate);
        let token = token();
        for (path, token) in [("/one", Some(&token)), ("/two?verbose", None)] {
            let response = connection.get(path, token).await.expect("an answer");
            assert_eq!(response.status, StatusCode::OK);
            assert_eq!(response.body, path.split('?').next().unwrap_or_default());
        }
        let requests = server.seen().requests;
        assert!(
            requests.iter().all(|request| request.version == version),
            "{requests:?}"
        );
        let bearer = |n: usize| requests[n].headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        assert_eq!(bearer(0), Some(&b"Bearer a-very-secret-token"[..]));
        assert_eq!(bearer(1), None);
        assert_eq!(requests[1].uri.query(), Some("verbose"));
        let host = requests[0].headers.get(HOST).and_then(|host| host.to_str().ok());
        assert_eq!(host.or_else(|| requests[0].uri.host()), Some(NAME));
    }
}

#[tokio::test]
async fn an_untrusted_server_gets_no_byte() {
    let ca = authority(&[NAME, "api.example.com"]);
    let bundle = [ca.certificate().clone()];
    let good = leaf(&ca);
    let misnamed = issue_leaf(&ca, &names(&["api.example.com"]), now(), DAY).expect("a leaf");
    let foreign = leaf(&authority(&[NAME]));
    let cases = [
        (
            &good,
            in_days(2),
            TrustFault::Expired {
                not_after: good.certificate.not_after,
            },
        ),
        (
            &good,
            in_days(-1),
            TrustFault::NotYetValid {
                not_before: good.certificate.not_before,
            },
        ),
        (
            &misnamed,
            now(),
            TrustFault::SanMismatch {
                names: names(&["api.example.com"]),
            },
        ),
        (&foreign, now(), TrustFault::Untrusted),
    ];
    for (leaf, at, fault) in cases {
        let server = recorder(usual(&leaf.certificate, &leaf.key_pem)).await;
        let refused = connect(server.addr, NAME, &bundle, at, &PATIENT).await;
        assert_eq!(refused.err(), Some(ProbeError::Trust(fault)));
        let seen = server.wait(|seen| !seen.data.is_empty()).await;
        assert_eq!(seen.data, [0]);
    }
}

#[tokio::test]
async fn a_failed_handshake_is_passed_on() {
    let failed = connect(([127, 0, 0, 1], 1).into(), "not a name", &[], now(), &PATIENT).await;
    let cause = HandshakeError::InvalidServerName("not a name".to_owned());
    assert_eq!(failed.err(), Some(ProbeError::Handshake(cause)));
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let (server, bundle) = wardle(|_| {
        answer(302, "elsewhere").map(|mut answer| {
            answer
                .headers_mut()
                .insert("location", HeaderValue::from_static("/elsewhere"));
            answer
        })
    })
    .await;
    let response = connected(&server, &bundle)
        .await
        .get("/", Some(&token()))
        .await
        .expect("an answer");
    assert_eq!(response.status, StatusCode::FOUND);
    assert_eq!(server.seen().requests.len(), 1);
}

#[tokio::test]
async fn a_body_is_read_to_its_limit_and_no_further() {
    for protocols in [&["h2"][..], &["http/1.1"]] {
        let ca = authority(&[NAME]);
        let leaf = leaf(&ca);
        let config = tls_config(&leaf.certificate, &leaf.key_pem, rustls::ALL_VERSIONS, protocols);
        let server = https(config, |request| {
            let extra = usize::from(request.uri.path() == "/large");
            answer(200, vec![b'x'; MAX_BODY_BYTES + extra])
        })
        .await;
        let bundle = [ca.certificate().clone()];
        let mut connection = connected(&server, &bundle).await;
        let fits = connection.get("/fits", None).await.expect("an answer");
        assert_eq!(fits.body.len(), MAX_BODY_BYTES);
        assert_eq!(
            connection.get("/large", None).await,
            Err(RequestError::BodyTooLarge)
        );
    }
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_not_waited_for() {
    for protocols in [&["h2"][..], &["http/1.1"]] {
        let ca = authority(&[NAME]);
        let leaf = leaf(&ca);
        let config = tls_config(&leaf.certificate, &leaf.key_pem, rustls::ALL_VERSIONS, protocols);
        let server = https(config, |_| None).await;
        let limits = Limits {
            request: Duration::from_millis(50),
            ..PATIENT
        };
        let bundle = [ca.certificate().clone()];
        let mut connection = connect(server.addr, NAME, &bundle, now(), &limits)
            .await
            .expect("a connection");
        assert_eq!(connection.get("/", None).await, Err(RequestError::TimedOut));
    }
}

#[tokio::test]
async fn a_server_that_goes_away_fails_the_request() {
    let (server, bundle) = wardle(|_| None).await;
    let mut connection = connected(&server, &bundle).await;
    drop(server);
    let failed = connection.get("/", None).await;
    assert!(matches!(failed, Err(RequestError::Failed(_))), "{failed:?}");
}

#[tokio::test]
async fn nothing_runs_on_after_a_connection_is_dropped() {
    for protocols in [&["h2"][..], &["http/1.1"]] {
        let ca = authority(&[NAME]);
        let leaf = leaf(&ca);
        let config = tls_config(&leaf.certificate, &leaf.key_pem, rustls::ALL_VERSIONS, protocols);
        let server = https(config, |_| None).await;
        let mut connection = connected(&server, &[ca.certificate().clone()]).await;
        let tasks = connection._tasks.spawner();
        {
            let asked = async { server.wait(|seen| !seen.requests.is_empty()).await };
            tokio::select! {
                _ = connection.get("/", None) => panic!("an answer from nobody"),
                _ = asked => {}
            }
        }
        drop(connection);
        let aborted = timeout(AMPLE, tasks.aborted()).await.expect("all tasks end");
        assert_ne!(aborted, 0, "they were not left to end by themselves");
    }
}

#[tokio::test]
async fn a_path_that_is_none_is_not_sent() {
    let (server, bundle) = wardle(|_| answer(200, "")).await;
    let mut connection = connected(&server, &bundle).await;
    for path in ["", "apis", "/a b", "/a\r\nx: y", "http://elsewhere/"] {
        let refused = connection.get(path, None).await;
        assert_eq!(refused, Err(RequestError::InvalidPath(path.to_owned())));
    }
    assert!(server.seen().requests.is_empty());
}

#[test]
fn a_token_is_never_formatted() {
    assert_eq!(format!("{:?}", token()), "Token(..)");
    assert_eq!(token().redact("got a-very-secret-token!"), "got [redacted]!");
    for invalid in ["", "two words", "a\r\nb", "é"] {
        assert_eq!(Token::new(invalid.to_owned()).err(), Some(InvalidToken));
    }
}
