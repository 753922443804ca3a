//! A namespace full of flunders is deleted, while somebody makes new ones in it.

use std::time::Instant;

use futures::StreamExt as _;

use super::super::informer::Informer;
use super::super::stage;
use super::{start, writers};
use crate::scenarios::{Failure, World, ensure, failure};
use crate::{client, progress};

const NAME: &str = "serving-many";
/// The namespace that is deleted.
const FULL: &str = "serving-full";
const OBJECTS: usize = 1000;

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.delete("namespace", FULL).await?;
    start(world, NAME).await?;
    world.namespace(FULL).await?;
    let informer = Informer::start(world, "v1beta1").await?;
    let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
    let created = futures::stream::iter(0..OBJECTS)
        .map(|number| {
            let client = client.clone();
            async move { writers::create(&client, FULL, &format!("many-{number}")).await }
        })
        .buffer_unordered(16)
        .collect::<Vec<_>>()
        .await;
    if let Some(Err(error)) = created.iter().find(|created| created.is_err()) {
        return Err(failure(format!("a flunder was not created: {error}")));
    }
    informer.is_true(world).await?;
    // A controller that makes anew what is missing cannot keep the namespace from ending.
    let stubborn = writers::Writers::begin(world, FULL).await?;
    let began = Instant::now();
    let deleted = world.delete("namespace", FULL).await;
    let made = stubborn.end().await?;
    deleted?;
    progress::say(format!(
        "    a namespace of {OBJECTS} flunders went in {:.1} s; {} more were made on the way",
        began.elapsed().as_secs_f64(),
        made.len()
    ));
    let left = world.kubectl(&format!("-n {FULL} get flunders -o name")).await?;
    ensure(left.is_empty(), || {
        format!("left in a namespace that is gone: {left}")
    })?;
    informer.is_true(world).await?;
    stage::cleared(world, NAME).await
}
