//! Certificates change while clients are at work, and no client notices.
//!
//! Clients are two kinds, see [`super::load`]. All of it needs a cluster whose pods this machine can reach.

mod control_planes;
mod killed;
mod kubelet;
mod server;
mod steps;
mod under_load;
mod workload;
mod wrong_clock;
mod wrong_order;

use super::{Lane, Scenario};
use server::{GO, WARDLE};

/// Rotation, of Annex's wardle, and of the Go sample-apiserver: of that, all but one only with `--long`, as well as the one that waits
/// for a kubelet that does not hurry.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "rotation/under-load",
        lane: Lane::Wardle,
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::leaf_and_authority(world, WARDLE)),
    },
    Scenario {
        name: "rotation/apiserver-restart",
        lane: Lane::Alone,
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::apiserver_restart(world, WARDLE)),
    },
    Scenario {
        name: "rotation/wrong-order-is-noticed",
        lane: Lane::Alone,
        long: false,
        needs_node: true,
        run: |world| Box::pin(wrong_order::is_noticed(world, WARDLE)),
    },
    Scenario {
        name: "rotation/restarted-workload",
        lane: Lane::Wardle,
        long: false,
        needs_node: true,
        run: |world| Box::pin(workload::restarted(world, WARDLE)),
    },
    Scenario {
        name: "rotation/go-authority",
        lane: Lane::Wardle,
        long: false,
        needs_node: true,
        run: |world| Box::pin(under_load::authority(world, GO)),
    },
    Scenario {
        name: "rotation/second-control-plane",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(control_planes::frozen_second(world)),
    },
    Scenario {
        name: "rotation/default-kubelet",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(kubelet::by_default(world)),
    },
    Scenario {
        name: "rotation/killed-operator",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(killed::at_its_writes(world, WARDLE)),
    },
    Scenario {
        name: "rotation/wrong-clock",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(wrong_clock::by_faketime(world)),
    },
    Scenario {
        name: "rotation/go-under-load",
        lane: Lane::Wardle,
        long: true,
        needs_node: true,
        run: |world| Box::pin(under_load::leaf_and_authority(world, GO)),
    },
    Scenario {
        name: "rotation/go-apiserver-restart",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(under_load::apiserver_restart(world, GO)),
    },
    Scenario {
        name: "rotation/go-wrong-order-is-noticed",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(wrong_order::is_noticed(world, GO)),
    },
    Scenario {
        name: "rotation/go-restarted-workload",
        lane: Lane::Wardle,
        long: true,
        needs_node: true,
        run: |world| Box::pin(workload::restarted(world, GO)),
    },
];
