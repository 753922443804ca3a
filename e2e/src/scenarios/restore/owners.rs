//! Objects of a server that lives come to name an owner that does not, as a restore over them does. They are taken up again before the garbage collector
//! deletes them, or made anew; either way the API answers again, and none of them names the dead owner.

use std::time::Instant;

use serde_json::{Value, json};

use super::children;
use crate::progress;
use crate::scenarios::test_server::TestServer;
use crate::scenarios::{Failure, World, authority, ensure, stage};

const NAME: &str = "restore-dead-owner";
/// The uid of nobody.
const DEAD: &str = "6b1d5f0e-2f6c-4a57-9d1e-0d0f4c5e8a11";

/// Every APIService and both Secrets at once.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(NAME, NAME);
    stage::made(world, NAME, &server.yaml()).await?;
    disowned(world).await?;
    let began = Instant::now();
    // Secrets are not watched.
    stage::hurry_operator(world, NAME, "disowned").await?;
    children::owned_by_the_living(world, NAME, DEAD).await?;
    let path = server.object_path();
    world
        .eventually("the API to answer again", async || {
            let answered = world.kubectl(&format!("get --raw {path}")).await;
            answered.map(drop).map_err(|error| error.to_string())
        })
        .await?;
    progress::say(format!(
        "    taken up again, and answering, {:.1} s after a restore in a dead owner's name",
        began.elapsed().as_secs_f64()
    ));
    authority::settled(world, &server).await?;
    world.kubectl(&format!("get --raw {path}")).await?;
    stage::cleared(world, NAME).await
}

async fn disowned(world: &World) -> Result<(), Failure> {
    let objects = children::of(world, NAME).await?;
    let restored: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "APIService" || object["kind"] == "Secret")
        .collect();
    ensure(restored.len() == 3, || {
        format!(
            "{} objects, where two Secrets and an APIService should be",
            restored.len()
        )
    })?;
    let patch =
        json!([{ "op": "replace", "path": "/metadata/ownerReferences/0/uid", "value": DEAD }]).to_string();
    for object in restored {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let target = format!("{}/{}", text(&object["kind"]), text(&metadata["name"]));
        let namespace = format!("--namespace={}", text(&metadata["namespace"]));
        let line = ["patch", &target, &namespace, "--type=json", "-p", &patch];
        world.tools.kubectl(&line).await?;
    }
    Ok(())
}
