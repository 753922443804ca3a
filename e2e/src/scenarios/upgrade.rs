//! Annex is upgraded, and taken back: from what `e2e/previous` names to what this is, and to that again, each time in the middle of a
//! rotation and under load. No request and no handshake fails, no pod is restarted, and then nothing is written any more.

use std::collections::BTreeSet;

use annex_crds::v1alpha1::AggregatedServer;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt as _};

use super::{
    Failure, Lane, Scenario, World, authority, ensure, load::Load, operator, stage, test_server::TestServer,
    world::embedded_server,
};
use crate::previous::Previous;
use crate::{install, progress};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "upgrade/there-and-back",
    lane: Lane::Alone,
    long: true,
    needs_node: true,
    run: |world| Box::pin(there_and_back(world)),
}];

/// The server whose authority is rotated, and its namespace.
const ROTATED: &str = "upgrade-rotated";
/// A server with a volume, and its namespace.
const EMBEDDED: &str = "upgrade-embedded";

async fn there_and_back(world: &World) -> Result<(), Failure> {
    let previous = Previous::prepare().await?;
    previous.load(world.node()?).await?;
    let walked = began_with(world, &previous).await;
    // Whatever came of it, the Annex of now is what other scenarios find.
    install::install(&world.tools, &[]).await?;
    walked?;
    for name in [ROTATED, EMBEDDED] {
        stage::cleared(world, name).await?;
    }
    Ok(())
}

/// Servers that the older Annex has made.
async fn began_with(world: &World, previous: &Previous) -> Result<(), Failure> {
    previous.install(&world.tools).await?;
    operator::settled(world, operator::replicas(world).await?).await?;
    let server = TestServer {
        workload: "replicas: 2",
        ..TestServer::new(ROTATED, ROTATED)
    };
    for name in [ROTATED, EMBEDDED] {
        stage::cleared_first(world, name).await?;
    }
    let embedded = embedded_server(EMBEDDED, EMBEDDED, "");
    for (name, yaml) in [(ROTATED, &server.yaml()), (EMBEDDED, &embedded)] {
        world.apply(yaml).await?;
        stage::mark(world, name).await?;
        world.ready(name).await?;
    }
    world
        .kubectl(&format!(
            "-n {ROTATED} rollout status deployment {ROTATED} --timeout=180s"
        ))
        .await?;
    let before = containers(world).await?;
    let load = Load::start(world, &server.target()).await?;
    let walked = walked(world, previous, &server).await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    // What clients met says more than where the way ended.
    tally.none_failed(&[])?;
    walked?;
    let after = containers(world).await?;
    ensure(before == after, || {
        format!("pods were {before:?}; now they are {after:?}")
    })
}

async fn walked(world: &World, previous: &Previous, server: &TestServer) -> Result<(), Failure> {
    rotating(world, "upgrade").await?;
    install::install(&world.tools, &[]).await?;
    ended(world, server, 1).await?;
    rotating(world, "taken-back").await?;
    previous.install(&world.tools).await?;
    ended(world, server, 2).await
}

/// Asks for another authority, and waits until the rotation is under way.
async fn rotating(world: &World, stamp: &str) -> Result<(), Failure> {
    let line = format!("annotate --overwrite aggregatedserver {ROTATED} annex.dev/rotate-ca={stamp}");
    world.kubectl(&line).await?;
    let api = world.servers();
    world
        .eventually("the rotation to begin", async || {
            let server: AggregatedServer = api.get(ROTATED).await.map_err(|error| error.to_string())?;
            let rotation = server.status.unwrap_or_default().certificates.rotation;
            rotation.map(drop).ok_or_else(|| "none is under way".to_owned())
        })
        .await
}

/// Waits until the rotation has ended, one authority is left, and the operator is silent.
async fn ended(world: &World, server: &TestServer, count: i64) -> Result<(), Failure> {
    operator::settled(world, operator::replicas(world).await?).await?;
    stage::rotated(world, ROTATED, count).await?;
    authority::settled(world, server).await?;
    operator::silent(world).await
}

/// Every container of the servers' pods, with the pod's uid and how often it was started again.
async fn containers(world: &World) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    for namespace in [ROTATED, EMBEDDED] {
        let api: Api<Pod> = Api::namespaced(world.client.clone(), namespace);
        for pod in api.list(&Default::default()).await? {
            let uid = pod.uid().unwrap_or_default();
            let status = pod.status.as_ref();
            let statuses = status.and_then(|status| status.container_statuses.as_ref());
            for container in statuses.into_iter().flatten() {
                found.insert(format!(
                    "{} {uid} {} {}",
                    pod.name_any(),
                    container.name,
                    container.restart_count
                ));
            }
        }
    }
    Ok(found)
}
