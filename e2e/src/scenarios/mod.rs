//! The tests on a real cluster: what a user's commands show.
//!
//! A scenario is an async function over a [`World`]; each file here holds those of one contract, and leaves the cluster
//! as it found it when it passes. Those that need nothing of each other run side by side, see [`Lane`]. On failure the runner
//! prints what a person would ask for, see `dump`.

pub(crate) mod audit;
mod authority;
mod chart;
mod container;
mod definitions;
mod deletion;
mod describe;
mod dump;
mod etcd;
mod fault;
mod follow;
mod hostile;
mod informer;
mod kubectl;
mod lane;
pub(crate) mod load;
mod made;
mod operator;
mod paused;
mod pods;
mod recovery;
mod restore;
mod rollout;
mod rotation;
mod rules;
mod runner;
mod safety;
mod sample;
mod service;
mod serving;
mod stage;
mod status;
mod steady;
mod storage;
mod sweep;
mod test_server;
mod traffic;
mod twin;
mod upgrade;
pub mod world;
mod writers;

use std::{future::Future, pin::Pin};

pub use lane::Lane;
pub use runner::{Error, Selection, run};
pub use twin::{ByHand, play_by_hand};
pub use world::World;

/// Why a scenario failed, in words.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a scenario is while it runs.
pub type Running<'a> = Pin<Box<dyn Future<Output = Result<(), Failure>> + 'a>>;

/// One test on a cluster.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name, as a path: `kubectl/create`.
    pub name: &'static str,
    /// What may run beside it.
    pub lane: Lane,
    /// Only with `--long`.
    pub long: bool,
    /// It reaches into the node: no cluster that was made elsewhere will do.
    pub needs_node: bool,
    /// What it does.
    pub run: for<'a> fn(&'a World) -> Running<'a>,
}

/// A failure with these words.
pub fn failure(words: impl Into<String>) -> Failure {
    words.into().into()
}

/// Fails with these words unless `holds`.
///
/// # Errors
/// `holds` is false.
pub fn ensure(holds: bool, words: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(failure(words())) }
}

/// All of them, in the order in which those of a lane run.
#[must_use]
pub fn all() -> Vec<Scenario> {
    // Deletion is last: it takes Annex away, and brings it back.
    let groups: &[&[Scenario]] = &[
        rules::SCENARIOS,
        kubectl::SCENARIOS,
        writers::SCENARIOS,
        service::SCENARIOS,
        twin::SCENARIOS,
        serving::SCENARIOS,
        rollout::SCENARIOS,
        describe::SCENARIOS,
        paused::SCENARIOS,
        status::SCENARIOS,
        steady::SCENARIOS,
        storage::SCENARIOS,
        definitions::SCENARIOS,
        chart::SCENARIOS,
        fault::SCENARIOS,
        rotation::SCENARIOS,
        safety::SCENARIOS,
        hostile::SCENARIOS,
        upgrade::SCENARIOS,
        recovery::SCENARIOS,
        restore::SCENARIOS,
        deletion::SCENARIOS,
    ];
    groups.concat()
}
