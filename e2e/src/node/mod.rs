//! The node that a cluster runs on: namespaces and cgroups of its own on this machine.
//!
//! Its **network namespace** holds the bridge, the addresses, all of kube-proxy's rules and the sysctls, and one
//! wire to this machine. Its **mount namespace** is this machine's file system, but the paths that containerd, the CNI
//! plugins and the kubelet have hard-coded are the cluster's own there, and every mount of a pod is made in it
//! and vanishes with it. Its **cgroups**, one in each hierarchy, hold every process from the first on, so that
//! whatever descends from a component can be found without asking it.

mod cgroups;
mod namespaces;
pub mod second;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tokio::process::Command;

use crate::layout::Layout;
use crate::process::Record;
use crate::{exec, files};

/// How long the kernel may take to end what was killed and to let go of what it held.
const KERNEL_PATIENCE: Duration = Duration::from_secs(30);

/// A node that could not be made, entered or taken down.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the node.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// `ip`, `unshare`, `nsenter` or `mount`.
    #[error(transparent)]
    Command(#[from] exec::Error),
    /// The kernel's list of mounts could not be read.
    #[error("failed to read the list of mounts")]
    Mounts(#[source] std::io::Error),
    /// A namespace's pin could not be taken off.
    #[error("failed to unmount {}", path.display())]
    Unmount {
        /// Which mount.
        path: PathBuf,
        /// Why.
        source: nix::Error,
    },
    /// A cgroup could not be made or set up.
    #[error("failed to make the cgroup {}", path.display())]
    MakeCgroup {
        /// Which cgroup.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A cgroup could not be removed.
    #[error("failed to remove the cgroup {}", path.display())]
    RemoveCgroup {
        /// Which cgroup.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no hierarchy to put processes into.
    #[error("found neither a pids nor a unified cgroup hierarchy in the list of mounts")]
    NoHierarchy,
    /// A program could not be started.
    #[error("failed to start {program}")]
    Spawn {
        /// Its path.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ended before it could be seen.
    #[error("{program} ended at once: see {}", log.display())]
    EndedAtOnce {
        /// Its path.
        program: String,
        /// Where it says why.
        log: PathBuf,
    },
    /// Processes that not even SIGKILL ends.
    #[error("the processes {0:?} do not end")]
    Unkillable(Vec<i32>),
}

/// Makes the node's namespaces, wires and cgroups.
///
/// # Errors
/// When the kernel refuses something, for want of rights or because remains of the same name are in the way.
pub async fn make(layout: &Layout) -> Result<(), Error> {
    cgroups::make(layout)?;
    namespaces::make(layout).await
}

/// Whether the node's namespaces are there.
#[must_use]
pub fn exists(layout: &Layout) -> bool {
    namespaces::pinned(layout)
}

/// A command that runs inside the node.
#[must_use]
pub fn command(layout: &Layout, program: impl Into<OsString>) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(namespaces::enter(layout))
        .arg("--")
        .arg(program.into());
    command
}

/// Starts a program inside the node, in a session and the cgroup of the node's own, logging to a file.
///
/// # Errors
/// When it cannot be started, or is gone before its start time can be read.
pub fn start(layout: &Layout, program: &Path, arguments: &[String], log: &Path) -> Result<Record, Error> {
    start_in(layout, &namespaces::enter(layout), program, arguments, log)
}

/// The same in these namespaces, as `nsenter` names them.
fn start_in(
    layout: &Layout,
    namespaces: &[String],
    program: &Path,
    arguments: &[String],
    log: &Path,
) -> Result<Record, Error> {
    let spawn_error = |source| Error::Spawn {
        program: program.display().to_string(),
        source,
    };
    if let Some(directory) = log.parent() {
        files::make_directory(directory)?;
    }
    let log_file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .map_err(spawn_error)?;
    let errors = log_file.try_clone().map_err(spawn_error)?;
    // The shell enters the cgroup and becomes setsid, nsenter and the program in turn: one process all along, whose
    // every child is in the cgroup from its birth.
    let child = Command::new("sh")
        .args(["-c", r#"echo $$ > "$0" && exec "$@""#])
        .arg(cgroups::entrance(layout)?)
        .args(["setsid", "nsenter"])
        .args(namespaces)
        .arg("--")
        .arg(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(log_file)
        .stderr(errors)
        .spawn()
        .map_err(spawn_error)?;
    let record = child.id().and_then(|pid| Record::of(i32::try_from(pid).ok()?));
    record.ok_or_else(|| Error::EndedAtOnce {
        program: program.display().to_string(),
        log: log.to_owned(),
    })
}

/// Every process of the node: components, shims, and what runs in pods.
#[must_use]
pub fn processes(layout: &Layout) -> Vec<Record> {
    cgroups::members(layout)
        .into_iter()
        .filter_map(Record::of)
        .collect()
}

/// Ends every process of the node and removes everything that [`make`] made. What is gone already is passed over.
///
/// # Errors
/// When something does not go, named.
pub async fn unmake(layout: &Layout) -> Result<(), Error> {
    end_processes(layout).await?;
    namespaces::unmake(layout).await?;
    cgroups::remove(layout).await
}

async fn end_processes(layout: &Layout) -> Result<(), Error> {
    let start = Instant::now();
    // Again and again, since what is being killed may still fork.
    loop {
        let left = processes(layout);
        if left.is_empty() {
            return Ok(());
        }
        if start.elapsed() > KERNEL_PATIENCE {
            return Err(Error::Unkillable(
                left.iter().map(|process| process.pid).collect(),
            ));
        }
        for process in &left {
            process.signal(Signal::SIGKILL);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
