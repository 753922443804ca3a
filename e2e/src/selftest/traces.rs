//! What clusters leave on a machine, for comparing before and after.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::layout::Layout;
use crate::process::Record;

/// Directories of this machine that a node's programs would litter if the node did not put its own in their place.
const DIRECTORIES: [&str; 5] = [
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
    "/run/netns",
];

/// Where cgroup hierarchies are.
const CGROUPS: &str = "/sys/fs/cgroup";

/// Everything on this machine that a cluster could leave: processes in namespaces other than ours, mounts, cgroups,
/// interfaces, routes and files, one line each.
///
/// What belongs to clusters that are not the test's is left out, for they may come and go meanwhile.
pub(super) fn of_machine(tested: &[&Layout]) -> BTreeSet<String> {
    let all = processes()
        .chain(mounts())
        .chain(cgroups())
        .chain(interfaces())
        .chain(routes())
        .chain(files());
    all.filter(|trace| !of_another_cluster(trace, tested)).collect()
}

fn of_another_cluster(trace: &str, tested: &[&Layout]) -> bool {
    let ours = |layout: &&Layout| {
        let marks = [
            layout.cgroup(),
            layout.host_interface(),
            layout.state().display().to_string(),
        ];
        marks.iter().any(|mark| trace.contains(mark.as_str()))
    };
    let marks = ["e2e-", "/annex/e2e/"];
    marks.iter().any(|mark| trace.contains(mark)) && !tested.iter().any(ours)
}

/// Processes with a mount, network or process namespace of their own. Zombies do not count: they are their parent's.
fn processes() -> impl Iterator<Item = String> {
    let own = namespaces("self");
    let ids = entries(Path::new("/proc")).filter_map(|path| path.file_name()?.to_str()?.parse::<i32>().ok());
    ids.filter_map(move |pid| {
        let record = Record::of(pid)?;
        let namespaces = namespaces(&pid.to_string());
        if namespaces == own || namespaces.iter().all(Option::is_none) {
            return None;
        }
        let command = read(format!("/proc/{pid}/cmdline")).replace('\0', " ");
        let cgroups = read(format!("/proc/{pid}/cgroup")).replace('\n', " ");
        Some(format!(
            "process {pid} {} {command} in {cgroups}",
            record.start_time
        ))
    })
}

fn namespaces(pid: &str) -> [Option<PathBuf>; 3] {
    ["mnt", "net", "pid"].map(|kind| std::fs::read_link(format!("/proc/{pid}/ns/{kind}")).ok())
}

fn mounts() -> impl Iterator<Item = String> {
    let mounts = read("/proc/self/mountinfo");
    let points: Vec<_> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(str::to_owned)
        .collect();
    points.into_iter().map(|point| format!("mount {point}"))
}

/// The cgroups that bear a cluster's name, and pods' wherever they are. Others come and go with the machine's sessions.
fn cgroups() -> impl Iterator<Item = String> {
    let named = |path: &PathBuf| {
        let path = path.to_string_lossy();
        path.contains("annex-e2e-") || path.contains("kubepods")
    };
    descendants(Path::new(CGROUPS))
        .into_iter()
        .filter(named)
        .map(|path| format!("cgroup {}", path.display()))
}

fn descendants(directory: &Path) -> Vec<PathBuf> {
    let children: Vec<_> = entries(directory)
        .filter(|path| path.is_dir() && !path.is_symlink())
        .collect();
    let below: Vec<_> = children.iter().flat_map(|child| descendants(child)).collect();
    children.into_iter().chain(below).collect()
}

fn interfaces() -> impl Iterator<Item = String> {
    entries(Path::new("/sys/class/net")).map(|path| format!("interface {}", path.display()))
}

fn routes() -> impl Iterator<Item = String> {
    let routes = read("/proc/net/route");
    let lines: Vec<_> = routes.lines().map(|line| format!("route {line}")).collect();
    lines.into_iter()
}

fn files() -> impl Iterator<Item = String> {
    DIRECTORIES
        .into_iter()
        .flat_map(|directory| entries(Path::new(directory)))
        .map(|path| format!("file {}", path.display()))
}

fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> {
    std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read(path)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::of_another_cluster;
    use crate::layout::Layout;

    #[test]
    fn only_other_clusters_are_left_out() {
        let tested = Layout::new("mine").unwrap();
        let other = Layout::new("theirs").unwrap();
        for (layout, left_out) in [(&tested, false), (&other, true)] {
            let traces = [
                format!("process 1 2 kubelet in 3:pids:/{}/node", layout.cgroup()),
                format!("mount {}", layout.path("namespaces/network").display()),
                format!("route {}\t0000600A\t0200F50A", layout.host_interface()),
            ];
            for trace in traces {
                assert_eq!(of_another_cluster(&trace, &[&tested]), left_out, "{trace}");
            }
        }
        assert!(!of_another_cluster("interface /sys/class/net/eth1", &[&tested]));
    }
}
