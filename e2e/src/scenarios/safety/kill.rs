//! SIGKILL, as the kernel sends it to whoever takes too much memory: everything comes back by itself.

use std::time::Instant;

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{Api, ResourceExt as _, api::ListParams};
use nix::sys::signal::Signal;

use super::{
    super::{container::process_of, operator, stage, traffic::Traffic, world::World},
    keys,
};
use crate::progress;
use crate::scenarios::{Failure, ensure, failure};

const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/flunders";

/// The leader of the operator, its pod, and then the server.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "safety-kill";
    stage::sample(world, name).await?;
    let replicas = operator::replicas(world).await?;
    ensure(replicas >= 2, || {
        format!("the operator has {replicas} replica(s), and another is to take over")
    })?;
    let traffic = Traffic::begin(world, FLUNDERS).await?;
    leader_killed(world, name).await?;
    leader_pod_gone(world, name).await?;
    traffic.end().await?;
    operator::settled(world, replicas).await?;
    server_killed(world, name).await?;
    stage::cleared(world, name).await
}

async fn leader_killed(world: &World, server: &str) -> Result<(), Failure> {
    let leader = operator::leader(world).await?;
    let began = Instant::now();
    process_of(world, &leader.pod, "annex-operator")?.signal(Signal::SIGKILL);
    operator::other_leader(world, &leader).await?;
    progress::say(format!(
        "    the operator was led again {:.1} s after its leader was killed",
        began.elapsed().as_secs_f64()
    ));
    works(world, server).await
}

/// The pod's own name is gone with it: whoever leads now is another replica.
async fn leader_pod_gone(world: &World, server: &str) -> Result<(), Failure> {
    let leader = operator::leader(world).await?;
    operator::delete_pod(world, &leader).await?;
    let next = operator::other_leader(world, &leader).await?;
    ensure(next.pod != leader.pod, || {
        format!("{} still leads, and was deleted", next.pod)
    })?;
    works(world, server).await
}

/// A child that is deleted comes back, by whoever leads now; and the server was Available all the while.
async fn works(world: &World, server: &str) -> Result<(), Failure> {
    let bundles = Api::<ConfigMap>::namespaced(world.client.clone(), server);
    let bundle = format!("{server}-ca");
    let old = bundles.get(&bundle).await?.uid();
    world
        .kubectl(&format!("-n {server} delete configmap {bundle}"))
        .await?;
    world
        .eventually("the operator to make a deleted child again", async || {
            let found = bundles
                .get_opt(&bundle)
                .await
                .map_err(|error| error.to_string())?;
            match found {
                Some(new) if new.uid() != old => Ok(()),
                _ => Err("it is not there".to_owned()),
            }
        })
        .await?;
    let conditions = world
        .servers()
        .get(server)
        .await?
        .status
        .unwrap_or_default()
        .conditions;
    let available = conditions.iter().find(|condition| condition.type_ == "Available");
    ensure(
        available.is_some_and(|condition| condition.status == "True"),
        || format!("no longer available without its operator: {available:?}"),
    )
}

async fn server_killed(world: &World, server: &str) -> Result<(), Failure> {
    let pods = Api::<Pod>::namespaced(world.client.clone(), server);
    let pod = pods.list(&ListParams::default()).await?.items;
    let pod = pod
        .first()
        .ok_or_else(|| failure("the server has no pod"))?
        .name_any();
    let process = process_of(world, &pod, "wardle")?;
    keys::of_process(world, server, process.pid).await?;
    let began = Instant::now();
    process.signal(Signal::SIGKILL);
    world
        .eventually("the kubelet to start the server again", async || {
            let pod = pods.get(&pod).await.map_err(|error| error.to_string())?;
            let containers = pod
                .status
                .unwrap_or_default()
                .container_statuses
                .unwrap_or_default();
            let server = containers
                .into_iter()
                .find(|container| container.name == "server");
            match server {
                Some(container) if container.restart_count > 0 && container.ready => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
    world.ready(server).await?;
    world
        .eventually("requests to be answered again", async || {
            let listed = world.kubectl("get flunders -A").await;
            listed.map(|_| ()).map_err(|error| error.to_string())
        })
        .await?;
    progress::say(format!(
        "    the server answered again {:.1} s after it was killed",
        began.elapsed().as_secs_f64()
    ));
    Ok(())
}
