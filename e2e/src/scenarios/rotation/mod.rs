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
use server::{GO, WARDLE};

/// Rotation, of Annex's wardle, and of the Go sample-apiserver: of that, all but one only with `--long`.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rotation/under-load",
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::leaf_and_authority(world, WARDLE)),
    },
    Scenario {
        name: "rotation/apiserver-restart",
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::apiserver_restart(world, WARDLE)),
    },
    Scenario {
        name: "rotation/wrong-order-is-noticed",
        long: false,
        needs_node: true,
        run: |world| Box::pin(wrong_order::is_noticed(world, WARDLE)),
    },
    Scenario {
        name: "rotation/restarted-workload",
        long: false,
        needs_node: true,
        run: |world| Box::pin(workload::restarted(world, WARDLE)),
    },
    Scenario {
        name: "rotation/go-authority",
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::authority(world, GO)),
    },
    Scenario {
        name: "rotation/go-under-load",
        long: true,
        needs_node: true,
        run: |world| Box::pin(under_load::leaf_and_authority(world, GO)),
    },
    Scenario {
        name: "rotation/go-apiserver-restart",
        long: true,
        needs_node: true,
        run: |world| Box::pin(under_load::apiserver_restart(world, GO)),
    },
    Scenario {
        name: "rotation/go-wrong-order-is-noticed",
        long: true,
        needs_node: true,
        run: |world| Box::pin(wrong_order::is_noticed(world, GO)),
    },
    Scenario {
        name: "rotation/go-restarted-workload",
        long: true,
        needs_node: true,
        run: |world| Box::pin(workload::restarted(world, GO)),
    },
];
