//! A controller in its server's process, of the library's example `controller`: of two replicas the one that holds the Lease reconciles,
//! and when it is killed, or deleted, another does.

use std::time::Instant;

use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};
use nix::sys::signal::Signal;

use super::super::container::process_of;
use super::super::pods::is_ready;
use super::super::{Failure, World, ensure, etcd, failure, stage};
use crate::progress;

const NAME: &str = "serving-controller";
/// What the Lease is called: as the program.
const LEASE: &str = "controller";
/// The grant that the library's documentation names, for another server.
const GRANT: &str = include_str!("../../../../docs/examples/leader-election.yaml");

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let manifest = format!("{}---{}---{SERVER}", etcd::plain(NAME), grant()?);
    stage::made(world, NAME, &manifest).await?;
    let first = leader(world, None).await?;
    reconciled(world, "first").await?;
    one_leads(world, &first).await?;

    let began = Instant::now();
    process_of(world, &first.pod, LEASE)?.signal(Signal::SIGKILL);
    // The Lease has to run out.
    reconciled(world, "after-a-kill").await?;
    let second = leader(world, Some(&first)).await?;
    told("was killed", began);

    let began = Instant::now();
    world
        .kubectl(&format!("-n {NAME} delete pod {} --wait=false", second.pod))
        .await?;
    let third = leader(world, Some(&second)).await?;
    reconciled(world, "after-a-deletion").await?;
    told("was deleted", began);
    world.ready(NAME).await?;
    one_leads(world, &third).await?;
    changed(world).await?;
    stage::cleared(world, NAME).await
}

/// Who holds the Lease.
struct Leader {
    identity: String,
    pod: String,
    transitions: i32,
}

/// The grant of the documentation, to this server's ServiceAccount.
fn grant() -> Result<String, Failure> {
    let lease = "resourceNames: [greeter]";
    ensure(GRANT.contains(lease), || {
        "the documentation's grant names another Lease".into()
    })?;
    let grant = GRANT.replace(lease, "resourceNames: [LEASE]");
    Ok(grant.replace("greeter", NAME).replace("LEASE", LEASE))
}

/// Waits until somebody holds the Lease: another than this one, by one transition.
async fn leader(world: &World, before: Option<&Leader>) -> Result<Leader, Failure> {
    let leases: Api<Lease> = Api::namespaced(world.client.clone(), NAME);
    let found = world
        .eventually("a leader of the two replicas", async || {
            let lease = leases.get(LEASE).await.map_err(|error| error.to_string())?;
            let spec = lease.spec.unwrap_or_default();
            let identity = spec.holder_identity.unwrap_or_default();
            match identity.split_once('_') {
                Some((pod, _)) if before.is_none_or(|before| before.identity != identity) => Ok(Leader {
                    pod: pod.to_owned(),
                    transitions: spec.lease_transitions.unwrap_or_default(),
                    identity,
                }),
                _ => Err(format!("the Lease is held by {identity:?}")),
            }
        })
        .await?;
    if let Some(before) = before {
        ensure(found.transitions == before.transitions + 1, || {
            format!(
                "between {} and {} the Lease went from {} transitions to {}",
                before.identity, found.identity, before.transitions, found.transitions
            )
        })?;
    }
    Ok(found)
}

/// Both replicas are ready, and say so of their task and of their election; the log of the other one says that it stands by.
async fn one_leads(world: &World, leader: &Leader) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAME);
    let replicas = ListParams::default().labels(&format!("annex.dev/server={NAME}"));
    let both = world
        .eventually("two replicas that are ready", async || {
            let found = pods.list(&replicas).await.map_err(|error| error.to_string())?;
            let ready: Vec<String> = found
                .iter()
                .filter(|pod| pod.metadata.deletion_timestamp.is_none() && is_ready(pod))
                .map(Pod::name_any)
                .collect();
            if ready.len() == 2 && found.items.len() == 2 {
                Ok(ready)
            } else {
                Err(format!("{ready:?} of {} pods are ready", found.items.len()))
            }
        })
        .await?;
    for pod in &both {
        let path = format!("/api/v1/namespaces/{NAME}/pods/https:{pod}:8443/proxy/readyz?verbose");
        let checks = world.kubectl(&format!("get --raw {path}")).await?;
        for check in ["poststarthook/reading-times", "reading-times"] {
            ensure(checks.contains(&format!("[+]{check} ok")), || {
                format!("{pod} says: {checks}")
            })?;
        }
        let log = world.kubectl(&format!("-n {NAME} logs {pod}")).await?;
        let leads = log.contains("holds the lease");
        ensure(leads == (*pod == leader.pod), || {
            format!("{} holds the Lease, and {pod} says: {log}", leader.identity)
        })?;
    }
    ensure(both.contains(&leader.pod), || {
        format!("{} holds the Lease, of {both:?}", leader.identity)
    })
}

/// Writes an essay, and waits until its status says that it was measured.
async fn reconciled(world: &World, name: &str) -> Result<(), Failure> {
    let essay = format!(
        "{{apiVersion: controller.example.com/v1, kind: Essay, metadata: {{ name: {name}, namespace: {NAME} }}, \
         spec: {{ text: so it goes }}}}"
    );
    // A replica that was just killed is an endpoint until the kubelet has noticed.
    world
        .eventually("an essay to be written", async || {
            world.apply(&essay).await.map_err(|error| error.to_string())
        })
        .await?;
    let line = format!("-n {NAME} wait --for=condition=Measured essay/{name} --timeout=20s");
    world
        .eventually("an essay to be measured", async || {
            let waited = world.kubectl(&line).await;
            waited.map(|_| ()).map_err(|error| error.to_string())
        })
        .await?;
    said(world, name, "3 words, generation 1").await
}

/// What the leader says of an essay whose text changes.
async fn changed(world: &World) -> Result<(), Failure> {
    let patch = r#"{"spec":{"text":"longer"}}"#;
    world
        .kubectl(&format!("-n {NAME} patch essay first --type=merge -p {patch}"))
        .await?;
    let line =
        format!("-n {NAME} wait --for=jsonpath={{.status.observedGeneration}}=2 essay/first --timeout=120s");
    world.kubectl(&line).await?;
    said(world, "first", "1 words, generation 2").await
}

async fn said(world: &World, name: &str, wanted: &str) -> Result<(), Failure> {
    let path = "{.status.words},{.status.observedGeneration}";
    let line = format!("-n {NAME} get essay {name} -o jsonpath={path}");
    let found = world.kubectl(&line).await?;
    let (words, generation) = found
        .split_once(',')
        .ok_or_else(|| failure(format!("the status of essay {name}: {found:?}")))?;
    let found = format!("{words} words, generation {generation}");
    ensure(found == wanted, || {
        format!("essay {name} has {found}, rather than {wanted}")
    })
}

fn told(what: &str, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    progress::say(format!(
        "    the leader {what}: another reconciles after {seconds:.1} s"
    ));
}

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: serving-controller }
spec:
  namespace: serving-controller
  apis:
  - { group: controller.example.com, version: v1 }
  workload:
    image: localhost/controller:0.1.0
    replicas: 2
    template: { spec: { terminationGracePeriodSeconds: 10 } }
  storage: { etcd: { endpoints: ['http://etcd.serving-controller.svc:2379'] } }
";
