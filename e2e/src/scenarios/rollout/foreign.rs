//! A server of somebody else's, of an image with nothing but its program, that closes its port as soon as it is told to end: requests that
//! still come to a pod that goes are answered because the pod goes on for a while.

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, ResourceExt as _,
    api::{EvictParams, ListParams},
};
use serde_json::json;

use crate::progress;
use crate::scenarios::{
    Failure, World, failure, pods, stage, test_server::IMAGE, traffic::Traffic, world::LIMIT,
};

/// The server, its namespace, and the first part of its group.
const NAME: &str = "rollout-foreign";
/// Its pods.
const REPLICAS: usize = 2;

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    stage::made(world, NAME, &server()).await?;
    rolled_out(world).await?;
    let traffic = Traffic::begin(world, &format!("/apis/{NAME}.example.com/v1/echoes/self")).await?;
    let changed = changed(world).await;
    // What the user met says more than where the changes stopped.
    let answered = traffic.end().await?;
    changed?;
    progress::say(format!("    {answered} requests, none failed"));
    stage::cleared(world, NAME).await
}

async fn changed(world: &World) -> Result<(), Failure> {
    world
        .kubectl(&format!("-n {NAME} rollout restart deployment/{NAME}"))
        .await?;
    rolled_out(world).await?;
    one_evicted(world).await?;
    let changed = json!({ "spec": { "workload": { "template": { "metadata": { "annotations": { "e2e.annex.dev/changed": "1" } } } } } });
    let patch = changed.to_string();
    let line = ["patch", "aggregatedserver", NAME, "--type=merge", "-p", &patch];
    world.tools.kubectl(&line).await?;
    world
        .eventually("the Deployment to have the other template", async || {
            let path = r"jsonpath={.spec.template.metadata.annotations.e2e\.annex\.dev/changed}";
            let line = format!("-n {NAME} get deployment {NAME} -o {path}");
            match world.kubectl(&line).await {
                Ok(changed) if changed == "1" => Ok(()),
                Ok(other) => Err(other),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
    rolled_out(world).await
}

/// One pod is evicted, as a drain does it, and another one comes.
async fn one_evicted(world: &World) -> Result<(), Failure> {
    let api: Api<Pod> = Api::namespaced(world.client.clone(), NAME);
    let pods = api.list(&ListParams::default()).await?;
    let pod = pods.items.first().ok_or_else(|| failure("no pod"))?.name_any();
    // The budget may not have counted the newest pods yet.
    world
        .eventually(&format!("the eviction of {pod}"), async || {
            let evicted = api.evict(&pod, &EvictParams::default()).await;
            evicted.map(drop).map_err(|error| error.to_string())
        })
        .await?;
    world
        .eventually(&format!("{pod} to end"), async || {
            let left = api.get_opt(&pod).await.map_err(|error| error.to_string())?;
            left.is_none()
                .then_some(())
                .ok_or_else(|| "it is there".to_owned())
        })
        .await?;
    rolled_out(world).await
}

async fn rolled_out(world: &World) -> Result<(), Failure> {
    let line = format!(
        "-n {NAME} rollout status deployment/{NAME} --timeout={}s",
        LIMIT.as_secs()
    );
    world.kubectl(&line).await?;
    pods::left(world, NAME, REPLICAS).await
}

fn server() -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {NAME} }}
spec:
  namespace: {NAME}
  apis: [{{ group: {NAME}.example.com, version: v1 }}]
  workload:
    image: {IMAGE}
    replicas: {REPLICAS}
    servingFlags: None
    args:
    - --group={NAME}.example.com
    - --version=v1
    - --tls-cert-file=/var/run/annex/serving-cert/tls.crt
    - --tls-private-key-file=/var/run/annex/serving-cert/tls.key
"
    )
}
