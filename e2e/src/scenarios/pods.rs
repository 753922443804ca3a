//! Pods: what the status of one says, and how many there are.

use k8s_openapi::api::core::v1::Pod;

use super::{Failure, World};

/// Waits until no more than so many pods are left in the namespace: those that were replaced go on answering for a while when the new ones are
/// ready.
pub(super) async fn left(world: &World, namespace: &str, count: usize) -> Result<(), Failure> {
    let line = format!("-n {namespace} get pods -o name");
    world
        .eventually("the old pods to end", async || {
            let pods = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            if pods.lines().count() == count {
                Ok(())
            } else {
                Err(pods)
            }
        })
        .await
}

/// Whether its condition `Ready` is true.
pub(super) fn is_ready(pod: &Pod) -> bool {
    let status = pod.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    conditions
        .into_iter()
        .flatten()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True")
}
