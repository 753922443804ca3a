//! `namespaces` of the chart: the operator has rights in these alone, runs servers there, and refuses all others.

use super::super::{Failure, World, ensure, stage, test_server::TestServer, world::sample_server};
use super::{access, process};
use crate::charts::narrow_rbac_matrix;
use crate::install::{self, NAMESPACE};

/// The one namespace, and the server in it.
const NAME: &str = "narrow-rights";
/// Another namespace, and the server that should run there.
const OTHER: &str = "narrow-other";
/// Kinds whose rights are asked for: each has a rule of its own; the roles as they are rendered are asked for all.
const ASKED: [&str; 6] = [
    "deployments",
    "secrets",
    "configmaps",
    "pods",
    "endpointslices",
    "events",
];

pub(super) async fn rights(world: &World) -> Result<(), Failure> {
    for name in [NAME, OTHER] {
        stage::cleared_first(world, name).await?;
    }
    let value = format!("namespaces={{{NAME}}}");
    upgraded(world, &["--set", &value]).await?;
    let narrowed = narrowed(world).await;
    // Whatever came of it, other scenarios find an operator with all its rights.
    upgraded(world, &[]).await?;
    narrowed?;
    // What was refused is taken up by an operator that may.
    world.ready(OTHER).await?;
    for name in [NAME, OTHER] {
        stage::cleared(world, name).await?;
    }
    Ok(())
}

async fn upgraded(world: &World, more: &[&str]) -> Result<(), Failure> {
    let arguments = install::operator_arguments(more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.tools.helm(&arguments).await?;
    process::ready_pods(world).await.map(drop)
}

async fn narrowed(world: &World) -> Result<(), Failure> {
    let mut checks = narrow_rbac_matrix(NAMESPACE, NAME);
    checks.retain(|check| ASKED.contains(&check.resource));
    access::asked(world, &checks).await?;

    world.apply(&sample_server(NAME, NAME, "")).await?;
    stage::mark(world, NAME).await?;
    world.ready(NAME).await?;
    // A rotation reads the Secret in the operator's own namespace, and asks each kube-apiserver.
    let line = format!("annotate aggregatedserver {NAME} annex.dev/rotate-ca=narrow");
    world.kubectl(&line).await?;
    stage::rotated(world, NAME, 1).await?;

    world.apply(&TestServer::new(OTHER, OTHER).yaml()).await?;
    stage::mark(world, OTHER).await?;
    world
        .condition(OTHER, "Ready", "False", Some("NamespaceRefused"))
        .await?;
    let made = world
        .kubectl(&format!("-n {OTHER} get deployments,services,secrets -o name"))
        .await?;
    let registered = world
        .kubectl(&format!(
            "get apiservices v1.{OTHER}.example.com --ignore-not-found -o name"
        ))
        .await?;
    ensure(made.is_empty() && registered.is_empty(), || {
        format!("of a server that was refused there is {made}{registered}")
    })
}
