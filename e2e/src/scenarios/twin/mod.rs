//! Servers on the library beside servers on k8s.io/apiserver: the same requests, the same answers, but for what is declared.
//!
//! Both of a pair run as AggregatedServers that claim the same group: the Go server serves it, ours stands by. First each is asked
//! directly; then the aggregator is asked, and asked again once the Go server is gone and ours has taken the claim over.

mod answer;
mod by_hand;
mod crd;
mod definition;
mod differences;
mod direct;
mod gadgets;
#[cfg(test)]
mod kubernetes_tests;
mod managed_fields;
mod openapi;
mod pair;
mod play;
mod protobuf;
mod random;
mod request;
mod together;
mod wardle;

use kube::Client;

use super::{Failure, Lane, Scenario, World, ensure};
use crate::{client, progress};
pub use by_hand::{Options as ByHand, play as play_by_hand};
use pair::Pair;

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "twin/sample-apiserver",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(side_by_side(world, &wardle::PAIR)),
    },
    Scenario {
        name: "twin/peer",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(side_by_side(world, &gadgets::PAIR)),
    },
    Scenario {
        name: "twin/crd",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |_| Box::pin(crd::beside_annex()),
    },
    Scenario {
        name: "twin/random",
        // It serves what `twin/peer` serves.
        lane: Lane::Alone,
        long: true,
        needs_node: false,
        run: |world| Box::pin(by_new_chance(world, &gadgets::PAIR)),
    },
];

/// How many random requests are sent in every run, and in a long one.
const RANDOM: usize = 400;
const RANDOM_LONG: usize = 8000;

const PAIRS: [&Pair; 2] = [&wardle::PAIR, &gadgets::PAIR];

async fn side_by_side(world: &World, pair: &Pair) -> Result<(), Failure> {
    let requests = pair.requests();
    start(world, pair, servers(pair)).await?;
    let go = play::play(&direct::client(world, pair.go).await?, &requests).await?;
    let client = direct::client(world, pair.ours).await?;
    let ours = play::play(&client, &requests).await?;
    let direct = differences::compare(pair.declared, &requests, &go, &ours);
    let together = at_once(&client, pair).await;
    let random = by_chance(world, &client, pair).await;
    let defined = beside_a_definition(world, &client, pair).await;
    let documents = documents(world, &client, pair).await;
    // What was said through the aggregator is looked at even where the direct answers differ already.
    let aggregated = through_the_aggregator(world, pair).await;
    progress::say(format!("    {} requests; declared to differ:", requests.len()));
    for difference in pair.declared {
        progress::say(format!("      {}: {}", difference.request, difference.reason));
    }
    let outcomes = [
        ("directly", direct.map(drop)),
        ("at once", together),
        ("by chance", random),
        ("beside a definition", defined),
        ("in OpenAPI", documents),
        ("through the aggregator", aggregated),
    ];
    let failed = |(how, outcome): (&str, Result<(), Failure>)| Some(format!("{how}: {}", outcome.err()?));
    let failed: Vec<String> = outcomes.into_iter().filter_map(failed).collect();
    ensure(failed.is_empty(), || failed.join("\n"))?;
    end(world, pair).await
}

/// Random requests that no run has sent before: to ours directly, and, since it has the claim, through the aggregator. The Go server,
/// which stands by, is asked directly.
async fn by_new_chance(world: &World, pair: &Pair) -> Result<(), Failure> {
    let [go, ours] = servers(pair);
    start(world, pair, [ours, go]).await?;
    let go = direct::client(world, pair.go).await?;
    let ours = direct::client(world, pair.ours).await?;
    let aggregator = client::connect_without_retries(world.tools.kubeconfig()).await?;
    let seed = u64::from(rand::random::<u32>());
    let directly = random::Sides::new(&go, &ours);
    directly.play(pair, seed, RANDOM_LONG / 2).await?;
    let aggregated = random::Sides::new(&go, &aggregator).through_the_aggregator();
    // Objects are called by their seeds, which are others here.
    aggregated.play(pair, seed + (1 << 32), RANDOM_LONG / 2).await?;
    world.delete("aggregatedserver", pair.go).await?;
    end(world, pair).await
}

async fn end(world: &World, pair: &Pair) -> Result<(), Failure> {
    world.delete("aggregatedserver", pair.ours).await?;
    for namespace in [pair.go, pair.ours, pair.objects] {
        world
            .kubectl(&format!("delete namespace {namespace} --wait=false"))
            .await?;
    }
    Ok(())
}

/// The Go server of a pair and ours: their names and manifests.
fn servers(pair: &Pair) -> [(&'static str, String); 2] {
    [
        (pair.go, (pair.go_server)(pair.go)),
        (pair.ours, (pair.our_server)(pair.ours)),
    ]
}

/// Both run; the first has the claim, and the second stands by.
async fn start(world: &World, pair: &Pair, servers: [(&str, String); 2]) -> Result<(), Failure> {
    for namespace in [pair.go, pair.ours, pair.objects] {
        world.namespace(namespace).await?;
    }
    if !pair.access.is_empty() {
        world.apply(pair.access).await?;
    }
    let [(first, first_server), (second, second_server)] = servers;
    world.apply(&first_server).await?;
    world.ready(first).await?;
    world.apply(&second_server).await?;
    world
        .condition(second, "Ready", "False", Some("Conflict"))
        .await?;
    let line = format!("-n {second} rollout status deployment/{second} --timeout=180s");
    world.kubectl(&line).await.map(|_| ())
}

/// Random requests, of the same seeds every time: what fails once fails again. Others are for `--long`, and for `cargo e2e play`.
async fn by_chance(world: &World, ours: &Client, pair: &Pair) -> Result<(), Failure> {
    if !pair.definition {
        return Ok(());
    }
    let go = direct::client(world, pair.go).await?;
    random::Sides::new(&go, ours).play(pair, 0, RANDOM).await
}

/// What is asked of ours at once; no order of it is compared.
async fn at_once(ours: &Client, pair: &Pair) -> Result<(), Failure> {
    if !pair.definition {
        return Ok(());
    }
    together::patches(ours, pair).await
}

/// Ours beside the kube-apiserver, which serves a CustomResourceDefinition of the same schema.
async fn beside_a_definition(world: &World, ours: &Client, pair: &Pair) -> Result<(), Failure> {
    if !pair.definition {
        return Ok(());
    }
    world.made.note("customresourcedefinition", definition::NAME);
    let cluster = client::connect_without_retries(world.tools.kubeconfig()).await?;
    definition::beside(&cluster, ours, pair).await
}

/// What both say of what connects.
async fn documents(world: &World, ours: &Client, pair: &Pair) -> Result<(), Failure> {
    if !pair.definition {
        return Ok(());
    }
    let go = direct::client(world, pair.go).await?;
    openapi::of_connecters(&go, ours, pair).await
}

async fn through_the_aggregator(world: &World, pair: &Pair) -> Result<(), Failure> {
    let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
    let requests = pair.aggregated_requests();
    let go = play::play(&client, &requests).await?;
    world.delete("aggregatedserver", pair.go).await?;
    world.ready(pair.ours).await?;
    let ours = play::play(&client, &requests).await?;
    let compared = differences::compare(pair.declared, &requests, &go, &ours)?;
    ensure(compared >= pair.least, || {
        format!("only {compared} requests were compared")
    })
}
