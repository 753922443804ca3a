//! Runs scenarios one after the other, and counts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::{Scenario, World, all, dump::dump, sweep::sweep};
use crate::{client, cluster, components::Options, install, layout::Layout, product, progress, tools};

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
    /// The cluster.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// The images.
    #[error(transparent)]
    Product(#[from] product::Error),
    /// A client.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// kubectl or helm.
    #[error(transparent)]
    Tools(#[from] tools::Error),
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
    let world = prepare(layout, kubeconfig.as_deref(), selection).await?;
    let mut failed = Vec::new();
    for scenario in &chosen {
        progress::say(format!("test {} …", scenario.name));
        let started = Instant::now();
        let result = (scenario.run)(&world).await;
        let took = started.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("test {} ... ok ({took:.1} s)", scenario.name),
            Err(error) => {
                println!("test {} ... FAILED ({took:.1} s)\n    {error}", scenario.name);
                dump(&world).await;
                if !selection.installed {
                    sweep(&world).await;
                }
                failed.push(scenario.name);
            }
        }
    }
    for name in &failed {
        println!("failed: {name}");
    }
    println!("{} passed, {} failed", chosen.len() - failed.len(), failed.len());
    if failed.is_empty() {
        Ok(())
    } else {
        Err(Error::Failed(failed.len()))
    }
}

async fn prepare(layout: Layout, kubeconfig: Option<&Path>, selection: &Selection) -> Result<World, Error> {
    let (kubeconfig, layout) = match kubeconfig {
        Some(other) => (other.to_owned(), None),
        None if selection.installed => (layout.kubeconfig(), Some(layout)),
        None => {
            cluster::up(&layout, Options::default()).await?;
            let mut built = progress::step("making images", product::build()).await?;
            built.extend(
                progress::step("making the test server's image", product::build_test_server()).await?,
            );
            let archives: Vec<PathBuf> = built.into_iter().map(|image| image.archive).collect();
            progress::step("loading images", product::load(&layout, &archives, None)).await?;
            (layout.kubeconfig(), Some(layout))
        }
    };
    let tools = tools::Tools::new(&kubeconfig, &selection.registry).await?;
    let client = client::connect(&kubeconfig).await?;
    if !selection.installed {
        progress::step("installing Annex", install::install(&tools, &[])).await?;
    }
    Ok(World {
        tools,
        client,
        layout,
    })
}
