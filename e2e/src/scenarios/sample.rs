//! Annex's wardle as an AggregatedServer, from its beginning to its end.

use std::time::{Duration, Instant};

use super::{Failure, World, world::sample_server};
use crate::progress;

/// The name of the AggregatedServer and of its namespace.
pub(super) const NAME: &str = "wardle";

/// The group of the sample API.
pub(super) const GROUP: &str = "wardle.example.com";

/// Makes the namespace and the server, waits until it is Ready, and says how long that took.
///
/// # Errors
/// It did not become Ready.
pub(super) async fn start(world: &World) -> Result<(), Failure> {
    world.namespace(NAME).await?;
    start_from(world, &sample_server(NAME, NAME, "")).await?;
    Ok(())
}

/// Applies an AggregatedServer called [`NAME`] and waits until it is Ready.
///
/// # Errors
/// It was refused, or did not become Ready.
pub(super) async fn start_from(world: &World, yaml: &str) -> Result<Duration, Failure> {
    let applied = Instant::now();
    world.apply(yaml).await?;
    world.ready(NAME).await?;
    let took = applied.elapsed();
    progress::say(format!("    from apply to Ready: {:.1} s", took.as_secs_f64()));
    Ok(took)
}

/// Deletes the server and its namespace.
///
/// # Errors
/// They stayed.
pub(super) async fn stop(world: &World) -> Result<(), Failure> {
    world.delete("aggregatedserver", NAME).await?;
    world.delete("namespace", NAME).await
}
