//! Status is the operator's report: what somebody else writes into it does not stay, and is no reason to write it again and again.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Failure, Lane, Scenario, World, ensure, stage, test_server::TestServer};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "status/foreign-field",
    lane: Lane::Own,
    long: false,
    needs_node: false,
    run: |world| Box::pin(foreign_field(world)),
}];

const NAME: &str = "status-foreign-field";
/// The field manager of the somebody.
const SOMEBODY: &str = "somebody-else";
/// Three times the operator's resync period.
const WINDOW: Duration = Duration::from_secs(61);

/// A condition of a made-up type, an entry of a list, a field that is absent where nothing is to be told, and a changed one: the next status is what
/// it was before, and then nothing is written.
async fn foreign_field(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(NAME, NAME);
    stage::made(world, NAME, &server.yaml()).await?;
    world.condition(NAME, "Progressing", "False", None).await?;
    let (_, before) = status(world).await?;
    spoilt(world).await?;
    // An edit of the status alone is none that the operator is woken by.
    stage::hurry_operator(world, NAME, "spoilt").await?;
    let version = world
        .eventually("the status of before", async || {
            let (version, now) = status(world).await.map_err(|error| error.to_string())?;
            if now == before {
                Ok(version)
            } else {
                Err(now.to_string())
            }
        })
        .await?;
    // What is shown is that nothing comes; there is no condition to wait for.
    tokio::time::sleep(WINDOW).await;
    let (after, now) = status(world).await?;
    ensure(after == version, || {
        format!("written again, from resourceVersion {version} to {after}: {before} became {now}")
    })?;
    stage::cleared(world, NAME).await
}

async fn spoilt(world: &World) -> Result<(), Failure> {
    let time = "2020-01-01T00:00:00Z";
    let patch = json!([
        { "op": "add", "path": "/status/conditions/-", "value": {
            "type": "MadeUp", "status": "True", "reason": "Somebody", "message": "", "lastTransitionTime": time,
        } },
        { "op": "add", "path": "/status/apis/-", "value": { "groupVersion": "bogus.example.com/v1", "versionPriority": 1 } },
        { "op": "add", "path": "/status/certificates/rotation", "value": { "step": "Swap", "blockedBy": "nobody" } },
        { "op": "replace", "path": "/status/groupVersions", "value": "bogus.example.com/v1" },
    ])
    .to_string();
    let manager = format!("--field-manager={SOMEBODY}");
    let line = [
        "patch",
        "aggregatedserver",
        NAME,
        "--subresource=status",
        "--type=json",
        &manager,
        "-p",
        &patch,
    ];
    world.tools.kubectl(&line).await?;
    Ok(())
}

/// The resourceVersion and the status, as they are served: fields that this program does not know are there too.
async fn status(world: &World) -> Result<(String, Value), Failure> {
    let server = world
        .kubectl(&format!("get aggregatedserver {NAME} -o json"))
        .await?;
    let mut server: Value = serde_json::from_str(&server)?;
    let version = server["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    Ok((version.to_owned(), server["status"].take()))
}
