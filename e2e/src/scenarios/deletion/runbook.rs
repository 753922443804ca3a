//! The runbook's command for a cluster whose operator is gone.

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::super::{Failure, World, ensure, failure, operator, stage};
use super::{delete_namespace, namespace_gone, why_not_gone};

/// What is in `docs/runbook.md` and what is tested are the same words.
const RUNBOOK: &str = include_str!("../../../../docs/runbook.md");

/// The operator is gone, the server is dead, and a namespace does not end: the runbook's command.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "deletion-runbook";
    stage::sample(world, name).await?;
    operator::without(world, blocked_and_freed(world, name)).await?;
    let line = format!("-n {name} scale deployment {name} --replicas=1");
    world.kubectl(&line).await?;
    world.ready(name).await?;
    stage::cleared(world, name).await
}

async fn blocked_and_freed(world: &World, name: &str) -> Result<(), Failure> {
    let blocked = "deletion-blocked";
    let line = format!("-n {name} scale deployment {name} --replicas=0");
    world.kubectl(&line).await?;
    let line = "wait --for=condition=Available=False --timeout=120s apiservice/v1alpha1.wardle.example.com";
    world.kubectl(line).await?;
    world.delete("namespace", blocked).await?;
    world.namespace(blocked).await?;
    delete_namespace(world, blocked).await?;
    let api = Api::<Namespace>::all(world.client.clone());
    world
        .eventually("the dead server to keep a namespace from ending", async || {
            let namespace = api.get(blocked).await.map_err(|error| error.to_string())?;
            let why = why_not_gone(&namespace);
            if why.contains("NamespaceDeletionDiscoveryFailure") {
                Ok(())
            } else {
                Err(why)
            }
        })
        .await?;
    let command = runbook_command()?.replace("NAME", name);
    let deleted = world.kubectl(&command).await?;
    ensure(deleted.lines().count() == 2, || {
        format!("`kubectl {command}` deleted: {deleted}")
    })?;
    namespace_gone(world, blocked).await
}

/// The runbook's command for a cluster without an operator, without `kubectl`.
fn runbook_command() -> Result<&'static str, Failure> {
    let mut commands = RUNBOOK
        .lines()
        .filter_map(|line| line.trim().strip_prefix("kubectl "));
    commands
        .find(|command| command.starts_with("delete apiservice "))
        .ok_or_else(|| failure("docs/runbook.md has no command that deletes APIServices"))
}
