//! What is refused, and that the kube-apiserver is answered over TLS.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use serde_json::{Value, json};

use super::{
    Certificate,
    keep::dns_name,
    keys::{self, Keys},
    review::answer,
    serve,
    serve::Reviews,
};
use crate::{
    pki::parse_bundle,
    probe::{Limits, verified},
};

fn lamps() -> Value {
    json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedResourceDefinition",
        "metadata": { "name": "lamps.example.com" },
        "spec": {
            "server": "light", "group": "example.com", "scope": "Namespaced",
            "names": { "plural": "lamps", "kind": "Lamp" },
            "versions": [{ "name": "v1", "served": true, "storage": true, "schema": { "openAPIV3Schema": { "type": "object" } } }],
        },
    })
}

fn with(pointer: &str, value: Value) -> Value {
    let mut object = lamps();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}

fn judge(object: Value, old: Value) -> Value {
    let request = json!({ "uid": "u", "operation": "CREATE", "object": object, "oldObject": old });
    let review =
        json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request });
    let answer = answer(&serde_json::to_vec(&review).unwrap()).unwrap();
    assert_eq!(answer["response"]["uid"], "u");
    answer["response"].clone()
}

#[test]
fn what_a_custom_resource_definition_is_refused_for_is_refused_in_its_words() {
    assert_eq!(
        judge(lamps(), Value::Null),
        json!({ "uid": "u", "allowed": true })
    );
    let mut wrong = with("/spec/scope", json!("Everywhere"));
    wrong["metadata"]["name"] = "lamp.example.com".into();
    let response = judge(wrong, Value::Null);
    assert_eq!(response["allowed"], false);
    let status = &response["status"];
    let (name, scope) = (
        r#"metadata.name: Invalid value: "lamp.example.com": must be spec.names.plural+"."+spec.group"#,
        r#"spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced""#,
    );
    assert_eq!(
        status["message"],
        format!(r#"AggregatedResourceDefinition.annex.dev "lamp.example.com" is invalid: [{name}, {scope}]"#)
    );
    assert_eq!(
        (&status["code"], &status["reason"]),
        (&json!(422), &json!("Invalid"))
    );
    assert_eq!(
        status["details"]["causes"][1],
        json!({
            "reason": "FieldValueNotSupported", "field": "spec.scope",
            "message": r#"Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced""#,
        })
    );
    let strange = judge(with("/spec/versions", json!(3)), Value::Null);
    assert_eq!(strange["status"]["code"], 400);
    assert!(answer(b"{}").is_none() && answer(b"").is_none());
}

/// Few bytes of JSON may be much memory.
#[test]
fn what_would_take_the_memory_is_refused_before_it_is_parsed() {
    let zeros = format!("[0{}]", ",0".repeat(150_000));
    let review = |metadata: &str, old: &str| {
        let object = |spec: &str, metadata: &str| format!(r#"{{"metadata":{metadata},"spec":{spec}}}"#);
        let (object, old) = (object(&zeros, metadata), object(old, "{}"));
        let review = format!(r#"{{"request":{{"uid":"u","object":{object},"oldObject":{old}}}}}"#);
        answer(review.as_bytes()).unwrap()["response"].clone()
    };
    let refused = review(r#"{"name":"a.b"}"#, "3");
    assert_eq!(refused["status"]["code"], 422);
    let words = refused["status"]["message"].as_str().unwrap();
    assert!(
        words.contains("spec: Too many: 150002: must have at most 100000 items"),
        "{words}"
    );
    assert_eq!(review("{}", &zeros)["allowed"], true, "a finalizer goes");
    assert_eq!(
        review(r#"{"deletionTimestamp":"2026-01-01T00:00:00Z"}"#, "3")["allowed"],
        true
    );
    let deep = "[".repeat(90_000) + &"]".repeat(90_000);
    let review = format!(r#"{{"request":{{"uid":"u","object":{{"spec":{deep}}}}}}}"#);
    assert_eq!(
        answer(review.as_bytes()).unwrap()["response"]["status"]["code"],
        400
    );
}

/// A connection that is given up leaves its review in memory.
#[tokio::test]
async fn a_review_has_its_place_until_it_was_judged() {
    let reviews = Reviews::default();
    let (free, all) = (Arc::clone(&reviews.held), reviews.held.available_permits());
    let held = Arc::clone(&reviews.held).acquire_owned().await.unwrap();
    let (begun, is_begun) = tokio::sync::oneshot::channel();
    let (end, ends) = std::sync::mpsc::channel::<()>();
    let judging = {
        let reviews = reviews.clone();
        tokio::spawn(async move {
            let judge = move || {
                begun.send(()).unwrap();
                ends.recv().unwrap_err();
            };
            reviews.judge(held, judge).await
        })
    };
    is_begun.await.unwrap();
    judging.abort();
    assert!(judging.await.unwrap_err().is_cancelled());
    assert_eq!(
        (free.available_permits(), reviews.judged.available_permits()),
        (all - 1, 0)
    );
    drop(end);
    drop(reviews.judged.acquire().await.unwrap());
    let each = u32::try_from(all).unwrap();
    drop(free.acquire_many(each).await.unwrap());
}

#[test]
fn what_objects_are_stored_by_is_not_changed_and_what_is_wrong_already_is_not_held() {
    let mut old = lamps();
    old["status"] = json!({
        "storedVersions": ["v1"],
        "conditions": [{ "type": "Established", "status": "True", "reason": "R", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" }],
    });
    let refused = judge(with("/spec/scope", json!("Cluster")), old.clone());
    assert_eq!(
        refused["status"]["message"],
        r#"AggregatedResourceDefinition.annex.dev "lamps.example.com" is invalid: spec.scope: Invalid value: "Cluster": field is immutable"#
    );
    let mut wrong = with("/spec/scope", json!("Everywhere"));
    assert_eq!(
        judge(wrong.clone(), wrong.clone())["allowed"],
        true,
        "a finalizer goes"
    );
    wrong["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
    assert_eq!(judge(wrong, old)["allowed"], true);
}

/// The keys that a Secret without any gets.
fn fresh(now: Timestamp) -> (Secret, Keys) {
    let name = dns_name("annex-system");
    let mut secret = Secret::default();
    assert_eq!(Keys::read(&secret, &name, now), None);
    secret.data = Some(keys::renew(&secret, &name, now).unwrap());
    let keys = Keys::read(&secret, &name, now).unwrap();
    (secret, keys)
}

#[test]
fn the_authority_before_stays_in_the_bundle() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let (mut secret, first) = fresh(now);
    assert!(!first.are_due(now));
    let later: Timestamp = "2026-03-03T00:00:00Z".parse().unwrap();
    assert!(first.are_due(later));
    let name = dns_name("annex-system");
    secret.data = Some(keys::renew(&secret, &name, later).unwrap());
    let second = Keys::read(&secret, &name, later).unwrap();
    let authorities = |keys: &Keys| parse_bundle(keys.bundle.as_bytes()).unwrap().len();
    assert_eq!((authorities(&first), authorities(&second)), (1, 2));
    assert_ne!(first.key, second.key);
    secret
        .data
        .as_mut()
        .unwrap()
        .insert("ca.crt".into(), k8s_openapi::ByteString(b"x".to_vec()));
    assert_eq!(
        Keys::read(&secret, &name, later),
        None,
        "what was spoilt is made anew"
    );
}

#[tokio::test]
async fn it_answers_with_the_certificate_of_its_secret() {
    let now = Timestamp::now();
    let (_, keys) = fresh(now);
    let listener = crate::admin::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .await
        .unwrap();
    let address = listener.local_addr().unwrap();
    let certificate = Certificate::default();
    let task = tokio::spawn(serve(listener, certificate.clone()));
    let bundle = parse_bundle(keys.bundle.as_bytes()).unwrap();
    let limits = Limits::default();
    let name = dns_name("annex-system");
    assert!(
        verified::connect(address, &name, &bundle, now, &limits)
            .await
            .is_err(),
        "there is none yet"
    );
    certificate.set(&keys).unwrap();
    let mut connection = verified::connect(address, &name, &bundle, now, &limits)
        .await
        .unwrap();
    let answer = connection.get("/", None).await.unwrap();
    assert_eq!(answer.status, 405, "a review is posted");
    task.abort();
}
