//! What is asked of the server, and what its answers become.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http_body_util::BodyExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Client;
use kube::api::PropagationPolicy;
use kube::client::Body;
use serde_json::{Value, json};

use super::super::{Applied, Applier, ApplyError, Because, Cache, Deletion, FIELD_MANAGER, Known, Outcome};
use super::*;
use crate::decode::{Managed, ObjectMetadata};

/// A request as the server saw it.
#[derive(Clone, Debug)]
struct Seen {
    line: String,
    content_type: String,
    body: Value,
}

/// Knows nothing without asking.
struct Nothing;

impl Cache for Nothing {
    fn known(&self, _: &ApiResource, _: &str, _: &str) -> Option<Arc<Known>> {
        None
    }

    fn answered(&self, _: &ApiResource, _: &Value) {}

    fn deleted(&self, _: &ApiResource, _: &str, _: &str, _: &str) {}
}

/// A server that gives the scripted answers in turn and refuses what comes after them.
#[derive(Clone)]
struct Server {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            seen: Arc::default(),
        }
    }

    fn applier(&self) -> Applier {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<Body>| server.clone().answer(request));
        Applier::new(Client::new(service, "default"), Arc::new(Nothing))
    }

    async fn answer(self, request: http::Request<Body>) -> Result<http::Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let content_type = parts
            .headers
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        self.seen.lock().expect("lock").push(Seen {
            line: format!("{} {}", parts.method, parts.uri),
            content_type: content_type.unwrap_or_default().to_owned(),
            body: serde_json::from_slice(&body).unwrap_or_default(),
        });
        let (code, answer) = self
            .answers
            .lock()
            .expect("lock")
            .pop_front()
            .unwrap_or_else(|| (500, json!({ "message": "not scripted" })));
        let response = http::Response::builder()
            .status(code)
            .body(Body::from(answer.to_string().into_bytes()));
        Ok(response.expect("a response"))
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("lock").clone()
    }

    fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }
}

fn failure(code: u16, reason: &str, message: &str) -> (u16, Value) {
    (
        code,
        json!({
            "kind": "Status", "apiVersion": "v1", "status": "Failure",
            "code": code, "reason": reason, "message": message,
        }),
    )
}

const NOT_FOUND: &str = "configmaps \"wardle-ca\" not found";
const COLLECTION: &str = "/api/v1/namespaces/default/configmaps";

fn applied(desired: &Desired) -> Value {
    live(desired, [entry(desired, json!({ "f:data": { "f:ca.crt": {} } }))])
}

/// As the server answers the POST: no hash yet, and our entry an update's.
fn posted(desired: &Desired) -> Value {
    let mut object = applied(desired);
    object["metadata"]
        .as_object_mut()
        .expect("metadata")
        .remove("annotations");
    object["metadata"]["managedFields"][0]["operation"] = "Update".into();
    object
}

#[tokio::test]
async fn an_object_as_it_should_be_costs_one_get() {
    let desired = config_map();
    let server = Server::answering([(200, applied(&desired))]);
    let done = server.applier().apply(&desired).await.expect("nothing to do");
    assert_eq!(
        done,
        Applied {
            live: Some(applied(&desired)),
            outcome: Outcome::Unchanged
        }
    );
    assert_eq!(server.lines(), [format!("GET {COLLECTION}/wardle-ca")]);
}

#[tokio::test]
async fn drift_is_applied_with_force_on_that_very_object() {
    let desired = config_map();
    let drifted = live(&desired, [entry(&desired, json!({}))]);
    let server = Server::answering([(200, drifted), (200, applied(&desired))]);
    let done = server.applier().apply(&desired).await.expect("an apply");
    let Outcome::Updated(Because::Drift(drift)) = done.outcome else {
        panic!("{:?}", done.outcome)
    };
    assert_eq!(drift[0].path, "data.ca.crt");

    let patch = server.seen().pop().expect("a request");
    assert!(
        patch.line.starts_with(&format!("PATCH {COLLECTION}/wardle-ca?")),
        "{}",
        patch.line
    );
    assert!(
        patch.line.contains("force=true") && patch.line.contains(&format!("fieldManager={FIELD_MANAGER}"))
    );
    assert_eq!(patch.content_type, "application/apply-patch+yaml");
    assert_eq!(patch.body["metadata"]["uid"], UID);
    assert_eq!(
        patch.body["metadata"]["annotations"][APPLIED_HASH],
        desired.hash()
    );
    assert!(patch.body["metadata"].get("resourceVersion").is_none());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_foreign_or_terminating_object_is_never_written() {
    let desired = config_map();
    let mut foreign = applied(&desired);
    foreign["metadata"]["ownerReferences"] = json!([]);
    let mut going = applied(&desired);
    going["metadata"]["deletionTimestamp"] = "2026-11-22T18:10:42Z".into();
    let server = Server::answering([(200, foreign), (200, going)]);
    let applier = server.applier();
    assert!(matches!(
        applier.apply(&desired).await,
        Err(ApplyError::Foreign { .. })
    ));
    assert!(matches!(
        applier.apply(&desired).await,
        Err(ApplyError::Terminating { .. })
    ));
    assert!(
        server.lines().iter().all(|line| line.starts_with("GET ")),
        "{:?}",
        server.lines()
    );
}

/// The version keeps it from an object that has come since: any that is there has another one.
#[tokio::test]
async fn a_missing_object_is_made_by_one_apply_that_no_object_would_take() {
    let desired = config_map();
    let server = Server::answering([failure(404, "NotFound", NOT_FOUND), (201, applied(&desired))]);
    let done = server.applier().apply(&desired).await.expect("a creation");
    assert_eq!(
        done,
        Applied {
            live: Some(applied(&desired)),
            outcome: Outcome::Created
        }
    );

    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    let line = &seen[1].line;
    assert!(
        line.starts_with(&format!("PATCH {COLLECTION}/wardle-ca?")),
        "{line}"
    );
    assert!(!line.contains("force"), "{line}");
    assert_eq!(seen[1].content_type, "application/apply-patch+yaml");
    let metadata = &seen[1].body["metadata"];
    assert_eq!(metadata["resourceVersion"], "1");
    assert!(metadata.get("uid").is_none());
    assert_eq!(metadata["annotations"][APPLIED_HASH], desired.hash());
}

#[tokio::test]
async fn a_name_that_was_taken_meanwhile_is_left_alone() {
    let desired = config_map();
    let server = Server::answering([
        failure(404, "NotFound", NOT_FOUND),
        failure(409, "Conflict", "the object has been modified"),
    ]);
    assert!(matches!(
        server.applier().apply(&desired).await,
        Err(ApplyError::Raced { .. })
    ));
    assert_eq!(server.seen().len(), 2);
}

/// Of an earlier version of Annex, which made objects by POST and was cut off before it had applied them.
#[tokio::test]
async fn an_object_of_a_post_is_applied_once() {
    let desired = config_map();
    let server = Server::answering([
        (200, posted(&desired)),
        (200, posted(&desired)),
        (200, applied(&desired)),
    ]);
    let done = server.applier().apply(&desired).await.expect("an apply");
    assert_eq!(done.outcome, Outcome::Updated(Because::Changed));
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[1].content_type, "application/merge-patch+json");
    assert_eq!(seen[1].body["metadata"]["resourceVersion"], "7");
    assert_eq!(seen[1].body["metadata"]["managedFields"][0]["operation"], "Apply");
    assert_eq!(seen[2].body["metadata"]["uid"], UID);
}

#[tokio::test]
async fn a_refused_repair_says_what_had_drifted() {
    let desired = config_map();
    let drifted = live(&desired, [entry(&desired, json!({}))]);
    let server = Server::answering([
        (200, drifted),
        failure(422, "Invalid", "may not specify more than 1 volume type"),
    ]);
    let error = server.applier().apply(&desired).await.expect_err("a refusal");
    let ApplyError::Invalid { drift, message, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (drift.len(), message.as_str()),
        (1, "may not specify more than 1 volume type")
    );
}

#[tokio::test]
async fn a_dry_run_stores_nothing() {
    let desired = config_map();
    let server = Server::answering([(200, applied(&desired)), failure(422, "Invalid", "no")]);
    let applier = server.applier();
    applier.dry_run(&desired).await.expect("a verdict");
    assert!(matches!(
        applier.dry_run(&desired).await,
        Err(ApplyError::Invalid { .. })
    ));
    assert!(
        server.lines().iter().all(|line| line.contains("dryRun=All")),
        "{:?}",
        server.lines()
    );
}

#[tokio::test]
async fn deletion_is_of_the_owned_object_alone() {
    let desired = config_map();
    let object = applied(&desired);
    let server = Server::answering([
        (
            200,
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
        ),
        failure(404, "NotFound", NOT_FOUND),
        failure(409, "Conflict", "the UID in the precondition does not match"),
    ]);
    let applier = server.applier();
    let owner = desired.owner();
    let delete = || applier.delete_owned(desired.resource(), &object, owner, PropagationPolicy::Orphan);
    assert_eq!(delete().await.expect("a deletion"), Deletion::Requested);
    assert_eq!(delete().await.expect("no object"), Deletion::AlreadyGone);
    assert!(matches!(delete().await, Err(ApplyError::Raced { .. })));
    let other = OwnerReference {
        name: "another".into(),
        uid: "another".into(),
        ..owner.clone()
    };
    let stranger = applier.delete_owned(desired.resource(), &object, &other, PropagationPolicy::Background);
    assert!(matches!(stranger.await, Err(ApplyError::Foreign { .. })));

    let seen = server.seen();
    assert_eq!(seen.len(), 3, "no request for what is not owned");
    assert_eq!(
        seen[0].line.trim_end_matches('?'),
        format!("DELETE {COLLECTION}/wardle-ca")
    );
    assert_eq!(seen[0].body["preconditions"]["uid"], UID);
    assert_eq!(seen[0].body["propagationPolicy"], "Orphan");
}

const SERVERS: &str = "/apis/annex.dev/v1alpha1/aggregatedservers";

fn aggregated_server(uid: &str) -> (u16, Value) {
    let object = json!({
        "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "metadata": { "name": "wardle", "uid": uid },
    });
    (200, object)
}

/// The object as a restore left it, by what its managedFields tell.
fn restored(desired: &Desired, managed_fields: Value) -> Value {
    let mut former = of_former(&applied(desired));
    former["metadata"]["managedFields"] = managed_fields;
    former
}

#[tokio::test]
async fn a_child_of_a_former_owner_is_taken_up_whatever_became_of_its_managed_fields() {
    let desired = config_map();
    let survived = of_former(&applied(&desired)["metadata"]["managedFields"]);
    let mut written = survived.clone();
    written[0]["manager"] = "velero-server".into();
    written[0]["operation"] = "Update".into();
    let hash = json!({ "f:metadata": { "f:annotations": { format!("f:{APPLIED_HASH}"): {} } } });
    for (case, managed_fields, expected) in [
        ("survived", survived.clone(), Value::Null),
        ("stripped", json!([]), hash),
        ("a restore's", written, survived[0]["fieldsV1"].clone()),
    ] {
        let server = Server::answering([
            (200, restored(&desired, managed_fields)),
            aggregated_server(OWNER),
            (200, applied(&desired)),
            (200, applied(&desired)),
        ]);
        let done = server.applier().apply(&desired).await.expect(case);
        assert_eq!(done.outcome, Outcome::Updated(Because::Adopted), "{case}");

        let seen = server.seen();
        assert_eq!(seen.len(), 4, "{case}");
        assert_eq!(
            seen[1].line.trim_end_matches('?'),
            format!("GET {SERVERS}/wardle")
        );
        assert_eq!(seen[2].content_type, "application/merge-patch+json");
        let metadata = &seen[2].body["metadata"];
        assert_eq!(
            (&metadata["uid"], &metadata["resourceVersion"]),
            (&json!(UID), &json!("7"))
        );
        assert_eq!(metadata["ownerReferences"], owner_references(), "{case}");
        assert_eq!(metadata["annotations"], json!({ APPLIED_HASH: null }));
        assert_eq!(metadata["managedFields"][0]["fieldsV1"], expected, "{case}");
        assert_eq!(seen[3].content_type, "application/apply-patch+yaml");
        assert_eq!(seen[3].body["metadata"]["ownerReferences"], owner_references());
    }
}

#[tokio::test]
async fn other_references_stay_where_a_former_one_goes() {
    let desired = config_map();
    let other = json!({ "apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "8" });
    let mut former = restored(&desired, json!([]));
    let references = former["metadata"]["ownerReferences"].as_array_mut();
    references.expect("a list").insert(0, other.clone());
    let server = Server::answering([
        (200, former),
        aggregated_server(OWNER),
        (200, applied(&desired)),
        (200, applied(&desired)),
    ]);
    server.applier().apply(&desired).await.expect("an adoption");
    let ours = owner_references()[0].clone();
    let written = server.seen()[2].body["metadata"]["ownerReferences"].clone();
    assert_eq!(written, json!([other, ours]));
}

/// The other uid may be the successor's: then it is this pass that is late.
#[tokio::test]
async fn a_former_owner_itself_takes_nothing_from_its_successor() {
    let desired = config_map();
    let object = restored(&desired, json!([]));
    let gone = failure(
        404,
        "NotFound",
        "aggregatedservers.annex.dev \"wardle\" not found",
    );
    for answer in [aggregated_server(FORMER), gone] {
        let server = Server::answering([(200, object.clone()), answer.clone(), answer]);
        let applier = server.applier();
        assert!(matches!(
            applier.apply(&desired).await,
            Err(ApplyError::Raced { .. })
        ));
        let (owner, dependents) = (desired.owner(), PropagationPolicy::Background);
        let deletion = applier.delete_owned(desired.resource(), &object, owner, dependents);
        assert!(matches!(deletion.await, Err(ApplyError::Raced { .. })));
        assert!(
            server.lines().iter().all(|line| line.starts_with("GET ")),
            "{:?}",
            server.lines()
        );
    }
}

#[tokio::test]
async fn an_adoption_that_was_cut_off_is_finished_like_a_creation() {
    let desired = config_map();
    let former = restored(&desired, applied(&desired)["metadata"]["managedFields"].clone());
    let mut half = applied(&desired);
    half["metadata"]["annotations"] = json!({});
    let server = Server::answering([
        (200, former),
        aggregated_server(OWNER),
        (200, half.clone()),
        failure(503, "ServiceUnavailable", "going away"),
        (200, half),
        (200, applied(&desired)),
    ]);
    let applier = server.applier();
    applier.apply(&desired).await.expect_err("a failure");
    let done = applier.apply(&desired).await.expect("the rest");
    assert_eq!(done.outcome, Outcome::Updated(Because::Changed));
    assert_eq!(server.seen().len(), 6);
}

/// Its references would be refused, two controllers, before they are replaced.
#[tokio::test]
async fn a_child_of_a_former_owner_is_not_judged_before_it_is_taken_up() {
    let desired = config_map();
    let server = Server::answering([(200, restored(&desired, json!([])))]);
    let judged = server.applier().dry_run_if_changed(&desired).await;
    judged.expect("nothing to judge yet");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_child_of_a_former_owner_is_deleted_as_it_was_read() {
    let desired = config_map();
    let object = restored(&desired, json!([]));
    let server = Server::answering([
        aggregated_server(OWNER),
        (
            200,
            json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }),
        ),
    ]);
    let applier = server.applier();
    let (owner, dependents) = (desired.owner(), PropagationPolicy::Background);
    let deletion = applier.delete_owned(desired.resource(), &object, owner, dependents);
    assert_eq!(deletion.await.expect("a deletion"), Deletion::Requested);
    assert_eq!(
        server.seen()[1].body["preconditions"],
        json!({ "uid": UID, "resourceVersion": "7" })
    );
}

const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/wardle";

/// Of an AggregatedServer whose `replicas` was removed: the Deployment as it is to be, as it is, and after its release.
fn handed_over() -> (Desired, Value, Value) {
    let mut object = deployment().object().clone();
    object["spec"].as_object_mut().expect("a spec").remove("replicas");
    let wanted = desired::<Deployment>(object).leaving(&[&["spec", "replicas"]]);
    let scaled = live(&deployment(), [deployment_entry()]);
    let entry = without(deployment_entry(), &["f:spec", "f:replicas"]);
    let mut released = live(&deployment(), [entry]);
    released["metadata"]["resourceVersion"] = "8".into();
    (wanted, scaled, released)
}

#[tokio::test]
async fn a_field_is_given_up_before_it_is_applied_no_more() {
    let (wanted, scaled, released) = handed_over();
    let server = Server::answering([
        (200, scaled.clone()),
        (200, released.clone()),
        (200, released.clone()),
    ]);
    let done = server.applier().apply(&wanted).await.expect("an apply");
    assert_eq!(done.outcome, Outcome::Updated(Because::Changed));

    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen[1].line.starts_with(&format!("PATCH {DEPLOYMENT}?")));
    assert_eq!(seen[1].content_type, "application/merge-patch+json");
    assert_eq!(
        seen[1].body,
        json!({ "metadata": {
            "uid": UID,
            "resourceVersion": "7",
            "managedFields": released["metadata"]["managedFields"],
        }}),
        "the value itself is not touched"
    );
    assert_eq!(seen[2].content_type, "application/apply-patch+yaml");
    assert!(seen[2].body["spec"].get("replicas").is_none());
}

#[tokio::test]
async fn a_release_that_was_cut_off_is_not_repeated() {
    let (wanted, scaled, released) = handed_over();
    let server = Server::answering([
        (200, scaled),
        (200, released.clone()),
        failure(503, "ServiceUnavailable", "going away"),
        (200, released.clone()),
        (200, released),
    ]);
    let applier = server.applier();
    applier.apply(&wanted).await.expect_err("a failure");
    applier.apply(&wanted).await.expect("the rest");
    let types: Vec<_> = server.seen().into_iter().map(|seen| seen.content_type).collect();
    let (merge, apply) = ("application/merge-patch+json", "application/apply-patch+yaml");
    assert_eq!(types, ["", merge, apply, "", apply]);
}

#[tokio::test]
async fn a_release_that_is_overtaken_applies_nothing() {
    let (wanted, scaled, _) = handed_over();
    let server = Server::answering([
        (200, scaled),
        failure(409, "Conflict", "the object has been modified"),
    ]);
    assert!(matches!(
        server.applier().apply(&wanted).await,
        Err(ApplyError::Raced { .. })
    ));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn what_is_as_it_was_read_is_applied_over_that_version() {
    let desired = config_map();
    let mut older = applied(&desired);
    older["metadata"]["annotations"][APPLIED_HASH] = "older".into();
    let server = Server::answering([(200, applied(&desired)), (200, older), (200, applied(&desired))]);
    let applier = server.applier();
    let done = applier.apply_since(&desired, "7").await;
    assert_eq!(done.expect("nothing to do").outcome, Outcome::Unchanged);
    assert_eq!(server.seen().len(), 1);

    let done = applier.apply_since(&desired, "7").await;
    assert_eq!(
        done.expect("an apply").outcome,
        Outcome::Updated(Because::Changed)
    );
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[2].content_type, "application/apply-patch+yaml");
    assert_eq!(seen[2].body["metadata"]["resourceVersion"], "7");
}

#[tokio::test]
async fn what_was_written_since_it_was_read_is_left_as_it_is() {
    let desired = config_map();
    let mut older = applied(&desired);
    older["metadata"]["annotations"][APPLIED_HASH] = "older".into();
    let gone = || failure(404, "NotFound", "configmaps \"wardle-ca\" not found");
    let conflict = failure(409, "Conflict", "the object has been modified");
    for (case, read, answers) in [
        ("changed before", "6", vec![(200, older.clone())]),
        ("changed meanwhile", "7", vec![(200, older), conflict.clone()]),
        ("removed", "7", vec![gone()]),
    ] {
        let requests = answers.len();
        let server = Server::answering(answers);
        let raced = server.applier().apply_since(&desired, read).await;
        assert!(
            matches!(raced, Err(ApplyError::Raced { .. })),
            "{case}: {raced:?}"
        );
        assert_eq!(server.seen().len(), requests, "{case}");
    }
    let server = Server::answering([conflict]);
    let raced = server.applier().apply_over(&desired, None).await;
    assert!(matches!(raced, Err(ApplyError::Raced { .. })), "made: {raced:?}");
    assert_eq!(server.seen()[0].body["metadata"]["resourceVersion"], "1");
}

/// Between two requests another may come as well.
#[tokio::test]
async fn each_request_since_a_read_names_the_version_before_it() {
    let desired = config_map();
    let mut prepared = posted(&desired);
    prepared["metadata"]["resourceVersion"] = "8".into();
    let server = Server::answering([
        (200, posted(&desired)),
        (200, prepared),
        failure(409, "Conflict", "the object has been modified"),
    ]);
    let raced = server.applier().apply_since(&desired, "7").await;
    assert!(matches!(raced, Err(ApplyError::Raced { .. })), "{raced:?}");
    let seen = server.seen();
    let methods: Vec<_> = seen
        .iter()
        .filter_map(|seen| seen.line.split(' ').next())
        .collect();
    assert_eq!(methods, ["GET", "PATCH", "PATCH"]);
    assert_eq!(seen[1].body["metadata"]["resourceVersion"], "7");
    assert_eq!(seen[2].body["metadata"]["resourceVersion"], "8");
}

/// What was known is asked for only where it is not as it should be, and written only where it is that still.
#[tokio::test]
async fn what_is_known_is_written_over_that_version_alone() {
    let desired = config_map();
    let known = |live: &Value| {
        let Managed::<ObjectMetadata> { object, own, .. } =
            serde_json::from_value(live.clone()).expect("an object");
        Known::new(kube::Resource::meta(&object), own)
    };
    let server = Server::answering([]);
    let done = server
        .applier()
        .apply_over(&desired, Some(&known(&applied(&desired))))
        .await;
    assert_eq!(done.expect("nothing to do").outcome, Outcome::Unchanged);
    assert!(server.seen().is_empty());

    let mut older = applied(&desired);
    older["metadata"]["annotations"][APPLIED_HASH] = "older".into();
    let server = Server::answering([(200, older.clone()), (200, applied(&desired))]);
    let done = server.applier().apply_over(&desired, Some(&known(&older))).await;
    assert_eq!(
        done.expect("an apply").outcome,
        Outcome::Updated(Because::Changed)
    );
    assert_eq!(server.seen()[1].body["metadata"]["resourceVersion"], "7");

    let mut since = older.clone();
    since["metadata"]["resourceVersion"] = "8".into();
    let gone = failure(404, "NotFound", "configmaps \"wardle-ca\" not found");
    for answer in [(200, since), gone] {
        let server = Server::answering([answer]);
        let raced = server.applier().apply_over(&desired, Some(&known(&older))).await;
        assert!(matches!(raced, Err(ApplyError::Raced { .. })), "{raced:?}");
        assert_eq!(server.seen().len(), 1);
    }
}

/// What was whole and is to be another is applied over that version, without a read.
#[tokio::test]
async fn what_is_known_as_a_whole_is_applied_over_that_version_at_once() {
    let desired = config_map();
    let read: Managed<ObjectMetadata> = serde_json::from_value(applied(&desired)).expect("an object");
    let known = Known::new(kube::Resource::meta(&read.object), read.own);
    let server = Server::answering([
        (200, applied(&desired)),
        failure(409, "Conflict", "the object has been modified"),
    ]);
    let applier = server.applier();
    let done = applier.apply_next(&desired, &known).await.expect("an apply");
    assert_eq!(done.outcome, Outcome::Updated(Because::Changed));
    let raced = applier.apply_next(&desired, &known).await;
    assert!(matches!(raced, Err(ApplyError::Raced { .. })), "{raced:?}");
    let seen = server.seen();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].content_type, "application/apply-patch+yaml");
    let metadata = &seen[0].body["metadata"];
    assert_eq!(
        (&metadata["uid"], &metadata["resourceVersion"]),
        (&json!(UID), &json!("7"))
    );
}
