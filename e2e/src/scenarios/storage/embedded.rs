//! One pod and its volume: what is stored outlives the pod, and what Annex must not let anybody change stays.

use super::{super::stage, field, patch, store, stored, wardle};
use crate::scenarios::{Failure, World, ensure};

/// A server with embedded storage, from its beginning to its end.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "storage-embedded";
    stage::made(world, name, &wardle(name, ", onDelete: Delete")).await?;
    let uid = store(world, name).await?;
    one_pod(world, name).await?;
    a_pod_is_replaced(world, name, &uid).await?;
    a_volume_that_cannot_grow(world, name, &uid).await?;
    stage::cleared(world, name).await
}

/// Scaling by hand is taken back: a second pod would have a second store.
async fn one_pod(world: &World, name: &str) -> Result<(), Failure> {
    let line = format!("-n {name} scale statefulset {name} --replicas=2");
    world.kubectl(&line).await?;
    let set = format!("statefulset/{name}");
    world
        .eventually(
            "the operator to take the second replica back",
            async || match field(world, name, &set, ".spec.replicas").await {
                Ok(replicas) if replicas == "1" => Ok(()),
                Ok(replicas) => Err(format!("{replicas} replicas")),
                Err(error) => Err(error.to_string()),
            },
        )
        .await?;
    let budgets = world.kubectl(&format!("-n {name} get pdb -o name")).await?;
    ensure(budgets.is_empty(), || {
        format!("one pod that a drain may not take: {budgets}")
    })
}

/// The APIServices stay while the only pod is away, and what was stored is there again.
async fn a_pod_is_replaced(world: &World, name: &str, uid: &str) -> Result<(), Failure> {
    let service = "apiservice/v1alpha1.wardle.example.com";
    let path = "jsonpath={.metadata.uid}";
    let before = world.kubectl(&format!("get {service} -o {path}")).await?;
    world.kubectl(&format!("-n {name} delete pod {name}-0")).await?;
    world.ready(name).await?;
    let after = world.kubectl(&format!("get {service} -o {path}")).await?;
    ensure(before == after, || {
        "the APIService was taken back for the restart of a pod".to_owned()
    })?;
    let found = world
        .eventually("the server to answer again", async || {
            stored(world, name).await.map_err(|error| error.to_string())
        })
        .await?;
    ensure(found == uid, || {
        format!("flunder {uid} was stored, {found} is there after a restart")
    })
}

/// The default StorageClass does not let volumes grow: that is named, and nothing else suffers.
async fn a_volume_that_cannot_grow(world: &World, name: &str, uid: &str) -> Result<(), Failure> {
    patch(world, name, r#"{"storage":{"embedded":{"size":"128Mi"}}}"#).await?;
    world
        .condition(name, "Degraded", "True", Some("VolumeNotResized"))
        .await?;
    world.condition(name, "Available", "True", None).await?;
    let found = stored(world, name).await?;
    ensure(found == uid, || {
        "what was stored went with a refused resize".to_owned()
    })?;
    // What else changes does not wait for the volume.
    patch(
        world,
        name,
        r#"{"workload":{"template":{"metadata":{"labels":{"changed":"true"}}}}}"#,
    )
    .await?;
    world
        .eventually("a pod with the changed label", async || {
            let labels = field(world, name, &format!("pod/{name}-0"), ".metadata.labels.changed").await;
            match labels {
                Ok(label) if label == "true" => Ok(()),
                Ok(label) => Err(format!("label {label:?}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
}
