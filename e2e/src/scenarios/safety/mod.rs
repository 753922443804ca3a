//! What must hold though somebody wishes otherwise: who is let in, who sees which key or token, and what is killed.

mod access;
mod keys;
mod kill;
mod token;
mod two_operators;
mod undecodable;

use super::{Lane, Scenario};

/// In the order in which they run.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "safety/access",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(access::run(world)),
    },
    Scenario {
        name: "safety/operator-token",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(token::run(world)),
    },
    Scenario {
        name: "safety/kill",
        lane: Lane::Alone,
        long: false,
        needs_node: true,
        run: |world| Box::pin(kill::run(world)),
    },
    Scenario {
        name: "safety/two-operators",
        lane: Lane::Alone,
        long: false,
        needs_node: true,
        run: |world| Box::pin(two_operators::run(world)),
    },
    Scenario {
        name: "safety/undecodable",
        // The operator is restarted, and the CustomResourceDefinition changed for a moment.
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(undecodable::run(world)),
    },
];
