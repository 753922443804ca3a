//! The server that a scenario plays with: made in a namespace of its own, and taken away with a look at what it leaves.

use std::collections::BTreeMap;

use annex_crds::v1alpha1::Child;
use kube::ResourceExt as _;

use super::{Failure, Lane, World, ensure, world::sample_server};

/// Label of what is made here; its value says what may have run beside it.
const STAGED: &str = "e2e.annex.dev/staged";

/// Makes namespace and server, both of this name, and waits until it is Ready; what an earlier failure left goes first.
pub(super) async fn sample(world: &World, name: &str) -> Result<(), Failure> {
    made(world, name, &sample_server(name, name, "")).await
}

/// The same with another server than the sample, in a namespace of the server's name.
pub(super) async fn made(world: &World, name: &str, yaml: &str) -> Result<(), Failure> {
    cleared_first(world, name).await?;
    world.apply(yaml).await?;
    mark(world, name).await?;
    world.ready(name).await
}

/// Makes the namespace; what an earlier failure left goes first.
pub(super) async fn cleared_first(world: &World, name: &str) -> Result<(), Failure> {
    if let Some(selector) = in_the_way(world.lane) {
        world
            .kubectl(&format!(
                "delete aggregatedservers -l {selector} --wait --timeout=180s"
            ))
            .await?;
        world
            .kubectl(&format!("delete namespaces -l {selector} --wait=false"))
            .await?;
    }
    world.delete("aggregatedserver", name).await?;
    world.delete("namespace", name).await?;
    world.namespace(name).await
}

/// Which of the staged servers may hold what the next one of the lane needs: those that ran where nothing runs now. Servers of
/// [`Lane::Own`] need nothing of each other.
fn in_the_way(lane: Lane) -> Option<String> {
    match lane {
        Lane::Alone => Some(STAGED.to_owned()),
        Lane::Wardle => Some(format!(
            "{STAGED}!={},{STAGED}!={},{STAGED}",
            value(Lane::Own),
            value(Lane::Widgets)
        )),
        Lane::Widgets => Some(format!("{STAGED}={}", value(lane))),
        Lane::Own => None,
    }
}

fn value(lane: Lane) -> &'static str {
    match lane {
        Lane::Alone => "alone",
        Lane::Wardle => "wardle",
        Lane::Widgets => "widgets",
        Lane::Own => "own",
    }
}

/// Marks namespace and server, so that the next scenario takes away what a failure leaves of them.
pub(super) async fn mark(world: &World, name: &str) -> Result<(), Failure> {
    let lane = value(world.lane);
    let line = format!("label namespace/{name} aggregatedserver/{name} {STAGED}={lane}");
    world.kubectl(&line).await.map(|_| ())
}

/// Takes server and namespace away, see [`retire`]; the namespace ends while others go on.
pub(super) async fn cleared(world: &World, name: &str) -> Result<(), Failure> {
    retire(world, name).await?;
    let line = format!("delete namespace {name} --wait=false");
    world.kubectl(&line).await.map(|_| ())
}

/// Deletes the AggregatedServer and waits until every child of its status is gone.
pub(super) async fn retire(world: &World, name: &str) -> Result<(), Failure> {
    let server = world.servers().get(name).await?;
    let children = server.status.unwrap_or_default().children;
    let places: BTreeMap<&str, &Child> = children
        .iter()
        .map(|child| (child.namespace.as_deref().unwrap_or_default(), child))
        .collect();
    // Cluster, server, kube-system, operator: a list that lacks one of them would make this test less than it says.
    ensure(
        places.len() == 4 && children.iter().any(|child| child.kind == "APIService"),
        || format!("children of {name} in status: {children:?}"),
    )?;
    world.delete("aggregatedserver", name).await?;
    for namespace in places.keys() {
        let of_place = children
            .iter()
            .filter(|child| child.namespace.as_deref().unwrap_or_default() == *namespace);
        let words: Vec<String> = of_place
            .map(|child| format!("{}/{}", child.kind, child.name))
            .collect();
        gone(world, namespace, &words).await?;
    }
    Ok(())
}

async fn gone(world: &World, namespace: &str, objects: &[String]) -> Result<(), Failure> {
    let mut line = "get --ignore-not-found -o name".to_owned();
    if !namespace.is_empty() {
        line.push_str(&format!(" -n {namespace}"));
    }
    for object in objects {
        line.push_str(&format!(" {object}"));
    }
    world
        .eventually("the children to go with their server", async || {
            match world.kubectl(&line).await {
                Ok(left) if left.trim().is_empty() => Ok(()),
                Ok(left) => Err(left),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
}

/// Has the operator look at the server now: it does when an annotation changes, and Secrets are not watched.
pub(super) async fn hurry_operator(world: &World, name: &str, stamp: &str) -> Result<(), Failure> {
    let line = format!("annotate aggregatedserver {name} --overwrite e2e.annex.dev/look={stamp}");
    world.kubectl(&line).await.map(|_| ())
}

/// Has the kubelet look at the server's Secret now: it does when a pod changes, and otherwise once in 10 to 15 s in the harness' own cluster, in one to
/// two minutes in others.
pub(super) async fn hurry_kubelet(world: &World, namespace: &str, stamp: &str) -> Result<(), Failure> {
    let line = format!("-n {namespace} annotate pods --all --overwrite e2e.annex.dev/look={stamp}");
    world.kubectl(&line).await.map(|_| ())
}

/// Waits until no rotation is under way, while the kubelet is hurried, and `count` certificates at least came after the
/// first.
pub(super) async fn rotated(world: &World, name: &str, count: i64) -> Result<(), Failure> {
    let api = world.servers();
    let mut looks = 0_u32;
    world
        .eventually(&format!("the rotation of {name}"), async || {
            looks += 1;
            if looks % 10 == 1 {
                hurry_kubelet(world, name, &looks.to_string())
                    .await
                    .map_err(|error| error.to_string())?;
            }
            let server = api.get(name).await.map_err(|error| error.to_string())?;
            let server_name = server.name_any();
            let certificates = server.status.unwrap_or_default().certificates;
            match certificates.rotation {
                None if certificates.rotation_count >= count => Ok(()),
                rotation => Err(format!(
                    "{server_name}: {} certificate(s) came after the first, rotation {rotation:?}",
                    certificates.rotation_count
                )),
            }
        })
        .await
}
