//! What a cluster relies on in a server of Annex's library, while that is killed, restarted and emptied; a client-go
//! informer follows all of it.

mod computed;
mod connect;
mod controller;
mod drop_in;
mod garbage;
mod kill;
mod namespace;
mod rollout;
mod template;
mod users;
mod writers;

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::container::process_of;
use super::{Failure, Lane, Scenario, World, stage, world};

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "serving/kill-under-writes",
        lane: Lane::Wardle,
        long: false,
        needs_node: true,
        run: |world| Box::pin(kill::run(world)),
    },
    Scenario {
        name: "serving/garbage-collection",
        lane: Lane::Wardle,
        long: false,
        needs_node: true,
        run: |world| Box::pin(garbage::run(world)),
    },
    Scenario {
        name: "serving/namespace-of-a-thousand",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(namespace::run(world)),
    },
    Scenario {
        name: "serving/computed",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(computed::run(world)),
    },
    Scenario {
        name: "serving/controller",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(controller::run(world)),
    },
    Scenario {
        name: "serving/template",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(template::run(world)),
    },
    Scenario {
        name: "serving/drop-in",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(drop_in::run(world)),
    },
    Scenario {
        name: "serving/rollout",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(rollout::run(world, 1)),
    },
    Scenario {
        name: "serving/ten-rollouts",
        lane: Lane::Wardle,
        long: true,
        needs_node: false,
        run: |world| Box::pin(rollout::run(world, 10)),
    },
];

/// Makes wardle with a volume of its own, in a namespace of its name.
async fn start(world: &World, name: &str) -> Result<(), Failure> {
    stage::made(world, name, &world::embedded_server(name, name, "")).await
}

/// Sends SIGKILL to the server's process, and waits until it answers again.
async fn killed(world: &World, name: &str) -> Result<(), Failure> {
    let process = process_of(world, &format!("{name}-0"), "wardle")?;
    process.signal(Signal::SIGKILL);
    let restarted = world
        .eventually("another process of the server", async || {
            let other =
                process_of(world, &format!("{name}-0"), "wardle").map_err(|error| error.to_string())?;
            if other.pid == process.pid {
                return Err("it is the one that was killed".to_owned());
            }
            Ok(())
        })
        .await;
    restarted?;
    answers(world).await
}

/// Waits until a list is answered through the aggregator.
async fn answers(world: &World) -> Result<(), Failure> {
    world
        .eventually("the server to answer", async || {
            let listed = world.kubectl("get flunders -A -o name").await;
            listed.map(|_| ()).map_err(|error| error.to_string())
        })
        .await
}

/// A flunder that is its own reference.
fn flunder(name: &str) -> Value {
    json!({
        "apiVersion": "wardle.example.com/v1alpha1",
        "kind": "Flunder",
        "metadata": { "name": name },
        "spec": { "reference": name },
    })
}
