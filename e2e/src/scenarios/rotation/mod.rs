//! Certificates change while clients are at work, and no client notices.
//!
//! Clients are two kinds, see `load`. All of it needs a cluster whose pods this machine can reach.

mod handshake;
mod load;
mod server;
mod steps;
mod under_load;
mod watches;
mod workload;
mod wrong_order;

use super::Scenario;

/// Rotation.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rotation/under-load",
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::leaf_and_authority(world)),
    },
    Scenario {
        name: "rotation/apiserver-restart",
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::apiserver_restart(world)),
    },
    Scenario {
        name: "rotation/wrong-order-is-noticed",
        long: false,
        needs_node: true,
        run: |world| Box::pin(wrong_order::is_noticed(world)),
    },
    Scenario {
        name: "rotation/restarted-workload",
        long: false,
        needs_node: true,
        run: |world| Box::pin(workload::restarted(world)),
    },
];
