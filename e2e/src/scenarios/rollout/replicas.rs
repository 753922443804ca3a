//! `spec.replicas` of the Deployment: handed to whoever scales, and taken back. A field that Annex lets go keeps its value: dropped by its only owner it
//! would become 1, an outage at the moment at which an autoscaler is to begin.

use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt as _};
use serde_json::json;

use super::{NAME, REPLICAS, patch_workload, rolled_out};
use crate::scenarios::follow::{self, Task};
use crate::scenarios::{Failure, World, ensure, pods};

/// What a hand scales to.
const SCALED: i32 = 3;

/// Without `replicas` in the spec they stay what they were, and then what `kubectl scale` says; with it again they are Annex's.
pub(super) async fn handed_over_and_taken_back(world: &World) -> Result<(), Failure> {
    let numbers = Numbers::follow(deployments(world));
    released(world).await?;
    scaled_by_hand(world).await?;
    patch_workload(world, &json!({ "replicas": REPLICAS })).await?;
    eventually(world, "replicas to be taken back", REPLICAS, true).await?;
    rolled_out(world).await?;
    numbers.never_below(REPLICAS)
}

async fn released(world: &World) -> Result<(), Failure> {
    eventually(world, "replicas to be Annex's", REPLICAS, true).await?;
    // In a merge patch null removes.
    patch_workload(world, &json!({ "replicas": null })).await?;
    world.observed(NAME).await?;
    eventually(world, "replicas to be nobody's", REPLICAS, false).await
}

async fn scaled_by_hand(world: &World) -> Result<(), Failure> {
    world
        .kubectl(&format!("-n {NAME} scale deployment {NAME} --replicas={SCALED}"))
        .await?;
    world
        .kubectl(&format!(
            "-n {NAME} rollout status deployment/{NAME} --timeout=180s"
        ))
        .await?;
    pods::left(world, NAME, usize::try_from(SCALED)?).await?;
    // What is the default anyway changes nothing of the Deployment, and shows when the operator has looked at it again.
    let default = json!({ "strategy": { "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } } });
    patch_workload(world, &default).await?;
    world.observed(NAME).await?;
    let deployment = deployments(world).get(NAME).await?;
    ensure(deployment.spec.replicas == Some(SCALED), || {
        format!("scaled to {SCALED}, and now: {}", describe(&deployment))
    })
}

fn deployments(world: &World) -> Api<Deployment> {
    Api::namespaced(world.client.clone(), NAME)
}

/// Waits until the Deployment has this number, and managedFields give it to Annex or do not.
async fn eventually(world: &World, what: &str, replicas: i32, annexs: bool) -> Result<(), Failure> {
    let api = deployments(world);
    world
        .eventually(what, async || {
            let deployment = api.get(NAME).await.map_err(|error| error.to_string())?;
            if deployment.spec.replicas == Some(replicas) && is_annexs(&deployment) == annexs {
                Ok(())
            } else {
                Err(describe(&deployment))
            }
        })
        .await
}

/// Whether an entry of managedFields gives `spec.replicas` to Annex.
fn is_annexs(deployment: &Deployment) -> bool {
    deployment.managed_fields().iter().any(|entry| {
        let fields = entry.fields_v1.as_ref().map(|fields| &fields.0);
        entry.manager.as_deref() == Some(annex_crds::MANAGER)
            && fields.is_some_and(|fields| fields.pointer("/f:spec/f:replicas").is_some())
    })
}

fn describe(deployment: &Deployment) -> String {
    format!(
        "{:?} replicas, managed by {:?}",
        deployment.spec.replicas,
        deployment.managed_fields()
    )
}

/// Every number that the Deployment has had.
struct Numbers {
    seen: Arc<Mutex<Vec<i32>>>,
    _watch: Task,
}

impl Numbers {
    fn follow(api: Api<Deployment>) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stream = follow::object(api, NAME);
        let log = Arc::clone(&seen);
        let watch = Task::spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Some(deployment) = stream.next().await {
                let number = deployment.and_then(|deployment| deployment.spec.replicas);
                log.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(number.unwrap_or_default());
            }
        });
        Self { seen, _watch: watch }
    }

    /// Fails if it was ever less, however shortly, or was not followed.
    fn never_below(&self, least: i32) -> Result<(), Failure> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        ensure(
            seen.contains(&SCALED) && seen.iter().all(|number| *number >= least),
            || format!("the Deployment's replicas were, one after the other, {seen:?}"),
        )
    }
}
