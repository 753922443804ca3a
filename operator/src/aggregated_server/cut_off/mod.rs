//! Reconciles that are cut off at each of their requests, which the API server has carried out or not, and go on: the end is that
//! of a run that nobody disturbed. So are reconciles in which the AggregatedServer is deleted.
//!
//! | file | what it is |
//! |---|---|
//! | `world` | the cluster, and what everybody else in it does |
//! | `gate` | counts requests, and cuts one off |
//! | `end_state` | what is compared |
//!
//! `cargo test -p annex-operator --lib cut_off -- --ignored` cuts off each read too, with and without a restart.

mod end_state;
mod gate;
mod world;

use std::collections::BTreeMap;

use serde_json::Value;

use self::{
    end_state::{Objects, assert_one_authority, end_state},
    gate::Interruption,
    world::{AUTHORITY, SERVING, World},
};
use crate::aggregated_server::{
    certificates::model::order::{Written, of_a_rotation},
    testing::{names, server},
    validate::plan_apis,
};

/// A server as the API server has had it for a while.
async fn settled() -> World {
    let mut world = World::new();
    world.create(&names().uid);
    world.settle(false, |_| {}).await;
    assert_one_authority(&world);
    world
}

async fn assert_at_rest(world: &mut World, of: &str) {
    for _ in 0..2 {
        let requests = world.requests().await;
        let writes: Vec<&String> = requests
            .iter()
            .filter(|request| !request.starts_with("GET"))
            .collect();
        assert!(writes.is_empty(), "{of}: {writes:?}");
    }
}

/// How thoroughly requests are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coverage {
    /// Each write, and some of the reads; every other time with a restart.
    Writes,
    /// Each request in every way.
    Everything,
}

impl Coverage {
    /// The ways to cut off the request with this number: whether it is carried out, and whether the operator is restarted.
    fn ways(self, number: usize, is_write: bool) -> Vec<(bool, bool)> {
        let even = number.is_multiple_of(2);
        match (self, is_write) {
            (Self::Writes, true) => vec![(false, even), (true, !even)],
            (Self::Writes, false) if number.is_multiple_of(READS) => vec![(false, even)],
            (Self::Writes, false) => Vec::new(),
            (Self::Everything, true) => vec![(false, false), (false, true), (true, false), (true, true)],
            // Whether a read was carried out makes no difference.
            (Self::Everything, false) => vec![(false, false), (false, true)],
        }
    }
}

/// Of so many reads one is cut off where not all are.
const READS: usize = 5;

/// Cuts what `deed` leads to off, and compares the ends.
async fn cut_off(before: &World, coverage: Coverage, deed: impl Fn(&World)) {
    let mut undisturbed = before.copy();
    deed(&undisturbed);
    let mut steps = BTreeMap::new();
    let look = |world: &World| {
        if let Some(step) = world.step() {
            steps.insert(step, world.gate.seen());
        }
    };
    let requests = undisturbed.settle(false, look).await;
    let (wanted, issued) = (end_state(&undisturbed), undisturbed.issued().count());
    assert_one_authority(&undisturbed);
    assert_at_rest(&mut undisturbed, "undisturbed").await;
    let mut runs = 0;
    for number in 1..=requests {
        for (carried_out, restarts) in coverage.ways(number, undisturbed.gate.was_write(number)) {
            let of = format!(
                "request {number} of {requests}, carried out: {carried_out}, restarted: {restarts}; {steps:?}"
            );
            let mut world = before.copy();
            deed(&world);
            world.gate.interrupt(number, Interruption::Cut { carried_out });
            world.settle(restarts, |_| {}).await;
            assert_same(&end_state(&world), &wanted, &of);
            assert_eq!(world.issued().count(), issued, "{of}: authorities and leaves");
            assert_one_authority(&world);
            assert_at_rest(&mut world, &of).await;
            runs += 1;
        }
    }
    println!("{requests} requests, {runs} runs; the last request of each step: {steps:?}");
}

fn assert_same(found: &Objects, wanted: &Objects, of: &str) {
    let paths = |all: &Objects| all.keys().cloned().collect::<Vec<_>>();
    assert_eq!(paths(found), paths(wanted), "{of}");
    for (path, object) in found {
        let other = &wanted[path];
        assert!(object == other, "{of}: {path}\n{object}\n{other}");
    }
}

async fn a_new_server(coverage: Coverage) {
    cut_off(&World::new(), coverage, |world| world.create(&names().uid)).await;
}

async fn a_rotation(coverage: Coverage) {
    cut_off(&settled().await, coverage, World::ask_for_an_authority).await;
}

async fn a_claim_that_goes(coverage: Coverage) {
    let remove = |server: &mut Value| {
        server["spec"]["apis"].as_array_mut().unwrap().remove(0);
    };
    cut_off(&settled().await, coverage, |world| world.edit(remove)).await;
}

/// Made again under its name before the garbage collector has what belonged to the former one.
async fn a_server_that_was_made_again(coverage: Coverage) {
    cut_off(&settled().await, coverage, |world| world.create("another")).await;
}

/// Whatever is under way, nothing is left of a server that is deleted at any time.
async fn a_deletion(before: World, coverage: Coverage) {
    let nothing = end_state(&World::new());
    let mut undisturbed = before.copy();
    let requests = undisturbed.settle(false, |_| {}).await;
    for number in 1..=requests {
        if coverage
            .ways(number, undisturbed.gate.was_write(number))
            .is_empty()
        {
            continue;
        }
        let mut world = before.copy();
        world.gate.interrupt(number, Interruption::Delete);
        world.settle(false, |_| {}).await;
        assert_same(
            &end_state(&world),
            &nothing,
            &format!("deleted before request {number}"),
        );
    }
}

fn being_made() -> World {
    let world = World::new();
    world.create(&names().uid);
    world
}

async fn rotating() -> World {
    let world = settled().await;
    world.ask_for_an_authority();
    world
}

#[tokio::test(start_paused = true)]
async fn a_new_server_comes_to_the_same_end() {
    a_new_server(Coverage::Writes).await;
}

#[tokio::test(start_paused = true)]
async fn a_rotation_of_the_authority_comes_to_the_same_end() {
    a_rotation(Coverage::Writes).await;
}

/// The model of certificates goes through a pass in an order of its own.
#[tokio::test(start_paused = true)]
async fn a_rotation_is_written_in_the_order_of_the_model() {
    let mut world = rotating().await;
    world.cluster.requests();
    world.settle(false, |_| {}).await;
    let claims: Vec<String> = plan_apis(&server())
        .iter()
        .map(|plan| plan.claim.api_service_name())
        .collect();
    let written = |request: &String| {
        let (method, path) = request.split_once(' ').unwrap();
        match path {
            _ if method == "GET" => None,
            AUTHORITY => Some(Written::Authority),
            SERVING => Some(Written::Serving),
            _ => {
                let name = path.split_once("/apiservices/")?.1;
                let claim = claims.iter().position(|claim| claim == name).unwrap();
                Some(Written::APIService(u8::try_from(claim).unwrap()))
            }
        }
    };
    let written: Vec<Written> = world.cluster.requests().iter().filter_map(written).collect();
    println!("{written:?}");
    assert_eq!(written.first(), Some(&Written::Authority));
    assert_eq!(written, of_a_rotation());
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_goes_comes_to_the_same_end() {
    a_claim_that_goes(Coverage::Everything).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_made_again_comes_to_the_same_end() {
    a_server_that_was_made_again(Coverage::Writes).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_server_that_is_deleted() {
    a_deletion(being_made(), Coverage::Writes).await;
    a_deletion(rotating().await, Coverage::Writes).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "minutes"]
async fn a_new_server_cut_off_everywhere() {
    a_new_server(Coverage::Everything).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "minutes"]
async fn a_rotation_cut_off_everywhere() {
    a_rotation(Coverage::Everything).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "minutes"]
async fn a_server_that_was_made_again_cut_off_everywhere() {
    a_server_that_was_made_again(Coverage::Everything).await;
}

#[tokio::test(start_paused = true)]
#[ignore = "minutes"]
async fn a_deletion_at_each_request() {
    a_deletion(being_made(), Coverage::Everything).await;
    a_deletion(rotating().await, Coverage::Everything).await;
}
