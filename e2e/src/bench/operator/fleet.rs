//! The AggregatedServers of the bench: made, waited for, and removed with all that came of them.

use std::time::Duration;

use annex_crds::v1alpha1::AggregatedServer;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};
use serde_json::{Value, json};

use super::nodes::{FAKE, FAKE_VALUE, PORT};
use super::{Error, objects, watched};
use crate::scenarios::world::describe;

/// How many requests that apply something are under way at once, on either side.
pub(super) const CLIENTS: usize = 16;
/// Over how many namespaces the servers are spread.
const NAMESPACES: usize = 8;
/// Who applies, on either side.
pub(super) const FIELD_MANAGER: &str = "annex-e2e";

/// How often what is to go is looked at.
const POLL: Duration = Duration::from_secs(1);

/// A server's name.
pub(super) fn name(index: usize) -> String {
    format!("bench-{index:04}")
}

/// Its namespace.
pub(super) fn namespace(index: usize) -> String {
    format!("bench-{}", index % NAMESPACES)
}

/// Its APIService's name.
pub(super) fn api_service(index: usize) -> String {
    format!("v1.{}.example.com", name(index))
}

/// All namespaces of servers.
pub(super) fn namespaces() -> Vec<String> {
    (0..NAMESPACES).map(namespace).collect()
}

/// How long so many servers may take for what they are waited for.
pub(super) fn limit(count: usize) -> Duration {
    Duration::from_secs(300 + 2 * count as u64)
}

/// What a user writes.
pub(super) fn manifest(index: usize) -> Value {
    let name = name(index);
    json!({
        "apiVersion": "annex.dev/v1alpha1",
        "kind": "AggregatedServer",
        "metadata": { "name": name },
        "spec": {
            "namespace": namespace(index),
            "apis": [{ "group": format!("{name}.example.com"), "version": "v1" }],
            "workload": {
                // Nobody runs it.
                "image": "localhost/none:dev",
                "port": PORT,
                "template": { "spec": {
                    "terminationGracePeriodSeconds": 0,
                    "nodeSelector": { FAKE: FAKE_VALUE },
                    "tolerations": [{ "key": FAKE, "operator": "Exists" }],
                } },
            },
        },
    })
}

/// Makes the namespaces.
pub(super) async fn make_namespaces(client: &Client) -> Result<(), Error> {
    let api = Api::<Namespace>::all(client.clone());
    for name in namespaces() {
        let manifest = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        api.patch(&name, &PatchParams::apply(FIELD_MANAGER), &Patch::Apply(manifest))
            .await?;
    }
    Ok(())
}

/// Applies so many servers, and returns when all are applied.
pub(super) async fn apply(client: &Client, count: usize) -> Result<(), Error> {
    let api = servers(client);
    let one = async |index: usize| {
        let params = PatchParams::apply(FIELD_MANAGER);
        api.patch(&name(index), &params, &Patch::Apply(manifest(index)))
            .await
            .map(drop)
    };
    stream::iter((0..count).map(one))
        .buffer_unordered(CLIENTS)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// Waits until so many servers are Ready.
pub(super) async fn ready(client: &Client, count: usize) -> Result<(), Error> {
    let what = "AggregatedServers that are Ready";
    watched::all(servers(client), what, None, count, limit(count), not_ready).await
}

/// What a server that is not Ready says; nothing of one that is.
pub(super) fn not_ready(server: &AggregatedServer) -> Option<String> {
    let conditions = server
        .status
        .as_ref()
        .map_or(&[][..], |status| &status.conditions);
    let ready = conditions
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    (!ready).then(|| describe(conditions))
}

/// The servers.
pub(super) fn servers(client: &Client) -> Api<AggregatedServer> {
    Api::all(client.clone())
}

/// The servers as they are.
pub(super) async fn list(client: &Client) -> Result<Vec<AggregatedServer>, Error> {
    Ok(servers(client).list(&ListParams::default()).await?.items)
}

/// Has all of them rotate their authority.
pub(super) async fn rotate_authorities(
    client: &Client,
    servers_now: &[AggregatedServer],
) -> Result<(), Error> {
    let api = servers(client);
    let patch = json!({ "metadata": { "annotations": { annex_crds::ROTATE_CA_ANNOTATION: "now" } } });
    let one = async |server: &AggregatedServer| {
        api.patch(&server.name_any(), &PatchParams::default(), &Patch::Merge(&patch))
            .await
            .map(drop)
    };
    stream::iter(servers_now.iter().map(one))
        .buffer_unordered(CLIENTS)
        .try_collect::<()>()
        .await?;
    Ok(())
}

/// Deletes all servers, and waits until nothing that came of them is left.
pub(super) async fn delete(client: &Client, count: usize) -> Result<(), Error> {
    servers(client)
        .delete_collection(&DeleteParams::background(), &ListParams::default())
        .await?;
    gone(client, count).await
}

/// Waits until no object of any server is left, and no pod.
pub(super) async fn gone(client: &Client, count: usize) -> Result<(), Error> {
    let limit = limit(count);
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        let left = objects::left(client).await?;
        if left.is_empty() {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            let seconds = limit.as_secs();
            return Err(Error::Timeout(format!(
                "waited {seconds} s for the objects of servers to go; there are {} still",
                left.join(", ")
            )));
        }
        tokio::time::sleep(POLL).await;
    }
}
