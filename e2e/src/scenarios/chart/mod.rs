//! The charts on a real cluster: what they grant and run, what an upgrade writes, what an uninstall leaves.

mod access;
mod narrow;
mod network_policies;
mod policy;
mod process;
mod uninstall;
mod upgrade;

use super::{Lane, Scenario};

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "chart/access",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(access::matrix(world)),
    },
    Scenario {
        name: "chart/narrow-rights",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(narrow::rights(world)),
    },
    Scenario {
        name: "chart/process",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(process::leader_and_standby(world)),
    },
    Scenario {
        name: "chart/policy",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(policy::limits_the_operator(world)),
    },
    Scenario {
        name: "chart/network-policies",
        lane: Lane::Alone,
        long: true,
        needs_node: true,
        run: |world| Box::pin(network_policies::enforced(world)),
    },
    Scenario {
        name: "chart/upgrade",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(upgrade::without_a_change(world)),
    },
    Scenario {
        name: "chart/uninstall",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(uninstall::operator_only(world)),
    },
];
