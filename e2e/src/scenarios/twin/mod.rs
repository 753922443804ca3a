//! Annex's wardle beside Kubernetes' own sample-apiserver: the same requests, the same answers, but for what is declared.
//!
//! Both run as AggregatedServers that claim the same group: the Go server serves it, ours stands by. First each is asked
//! directly; then the aggregator is asked, and asked again once the Go server is gone and ours has taken the claim over.

mod answer;
mod differences;
mod direct;
mod managed_fields;
mod play;
mod protobuf;
mod request;

use super::{Failure, Lane, Scenario, World, ensure, failure, world};
use crate::{client, progress};

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    name: "twin/sample-apiserver",
    lane: Lane::Wardle,
    long: false,
    needs_node: false,
    run: |world| Box::pin(side_by_side(world)),
}];

/// The AggregatedServers, and their namespaces.
const GO: &str = "twin-go";
const OURS: &str = "twin-ours";
/// The namespace of the objects.
const OBJECTS: &str = "twin";

async fn side_by_side(world: &World) -> Result<(), Failure> {
    let requests = request::all();
    start(world).await?;
    let go = play::play(&direct::client(world, GO).await?, &requests).await?;
    let ours = play::play(&direct::client(world, OURS).await?, &requests).await?;
    let direct = differences::compare(&requests, &go, &ours);
    // What was said through the aggregator is looked at even where the direct answers differ already.
    let aggregated = through_the_aggregator(world, &requests).await;
    progress::say(format!("    {} requests; declared to differ:", requests.len()));
    for difference in differences::DECLARED {
        progress::say(format!("      {}: {}", difference.request, difference.reason));
    }
    match (direct, aggregated) {
        (Ok(_), Ok(())) => {}
        (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
        (Err(one), Err(other)) => {
            return Err(failure(format!(
                "directly: {one}\nthrough the aggregator: {other}"
            )));
        }
    }
    world.delete("aggregatedserver", OURS).await?;
    for namespace in [GO, OURS, OBJECTS] {
        world
            .kubectl(&format!("delete namespace {namespace} --wait=false"))
            .await?;
    }
    Ok(())
}

async fn start(world: &World) -> Result<(), Failure> {
    for namespace in [GO, OURS, OBJECTS] {
        world.namespace(namespace).await?;
    }
    world.apply(&world::go_sample_server(GO, GO, "")).await?;
    world.ready(GO).await?;
    world.apply(&world::sample_server(OURS, OURS, "")).await?;
    world.condition(OURS, "Ready", "False", Some("Conflict")).await?;
    let line = format!("-n {OURS} rollout status deployment/{OURS} --timeout=180s");
    world.kubectl(&line).await.map(|_| ())
}

async fn through_the_aggregator(world: &World, requests: &[request::Request]) -> Result<(), Failure> {
    let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
    // The kube-apiserver answers these itself.
    let requests: Vec<_> = requests
        .iter()
        .filter(|request| request.path.starts_with("/apis/wardle.example.com/v1"))
        .cloned()
        .collect();
    let go = play::play(&client, &requests).await?;
    world.delete("aggregatedserver", GO).await?;
    world.ready(OURS).await?;
    let ours = play::play(&client, &requests).await?;
    let compared = differences::compare(&requests, &go, &ours)?;
    ensure(compared >= 450, || {
        format!("only {compared} requests were compared")
    })
}
