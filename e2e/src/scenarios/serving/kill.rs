//! SIGKILL under writes: nothing that was acknowledged is lost, and no informer is misled.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::super::informer::Informer;
use super::super::stage;
use super::writers::Writers;
use super::{killed, start};
use crate::progress;
use crate::scenarios::{Failure, World, ensure};

const NAME: &str = "serving-kill";
/// How often the server is killed.
const KILLS: usize = 3;
/// Long enough for hundreds of writes between two kills.
const PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    start(world, NAME).await?;
    let informer = Informer::start(world, "v1alpha1").await?;
    let writers = Writers::begin(world, NAME).await?;
    let mut outcome = Ok(());
    for _ in 0..KILLS {
        tokio::time::sleep(PAUSE).await;
        outcome = killed(world, NAME).await;
        if outcome.is_err() {
            break;
        }
    }
    tokio::time::sleep(PAUSE).await;
    let acknowledged = writers.end().await?;
    outcome?;
    ensure(acknowledged.len() > 50, || {
        format!("only {} writes were acknowledged", acknowledged.len())
    })?;
    let stored = stored(world).await?;
    let lost: Vec<&String> = acknowledged
        .iter()
        .filter(|(name, uid)| stored.get(*name) != Some(*uid))
        .map(|(name, _)| name)
        .collect();
    ensure(lost.is_empty(), || {
        format!("{} acknowledged writes are lost: {lost:?}", lost.len())
    })?;
    let report = informer.is_true(world).await?;
    progress::say(format!(
        "    {} writes acknowledged, {} stored, {KILLS} kills; the informer was told of {} new objects, and its watch failed {} time(s)",
        acknowledged.len(),
        stored.len(),
        report.added,
        report.errors
    ));
    stage::cleared(world, NAME).await
}

/// The flunders that there are, with their uids.
async fn stored(world: &World) -> Result<BTreeMap<String, String>, Failure> {
    let path = format!("/apis/wardle.example.com/v1alpha1/namespaces/{NAME}/flunders");
    let list: Value = serde_json::from_str(&world.kubectl(&format!("get --raw {path}")).await?)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(list["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|item| (text(&item["metadata"]["name"]), text(&item["metadata"]["uid"])))
        .collect())
}
