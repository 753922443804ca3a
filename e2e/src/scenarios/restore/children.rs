//! The objects that belong to a server, as kubectl gives them.

use serde_json::Value;

use crate::scenarios::{Failure, World, ensure};

/// Their kinds.
const KINDS: &str = "secrets,configmaps,serviceaccounts,services,deployments.apps,poddisruptionbudgets.policy,\
                     rolebindings.rbac.authorization.k8s.io,clusterrolebindings.rbac.authorization.k8s.io,\
                     apiservices.apiregistration.k8s.io";

/// All of a server's objects.
pub(super) async fn of(world: &World, server: &str) -> Result<Vec<Value>, Failure> {
    let label = format!("{}={server}", annex_crds::SERVER_LABEL);
    let list = world
        .kubectl(&format!("get {KINDS} -A -l {label} -o json"))
        .await?;
    let list: Value = serde_json::from_str(&list)?;
    Ok(list["items"].as_array().cloned().unwrap_or_default())
}

/// Whether the object names an owner of this uid.
pub(super) fn is_owned_by(object: &Value, uid: &str) -> bool {
    let owners = object["metadata"]["ownerReferences"].as_array();
    owners.into_iter().flatten().any(|owner| owner["uid"] == uid)
}

/// Waits until the server's objects, both Secrets and the APIService among them, name the server that lives as their owner, and none names the one
/// of the uid `dead`.
pub(super) async fn owned_by_the_living(world: &World, server: &str, dead: &str) -> Result<(), Failure> {
    let live = uid(world, server).await?;
    ensure(live != dead, || format!("{server} has the uid of before"))?;
    world
        .eventually(&format!("the objects of {server} to be its own"), async || {
            let objects = of(world, server).await.map_err(|error| error.to_string())?;
            let is_wrong = |object: &&Value| is_owned_by(object, dead) || !is_owned_by(object, &live);
            let wrong: Vec<String> = objects.iter().filter(is_wrong).map(describe).collect();
            let count = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).count();
            if wrong.is_empty() && count("Secret") == 2 && count("APIService") == 1 {
                Ok(())
            } else {
                Err(format!(
                    "{} objects, of which others' are: {}",
                    objects.len(),
                    wrong.join(", ")
                ))
            }
        })
        .await
}

/// The uid of an AggregatedServer.
pub(super) async fn uid(world: &World, server: &str) -> Result<String, Failure> {
    let server = world.servers().get(server).await?;
    Ok(server.metadata.uid.unwrap_or_default())
}

fn describe(object: &Value) -> String {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    format!(
        "{} {}/{} of {}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"]),
        metadata["ownerReferences"]
    )
}
