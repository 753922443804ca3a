//! The authority's Secret alone is put back to what it was before a rotation: its key signs again, and what endpoints serve meanwhile is of the authority that
//! the Secret no longer has. Both stay trusted until no endpoint serves the other's: no fresh handshake fails, and one authority is left.

use annex_crds::v1alpha1::RotationStep;

use crate::progress;
use crate::scenarios::load::Load;
use crate::scenarios::test_server::TestServer;
use crate::scenarios::{Failure, World, authority, stage};

/// When it is put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// The rotation has ended: the key of what is published and served is lost.
    After,
    /// Both authorities are being published; no leaf of the new one is served yet.
    Widen,
    /// Endpoints come to serve the new leaf.
    Probe,
}

/// One rotation, which is undone so.
pub(super) async fn run(world: &World, name: &'static str, when: When) -> Result<(), Failure> {
    let server = TestServer::new(name, name);
    stage::made(world, name, &server.yaml()).await?;
    let load = Load::start(world, &server.target()).await?;
    let rotated = rotated_and_put_back(world, &server, when).await;
    let tally = load.stop().await;
    progress::say(format!("    {tally}"));
    // What clients met says more than where the rotation stopped.
    tally.none_failed(&[])?;
    rotated?;
    stage::cleared(world, name).await
}

async fn rotated_and_put_back(world: &World, server: &TestServer, when: When) -> Result<(), Failure> {
    let name = server.name;
    let before = authority::secret(world, server).await?;
    let mut followed = world.follow(name).await?;
    world
        .kubectl(&format!(
            "annotate aggregatedserver {name} annex.dev/rotate-ca=restore"
        ))
        .await?;
    match when {
        When::After => stage::rotated(world, name, 1).await?,
        When::Widen => followed.at_step(RotationStep::Widen).await?,
        When::Probe => followed.at_step(RotationStep::Probe).await?,
    }
    authority::put_back(world, server, &before).await?;
    // Secrets are not watched.
    stage::hurry_operator(world, name, "restored").await?;
    authority::settled(world, server).await
}
