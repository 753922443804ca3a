//! The operator's pods: one leads, the others stand by; each answers for itself.

use serde_json::Value;

use super::super::{Failure, World, ensure, failure};
use crate::install::NAMESPACE;

/// Two pods, one Lease, one leader; health and metrics of both.
pub(super) async fn leader_and_standby(world: &World) -> Result<(), Failure> {
    let pods = ready_pods(world).await?;
    ensure(pods.len() == 2, || {
        format!("the pods {pods:?} are ready, not two")
    })?;
    let leader = holder(world).await?;
    for pod in &pods {
        let port = |number: u16| format!("/api/v1/namespaces/{NAMESPACE}/pods/{pod}:{number}/proxy");
        for path in ["livez", "readyz"] {
            let health = world.kubectl(&format!("get --raw {}/{path}", port(8081))).await?;
            ensure(health.trim() == "ok", || format!("/{path} of {pod}: {health}"))?;
        }
        let metrics = world
            .kubectl(&format!("get --raw {}/metrics", port(8080)))
            .await?;
        let leads = if *pod == leader { 1 } else { 0 };
        for line in [
            "annex_build_info{".to_owned(),
            format!("annex_leader {leads}"),
            "# TYPE annex_reconcile_duration_seconds histogram".to_owned(),
        ] {
            ensure(metrics.lines().any(|own| own.starts_with(&line)), || {
                format!("the metrics of {pod} have no {line:?}:\n{metrics}")
            })?;
        }
    }
    Ok(())
}

/// The names of the operator's pods, once the Deployment has all it wants.
pub(super) async fn ready_pods(world: &World) -> Result<Vec<String>, Failure> {
    world
        .kubectl(&format!(
            "-n {NAMESPACE} rollout status deployment/annex-operator --timeout=180s"
        ))
        .await?;
    let line = format!("-n {NAMESPACE} get pods -l app.kubernetes.io/name=annex -o json");
    world
        .eventually("every operator pod to be ready", async || {
            let text = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            let list: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let pods = list["items"].as_array().cloned().unwrap_or_default();
            // One on its way out may still stand beside those that replaced it.
            if pods.iter().all(is_ready) {
                Ok(pods.iter().filter_map(name).collect())
            } else {
                Err(format!(
                    "{:?}",
                    pods.iter()
                        .map(|pod| (name(pod), is_ready(pod)))
                        .collect::<Vec<_>>()
                ))
            }
        })
        .await
}

fn name(pod: &Value) -> Option<String> {
    pod["metadata"]["name"].as_str().map(str::to_owned)
}

fn is_ready(pod: &Value) -> bool {
    let conditions = pod["status"]["conditions"].as_array();
    let ready = conditions
        .into_iter()
        .flatten()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    ready && pod["metadata"]["deletionTimestamp"].is_null()
}

/// The pod that the Lease names.
async fn holder(world: &World) -> Result<String, Failure> {
    let line = format!(
        "-n {NAMESPACE} get leases -o jsonpath={{.items[*].metadata.name}}={{.items[*].spec.holderIdentity}}"
    );
    world
        .eventually("a leader", async || {
            let found = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            let pod = found
                .strip_prefix("annex-operator=")
                .and_then(|identity| identity.rsplit_once('_'));
            pod.map(|(pod, _)| pod.to_owned()).ok_or(found)
        })
        .await
        .map_err(|error| failure(format!("no Lease, or not one alone: {error}")))
}
