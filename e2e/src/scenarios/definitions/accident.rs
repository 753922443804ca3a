//! The definitions' own CustomResourceDefinition is deleted: definitions go with it, and what they declared stays stored, to come back
//! with them.

use super::{EMBEDDED, cleared, condition, lamp, lamps, server, uid};
use crate::{
    install,
    scenarios::{Failure, World, ensure, stage},
};

const NAME: &str = "definitions-accident";
const GROUP: &str = "accident.example.com";
const DEFINITION: &str = "lamps.accident.example.com";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    stage::made(world, NAME, &server(NAME, EMBEDDED)).await?;
    world.apply(&lamps(NAME, GROUP, "")).await?;
    condition(world, DEFINITION, "Established", "True", None).await?;
    world.apply(&lamp(GROUP, NAME, "kept", "watts: 7")).await?;
    let stored = uid(world, GROUP, NAME, "kept").await?;
    world
        .delete(
            "customresourcedefinition",
            "aggregatedresourcedefinitions.annex.dev",
        )
        .await?;
    world
        .tools
        .helm(
            &install::crds_arguments()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        )
        .await?;
    world
        .kubectl(
            "wait --for=condition=Established crd/aggregatedresourcedefinitions.annex.dev --timeout=180s",
        )
        .await?;
    world.apply(&lamps(NAME, GROUP, "")).await?;
    condition(world, DEFINITION, "Established", "True", None).await?;
    let found = uid(world, GROUP, NAME, "kept").await?;
    ensure(found == stored, || {
        format!("the lamp was {stored}, and is {found}")
    })?;
    world.delete("aggregatedresourcedefinition", DEFINITION).await?;
    cleared(world, NAME).await
}
