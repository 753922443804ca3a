//! `helm upgrade` without a change writes nothing.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{Failure, World, audit::Audit, ensure};
use super::process::ready_pods;
use crate::install::{self, NAMESPACE};

/// Upgrades both releases to what they are.
pub(super) async fn without_a_change(world: &World) -> Result<(), Failure> {
    ready_pods(world).await?;
    let releases = [
        (install::CRDS_RELEASE, install::crds_arguments()),
        (install::RELEASE, install::operator_arguments(&[])),
    ];
    for (release, arguments) in releases {
        let before = objects(world, release).await?;
        let audit = world
            .layout
            .is_some()
            .then(|| Audit::from_now(world))
            .transpose()?;
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        world.tools.helm(&arguments).await?;
        let after = objects(world, release).await?;
        ensure(before == after, || {
            format!("the upgrade of {release} changed objects:\n    {before:?}\n    {after:?}")
        })?;
        if let Some(mut audit) = audit {
            let writes = audit.writes_of_agent("Helm/")?;
            ensure(!writes.is_empty(), || {
                "the audit log has no write by helm, which writes its release at least".to_owned()
            })?;
            let others: Vec<_> = writes.iter().filter(|write| !expected(write)).collect();
            ensure(others.is_empty(), || {
                format!("the upgrade of {release} wrote: {others:?}")
            })?;
        }
    }
    Ok(())
}

/// helm's own record of the release. And a patch of PodDisruptionBudgets that changes nothing: helm compares as a
/// strategic merge, which replaces their selector whole, and so sends it each time.
fn expected(write: &str) -> bool {
    write.contains(" secrets/sh.helm.release.v1.")
        || write.starts_with("patch poddisruptionbudgets/")
        || write.starts_with("create secrets in ")
}

/// The resourceVersion of every object of the release, but the Lease, which its leader renews.
async fn objects(world: &World, release: &str) -> Result<BTreeMap<String, String>, Failure> {
    let manifest = world
        .tools
        .helm(&["get", "manifest", release, "-n", NAMESPACE])
        .await?;
    let text = world
        .tools
        .kubectl_with(&["get", "-f", "-", "-o", "json"], &manifest)
        .await?;
    let list: Value = serde_json::from_str(&text)?;
    let versions = list["items"].as_array().into_iter().flatten().map(|object| {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let metadata = &object["metadata"];
        let path = format!("{}/{}", text(&object["kind"]), text(&metadata["name"]));
        (path, text(&metadata["resourceVersion"]))
    });
    let versions: BTreeMap<_, _> = versions.filter(|(path, _)| !path.starts_with("Lease/")).collect();
    ensure(versions.len() > 1, || {
        format!("the release {release} holds only {versions:?}")
    })?;
    Ok(versions)
}
