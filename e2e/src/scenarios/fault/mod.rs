//! Faults: each one is named by its own reason within [`named::LIMIT`] of its first symptom, and cleared after the cure.
//!
//! | file | faults of |
//! |---|---|
//! | `pods` | the workload: images, users, crashes, ports, templates |
//! | `answers` | what the server answers, and its storage |
//! | `trial` | a first registration that fails, and what it must not hold up |
//! | `drift`, `drift_of_kinds` | what hands change |
//! | `contested` | what others change again and again |
//! | `takeover` | who holds a group-version, and goes |
//! | `bypass` | a server that can be used past the aggregator |
//! | `claims` | who owns a group-version, and in which namespace |
//! | `backend` | a server that somebody else runs |
//! | `control_plane` | a kube-apiserver that does not reach what others do |
//! | `network_policy` | packets that are dropped on the way to a pod |
//! | `black_holes` | endpoints that never answer, and what they must not hold up |

mod answers;
mod backend;
mod black_holes;
mod bypass;
mod claims;
mod contested;
mod control_plane;
mod drift;
mod drift_of_kinds;
mod named;
mod network_policy;
mod pods;
mod takeover;
mod trial;

use super::{Failure, Lane, Scenario, World};

/// Faults of each kind.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "fault/pods",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(pods::run(world)),
    },
    Scenario {
        name: "fault/answers",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(answers::run(world)),
    },
    Scenario {
        name: "fault/storage",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(answers::storage(world)),
    },
    Scenario {
        name: "fault/trial",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(trial::run(world)),
    },
    Scenario {
        name: "fault/trial-go",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(trial::other_authority(world)),
    },
    Scenario {
        name: "fault/drift",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(drift::run(world)),
    },
    Scenario {
        name: "fault/drift-of-kinds",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(drift_of_kinds::run(world)),
    },
    Scenario {
        name: "fault/contested",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(contested::run(world)),
    },
    Scenario {
        name: "fault/takeover",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(takeover::run(world)),
    },
    Scenario {
        name: "fault/bypass",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(bypass::run(world)),
    },
    Scenario {
        name: "fault/claims",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(claims::run(world)),
    },
    Scenario {
        name: "fault/namespace",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(claims::namespaces(world)),
    },
    Scenario {
        name: "fault/backend",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(backend::run(world)),
    },
    Scenario {
        name: "fault/black-holes",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(black_holes::run(world)),
    },
    Scenario {
        name: "fault/network-policy",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(network_policy::run(world)),
    },
    Scenario {
        name: "fault/second-control-plane",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(control_plane::run(world)),
    },
];

/// Takes down what a scenario made: its servers first, so that no APIService is left without one.
async fn clean(world: &World, servers: &[&str], namespace: &str) -> Result<(), Failure> {
    let line = format!(
        "delete aggregatedserver {} --ignore-not-found --wait --timeout=180s",
        servers.join(" ")
    );
    world.kubectl(&line).await?;
    world.delete("namespace", namespace).await
}
