//! What the last step of a rotation writes, and what is published after it.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::Secret;
use kube::Client;
use serde_json::{Value, json};

use super::*;
use crate::{
    aggregated_server::{
        certificates::{
            Authority, IssueCause, Replacement, Serving, ServingWrite, Waits, secrets,
            testing::{at, policy},
        },
        endpoints::{Endpoint, Origin, Presented},
        testing::{context, names, surroundings},
    },
    fake_client::{Answer, fake_client},
    pki::issue_leaf,
};

fn client(code: u16, bodies: &Arc<Mutex<Vec<Value>>>) -> Client {
    let bodies = Arc::clone(bodies);
    fake_client(move |request| {
        assert_eq!(
            (request.method.as_str(), request.path.as_str()),
            ("PUT", "/api/v1/namespaces/annex-system/secrets/wardle-ca")
        );
        bodies.lock().unwrap().push(request.body.clone());
        match code {
            200 => Answer::ok(request.body),
            409 => Answer::status(code, "Conflict"),
            _ => Answer::status(code, "InternalError"),
        }
    })
}

/// A rotation that every endpoint has followed; its Secret is at version 7.
fn followed() -> CertificateState {
    let (policy, names) = (policy(), names());
    let issue = |previous| {
        let why = "test";
        Authority::issue(&policy, Replacement { why, previous }, at(0)).unwrap()
    };
    let old = issue(Vec::new()).current.certificate().clone();
    let authority = issue(vec![old]);
    let bundle = authority.bundle();
    let leaf = issue_leaf(&authority.current, &policy.dns_names, at(0), policy.duration).unwrap();
    let serving = secrets::serving_secret(None, &leaf, IssueCause::First, &bundle, &policy, &names, at(0));
    let mut secret: Secret = secrets::authority_secret(None, &authority, &names);
    secret.metadata.resource_version = Some("7".into());
    let read = Serving::read(Some(&serving), &authority, &bundle, &policy, at(1));
    let write = (&read, &ServingWrite::None);
    let stored = (authority, secret);
    CertificateState::new(stored, write, Some(&serving), Waits::default(), &policy, at(1))
}

fn serves(keys: &CertificateState) -> Report {
    let leaf = keys.leaf.as_ref().unwrap().certificate.clone();
    let endpoint = Endpoint {
        address: "10.0.0.1:8443".parse().unwrap(),
        pod: Some("a".into()),
        ready: true,
        origin: Origin::Backend,
    };
    Report {
        handshake: Ok(Presented { leaf, trust: Ok(()) }),
        ..Report::unasked(endpoint, crate::probe::tls::HandshakeError::NoAnswerYet)
    }
}

/// The step against an API server that answers with `code`: what is published then, what was sent, and what was found.
async fn narrow(code: u16, paused: bool) -> (Vec<Certificate>, Vec<Value>, PassResult) {
    let bodies = Arc::default();
    let ctx = context(client(code, &bodies));
    let (names, policy, surroundings) = (names(), policy(), surroundings());
    let keeper = SecretsApplier {
        paused,
        ctx: &ctx,
        names: &names,
        policy: &policy,
        surroundings: &surroundings,
        now: at(1),
    };
    let keys = followed();
    let reports = [serves(&keys)];
    let rotation = Rotation {
        keeper: &keeper,
        keys: &keys,
        looked: Some(&reports),
    };
    let mut outcome = PassResult::default();
    let published = rotation.advance(&mut outcome).await;
    let step = outcome
        .certificates
        .rotation
        .as_ref()
        .map(|rotation| rotation.step);
    assert_eq!(step, Some(RotationStep::Narrow));
    (published, std::mem::take(&mut bodies.lock().unwrap()), outcome)
}

#[tokio::test]
async fn narrow_drops_the_old_authority_from_the_secret_that_was_read() {
    let (published, bodies, outcome) = narrow(200, false).await;
    assert_eq!(published.len(), 1);
    assert_eq!(bodies.len(), 1);
    assert_eq!(bodies[0]["metadata"]["resourceVersion"], json!("7"));
    assert!(bodies[0]["data"]["previous.crt"].is_null() && bodies[0]["data"]["tls.key"].is_string());
    let events: Vec<_> = outcome.event_records.iter().map(|event| &*event.reason).collect();
    assert_eq!(events, ["RotationCompleted"]);
}

#[tokio::test]
async fn what_narrow_could_not_write_stays_published() {
    // Another operator was faster: the next pass sees what there is.
    let (published, bodies, outcome) = narrow(409, false).await;
    assert_eq!((published.len(), bodies.len()), (2, 1));
    assert!(outcome.event_records.is_empty());
    let reasons = |outcome: &PassResult| -> Vec<Reason> {
        outcome.findings.iter().map(|finding| finding.reason).collect()
    };
    assert!(
        !reasons(&outcome).contains(&Reason::ApplyFailed),
        "{:?}",
        outcome.findings
    );
    let (published, _, outcome) = narrow(500, false).await;
    assert_eq!(published.len(), 2);
    assert!(
        reasons(&outcome).contains(&Reason::ApplyFailed),
        "{:?}",
        outcome.findings
    );
}

#[tokio::test]
async fn nothing_is_narrowed_while_it_is_paused() {
    let (published, bodies, _) = narrow(200, true).await;
    assert_eq!((published.len(), bodies.len()), (2, 0));
}
