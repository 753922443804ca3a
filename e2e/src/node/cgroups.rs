//! The node's cgroup in every hierarchy, version 1, 2 or both mixed.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Error, KERNEL_PATIENCE};
use crate::layout::Layout;

/// The components' place below the node's cgroup; the kubelet makes the pods' place, `kubepods`, beside it.
const COMPONENTS: &str = "node";

#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    mount: PathBuf,
    unified: bool,
    controllers: Vec<String>,
}

/// Makes the node's cgroup in every hierarchy: the kubelet refuses a root that lacks in one of them.
pub(super) fn make(layout: &Layout) -> Result<(), Error> {
    for hierarchy in hierarchies()? {
        let root = hierarchy.mount.join(layout.cgroup());
        let components = root.join(COMPONENTS);
        let made = std::fs::create_dir_all(&root)
            .and_then(|()| prepare(&hierarchy, &root))
            .and_then(|()| std::fs::create_dir_all(&components));
        made.map_err(|source| Error::MakeCgroup {
            path: components,
            source,
        })?;
    }
    Ok(())
}

fn prepare(hierarchy: &Hierarchy, root: &Path) -> io::Result<()> {
    if hierarchy.unified {
        return delegate(&hierarchy.mount).and_then(|()| delegate(root));
    }
    if hierarchy
        .controllers
        .iter()
        .any(|controller| controller == "cpuset")
    {
        // A cpuset is made empty, and an empty one takes no process.
        for file in ["cpuset.cpus", "cpuset.mems"] {
            std::fs::write(root.join(file), std::fs::read(hierarchy.mount.join(file))?)?;
        }
    }
    Ok(())
}

/// Hands a cgroup's controllers to its children. One at a time: where one cannot be had, the others still can.
fn delegate(cgroup: &Path) -> io::Result<()> {
    let available = std::fs::read_to_string(cgroup.join("cgroup.controllers"))?;
    for controller in available.split_whitespace() {
        let _ = std::fs::write(cgroup.join("cgroup.subtree_control"), format!("+{controller}"));
    }
    Ok(())
}

/// The file that takes the id of a process which is to run in the node.
pub(super) fn entrance(layout: &Layout) -> Result<PathBuf, Error> {
    let hierarchies = hierarchies()?;
    let pids = |hierarchy: &&Hierarchy| {
        hierarchy
            .controllers
            .iter()
            .any(|controller| controller == "pids")
    };
    // One hierarchy is enough to find every descendant, and leaves the person's own accounting in the others alone.
    let hierarchy = hierarchies
        .iter()
        .find(pids)
        .or_else(|| hierarchies.iter().find(|hierarchy| hierarchy.unified))
        .ok_or(Error::NoHierarchy)?;
    Ok(hierarchy
        .mount
        .join(layout.cgroup())
        .join(COMPONENTS)
        .join("cgroup.procs"))
}

/// The ids of all processes in the node's cgroups.
pub(super) fn members(layout: &Layout) -> BTreeSet<i32> {
    let hierarchies = hierarchies().unwrap_or_default();
    let roots = hierarchies
        .iter()
        .map(|hierarchy| hierarchy.mount.join(layout.cgroup()));
    let groups = roots.flat_map(|root| with_descendants(&root));
    let listings = groups.filter_map(|group| std::fs::read_to_string(group.join("cgroup.procs")).ok());
    listings
        .flat_map(|listing| {
            listing
                .lines()
                .filter_map(|line| line.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Removes the node's cgroups, which must be empty of processes by now.
pub(super) async fn remove(layout: &Layout) -> Result<(), Error> {
    for hierarchy in hierarchies()? {
        for group in with_descendants(&hierarchy.mount.join(layout.cgroup())) {
            remove_group(&group).await?;
        }
    }
    Ok(())
}

async fn remove_group(path: &Path) -> Result<(), Error> {
    let start = std::time::Instant::now();
    loop {
        match std::fs::remove_dir(path) {
            Ok(()) => return Ok(()),
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
            // A process that has ended is counted for a little longer.
            Err(source)
                if source.kind() == io::ErrorKind::ResourceBusy && start.elapsed() < KERNEL_PATIENCE =>
            {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(source) => {
                return Err(Error::RemoveCgroup {
                    path: path.to_owned(),
                    source,
                });
            }
        }
    }
}

/// A cgroup and all below it, children before their parents; empty if there is none.
fn with_descendants(group: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(group) else {
        return Vec::new();
    };
    let children = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut all: Vec<_> = children
        .flat_map(|child| with_descendants(&child.path()))
        .collect();
    all.push(group.to_owned());
    all
}

fn hierarchies() -> Result<Vec<Hierarchy>, Error> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(Error::Mounts)?;
    Ok(mounts.lines().filter_map(hierarchy).collect())
}

/// The cgroup hierarchy in a line of `/proc/self/mountinfo`, if it is one.
fn hierarchy(line: &str) -> Option<Hierarchy> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut kind = kind.split(' ');
    let unified = match kind.next()? {
        "cgroup" => false,
        "cgroup2" => true,
        _ => return None,
    };
    let controllers = kind.nth(1)?.split(',').map(str::to_owned).collect();
    Some(Hierarchy {
        mount: PathBuf::from(mount.split(' ').nth(4)?),
        unified,
        controllers,
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Hierarchy, hierarchy};

    #[test]
    fn reads_both_versions_from_the_mounts() {
        let one = "36 31 0:33 / /sys/fs/cgroup/devices rw,relatime shared:9 - cgroup cgroup rw,devices";
        let two = "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw";
        let other = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard";
        let mount = |path: &str| PathBuf::from(path);
        let controllers = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            hierarchy(one),
            Some(Hierarchy {
                mount: mount("/sys/fs/cgroup/devices"),
                unified: false,
                controllers: controllers(&["rw", "devices"]),
            })
        );
        assert_eq!(
            hierarchy(two),
            Some(Hierarchy {
                mount: mount("/sys/fs/cgroup/unified"),
                unified: true,
                controllers: controllers(&["rw"]),
            })
        );
        assert_eq!(hierarchy(other), None);
    }
}
