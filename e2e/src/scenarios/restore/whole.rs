//! A server that was deleted comes back from a backup: with another uid, so that all that is restored with it names an owner that is no more. The garbage
//! collector is about to take those objects, and the operator to make them: whoever is first, the server becomes Ready, and nothing stays that names the dead
//! one.

use serde_json::{Value, json};

use super::children;
use crate::scenarios::test_server::TestServer;
use crate::scenarios::{Failure, World, authority, ensure, failure, stage};

/// What is restored, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// As Velero does: Secrets, other objects, and custom resources at last.
    SecretsFirst,
    /// The AggregatedServer, and the rest at once.
    ServerFirst,
    /// The AggregatedServer, as GitOps has it: everything else is made anew.
    ServerAlone,
}

/// Saves a healthy server, deletes it, and restores it so.
pub(super) async fn run(world: &World, name: &'static str, order: Order) -> Result<(), Failure> {
    let server = TestServer::new(name, name);
    stage::made(world, name, &server.yaml()).await?;
    let backup = Backup::take(world, name).await?;
    stage::retire(world, name).await?;
    backup.restore(world, order).await?;
    world.ready(name).await?;
    children::owned_by_the_living(world, name, &backup.uid).await?;
    // What the garbage collector took in the last moment has been made anew by then.
    authority::settled(world, &server).await?;
    no_conflict(world, name).await?;
    world
        .kubectl(&format!("get --raw {}", server.object_path()))
        .await?;
    stage::cleared(world, name).await
}

async fn no_conflict(world: &World, name: &str) -> Result<(), Failure> {
    let status = world.servers().get(name).await?.status.unwrap_or_default();
    let of_apis = status.apis.iter().flat_map(|api| &api.conditions);
    let conflict = status
        .conditions
        .iter()
        .chain(of_apis)
        .find(|condition| condition.reason == "Conflict");
    ensure(conflict.is_none(), || {
        format!("restored, and in conflict with itself: {conflict:?}")
    })
}

/// A server and what belongs to it, as a backup holds them.
struct Backup {
    /// The uid that its objects name.
    uid: String,
    server: Value,
    secrets: Vec<Value>,
    others: Vec<Value>,
}

impl Backup {
    async fn take(world: &World, name: &str) -> Result<Self, Failure> {
        let server = world
            .kubectl(&format!("get aggregatedserver {name} -o json"))
            .await?;
        let uid = children::uid(world, name).await?;
        let objects = children::of(world, name).await?;
        let owned = objects
            .iter()
            .filter(|object| children::is_owned_by(object, &uid))
            .count();
        ensure(objects.len() == 10 && owned == objects.len(), || {
            format!("{owned} of {} objects are of the server", objects.len())
        })?;
        let (secrets, others) = objects
            .into_iter()
            .map(stripped)
            .partition(|object| object["kind"] == "Secret");
        Ok(Self {
            uid,
            server: stripped(serde_json::from_str(&server)?),
            secrets,
            others,
        })
    }

    async fn restore(&self, world: &World, order: Order) -> Result<(), Failure> {
        let server = std::slice::from_ref(&self.server);
        let parts = match order {
            Order::SecretsFirst => vec![self.secrets.as_slice(), &self.others, server],
            Order::ServerFirst => vec![server, &self.secrets, &self.others],
            Order::ServerAlone => vec![server],
        };
        for part in parts {
            create(world, part).await?;
        }
        Ok(())
    }
}

/// What the API server sets goes, as in a backup; owner references stay.
fn stripped(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in [
            "creationTimestamp",
            "generation",
            "managedFields",
            "resourceVersion",
            "uid",
        ] {
            metadata.remove(field);
        }
    }
    // A Service gets an address anew.
    if object["kind"] == "Service"
        && let Some(spec) = object["spec"].as_object_mut()
    {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    object
}

/// Creates objects; one that is there already, since the operator was faster, stays as it is.
async fn create(world: &World, objects: &[Value]) -> Result<(), Failure> {
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
    let output = world.tools.try_kubectl(&["create", "-f", "-"], &list).await?;
    let refused = output
        .stderr
        .lines()
        .find(|line| !line.trim().is_empty() && !line.contains("(AlreadyExists)"));
    match refused {
        Some(line) => Err(failure(format!("a restore was refused: {line}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::stripped;

    #[test]
    fn a_backup_keeps_owners_and_no_identity() {
        let live = json!({
            "kind": "Service",
            "metadata": { "name": "a", "uid": "1", "resourceVersion": "2", "managedFields": [], "ownerReferences": [{ "uid": "3" }] },
            "spec": { "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"], "ports": [] },
            "status": {},
        });
        let kept = json!({
            "kind": "Service",
            "metadata": { "name": "a", "ownerReferences": [{ "uid": "3" }] },
            "spec": { "ports": [] },
        });
        assert_eq!(stripped(live), kept);
    }
}
