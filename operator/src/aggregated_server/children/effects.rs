//! What a child's write is, what each refusal means, and what is not written.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::core::v1::ServiceAccount;
use serde_json::json;

use super::*;
use crate::{
    aggregated_server::{
        build,
        names::owner_reference,
        testing::{context, names},
    },
    fake_client::{Answer, Request, fake_client},
    fake_cluster::FakeCluster,
};

const PATH: &str = "/api/v1/namespaces/wardle/serviceaccounts/wardle";

/// Applies the ServiceAccount.
async fn apply(ctx: &Context, writes: Writes) -> PassResult {
    let names = names();
    let children = Children {
        ctx,
        names: &names,
        writes,
    };
    let mut outcome = PassResult::default();
    let desired = build::service_account(&names);
    children.apply(&desired, Reason::Conflict, &mut outcome).await;
    outcome
}

#[tokio::test]
async fn a_child_that_is_not_there_is_made_and_looked_at_again() {
    let cluster = FakeCluster::default();
    let ctx = context(cluster.client());
    let outcome = apply(&ctx, Writes::Allowed).await;
    assert!(
        outcome.hurry && outcome.findings.is_empty(),
        "{:?}",
        outcome.findings
    );
    assert_eq!(outcome.children.len(), 1);
    let made = cluster.get(PATH).expect("a ServiceAccount");
    assert_eq!(made["metadata"]["ownerReferences"][0]["uid"], names().uid);
    cluster.requests();
    // And never again, unless it changes.
    apply(&ctx, Writes::Allowed).await;
    let outcome = apply(&ctx, Writes::Allowed).await;
    assert!(!outcome.hurry);
    assert!(
        cluster
            .requests()
            .iter()
            .all(|request| request.starts_with("GET")),
        "it was written again"
    );
}

#[tokio::test]
async fn what_may_not_be_written_is_not() {
    let cluster = FakeCluster::default();
    let ctx = context(cluster.client());
    let outcome = apply(&ctx, Writes::AfterLiveReads).await;
    assert!(outcome.not_live && outcome.children.is_empty());
    let outcome = apply(&ctx, Writes::Never).await;
    assert!(!outcome.not_live && outcome.children.is_empty());
    assert!(cluster.all().is_empty());
}

/// It is there until its finalizers are done, and nothing can be written before that.
#[tokio::test]
async fn a_child_that_is_being_deleted_is_told_alike_by_every_pass_and_hurries_none() {
    let cluster = FakeCluster::default();
    let mut live = json!(build::service_account(&names()));
    live["metadata"]["uid"] = "a".into();
    live["metadata"]["deletionTimestamp"] = "2027-01-01T12:00:00Z".into();
    live["metadata"]["finalizers"] = json!(["example.com/slow"]);
    cluster.put(PATH, live);
    let ctx = context(cluster.client());
    for writes in [
        Writes::Allowed,
        Writes::AfterLiveReads,
        Writes::Never,
        Writes::Allowed,
    ] {
        let outcome = apply(&ctx, writes).await;
        assert_eq!(outcome.children.len(), 1, "{writes:?}");
        assert!(!outcome.hurry && !outcome.not_live, "{writes:?}");
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
    }
}

/// What is refused is there all the same, as it was before.
#[tokio::test]
async fn a_child_that_is_refused_belongs_to_the_server() {
    let live = {
        let mut live = json!(build::service_account(&names()));
        live["metadata"]["uid"] = "a".into();
        live["metadata"]["resourceVersion"] = "7".into();
        live
    };
    let ctx = context(fake_client(move |request| match request.method.as_str() {
        "GET" => Answer::ok(live.clone()),
        _ => Answer::status(422, "Invalid"),
    }));
    for writes in [Writes::Allowed, Writes::AfterLiveReads] {
        let outcome = apply(&ctx, writes).await;
        assert_eq!(outcome.findings[0].reason, Reason::Conflict);
        assert_eq!(outcome.children.len(), 1, "{writes:?}");
    }
}

/// What a write leads to that the API server refuses.
async fn refused(answer: Answer) -> PassResult {
    let ctx = context(fake_client(move |request: Request| {
        match request.method.as_str() {
            "GET" => Answer::status(404, "NotFound"),
            _ => answer.clone(),
        }
    }));
    apply(&ctx, Writes::Allowed).await
}

fn status(code: u16, change: impl FnOnce(&mut serde_json::Value)) -> Answer {
    let Answer::Json(code, mut body) = Answer::status(code, "Whatever") else {
        unreachable!()
    };
    change(&mut body);
    Answer::Json(code, body)
}

#[tokio::test]
async fn each_refusal_has_its_meaning() {
    let forbidden = "serviceaccounts is forbidden: User \"a\" cannot create resource";
    for (answer, reason) in [
        // What is wrong with the object itself is the caller's to name.
        (status(422, |_| {}), Reason::Conflict),
        (status(403, |_| {}), Reason::Conflict),
        (
            status(403, |body| body["message"] = forbidden.into()),
            Reason::ApplyFailed,
        ),
        (
            status(403, |body| {
                body["details"] = json!({ "causes": [{ "reason": "NamespaceTerminating" }] });
            }),
            Reason::NamespaceTerminating,
        ),
        (
            status(404, |body| body["details"] = json!({ "kind": "namespaces" })),
            Reason::NamespaceNotFound,
        ),
    ] {
        let outcome = refused(answer).await;
        let reasons: Vec<Reason> = outcome.findings.iter().map(|finding| finding.reason).collect();
        assert_eq!(reasons, [reason], "{:?}", outcome.findings);
        assert!(outcome.unanswered.is_none());
    }
    // The API server may answer again before anybody has to know.
    let outcome = refused(Answer::status(503, "ServiceUnavailable")).await;
    assert!(outcome.findings.is_empty() && outcome.unanswered.is_some());
}

#[tokio::test]
async fn what_is_somebody_elses_is_left_alone() {
    let cluster = FakeCluster::default();
    let foreign = json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "wardle", "namespace": "wardle", "uid": "a", "resourceVersion": "7",
            "ownerReferences": [owner_reference("other", "b")] },
    });
    cluster.put(PATH, foreign);
    let before = cluster.all();
    let ctx = context(cluster.client());
    let outcome = apply(&ctx, Writes::Allowed).await;
    assert_eq!(outcome.findings[0].reason, Reason::Conflict);
    let live: ServiceAccount = serde_json::from_value(before[PATH].clone()).unwrap();
    let names = names();
    let children = Children {
        ctx: &ctx,
        names: &names,
        writes: Writes::Allowed,
    };
    let mut outcome = PassResult::default();
    assert!(!children.remove_live(&live, &mut outcome).await);
    assert_eq!(cluster.all(), before);
}

/// What owns what it leaves behind, and what may not be removed now.
#[tokio::test]
async fn a_child_is_removed_with_or_without_what_it_owns() {
    let bodies: Arc<Mutex<Vec<Request>>> = Arc::default();
    let seen = Arc::clone(&bodies);
    let ctx = context(fake_client(move |request| {
        assert_eq!(request.method, "DELETE", "{request:?}");
        seen.lock().unwrap().push(request);
        Answer::ok(json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
    }));
    let names = names();
    let mut live = build::service_account(&names);
    live.metadata.uid = Some("a".into());
    live.metadata.resource_version = Some("7".into());
    let children = |writes| Children {
        ctx: &ctx,
        names: &names,
        writes,
    };
    let mut outcome = PassResult::default();
    assert!(children(Writes::Allowed).remove_live(&live, &mut outcome).await);
    assert!(children(Writes::Allowed).orphan(&live, &mut outcome).await);
    assert!(outcome.hurry);
    assert!(
        !children(Writes::AfterLiveReads)
            .remove_live(&live, &mut outcome)
            .await
    );
    assert!(outcome.not_live);
    assert!(!children(Writes::Never).orphan(&live, &mut outcome).await);
    let policies: Vec<_> = bodies
        .lock()
        .unwrap()
        .iter()
        .map(|request| request.body["propagationPolicy"].clone())
        .collect();
    assert_eq!(policies, ["Background", "Orphan"]);
}
