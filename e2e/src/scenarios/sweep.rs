//! Takes away what a failed scenario left, so that the next one fails for its own reasons only.

use super::{Lane, World};
use crate::install;

/// Namespaces that every cluster has.
const KEPT: [&str; 5] = [
    "default",
    "kube-system",
    "kube-public",
    "kube-node-lease",
    install::NAMESPACE,
];

/// After a scenario that ran alone, deletes every AggregatedServer, every namespace and every CustomResourceDefinition that is not
/// Kubernetes' or Annex's own, and installs Annex again; beside others, what the scenario made. Only in a cluster that the harness
/// made: somebody else's is not to be swept.
pub(super) async fn sweep(world: &World) {
    if world.layout.is_none() {
        return;
    }
    if world.lane == Lane::Alone {
        everything(world).await;
    } else {
        own(world).await;
    }
}

// What cannot be deleted shows in the next scenario; there is a failure to tell about already.

async fn own(world: &World) {
    // Servers first, so that no APIService is left without one.
    for kind in [
        "aggregatedserver",
        "aggregatedresourcedefinition",
        "apiservice",
        "customresourcedefinition",
        "namespace",
    ] {
        let names = world.made.of(kind).join(" ");
        if !names.is_empty() {
            let line = format!("delete {kind} {names} --ignore-not-found --wait --timeout=120s");
            let _ = world.kubectl(&line).await;
        }
    }
}

async fn everything(world: &World) {
    let _ = world
        .kubectl("delete aggregatedservers --all --wait --timeout=120s")
        .await;
    // Without their servers they are let go, and their objects with the namespaces.
    let _ = world
        .kubectl("delete aggregatedresourcedefinitions --all --wait --timeout=120s")
        .await;
    for (kind, kept) in [
        ("namespaces", &KEPT[..]),
        (
            "customresourcedefinitions",
            &[
                "aggregatedservers.annex.dev",
                "aggregatedresourcedefinitions.annex.dev",
            ],
        ),
    ] {
        let names = world
            .kubectl(&format!("get {kind} -o jsonpath={{.items[*].metadata.name}}"))
            .await
            .unwrap_or_default();
        for name in names.split_whitespace().filter(|name| !kept.contains(name)) {
            let _ = world
                .kubectl(&format!("delete {kind} {name} --wait --timeout=120s"))
                .await;
        }
    }
    let _ = install::install(&world.tools, &[]).await;
}
