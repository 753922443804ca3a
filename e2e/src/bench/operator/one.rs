//! One server, as a person makes it: from `kubectl apply` to Ready, beside `kubectl apply` of the same objects to an APIService that is
//! available.

use std::time::{Duration, Instant};

use super::by_hand::{self, Manifests};
use super::table::Table;
use super::{Bench, Error, fleet, objects, process};
use crate::bench::figures::median;
use crate::progress;

/// Rounds of either side that are not counted. For up to half a minute after a CustomResourceDefinition was installed, the kube-apiserver
/// refuses references to owners of its kind ("cannot set blockOwnerDeletion in this case"); and kubectl has the API to learn.
const WARM_UP: usize = 1;

/// Measures so many times on each side, and adds the medians.
pub(super) async fn measure(bench: &Bench<'_>, rounds: usize, table: &mut Table) -> Result<(), Error> {
    let client = &bench.client;
    let manifest = fleet::manifest(0).to_string();
    let (mut annex, mut hand) = (Vec::new(), Vec::new());
    let mut manifests = None;
    for _ in 0..WARM_UP + rounds {
        let begin = Instant::now();
        let ((), ()) = futures::try_join!(apply(bench, &manifest), fleet::ready(client, 1))?;
        annex.push(begin.elapsed().as_secs_f64());
        if manifests.is_none() {
            manifests = Some(Manifests::of(client, &fleet::list(client).await?).await?);
        }
        fleet::delete(client, 1).await?;
    }
    let document = manifests
        .map(|manifests| manifests.document())
        .unwrap_or_default();
    process::scale(bench, 0).await?;
    for _ in 0..WARM_UP + rounds {
        let begin = Instant::now();
        let ((), ()) = futures::try_join!(apply(bench, &document), by_hand::available(client, 1))?;
        hand.push(begin.elapsed().as_secs_f64());
        objects::delete(client, 1).await?;
    }
    process::scale(bench, 1).await?;
    for (side, times) in [("Annex", &mut annex), ("by hand", &mut hand)] {
        times.drain(..WARM_UP);
        progress::say(format!("    {side}: {times:.2?} s"));
    }
    let middle = |times: &[f64]| Duration::from_secs_f64(median(times).unwrap_or_default());
    let figure = format!("`kubectl apply` to Ready, median of {rounds}");
    table.both(1, &figure, middle(&annex), middle(&hand));
    Ok(())
}

async fn apply(bench: &Bench<'_>, text: &str) -> Result<(), Error> {
    bench.tools.kubectl_with(&["apply", "-f", "-"], text).await?;
    Ok(())
}
