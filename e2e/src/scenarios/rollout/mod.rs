//! What a spec changes of a workload is rolled out, or handed to somebody else, while a user sends requests of which none may fail.
//!
//! | file | changes |
//! |---|---|
//! | `replicas` | who decides how many pods there are |
//! | `port` | the serving port |
//! | `account` | the ServiceAccount that the pods run as |
//! | `foreign` | pods of a server that closes its port as soon as it is told to end: restarted, evicted, changed |
//! | `revision` | the defaults that Annex gives the pods, which only a change of the pods makes newer |

mod account;
mod foreign;
mod port;
mod replicas;
mod revision;

use serde_json::{Value, json};

use super::{
    Failure, Lane, Scenario, World, etcd, pods, stage, traffic::Traffic, world::LIMIT,
    world::aggregated_server,
};
use crate::progress;

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rollout/handed-over",
        // The server must keep answering while it ends, and ask the cluster who may do what: wardle does.
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(handed_over(world)),
    },
    Scenario {
        name: "rollout/foreign",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(foreign::run(world)),
    },
    Scenario {
        name: "rollout/defaults-revision",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(revision::run(world)),
    },
];

/// The server, and its namespace.
const NAME: &str = "handed-over";
/// The namespace of its etcd, by which two replicas have the same objects.
const ETCD: &str = "handed-over-etcd";
/// Its pods, but where the number is what changes.
const REPLICAS: i32 = 2;
/// What the user asks for.
const FLUNDERS: &str = "/apis/wardle.example.com/v1alpha1/flunders";

/// One server, changed in one way after the other under the same requests.
async fn handed_over(world: &World) -> Result<(), Failure> {
    // First: no namespace ends while an API is registered that nobody answers for.
    world.delete("aggregatedserver", NAME).await?;
    etcd::started(world, ETCD).await?;
    stage::made(world, NAME, &two_replicas()).await?;
    rolled_out(world).await?;
    let traffic = Traffic::begin(world, FLUNDERS).await?;
    let changed = changed(world).await;
    // What the user met says more than where the changes stopped.
    let answered = traffic.end().await?;
    changed?;
    progress::say(format!("    {answered} requests, none failed"));
    stage::cleared(world, NAME).await?;
    world
        .kubectl(&format!("delete namespace {ETCD} --wait=false"))
        .await
        .map(drop)
}

async fn changed(world: &World) -> Result<(), Failure> {
    replicas::handed_over_and_taken_back(world).await?;
    port::moved(world).await?;
    account::changed(world).await
}

/// Changes `spec.workload` by a JSON merge patch.
async fn patch_workload(world: &World, workload: &Value) -> Result<(), Failure> {
    let patch = json!({ "spec": { "workload": workload } }).to_string();
    let line = ["patch", "aggregatedserver", NAME, "--type=merge", "-p", &patch];
    world.tools.kubectl(&line).await?;
    Ok(())
}

/// Waits for the end of the rollout that has begun, and of the pods that it replaces.
async fn rolled_out(world: &World) -> Result<(), Failure> {
    let line = format!(
        "-n {NAME} rollout status deployment/{NAME} --timeout={}s",
        LIMIT.as_secs()
    );
    world.kubectl(&line).await?;
    pods::left(world, NAME, usize::try_from(REPLICAS)?).await?;
    world.ready(NAME).await
}

fn two_replicas() -> String {
    let workload = format!(
        "
    image: localhost/wardle:0.1.0
    replicas: {REPLICAS}"
    );
    let storage = format!("  storage: {{ etcd: {{ endpoints: ['http://etcd.{ETCD}.svc:2379'] }} }}");
    aggregated_server(NAME, NAME, &storage, &workload)
}
