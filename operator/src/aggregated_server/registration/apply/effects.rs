//! What is written to an APIService at each step of its registration.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::json;

use super::*;
use crate::{
    aggregated_server::{
        dereference::AUTOMANAGED_LABEL,
        endpoints::{Endpoint, Origin, Presented},
        testing::{context, names, server, surroundings},
        validate,
    },
    applier::Known,
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
    let (ctx, names) = (context(client), names());
    let children = Children {
        writes,
        ctx: &ctx,
        names: &names,
    };
    let known = |live: &APIService| Arc::new(Known::new(&live.metadata, None));
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
        now: now(),
    };
    let (mut memory, mut outcome) = (Memory::default(), PassResult::default());
    let result = registrar.register(plan, &mut memory, &mut outcome).await;
    (result, outcome)
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
    let trial = Some(Timestamp::UNIX_EPOCH);
    let mut live = build::api_service::api_service(&names(), &plan(), 443, "a bundle", trial);
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
