//! An authority is rotated while one of two kube-apiservers sees nothing: the new one is used only when that one knows it too.

use std::time::Duration;

use annex_crds::v1alpha1::{RotationStatus, RotationStep};

use super::server::{PATH, Server, WARDLE};
use super::steps::Steps;
use super::under_load::{ALL_STEPS, REPLICAS, only_new_authority};
use crate::components::second_apiserver::SecondApiserver;
use crate::progress;
use crate::scenarios::load::{Load, ask};
use crate::scenarios::{Failure, World, ensure};

/// Longer than it takes to go on where every kube-apiserver knows the new authority.
const HELD_BACK: Duration = Duration::from_secs(20);
/// The second kube-apiserver as an endpoint of the Service `kubernetes`. It is one by a lease of 15 s, which ends while it is frozen.
const SLICE: &str = "kubernetes-second";

/// Under load through the first one, of which no request fails.
pub(super) async fn frozen_second(world: &World) -> Result<(), Failure> {
    let layout = world.node()?;
    let server = Server::make(world, "rotation-planes", WARDLE, REPLICAS, "{}").await?;
    let second = SecondApiserver::start(layout).await?;
    let rotated = rotate(world, &server, &second).await;
    second.thaw();
    let removed = world.delete("-n default endpointslice", SLICE).await;
    second.stop().await?;
    rotated?;
    removed?;
    server.remove(world).await
}

async fn rotate(world: &World, server: &Server, second: &SecondApiserver<'_>) -> Result<(), Failure> {
    world.apply(&slice(&second.address())).await?;
    let load = Load::start(world, &server.target()).await?;
    let steps = Steps::follow(world.servers(), server.name());
    let old = server.authority(world).await?;
    second.freeze();
    server.annotate(world, "annex.dev/rotate-ca=now").await?;
    let held = held_back(world, server, &second.address()).await;
    second.thaw();
    held?;
    let rotated = server.rotated(&steps, &ALL_STEPS).await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    tally.none_failed(&[])?;
    progress::say(format!(
        "    authority, with a second kube-apiserver frozen: {}",
        rotated?
    ));
    only_new_authority(world, server, &old).await?;
    world
        .eventually("an answer through the second kube-apiserver", async || {
            ask(second.client(), PATH).await
        })
        .await
}

/// Waits until the rotation says that it waits for the kube-apiserver at `address`, and looks whether it goes on all the same.
async fn held_back(world: &World, server: &Server, address: &str) -> Result<(), Failure> {
    world
        .eventually(
            "the rotation to wait for the second kube-apiserver",
            async || match rotation(world, server).await {
                Ok(Some(rotation)) if waits_for(&rotation, address) => Ok(()),
                other => Err(format!("it stands at {other:?}")),
            },
        )
        .await?;
    tokio::time::sleep(HELD_BACK).await;
    let stands = rotation(world, server).await?;
    ensure(
        stands
            .as_ref()
            .is_some_and(|rotation| waits_for(rotation, address)),
        || format!("the rotation should wait for {address}; it stands at {stands:?}"),
    )
}

fn waits_for(rotation: &RotationStatus, address: &str) -> bool {
    let why = rotation.blocked_by.as_deref().unwrap_or_default();
    rotation.step == RotationStep::Widen && why.contains(address)
}

async fn rotation(world: &World, server: &Server) -> Result<Option<RotationStatus>, Failure> {
    let status = world.servers().get(server.name()).await?.status;
    Ok(status.unwrap_or_default().certificates.rotation)
}

fn slice(address: &str) -> String {
    let (host, port) = address.split_once(':').unwrap_or((address, "6443"));
    format!(
        "
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: {SLICE}, namespace: default, labels: {{ kubernetes.io/service-name: kubernetes }} }}
addressType: IPv4
ports: [{{ name: https, port: {port} }}]
endpoints: [{{ addresses: [{host}], conditions: {{ ready: true }} }}]
"
    )
}
