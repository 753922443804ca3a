//! Two replicas on one etcd: a definition is Established once both serve it, so that no client finds it here and not there.

use super::{cleared, condition, lamp, lamps, server, uid};
use crate::scenarios::{Failure, World, ensure, etcd, stage};

const NAME: &str = "definitions-replicas";
const GROUP: &str = "replicas.example.com";
const DEFINITION: &str = "lamps.replicas.example.com";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    stage::cleared_first(world, NAME).await?;
    world.apply(&etcd::plain(NAME)).await?;
    let storage =
        format!("    replicas: 2\n  storage: {{ etcd: {{ endpoints: ['http://etcd.{NAME}.svc:2379'] }} }}");
    world.apply(&server(NAME, &storage)).await?;
    stage::mark(world, NAME).await?;
    world.ready(NAME).await?;
    world
        .kubectl(&format!(
            "-n {NAME} rollout status deployment/{NAME} --timeout=180s"
        ))
        .await?;
    world.apply(&lamps(NAME, GROUP, "")).await?;
    condition(world, DEFINITION, "Established", "True", None).await?;
    world.apply(&lamp(GROUP, NAME, "one", "watts: 60")).await?;
    let stored = uid(world, GROUP, NAME, "one").await?;
    for _ in 0..20 {
        let found = uid(world, GROUP, NAME, "one").await?;
        ensure(found == stored, || {
            format!("one replica has {stored}, another {found}")
        })?;
    }
    // Each has to see the deletion before objects count as gone.
    world.delete("aggregatedresourcedefinition", DEFINITION).await?;
    world.apply(&lamps(NAME, GROUP, "")).await?;
    condition(world, DEFINITION, "Established", "True", None).await?;
    let left = world
        .kubectl(&format!("-n {NAME} get lamps.{GROUP} -o name"))
        .await?;
    ensure(left.is_empty(), || {
        format!("lamps are left of a deleted definition: {left}")
    })?;
    world.delete("aggregatedresourcedefinition", DEFINITION).await?;
    cleared(world, NAME).await
}
