//! Runs scenarios, side by side where they need nothing of each other, and counts.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures::future::join_all;

use super::lane::{Queue, queues};
use super::{Scenario, World, all, dump::dump, sweep::sweep};
use crate::{client, components::Options, install, layout::Layout, paths, product, progress, tools};

/// How many of the slowest are named at the end.
const SLOWEST: usize = 10;

/// Which scenarios run.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Also the long ones.
    pub long: bool,
    /// Where images come from.
    pub registry: String,
    /// Annex and the images are there already.
    pub installed: bool,
    /// Only those whose name contains one of these; empty: all.
    pub filters: Vec<String>,
}

impl Selection {
    fn has(&self, scenario: &Scenario, foreign: bool) -> bool {
        let named =
            self.filters.is_empty() || self.filters.iter().any(|filter| scenario.name.contains(filter));
        named
            && (self.long || !scenario.long || !self.filters.is_empty())
            && !(foreign && scenario.needs_node)
    }
}

/// The scenarios could not be run, or some failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cluster, or the images.
    #[error(transparent)]
    Product(#[from] product::Error),
    /// A client.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// kubectl or helm.
    #[error(transparent)]
    Tools(#[from] tools::Error),
    /// The cache has no place.
    #[error(transparent)]
    Paths(#[from] paths::Error),
    /// No name contains what was asked for.
    #[error("no scenario is named so")]
    NoneSelected,
    /// Some did not pass.
    #[error("{0} scenario(s) failed")]
    Failed(usize),
}

/// Brings up a cluster (or takes that of `kubeconfig`), installs Annex, and runs what is selected.
///
/// # Errors
/// See [`Error`].
pub async fn run(layout: Layout, kubeconfig: Option<PathBuf>, selection: &Selection) -> Result<(), Error> {
    let chosen: Vec<Scenario> = all()
        .into_iter()
        .filter(|scenario| selection.has(scenario, kubeconfig.is_some()))
        .collect();
    if chosen.is_empty() {
        return Err(Error::NoneSelected);
    }
    let started = Instant::now();
    let world = prepare(layout, kubeconfig.as_deref(), selection).await?;
    let prepared = started.elapsed();
    let (at_once, alone) = queues(&chosen);
    let runner = Runner {
        world: &world,
        kubectl_caches: paths::cache()?.join("kubectl"),
        sweeps: !selection.installed,
    };
    let mut outcomes = join_all(at_once.iter().map(|queue| runner.work_off(queue)))
        .await
        .concat();
    outcomes.extend(runner.work_off(&alone).await);
    print!("{}", summary(&outcomes, prepared, started.elapsed()));
    match outcomes.iter().filter(|outcome| outcome.failed).count() {
        0 => Ok(()),
        failed => Err(Error::Failed(failed)),
    }
}

/// How a scenario ended.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    name: &'static str,
    took: Duration,
    failed: bool,
}

struct Runner<'a> {
    world: &'a World,
    kubectl_caches: PathBuf,
    sweeps: bool,
}

impl Runner<'_> {
    /// Runs the scenarios of a queue, by as many workers as it has.
    async fn work_off(&self, queue: &Queue) -> Vec<Outcome> {
        let waiting: RefCell<VecDeque<Scenario>> = RefCell::new(queue.scenarios.iter().copied().collect());
        let worker = async |number: usize| {
            let cache = self.kubectl_caches.join(format!("{}-{number}", queue.name));
            let mut outcomes = Vec::new();
            loop {
                let next = waiting.borrow_mut().pop_front();
                let Some(scenario) = next else { return outcomes };
                outcomes.push(progress::of(scenario.name, self.run(scenario, &cache)).await);
            }
        };
        join_all((0..queue.workers).map(worker)).await.concat()
    }

    async fn run(&self, scenario: Scenario, kubectl_cache: &Path) -> Outcome {
        let world = self.world.beside_others(scenario.lane, kubectl_cache);
        progress::say("begins");
        let started = Instant::now();
        let result = (scenario.run)(&world).await;
        let took = started.elapsed();
        let (name, seconds) = (scenario.name, took.as_secs_f64());
        match &result {
            Ok(()) => println!("test {name} ... ok ({seconds:.1} s)"),
            Err(error) => {
                println!("test {name} ... FAILED ({seconds:.1} s)\n    {error}");
                dump(&world).await;
                if self.sweeps {
                    sweep(&world).await;
                }
            }
        }
        Outcome {
            name,
            took,
            failed: result.is_err(),
        }
    }
}

/// What a person reads first: what failed, how many, how long all of it took, and what took most of it.
fn summary(outcomes: &[Outcome], prepared: Duration, whole: Duration) -> String {
    let mut slowest: Vec<&Outcome> = outcomes.iter().collect();
    slowest.sort_by_key(|outcome| std::cmp::Reverse(outcome.took));
    let mut lines = vec![format!("the slowest of {}:", outcomes.len())];
    let slow = slowest.iter().take(SLOWEST);
    lines.extend(slow.map(|outcome| format!("{:>8.1} s  {}", outcome.took.as_secs_f64(), outcome.name)));
    let failed: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.failed).collect();
    lines.extend(failed.iter().map(|outcome| format!("failed: {}", outcome.name)));
    let one_by_one: Duration = outcomes.iter().map(|outcome| outcome.took).sum();
    lines.push(format!(
        "{} passed, {} failed, in {:.0} s: {:.0} s until Annex was installed, {:.0} s of scenarios side by side, one by one {:.0} s",
        outcomes.len() - failed.len(),
        failed.len(),
        whole.as_secs_f64(),
        prepared.as_secs_f64(),
        whole.saturating_sub(prepared).as_secs_f64(),
        one_by_one.as_secs_f64(),
    ));
    lines.join("\n") + "\n"
}

async fn prepare(layout: Layout, kubeconfig: Option<&Path>, selection: &Selection) -> Result<World, Error> {
    let (kubeconfig, layout) = match kubeconfig {
        Some(other) => (other.to_owned(), None),
        None if selection.installed => (layout.kubeconfig(), Some(layout)),
        None => {
            product::cluster_and_images(&layout, Options::default(), product::Wanted::Tests).await?;
            (layout.kubeconfig(), Some(layout))
        }
    };
    let tools = tools::Tools::new(&kubeconfig, &selection.registry).await?;
    let client = client::connect(&kubeconfig).await?;
    if !selection.installed {
        progress::step("installing Annex", install::install(&tools, &[])).await?;
    }
    Ok(World::new(tools, client, layout))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Outcome, summary};

    #[test]
    fn the_summary_names_what_failed_and_what_was_slow() {
        let outcome = |name, seconds, failed| Outcome {
            name,
            took: Duration::from_secs(seconds),
            failed,
        };
        let outcomes = [outcome("a/quick", 1, true), outcome("a/slow", 20, false)];
        let text = summary(&outcomes, Duration::from_secs(30), Duration::from_secs(50));
        assert_eq!(
            text,
            "the slowest of 2:\n    20.0 s  a/slow\n     1.0 s  a/quick\nfailed: a/quick\n1 passed, 1 failed, in 50 s: \
             30 s until Annex was installed, 20 s of scenarios side by side, one by one 21 s\n"
        );
    }
}
