//! Making a cluster and taking it away.
//!
//! # Guarantees
//! - [`up`] ends with a cluster whose node is Ready, whatever was there before: nothing, a cluster, one with programs
//!   that were killed, or what a power cut left.
//! - [`down`] stops what `up` started and nothing else, and leaves no process, mount, cgroup, interface or
//!   namespace behind.
//! - One of them at a time for each cluster: they wait for each other.

mod ready;

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use self::ready::{wait_ready, wait_well};
use crate::certs::{self, Pki};
use crate::components::{Component, Options};
use crate::layout::Layout;
use crate::programs::{self, Program};
use crate::{addons, client, components, files, node, packages, progress};

/// How long a component may take to end by itself: kube-apiserver lets running requests come to their end first.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// How long it may take to where nothing of it is needed any more.
const LAST_STOP_PATIENCE: Duration = Duration::from_secs(3);

/// A cluster that could not be made, changed or taken down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Packages.
    #[error(transparent)]
    Packages(#[from] packages::Error),
    /// Programs.
    #[error(transparent)]
    Programs(#[from] programs::Error),
    /// Files.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// Namespaces and cgroups.
    #[error(transparent)]
    Node(#[from] node::Error),
    /// Certificates.
    #[error(transparent)]
    Certificates(#[from] certs::Error),
    /// Components.
    #[error(transparent)]
    Components(#[from] components::Error),
    /// Addons.
    #[error(transparent)]
    Addons(#[from] addons::Error),
    /// The API.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The lock.
    #[error("failed to lock {}", path.display())]
    Lock {
        /// The lock's file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A component that was started does not run any more.
    #[error("{component} has ended; the end of {}:\n{tail}", log.display())]
    Ended {
        /// Which component.
        component: &'static str,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// There is no cluster to do this with.
    #[error("the cluster {0} is not up: `cargo e2e up` makes it")]
    NotUp(String),
}

/// What there is of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Absent,
    /// It was made completely, and some of its programs run.
    Up,
    /// It was not made completely, or nothing of it runs any more.
    Remains,
}

/// Written when a cluster has been made completely.
#[derive(Debug, Serialize, Deserialize)]
struct Complete {
    version: String,
}

/// Makes the cluster, or mends the one that stands: components that do not run are started.
///
/// # Errors
/// When something is missing that cannot be had, or does not become ready in time. What has been made by then stays,
/// for people to look at; the next `up` or `down` cleans it away.
pub async fn up(layout: &Layout, options: Options) -> Result<(), Error> {
    let _lock = lock(layout).await?;
    packages::ensure().await?;
    programs::ensure(&Program::OF_CLUSTER).await?;
    let start = Instant::now();
    match state(layout)? {
        State::Up => mend(layout, options).await?,
        State::Remains => {
            progress::step("cleaning up what an earlier cluster left", clean(layout)).await?;
            create(layout, options).await?;
        }
        State::Absent => create(layout, options).await?,
    }
    progress::say(format!(
        "cluster {} is ready ({:.1} s); its kubeconfig is {}",
        layout.name(),
        start.elapsed().as_secs_f64(),
        layout.kubeconfig().display(),
    ));
    Ok(())
}

/// Takes the cluster down and removes all of it but the built programs.
///
/// # Errors
/// When something does not go, named.
pub async fn down(layout: &Layout) -> Result<(), Error> {
    let _lock = lock(layout).await?;
    if state(layout)? == State::Absent {
        progress::say(format!("there is no cluster {}", layout.name()));
        return Ok(());
    }
    progress::step("stopping the cluster", stop_all(layout)).await?;
    progress::step("removing what it leaves", clean(layout)).await
}

/// What there is of a cluster.
///
/// # Errors
/// When its state directory is there but cannot be read.
pub fn state(layout: &Layout) -> Result<State, Error> {
    if !layout.state().exists() {
        return Ok(State::Absent);
    }
    let complete = files::read_json::<Complete>(&layout.path("complete"))?.is_some();
    if complete && node::exists(layout) && !node::processes(layout).is_empty() {
        return Ok(State::Up);
    }
    Ok(State::Remains)
}

/// Starts a component that was stopped, and waits until the cluster is ready.
///
/// # Errors
/// When there is no cluster, or it does not become ready.
pub async fn start_component(layout: &Layout, component: Component) -> Result<(), Error> {
    require_up(layout)?;
    component.start(layout).await?;
    wait_ready(layout).await
}

/// Stops a component. Returns when its process is gone; the others, and the pods, go on.
///
/// # Errors
/// When there is no cluster.
pub async fn stop_component(layout: &Layout, component: Component) -> Result<(), Error> {
    require_up(layout)?;
    Ok(component.stop(layout, STOP_PATIENCE).await?)
}

/// Stops a component and starts it again with a configuration made anew.
///
/// # Errors
/// As [`stop_component`] and [`start_component`].
pub async fn restart_component(layout: &Layout, component: Component) -> Result<(), Error> {
    stop_component(layout, component).await?;
    start_component(layout, component).await
}

/// Starts those components again that other options concern, and waits until the cluster is ready.
///
/// # Errors
/// When there is no cluster, or it does not become ready.
pub async fn change_options(layout: &Layout, options: Options) -> Result<(), Error> {
    require_up(layout)?;
    mend(layout, options).await
}

/// Fails unless the cluster stands.
///
/// # Errors
/// [`Error::NotUp`].
pub fn require_up(layout: &Layout) -> Result<(), Error> {
    match state(layout)? {
        State::Up => Ok(()),
        State::Absent | State::Remains => Err(Error::NotUp(layout.name().to_owned())),
    }
}

/// Every component and its process, if it runs.
///
/// # Errors
/// When a record cannot be read.
pub fn processes(layout: &Layout) -> Result<Vec<(Component, Option<i32>)>, Error> {
    let one = |component: Component| Ok((component, component.running(layout)?.map(|process| process.pid)));
    Component::ALL.into_iter().map(one).collect()
}

/// The last lines of a component's log.
///
/// # Errors
/// When there is no log.
pub fn log_tail(layout: &Layout, component: Component, lines: usize) -> Result<String, Error> {
    let text = files::read(&layout.log(component.name()))?;
    let mut tail: Vec<_> = text.lines().rev().take(lines).collect();
    tail.reverse();
    Ok(tail.join("\n"))
}

async fn lock(layout: &Layout) -> Result<Flock<File>, Error> {
    let path = layout.lock();
    if let Some(directory) = path.parent() {
        files::make_directory(directory)?;
    }
    let failed = |source: std::io::Error| Error::Lock {
        path: path.clone(),
        source,
    };
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    let mut said = false;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((unlocked, nix::Error::EWOULDBLOCK)) => file = unlocked,
            Err((_, error)) => return Err(failed(error.into())),
        }
        if !std::mem::replace(&mut said, true) {
            progress::say(format!(
                "waiting for another `up` or `down` of the cluster {}",
                layout.name()
            ));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn create(layout: &Layout, options: Options) -> Result<(), Error> {
    layout.claim()?;
    files::write_json(&layout.path("options"), &options)?;
    let pki = Pki::make(layout)?;
    components::write_kubeconfigs(layout, &pki)?;
    progress::step("making the node's namespaces and cgroups", node::make(layout)).await?;
    progress::step("starting etcd, containerd and kube-apiserver", start_base(layout)).await?;
    progress::step("starting the other components", start_rest(layout)).await?;
    progress::step(
        "waiting for the node, DNS and the API's documents",
        wait_ready(layout),
    )
    .await?;
    let version = client::connect(&layout.kubeconfig())
        .await?
        .apiserver_version()
        .await;
    let version = version.map(|info| info.git_version).unwrap_or_default();
    Ok(files::write_json(
        &layout.path("complete"),
        &Complete { version },
    )?)
}

async fn start_base(layout: &Layout) -> Result<(), Error> {
    for component in [Component::Etcd, Component::Containerd, Component::KubeApiserver] {
        component.start(layout).await?;
    }
    let images = async {
        components::wait_for_containerd(layout).await?;
        Ok(addons::load_images(layout).await?)
    };
    let ((), ()) = futures::try_join!(images, wait_well(layout, Component::KubeApiserver))?;
    Ok(())
}

async fn start_rest(layout: &Layout) -> Result<(), Error> {
    for component in Component::ALL {
        component.start(layout).await?;
    }
    let client = client::connect(&layout.kubeconfig()).await?;
    Ok(addons::install(layout, &client).await?)
}

async fn mend(layout: &Layout, options: Options) -> Result<(), Error> {
    let before: Options = files::read_json(&layout.path("options"))?.unwrap_or_default();
    for component in options.changes(before) {
        progress::say(format!(
            "==> {} starts again with other options",
            component.name()
        ));
        files::write_json(&layout.path("options"), &options)?;
        component.stop(layout, STOP_PATIENCE).await?;
    }
    for component in Component::ALL {
        if component.running(layout)?.is_none() {
            progress::say(format!("==> starting {}", component.name()));
            component.start(layout).await?;
        }
    }
    wait_ready(layout).await
}

async fn stop_all(layout: &Layout) -> Result<(), Error> {
    let stops = Component::ALL
        .into_iter()
        .map(|component| component.stop(layout, LAST_STOP_PATIENCE));
    futures::future::try_join_all(stops).await?;
    Ok(())
}

/// Ends what still runs and removes what is there of the cluster.
async fn clean(layout: &Layout) -> Result<(), Error> {
    node::unmake(layout).await?;
    Ok(files::remove_directory(&layout.state())?)
}
