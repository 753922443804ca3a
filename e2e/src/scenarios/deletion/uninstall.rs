//! helm takes the operator away, and everything goes on; then the types, and nothing is left.

use serde_json::Value;

use super::super::{Failure, World, ensure, stage};
use crate::{
    install::{self, CRDS_RELEASE, NAMESPACE, RELEASE},
    tools::Error as ToolsError,
};

/// A server outlives its operator; after the last one, helm takes everything away.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "deletion-uninstall";
    let before = of_annex(world).await?;
    for kind in [
        "CustomResourceDefinition",
        "ClusterRole",
        "Deployment",
        "Lease",
        "RoleBinding",
    ] {
        ensure(before.iter().any(|object| object.starts_with(kind)), || {
            format!("what is of Annex was not found before: {before:?}")
        })?;
    }
    stage::sample(world, name).await?;
    let result = without_releases(world, name).await;
    let installed = install::install(&world.tools, &[]).await;
    result?;
    Ok(installed?)
}

async fn without_releases(world: &World, name: &str) -> Result<(), Failure> {
    uninstalled(world, RELEASE).await?;
    world.kubectl("get flunders -A").await?;
    let refusal = match uninstalled(world, CRDS_RELEASE).await {
        Ok(()) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    };
    ensure(refusal.contains(name), || {
        format!("uninstalling the types of {name} was refused with {refusal}")
    })?;
    taken_back(world).await?;
    world.kubectl("get flunders -A").await?;
    stage::cleared(world, name).await?;
    let servers = world.kubectl("get aggregatedservers -o name").await?;
    ensure(servers.is_empty(), || format!("there are still: {servers}"))?;
    uninstalled(world, CRDS_RELEASE).await?;
    world
        .eventually("helm to leave nothing of Annex", async || {
            match of_annex(world).await {
                Ok(left) if left.is_empty() => Ok(()),
                Ok(left) => Err(left.join(", ")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
}

/// helm takes a release whose removal was refused for one that is being removed, until it is rolled back to itself.
async fn taken_back(world: &World) -> Result<(), Failure> {
    let line = [
        "list",
        "--all",
        "--namespace",
        NAMESPACE,
        "--filter",
        CRDS_RELEASE,
        "--output",
        "json",
    ];
    let releases: Value = serde_json::from_str(&world.tools.helm(&line).await?)?;
    let revision = releases[0]["revision"].as_str().unwrap_or_default();
    let line = [
        "rollback",
        CRDS_RELEASE,
        revision,
        "--namespace",
        NAMESPACE,
        "--wait",
    ];
    world.tools.helm(&line).await?;
    Ok(())
}

async fn uninstalled(world: &World, release: &str) -> Result<(), ToolsError> {
    let line = [
        "uninstall",
        release,
        "--namespace",
        NAMESPACE,
        "--wait",
        "--timeout",
        "120s",
    ];
    world.tools.helm(&line).await.map(|_| ())
}

/// Every object of the cluster that is of Annex: by name, label, release or namespace. The namespace itself is the
/// administrator's, and Events outlive what they tell of.
async fn of_annex(world: &World) -> Result<Vec<String>, Failure> {
    let kinds = world.kubectl("api-resources --verbs=list -o name").await?;
    let kinds: Vec<&str> = kinds.lines().filter(|kind| !kind.starts_with("events")).collect();
    let all = world
        .kubectl(&format!("get {} -A -o json --ignore-not-found", kinds.join(",")))
        .await?;
    let all: Value = serde_json::from_str(&all)?;
    let items = all["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    ensure(!items.is_empty(), || "the cluster holds no objects".to_owned())?;
    Ok(items
        .iter()
        .filter(|object| is_of_annex(object))
        .map(name_of)
        .collect())
}

fn is_of_annex(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let name = text(&metadata["name"]);
    let namespace = text(&metadata["namespace"]);
    let made_by_kubernetes = ["default", "kube-root-ca.crt"].contains(&name.as_str());
    if namespace == NAMESPACE && !made_by_kubernetes {
        return true;
    }
    let release = text(&metadata["annotations"]["meta.helm.sh/release-name"]);
    let named = name.starts_with("annex-") || name.starts_with("annex:") || name.contains("annex.dev");
    text(&metadata["labels"]["app.kubernetes.io/managed-by"]) == annex_crds::MANAGER
        || [RELEASE, CRDS_RELEASE].contains(&release.as_str())
        || (named && object["kind"] != "Namespace")
}

fn name_of(object: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    format!(
        "{} {}/{}",
        text(&object["kind"]),
        text(&metadata["namespace"]),
        text(&metadata["name"])
    )
}
