//! A volume grows, against an API server that keeps one StatefulSet and one claim.

use std::sync::{Arc, Mutex};

use annex_crds::v1alpha1::AggregatedServer;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::{Value, json};

use super::*;
use crate::{
    aggregated_server::{
        build::{
            defaults::{Chosen, Images},
            pod,
            storage::claim_template,
        },
        certificates::Policy,
        dereference::Surroundings,
        finding::Finding,
        storage::StorageBackend,
        testing::{context, embedded_server, names, surroundings},
    },
    fake_client::{Answer, Request, fake_client},
};

const SET: &str = "/apis/apps/v1/namespaces/wardle/statefulsets/wardle";
const CLAIM: &str = "/api/v1/namespaces/wardle/persistentvolumeclaims/annex-data-wardle-0";

/// What the API server holds, and was asked to write.
#[derive(Clone, Default)]
struct Cluster(Arc<Mutex<Objects>>);

#[derive(Default)]
struct Objects {
    set: Option<Value>,
    claim: Value,
    expandable: bool,
    written: Vec<String>,
}

impl Cluster {
    fn answer(&self, request: &Request) -> Answer {
        let mut objects = self.0.lock().unwrap();
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", SET) => objects
                .set
                .clone()
                .map_or_else(|| Answer::status(404, "NotFound"), Answer::ok),
            ("PATCH", SET) if objects.set.is_none() && !request.dry_run => {
                let size = template_size(&request.body);
                objects.written.push(format!("create the set of {size}"));
                objects.set = Some(request.body.clone());
                objects.set.as_mut().unwrap()["metadata"]["uid"] = "s1".into();
                Answer::ok(objects.set.clone().unwrap())
            }
            // An apply, for real or to see; a changed claim is what a StatefulSet refuses.
            ("PATCH", SET) => match &objects.set {
                Some(set) if request.body["spec"].is_object() => {
                    if template_size(set) == template_size(&request.body) {
                        Answer::ok(set.clone())
                    } else {
                        Answer::status(422, "Invalid")
                    }
                }
                set => Answer::ok(set.clone().unwrap_or_else(|| request.body.clone())),
            },
            ("DELETE", SET) => {
                let how = request.body["propagationPolicy"].as_str().unwrap();
                objects.written.push(format!("delete the set: {how}"));
                objects.set = None;
                Answer::ok(json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
            }
            ("PATCH", CLAIM) => {
                let size = &request.body["spec"]["resources"]["requests"]["storage"];
                objects.written.push(format!("raise the claim to {size}"));
                if !objects.expandable {
                    return Answer::status(403, "Forbidden");
                }
                objects.claim["spec"]["resources"]["requests"]["storage"] = size.clone();
                Answer::ok(objects.claim.clone())
            }
            _ => panic!("unexpected request: {request:?}"),
        }
    }

    /// One pass over what there is; the findings, and the writes.
    async fn pass(
        &self,
        server: &AggregatedServer,
        memory: &mut Memory,
        now: i64,
    ) -> (Vec<Finding>, Vec<String>) {
        let cluster = self.clone();
        let ctx = context(fake_client(move |request| cluster.answer(&request)));
        let names = names();
        let pass = Pass {
            ctx: &ctx,
            server,
            policy: Policy::new(server, &names),
            surroundings: self.surroundings(),
            plans: Vec::new(),
            now: Timestamp::from_second(now).unwrap(),
            names: names.clone(),
        };
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &names,
        };
        let workload = server.spec.workload.as_ref().unwrap();
        let store = StorageBackend::of(server, None).unwrap();
        let chosen = Chosen::of(workload, Images::default(), None, &[]);
        let template = pod::pod_template(server, workload, &names, &store, None, chosen.defaults).unwrap();
        let mut outcome = PassResult::default();
        pass.apply_stateful_set(
            &children,
            store.embedded().unwrap(),
            &chosen,
            template,
            memory,
            &mut outcome,
        )
        .await;
        let written = std::mem::take(&mut self.0.lock().unwrap().written);
        (outcome.findings, written)
    }

    fn surroundings(&self) -> Surroundings {
        let objects = self.0.lock().unwrap();
        let set = objects.set.clone().map(|set| {
            let set: StatefulSet = serde_json::from_value(set).unwrap();
            LiveWorkload::StatefulSet(Box::new(set))
        });
        Surroundings {
            workload: set,
            claim: serde_json::from_value(objects.claim.clone()).unwrap(),
            ..surroundings()
        }
    }
}

fn template_size(set: &Value) -> &str {
    let claim = &set["spec"]["volumeClaimTemplates"][0];
    claim["spec"]["resources"]["requests"]["storage"]
        .as_str()
        .unwrap()
}

/// A server that asks for 2Gi, whose StatefulSet and claim were made with 1Gi.
async fn grown(expandable: bool) -> (Cluster, AggregatedServer) {
    let cluster = Cluster::default();
    let mut server = embedded_server();
    let mut claim = claim_template(&names(), &quantity("1Gi"), None);
    claim.metadata.name = Some("annex-data-wardle-0".into());
    claim.metadata.namespace = Some("wardle".into());
    claim.metadata.uid = Some("c1".into());
    claim.status.get_or_insert_default().phase = Some("Bound".into());
    {
        let mut objects = cluster.0.lock().unwrap();
        objects.claim = serde_json::to_value(claim).unwrap();
        objects.expandable = expandable;
    }
    let (_, written) = cluster.pass(&server, &mut Memory::default(), 0).await;
    assert_eq!(written, ["create the set of 1Gi"]);
    let storage = server.spec.storage.as_mut().unwrap();
    storage.embedded.as_mut().unwrap().size = quantity("2Gi");
    (cluster, server)
}

fn quantity(text: &str) -> k8s_openapi::apimachinery::pkg::api::resource::Quantity {
    k8s_openapi::apimachinery::pkg::api::resource::Quantity(text.to_owned())
}

fn reasons(findings: &[Finding]) -> Vec<Reason> {
    findings.iter().map(|finding| finding.reason).collect()
}

#[tokio::test]
async fn a_volume_grows_step_by_step_each_by_an_operator_that_knows_nothing() {
    let (cluster, server) = grown(true).await;
    for (step, reason) in [
        ("raise the claim to \"2Gi\"", Some(Reason::ResizingVolume)),
        ("delete the set: Orphan", Some(Reason::ResizingVolume)),
        ("create the set of 2Gi", None),
    ] {
        let (findings, written) = cluster.pass(&server, &mut Memory::default(), 0).await;
        assert_eq!(written, [step]);
        assert_eq!(
            reasons(&findings),
            reason.into_iter().collect::<Vec<_>>(),
            "{step}"
        );
    }
    let (findings, written) = cluster.pass(&server, &mut Memory::default(), 0).await;
    assert_eq!((findings, written), (Vec::new(), Vec::new()));
}

#[tokio::test]
async fn a_resize_that_is_refused_is_named_and_asked_for_again_in_a_while_only() {
    let (cluster, server) = grown(false).await;
    let mut memory = Memory::default();
    let asks = ["raise the claim to \"2Gi\"".to_owned()];
    for (now, writes) in [(100, &asks[..]), (101, &[]), (159, &[]), (160, &asks), (161, &[])] {
        let (findings, written) = cluster.pass(&server, &mut memory, now).await;
        assert_eq!(reasons(&findings), [Reason::VolumeNotResized], "at {now}");
        assert_eq!(
            findings[0].message,
            "claim wardle/annex-data-wardle-0 cannot ask for 2Gi: the fake says Forbidden"
        );
        assert_eq!(written, writes, "at {now}");
    }
    cluster.0.lock().unwrap().expandable = true;
    let (findings, written) = cluster.pass(&server, &mut memory, 220).await;
    assert_eq!(reasons(&findings), [Reason::ResizingVolume]);
    assert_eq!(written, asks);
}

#[tokio::test]
async fn a_template_that_is_refused_costs_no_statefulset() {
    let (cluster, server) = grown(true).await;
    // The claim has been raised; what the StatefulSet should be now is refused.
    let (_, _) = cluster.pass(&server, &mut Memory::default(), 0).await;
    let refusing = cluster.clone();
    let client = fake_client(move |request| match request.method.as_str() {
        "PATCH" => Answer::status(422, "Invalid"),
        _ => refusing.answer(&request),
    });
    let ctx = context(client);
    let names = names();
    let pass = Pass {
        ctx: &ctx,
        server: &server,
        policy: Policy::new(&server, &names),
        surroundings: cluster.surroundings(),
        plans: Vec::new(),
        now: Timestamp::UNIX_EPOCH,
        names: names.clone(),
    };
    let children = Children {
        writes: Writes::Allowed,
        ctx: &ctx,
        names: &names,
    };
    let store = StorageBackend::of(&server, None).unwrap();
    let mut outcome = PassResult::default();
    pass.apply_stateful_set(
        &children,
        store.embedded().unwrap(),
        &Chosen::of(
            server.spec.workload.as_ref().unwrap(),
            Images::default(),
            None,
            &[],
        ),
        PodTemplateSpec::default(),
        &mut Memory::default(),
        &mut outcome,
    )
    .await;
    assert_eq!(reasons(&outcome.findings), [Reason::TemplateInvalid]);
    assert_eq!(cluster.0.lock().unwrap().written, Vec::<String>::new());
}
