//! The test of the cluster itself, on clusters of its own beside any that stands.

mod pods;
mod traces;

use std::collections::BTreeSet;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::client::eventually;
use crate::components::{Component, Options};
use crate::layout::Layout;
use crate::process::Record;
use crate::{addons, client, cluster, components, layout, node, progress};

/// How long the kernel may take to let go of what nobody uses any more.
const KERNEL_PATIENCE: Duration = Duration::from_secs(60);

/// A cluster that is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The clusters' names and addresses.
    #[error(transparent)]
    Layout(#[from] layout::Error),
    /// Making them.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
    /// Their components.
    #[error(transparent)]
    Components(#[from] components::Error),
    /// An image for the test.
    #[error(transparent)]
    Image(#[from] addons::Error),
    /// Their API.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// A request that failed.
    #[error("failed to {what}")]
    Api {
        /// What was wanted.
        what: &'static str,
        /// Why it failed.
        source: Box<kube::Error>,
    },
    /// An object of the test's own that is none.
    #[error("failed to read one of the test's objects")]
    Object(#[source] serde_json::Error),
    /// Something is not as it should be.
    #[error("{0}")]
    Failed(String),
}

impl Error {
    fn api(what: &'static str) -> impl Fn(kube::Error) -> Self {
        move |source| Self::Api {
            what,
            source: source.into(),
        }
    }
}

/// Tests the promises of [`crate::cluster`]: `up` is idempotent and mends, two clusters stand beside each other, pods
/// work, and nothing is left after `down`, whatever happened before.
///
/// # Errors
/// At the first promise that is broken. The clusters are taken down all the same.
pub async fn run() -> Result<(), Error> {
    let first = Layout::new("selftest-a")?;
    cluster::down(&first).await?;
    cluster::down(&Layout::new("selftest-b")?).await?;
    let before = traces::of_machine(&[&first]);
    let result = cluster::up(&first, Options::default()).await;
    // Only now, since its addresses are those that the first leaves.
    let second = Layout::new("selftest-b")?;
    let result = match result {
        Ok(()) => promises(&before, &first, &second).await,
        Err(error) => Err(error.into()),
    };
    let downs = [cluster::down(&first).await, cluster::down(&second).await];
    result?;
    for down in downs {
        down?;
    }
    progress::step("comparing this machine with what it was before", async {
        eventually("nothing to be left", KERNEL_PATIENCE, async || {
            let after = traces::of_machine(&[&first, &second]);
            let left: Vec<_> = after.difference(&before).map(String::as_str).collect();
            if left.is_empty() {
                Ok(())
            } else {
                Err(left.join("\n"))
            }
        })
        .await
    })
    .await?;
    progress::say("all of the cluster's own tests passed");
    Ok(())
}

async fn promises(before: &BTreeSet<String>, first: &Layout, second: &Layout) -> Result<(), Error> {
    a_cluster_can_be_seen(before, first)?;
    cluster::up(
        second,
        Options {
            aggregator_routing: true,
            ..Options::default()
        },
    )
    .await?;
    up_again_changes_nothing(first).await?;
    progress::step("running pods", pods::work(first)).await?;
    up_mends(first).await?;
    down_leaves_nothing_running(second).await?;

    cluster::up(second, Options::default()).await?;
    let neighbour = processes(first)?;
    kill_everything(second).await?;
    ensure(processes(first)? == neighbour, || {
        "killing one cluster changed another".to_owned()
    })?;
    interrupt_up(second).await?;
    cluster::up(second, Options::default()).await?;
    kill_everything(second).await?;
    cluster::down(second).await?;
    ensure(processes(first)? == neighbour, || {
        "taking one cluster down changed another".to_owned()
    })
}

/// Else nothing would follow from not seeing it later.
fn a_cluster_can_be_seen(before: &BTreeSet<String>, layout: &Layout) -> Result<(), Error> {
    let now = traces::of_machine(&[layout]);
    for kind in ["process", "mount", "cgroup", "interface", "route"] {
        let seen = now.difference(before).any(|trace| trace.starts_with(kind));
        ensure(seen, || format!("no {kind} of a standing cluster was found"))?;
    }
    Ok(())
}

async fn up_again_changes_nothing(layout: &Layout) -> Result<(), Error> {
    let before = processes(layout)?;
    cluster::up(layout, Options::default()).await?;
    ensure(processes(layout)? == before, || {
        "a second `up` started something".to_owned()
    })
}

/// A component that died is started again, and the others are let be.
async fn up_mends(layout: &Layout) -> Result<(), Error> {
    let before = processes(layout)?;
    if let Some(scheduler) = Component::KubeScheduler.running(layout)? {
        scheduler.signal(Signal::SIGKILL);
        scheduler.gone().await;
    }
    cluster::up(layout, Options::default()).await?;
    for (component, process) in processes(layout)? {
        let same = before.contains(&(component, process));
        let expected = component != Component::KubeScheduler;
        ensure(process.is_some() && same == expected, || {
            format!("{} after mending: {process:?}", component.name())
        })?;
    }
    Ok(())
}

async fn down_leaves_nothing_running(layout: &Layout) -> Result<(), Error> {
    let before = node::processes(layout);
    let all = Component::ALL.len();
    // Beside the components: CoreDNS' sandbox and container at least, and the shim that holds them.
    ensure(before.len() > all + 2, || {
        format!("found only {} processes of a whole cluster", before.len())
    })?;
    cluster::down(layout).await?;
    let left: Vec<_> = before.into_iter().filter(Record::alive).collect();
    ensure(left.is_empty(), || format!("`down` left running: {left:?}"))
}

/// Kills all of a cluster's processes at once, as a power cut would.
async fn kill_everything(layout: &Layout) -> Result<(), Error> {
    progress::say(format!("==> killing everything of {}", layout.name()));
    let processes = node::processes(layout);
    for process in &processes {
        process.signal(Signal::SIGKILL);
    }
    for process in &processes {
        process.gone().await;
    }
    let state = cluster::state(layout)?;
    ensure(state == cluster::State::Remains, || {
        format!("a dead cluster is taken for {state:?}")
    })
}

/// Breaks off an `up` of which some programs run already and others do not.
async fn interrupt_up(layout: &Layout) -> Result<(), Error> {
    let under_way = async || match Component::KubeApiserver.running(layout) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("it does not run yet".to_owned()),
        Err(error) => Err(error.to_string()),
    };
    tokio::select! {
        up = cluster::up(layout, Options::default()) => {
            up?;
            return Err(Error::Failed("`up` was over before it could be interrupted".to_owned()));
        }
        seen = eventually("kube-apiserver to start", KERNEL_PATIENCE, under_way) => seen?,
    }
    progress::say("==> interrupted");
    let state = cluster::state(layout)?;
    ensure(state == cluster::State::Remains, || {
        format!("half a cluster is taken for {state:?}")
    })
}

fn processes(layout: &Layout) -> Result<Vec<(Component, Option<i32>)>, Error> {
    Ok(cluster::processes(layout)?)
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        Err(Error::Failed(otherwise()))
    }
}
