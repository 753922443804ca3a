//! The start for a server of one's own (the directory `template`), deployed as its README says.

use super::super::{Failure, World, ensure, stage};
use super::computed::shows;

const NAME: &str = "greeter";
const SERVER: &str = include_str!("../../../../template/deploy/server.yaml");
const GREETING: &str = include_str!("../../../../template/deploy/greeting.yaml");
/// The image of the template's manifest, and the one that this cluster has.
const IMAGES: [&str; 2] = ["registry.example.com/greeter:", "localhost/greeter:"];

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    ensure(SERVER.contains(IMAGES[0]), || {
        "the template's server has another image".into()
    })?;
    stage::made(world, NAME, &SERVER.replace(IMAGES[0], IMAGES[1])).await?;
    let apply = ["-n", NAME, "apply", "-f", "-"];
    let applied = world.tools.try_kubectl(&apply, GREETING).await?;
    ensure(applied.success, || applied.stderr.clone())?;
    shows(
        world,
        &format!("-n {NAME} get gr --no-headers"),
        "first world hello",
    )
    .await?;
    let table = world
        .kubectl(&format!("-n {NAME} get greetings.greetings.example.com"))
        .await?;
    let heads = table.lines().next().unwrap_or_default();
    ensure(
        heads.split_whitespace().eq(["NAME", "WHOM", "TEXT", "AGE"]),
        || table.clone(),
    )?;
    shows(
        world,
        "explain greetings.spec.whom --api-version=greetings.example.com/v1",
        "Who is greeted.",
    )
    .await?;
    let nobody = GREETING.replace("whom: world", "whom: \"\"");
    let refused = world.tools.try_kubectl(&apply, &nobody).await?;
    ensure(
        refused
            .stderr
            .contains("spec.whom: Required value: somebody must be greeted"),
        || refused.stderr.clone(),
    )?;
    let said = "patch greetings.greetings.example.com first --subresource=status --type=merge -p {\"status\":{\"said\":1}}";
    world.kubectl(&format!("-n {NAME} {said}")).await?;
    // A volume of its own stays with its objects; the namespace takes it along.
    stage::cleared(world, NAME).await
}
