//! The volume: it grows under a running server, stays when it should, and goes when it should.

use k8s_openapi::api::{core::v1::PersistentVolumeClaim, events::v1::Event};
use kube::{Api, ResourceExt as _, api::ListParams};

use super::{
    super::{operator, stage},
    claim, field, patch, store, stored, wardle,
};
use crate::scenarios::{Failure, World, ensure};

/// The claim grows, the StatefulSet is made again, and the pod notices nothing.
pub(super) async fn grow(world: &World) -> Result<(), Failure> {
    let name = "storage-grow";
    let more = ", storageClassName: growing, onDelete: Delete";
    stage::made(world, name, &wardle(name, more)).await?;
    let uid = store(world, name).await?;
    let pod = format!("pod/{name}-0");
    let before = field(world, name, &pod, ".metadata.uid").await?;
    patch(world, name, r#"{"storage":{"embedded":{"size":"128Mi"}}}"#).await?;
    let template = ".spec.volumeClaimTemplates[0].spec.resources.requests.storage";
    for (object, path) in [
        (format!("pvc/{}", claim(name)), ".status.capacity.storage"),
        (format!("statefulset/{name}"), template),
    ] {
        world
            .eventually(&format!("{object} to have 128Mi"), async || {
                match field(world, name, &object, path).await {
                    Ok(size) if size == "128Mi" => Ok(()),
                    Ok(size) => Err(size),
                    Err(error) => Err(error.to_string()),
                }
            })
            .await?;
    }
    world.condition(name, "Progressing", "False", None).await?;
    world.ready(name).await?;
    let after = field(world, name, &pod, ".metadata.uid").await?;
    ensure(before == after, || {
        "the pod was replaced for a larger volume".to_owned()
    })?;
    let owner = field(world, name, &pod, ".metadata.ownerReferences[0].kind").await?;
    ensure(owner == "StatefulSet", || format!("the pod belongs to {owner:?}"))?;
    let found = stored(world, name).await?;
    ensure(found == uid, || "what was stored went with the growth".to_owned())?;
    stage::cleared(world, name).await
}

/// The volume outlives its server, an Event names it, and the next server of the name takes it up.
pub(super) async fn retain(world: &World) -> Result<(), Failure> {
    let name = "storage-retain";
    let yaml = wardle(name, "");
    stage::made(world, name, &yaml).await?;
    let uid = store(world, name).await?;
    let claims: Api<PersistentVolumeClaim> = Api::namespaced(world.client.clone(), name);
    let before = claims.get(&claim(name)).await?;
    stage::retire(world, name).await?;
    told(world, &before).await?;
    let after = claims.get(&claim(name)).await?;
    ensure(
        after.uid() == before.uid() && after.metadata.deletion_timestamp.is_none(),
        || "the claim did not stay".to_owned(),
    )?;
    world.apply(&yaml).await?;
    world.ready(name).await?;
    let found = stored(world, name).await?;
    ensure(found == uid, || {
        format!("flunder {uid} was stored, {found} is there with the next server of the name")
    })?;
    stage::retire(world, name).await?;
    world.delete("namespace", name).await
}

/// By the claim, which can be described still.
async fn told(world: &World, claim: &PersistentVolumeClaim) -> Result<(), Failure> {
    let events: Api<Event> = Api::all(world.client.clone());
    let retained = ListParams::default().fields("reason=VolumeRetained");
    let name = claim.name_any();
    let about_claim = |event: &Event| {
        let regarding = event.regarding.as_ref();
        regarding.is_some_and(|about| about.uid == claim.uid())
            && event.note.as_ref().is_some_and(|note| note.contains(&name))
    };
    world
        .eventually("an Event that names the volume that stays", async || {
            let list = events.list(&retained).await.map_err(|error| error.to_string())?;
            let found = list.items.iter().any(about_claim);
            found
                .then_some(())
                .ok_or_else(|| format!("{} of other claims", list.items.len()))
        })
        .await
}

/// The volume goes with its server, without an operator too.
pub(super) async fn delete(world: &World) -> Result<(), Failure> {
    let name = "storage-delete";
    stage::made(world, name, &wardle(name, ", onDelete: Delete")).await?;
    store(world, name).await?;
    let server = world.servers().get(name).await?;
    let children = server.status.unwrap_or_default().children;
    let listed = children
        .iter()
        .any(|child| child.kind == "PersistentVolumeClaim" && child.name == claim(name));
    ensure(listed, || {
        format!("the volume is not among the children: {children:?}")
    })?;
    operator::without(world, stage::retire(world, name)).await?;
    world.delete("namespace", name).await
}
