//! The protocol of the certificates as a model: every state that passes, kubelets, control planes, people and faults can lead
//! to, within bounds, and what holds in each of them (`invariants`). Decisions and certificates are the real ones (`pool`); the
//! flow between a pass's requests is in `pass`, what else may happen in `actions`.
//!
//! Written once more for the model is the order of the requests within a pass; that it is the product's is shown for a rotation
//! (`order`, `cut_off`).
//!
//! Not in it: passes over copies, which write nothing and begin again; endpoints that are new, gone or silent; `HotOrRestart`; what paces writes (`Issued`, clocks that differ), which delays alone; APIServices that somebody edits or deletes;
//! and status, of which nothing follows, so that nothing comes of clearing it. A kubelet is late, but brings no Secret that is
//! older than what was there when it did.
//!
//! `cargo test -p annex-operator --lib certificates::model -- --ignored --nocapture` looks further: two faults at
//! any time lead to about 450 000 states, which take a minute or two without optimisation.

mod actions;
mod hash;
mod invariants;
pub(crate) mod order;
mod pass;
mod pool;
mod search;
mod state;

use self::{
    actions::{nothing, settled},
    pass::Reload,
    search::{Bounds, search},
    state::{Asked, State},
};

/// Visits what `start` leads to, and prints how many states that were.
fn check(start: State, faults: u8, requests: u8, reload: Reload) {
    match search(start, Bounds { faults, requests }, reload) {
        Ok(visited) => println!("{reload:?}, {faults} faults, {requests} requests: {visited:?}"),
        Err(broken) => panic!("{broken}"),
    }
}

/// A new authority was asked for, and the first pass has not seen that yet.
fn asked(reload: Reload) -> State {
    let asked = Asked {
        ca: 1,
        ..Asked::default()
    };
    State {
        asked,
        ..settled(reload)
    }
}

#[test]
fn a_first_installation_with_a_fault() {
    check(nothing(), 1, 0, Reload::Hot);
}

#[test]
fn a_server_that_restarts_for_its_leaf_with_a_fault() {
    check(settled(Reload::Restart), 1, 0, Reload::Restart);
}

#[test]
fn a_rotation_with_a_fault() {
    check(asked(Reload::Hot), 1, 0, Reload::Hot);
}

#[test]
fn a_request_at_any_time() {
    check(settled(Reload::Hot), 0, 1, Reload::Hot);
    check(settled(Reload::Restart), 0, 1, Reload::Restart);
}

#[test]
#[ignore = "minutes"]
fn a_rotation_that_restarts_pods_with_a_fault() {
    check(asked(Reload::Restart), 1, 0, Reload::Restart);
}

#[test]
#[ignore = "minutes"]
fn a_request_and_a_fault_at_any_time() {
    check(settled(Reload::Hot), 1, 1, Reload::Hot);
}

#[test]
#[ignore = "minutes"]
fn two_requests_at_any_time() {
    check(settled(Reload::Hot), 0, 2, Reload::Hot);
}

#[test]
#[ignore = "minutes"]
fn two_faults_at_any_time() {
    check(settled(Reload::Hot), 2, 0, Reload::Hot);
}
