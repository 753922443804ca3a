//! Two replicas on an etcd: no request fails from the server's Ready on, nor while its pods are replaced.

use super::super::{etcd, pods, stage};
use super::users::Users;
use crate::progress;
use crate::scenarios::world::aggregated_server;
use crate::scenarios::{Failure, World};

const NAME: &str = "serving-rollout";
/// The namespace of its etcd, which outlives it.
const ETCD: &str = "serving-rollout-etcd";
/// Who serves the API before.
const BEFORE: &str = "serving-before";
/// Answers right after Ready, and after each rollout.
const ENOUGH: usize = 500;

/// Takes the API over from another server and replaces the pods, so many times.
pub(super) async fn run(world: &World, times: usize) -> Result<(), Failure> {
    // First: no namespace ends while an API is registered that nobody answers for.
    world.delete("aggregatedserver", NAME).await?;
    etcd::started(world, ETCD).await?;
    for time in 1..=times {
        stage::sample(world, BEFORE).await?;
        stage::cleared(world, BEFORE).await?;
        stage::made(world, NAME, &two_replicas()).await?;
        let answered = under_load(world).await?;
        progress::say(format!("    rollout {time}: {answered} requests, none failed"));
        stage::cleared(world, NAME).await?;
    }
    world
        .kubectl(&format!("delete namespace {ETCD} --wait=false"))
        .await
        .map(drop)
}

async fn under_load(world: &World) -> Result<usize, Failure> {
    let users = Users::begin(world, NAME).await?;
    let rolled = async {
        users.answered(world, ENOUGH).await?;
        for line in [
            format!("-n {NAME} rollout restart deployment/{NAME}"),
            format!("-n {NAME} rollout status deployment/{NAME} --timeout=180s"),
        ] {
            world.kubectl(&line).await?;
        }
        pods::left(world, NAME, 2).await?;
        users.answered(world, ENOUGH).await
    };
    let rolled = rolled.await;
    let answered = users.end().await?;
    rolled.map(|()| answered)
}

fn two_replicas() -> String {
    let workload = "
    image: localhost/wardle:0.1.0
    replicas: 2";
    let storage = format!("  storage: {{ etcd: {{ endpoints: ['http://etcd.{ETCD}.svc:2379'] }} }}");
    aggregated_server(NAME, NAME, &storage, workload)
}
