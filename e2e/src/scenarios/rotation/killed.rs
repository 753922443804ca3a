//! The operator is killed as soon as a write of a rotation is in the audit log, and nobody notices but its Lease.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::server::{ROTATION_LIMIT, Server};
use super::steps::Steps;
use super::under_load::{REPLICAS, changed, only_new_authority, saw};
use crate::install;
use crate::progress;
use crate::scenarios::audit::Audit;
use crate::scenarios::container::process_of;
use crate::scenarios::load::Load;
use crate::scenarios::{Failure, World, ensure, failure, operator};

const NAME: &str = "rotation-killed";

/// How often the audit log is looked at: a pass goes on while it is.
const LOOK: Duration = Duration::from_millis(5);

/// A new authority under load; whoever leads is killed at five of the writes, in their order.
pub(super) async fn at_its_writes(world: &World, image: &str) -> Result<(), Failure> {
    let replicas = operator::replicas(world).await?;
    ensure(replicas >= 2, || {
        format!("the operator has {replicas} replica(s), and another is to take over")
    })?;
    let server = Server::make(world, NAME, image, REPLICAS, "{}").await?;
    let load = Load::start(world, &server.target()).await?;
    let leaves = rotate(world, &server).await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    tally.none_failed(&[])?;
    saw(&tally, &leaves?)?;
    operator::settled(world, replicas).await?;
    server.remove(world).await
}

/// Returns the leaves in their order.
async fn rotate(world: &World, server: &Server) -> Result<[Vec<u8>; 2], Failure> {
    let steps = Steps::follow(world.servers(), server.name());
    let authority = server.authority(world).await?;
    let first = server.leaf(world).await?;
    let mut audit = Audit::from_now(world)?;
    server.annotate(world, "annex.dev/rotate-ca=now").await?;
    for (what, write) in writes() {
        let leader = operator::leader(world).await?;
        let process = process_of(world, &leader.pod, "annex-operator")?;
        until(&mut audit, &write).await?;
        process.signal(Signal::SIGKILL);
        let killed = Instant::now();
        operator::other_leader(world, &leader).await?;
        progress::say(format!(
            "    killed at {what}, at step {:?}; led again after {:.1} s",
            steps.now(),
            killed.elapsed().as_secs_f64()
        ));
    }
    let rotation = server.ended(&steps).await?;
    progress::say(format!("    authority, with five operators killed: {rotation}"));
    ensure(rotation.names().is_sorted(), || {
        format!("out of order: {rotation}")
    })?;
    let second = changed(world, server, &first).await?;
    only_new_authority(world, server, &authority).await?;
    Ok([first, second])
}

/// The writes at which it is killed, as the audit log tells of them, in the order of a rotation.
fn writes() -> [(&'static str, String); 5] {
    let authority = format!("update secrets/{NAME}-ca in {:?} (200)", install::NAMESPACE);
    [
        ("the authority's Secret", authority.clone()),
        (
            "an APIService's bundle",
            "patch apiservices/v1alpha1.wardle.example.com in \"\" (200)".to_owned(),
        ),
        (
            "the serving Secret",
            format!("update secrets/{NAME}-serving-cert in {NAME:?} (200)"),
        ),
        (
            "the status",
            format!("update aggregatedservers/{NAME}/status in \"\" (200)"),
        ),
        ("the narrowed authority's Secret", authority),
    ]
}

/// Waits for a write that begins so.
async fn until(audit: &mut Audit, write: &str) -> Result<(), Failure> {
    let seen = async {
        loop {
            let written = audit.writes_of_the_operator()?;
            if written.iter().any(|line| line.starts_with(write)) {
                return Ok(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(ROTATION_LIMIT, seen)
        .await
        .unwrap_or_else(|_| Err(failure(format!("there was no `{write}`"))))
}
