//! What a backup brings back: objects with other uids, or an older authority. Nothing of it is in the way of a server, and nothing is left of an owner
//! that is no more.
//!
//! | file | what is restored |
//! |---|---|
//! | `whole` | a server that was deleted, with or without what belonged to it, in each order |
//! | `authority` | the Secret of the certificate authority alone, as it was before a rotation, under fresh handshakes |
//! | `owners` | what belongs to a server that lives, in the name of one that does not |
//! | `children` | the objects of a server, and whom they name as their owner |

mod authority;
mod children;
mod owners;
mod whole;

use super::{Lane, Scenario};
use authority::When;
use whole::Order;

/// Each has a server, a namespace and a group of its own.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "restore/secrets-first",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(whole::run(world, "restore-secrets-first", Order::SecretsFirst)),
    },
    Scenario {
        name: "restore/server-first",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(whole::run(world, "restore-server-first", Order::ServerFirst)),
    },
    Scenario {
        name: "restore/server-alone",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(whole::run(world, "restore-server-alone", Order::ServerAlone)),
    },
    Scenario {
        name: "restore/authority",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(authority::run(world, "restore-authority", When::After)),
    },
    Scenario {
        name: "restore/authority-in-widen",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(authority::run(world, "restore-in-widen", When::Widen)),
    },
    Scenario {
        name: "restore/authority-in-probe",
        lane: Lane::Own,
        long: false,
        needs_node: true,
        run: |world| Box::pin(authority::run(world, "restore-in-probe", When::Probe)),
    },
    Scenario {
        name: "restore/dead-owner",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(owners::run(world)),
    },
];
