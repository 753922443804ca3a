//! What is written to an APIService at each step of its registration.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::Resource as _;
use serde_json::json;

use super::*;
use crate::{
    aggregated_server::{
        context::Context,
        dereference::AUTOMANAGED_LABEL,
        endpoints::{Endpoint, Origin, Presented},
        names::owner_reference,
        testing::{context, names, server, surroundings},
        validate,
    },
    applier::Known,
    decode::{Managed, ObjectMetadata},
    fake_client::{Answer, Request, fake_client},
    fake_cluster::FakeCluster,
    pki::testing as pki,
    probe::{discovery::Discovery, tls::HandshakeError},
};

const NAME: &str = "v1alpha1.wardle.example.com";
const PATH: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.wardle.example.com";

fn now() -> Timestamp {
    Timestamp::from_second(40).unwrap()
}

fn plan() -> ApiPlan {
    validate::plan_apis(&server()).remove(0)
}

fn answered() -> Report {
    let leaf = pki::leaf(&pki::authority(&["wardle.wardle.svc"])).certificate;
    let endpoint = Endpoint {
        address: "10.0.0.1:8443".parse().unwrap(),
        pod: None,
        ready: true,
        origin: Origin::Backend,
    };
    let served = BTreeMap::from([("wardle.example.com/v1alpha1".to_owned(), Discovery::Served)]);
    Report {
        handshake: Ok(Presented { leaf, trust: Ok(()) }),
        discovery: served,
        age: Duration::ZERO,
        ..Report::unasked(endpoint, HandshakeError::NoAnswerYet)
    }
}

/// One claim as far as it goes, where `live` is what there is.
async fn register(
    client: kube::Client,
    plan: &ApiPlan,
    live: Option<APIService>,
    writes: Writes,
) -> (ClaimResult, PassResult) {
    register_at(&context(client), plan, live, writes, now()).await
}

async fn register_at(
    ctx: &Context,
    plan: &ApiPlan,
    live: Option<APIService>,
    writes: Writes,
    now: Timestamp,
) -> (ClaimResult, PassResult) {
    let names = names();
    let children = Children {
        writes,
        ctx,
        names: &names,
    };
    let known_api_services = live.iter().map(|live| (NAME.to_owned(), known(live))).collect();
    let surroundings = Surroundings {
        api_services: live.into_iter().map(|live| (NAME.to_owned(), live)).collect(),
        known_api_services,
        ..surroundings()
    };
    let registrar = Registrar {
        children: &children,
        surroundings: &surroundings,
        reports: &[answered()],
        bundle_pem: "a bundle",
        port: 443,
        now,
    };
    let (mut memory, mut outcome) = (Memory::default(), PassResult::default());
    let result = registrar.register(plan, &mut memory, &mut outcome).await;
    (result, outcome)
}

/// What a watch tells of it.
fn known(live: &APIService) -> Arc<Known> {
    let managed: Managed<ObjectMetadata> = serde_json::from_value(json!(live)).unwrap();
    Arc::new(Known::new(managed.object.meta(), managed.own))
}

/// A pass over copies, and one of live reads where that comes to a write. Says how many there were.
async fn pass_at(ctx: &Context, plan: &ApiPlan, live: &APIService, second: i64) -> usize {
    let now = Timestamp::from_second(second).unwrap();
    let over_copies = register_at(ctx, plan, Some(live.clone()), Writes::AfterLiveReads, now);
    let (_, outcome) = over_copies.await;
    if !outcome.not_live {
        assert!(events(&outcome).is_empty(), "{:?}", outcome.event_records);
        return 1;
    }
    register_at(ctx, plan, Some(live.clone()), Writes::Allowed, now).await;
    2
}

fn events(outcome: &PassResult) -> Vec<&str> {
    outcome.event_records.iter().map(|event| &*event.reason).collect()
}

#[tokio::test]
async fn a_first_registration_is_on_trial() {
    let cluster = FakeCluster::default();
    let (result, outcome) = register(cluster.client(), &plan(), None, Writes::Allowed).await;
    let made = cluster.get(PATH).expect("an APIService");
    let annotations = &made["metadata"]["annotations"];
    assert_eq!(annotations[TRIAL_ANNOTATION], "1970-01-01T00:00:40Z", "{made}");
    assert!(events(&outcome).is_empty(), "status tells of it");
    assert!(outcome.hurry && !result.registered && !result.available);
}

/// Nor for a server that is gone, which a watch has not told yet.
#[tokio::test]
async fn nothing_is_registered_where_nothing_may_be_written() {
    for writes in [Writes::AfterLiveReads, Writes::Never] {
        let cluster = FakeCluster::default();
        let (result, outcome) = register(cluster.client(), &plan(), None, writes).await;
        assert!(cluster.all().is_empty());
        assert!(!outcome.not_live && events(&outcome).is_empty() && !result.registered);
    }
}

/// What watches know nothing of is made without a look, and looked at where it is there after all.
#[tokio::test]
async fn an_api_service_that_no_watch_tells_of_is_made_where_there_is_none() {
    let server = json!({ "metadata": { "name": "wardle", "uid": names().uid } });
    let cluster = FakeCluster::default();
    cluster.put("/apis/annex.dev/v1alpha1/aggregatedservers/wardle", server);
    let (_, outcome) = register(cluster.client(), &plan(), None, Writes::AfterLiveReads).await;
    let made = cluster.get(PATH).expect("an APIService");
    assert!(!outcome.not_live && outcome.hurry);
    let (_, outcome) = register(cluster.client(), &plan(), None, Writes::AfterLiveReads).await;
    assert!(outcome.not_live);
    assert_eq!(cluster.get(PATH), Some(made));
}

/// A tool that restored an APIService on trial owns the annotation too: what is applied without it leaves it there.
#[tokio::test]
async fn the_end_of_a_trial_takes_its_annotation_whoever_owns_it() {
    let cluster = FakeCluster::default();
    let annotations = Annotations {
        trial: Some(Timestamp::UNIX_EPOCH),
        ..Annotations::default()
    };
    let mut live = build::api_service::api_service(&names(), &plan(), 443, "a bundle", annotations);
    live.metadata.uid = Some("a".into());
    let available = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
    live.status = serde_json::from_value(available).unwrap();
    cluster.put(PATH, json!(live));
    let live = serde_json::from_value(cluster.get(PATH).unwrap()).unwrap();
    let (result, outcome) = register(cluster.client(), &plan(), Some(live), Writes::Allowed).await;
    let left = cluster.get(PATH).unwrap();
    assert!(
        left["metadata"]["annotations"].get(TRIAL_ANNOTATION).is_none(),
        "{left}"
    );
    assert_eq!(events(&outcome), ["Registered"]);
    assert!(result.registered && result.available);
}

/// Without its label in the same write the aggregator would put its own back.
#[tokio::test]
async fn the_api_service_of_a_definition_is_replaced_as_it_was_read_and_without_its_label() {
    let mut server = server();
    server.spec.apis[0].crd_shadow = annex_crds::v1alpha1::CrdShadow::Allow;
    let plan = validate::plan_apis(&server).remove(0);
    let live = json!({
        "metadata": { "name": NAME, "uid": "a", "resourceVersion": "7", "labels": { AUTOMANAGED_LABEL: "true" } },
        "spec": { "group": "wardle.example.com", "version": "v1alpha1", "groupPriorityMinimum": 1, "versionPriority": 1 },
    });
    let live: APIService = serde_json::from_value(live).unwrap();
    let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
    for (answer, told) in [(200, &["CRDIsShadowed"] as &[&str]), (409, &[])] {
        let seen = Arc::clone(&requests);
        let client = fake_client(move |request| {
            seen.lock().unwrap().push(request.clone());
            match answer {
                200 => Answer::ok(request.body),
                code => Answer::status(code, "Conflict"),
            }
        });
        let (_, outcome) = register(client, &plan, Some(live.clone()), Writes::Allowed).await;
        assert_eq!(events(&outcome), told);
        assert!(outcome.hurry);
        let requests = std::mem::take(&mut *requests.lock().unwrap());
        assert_eq!(requests.len(), 1);
        assert_eq!(
            (requests[0].method.as_str(), requests[0].path.as_str()),
            ("PUT", PATH)
        );
        let metadata = &requests[0].body["metadata"];
        assert_eq!(metadata["resourceVersion"], "7");
        assert!(metadata["labels"].get(AUTOMANAGED_LABEL).is_none(), "{metadata}");
        assert!(metadata["annotations"][TRIAL_ANNOTATION].is_string());
    }
}

/// The aggregator, or somebody else, takes back what was written: that costs ever fewer passes of live reads.
#[tokio::test(start_paused = true)]
async fn a_shadow_that_is_taken_back_again_and_again_waits_whenever_its_trial_would_begin() {
    let mut server = server();
    server.spec.apis[0].crd_shadow = annex_crds::v1alpha1::CrdShadow::Allow;
    let plan = validate::plan_apis(&server).remove(0);
    let live = json!({
        "metadata": { "name": NAME, "uid": "a", "resourceVersion": "7", "labels": { AUTOMANAGED_LABEL: "true" } },
        "spec": { "group": "wardle.example.com", "version": "v1alpha1", "groupPriorityMinimum": 1, "versionPriority": 1 },
    });
    let live: APIService = serde_json::from_value(live).unwrap();
    let writes: Arc<Mutex<usize>> = Arc::default();
    let seen = Arc::clone(&writes);
    let ctx = context(fake_client(move |request| {
        assert_eq!(request.method, "PUT", "{request:?}");
        *seen.lock().unwrap() += 1;
        Answer::ok(request.body)
    }));
    let mut passes = Vec::new();
    for second in 0..6 {
        passes.push(pass_at(&ctx, &plan, &live, 40 + second).await);
    }
    assert_eq!((passes, *writes.lock().unwrap()), (vec![2, 2, 2, 2, 1, 1], 3));
    assert_eq!(ctx.applier.contested(&names().uid).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_trial_that_is_undone_again_and_again_waits() {
    let cluster = FakeCluster::default();
    let ctx = context(cluster.client());
    register_at(&ctx, &plan(), None, Writes::Allowed, now()).await;
    let mut passes = Vec::new();
    for second in 0..8 {
        cluster.change(PATH, |live| {
            live["metadata"]["annotations"][TRIAL_ANNOTATION] = "1970-01-01T00:00:00Z".into();
            live["status"] = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
        });
        let live = serde_json::from_value(cluster.get(PATH).unwrap()).unwrap();
        passes.push(pass_at(&ctx, &plan(), &live, 41 + second).await);
    }
    // The first one applies what is wanted without the trial.
    assert_eq!(passes[5..], [1, 1, 1], "{passes:?}");
    let told = ctx.applier.contested(&names().uid);
    let field = format!("metadata.annotations.{TRIAL_ANNOTATION} is changed again and again");
    assert!(told.len() == 1 && told[0].ends_with(&field), "{told:?}");
}

/// Each trial begins at another time, and is the same that was refused.
#[tokio::test]
async fn a_registration_that_is_refused_is_not_asked_for_by_each_pass() {
    let writes: Arc<Mutex<usize>> = Arc::default();
    let seen = Arc::clone(&writes);
    let server = json!({ "metadata": { "name": "wardle", "uid": names().uid } });
    let ctx = context(fake_client(move |request| match request.method.as_str() {
        "GET" => Answer::ok(server.clone()),
        _ => {
            *seen.lock().unwrap() += 1;
            Answer::status(422, "Invalid")
        }
    }));
    let mut told = Vec::new();
    for second in 0..4 {
        let now = Timestamp::from_second(40 + second).unwrap();
        let (_, outcome) = register_at(&ctx, &plan(), None, Writes::AfterLiveReads, now).await;
        assert!(!outcome.hurry && !outcome.not_live);
        told.push(outcome.findings);
    }
    assert_eq!(*writes.lock().unwrap(), 1);
    assert_eq!(told[0].len(), 1);
    assert!(told.iter().all(|findings| *findings == told[0]), "{told:?}");
}

/// Somebody gives it the owner that it had before it was restored, while its trial begins anew in each pass.
#[tokio::test(start_paused = true)]
async fn an_api_service_on_trial_that_is_given_to_another_again_and_again_waits() {
    let cluster = FakeCluster::default();
    let server = json!({ "metadata": { "name": "wardle", "uid": names().uid } });
    cluster.put("/apis/annex.dev/v1alpha1/aggregatedservers/wardle", server);
    let ctx = context(cluster.client());
    register_at(&ctx, &plan(), None, Writes::Allowed, now()).await;
    let mut passes = Vec::new();
    for second in 0..6 {
        cluster.change(PATH, |live| {
            live["metadata"]["ownerReferences"] = json!([owner_reference("wardle", "dead")]);
        });
        let live = serde_json::from_value(cluster.get(PATH).unwrap()).unwrap();
        passes.push(pass_at(&ctx, &plan(), &live, 41 + second).await);
    }
    assert_eq!(passes, [2, 2, 2, 2, 1, 1]);
    let told = ctx.applier.contested(&names().uid);
    let field = "metadata.ownerReferences is changed again and again";
    assert!(told.len() == 1 && told[0].ends_with(field), "{told:?}");
}
