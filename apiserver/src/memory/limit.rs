//! How much memory a process may have, by its cgroups and its machine.
//!
//! A container sees its own cgroup as the root of the hierarchy (a cgroup namespace, or a mount of that directory alone),
//! a service of a machine sees where it is: so each directory from the process's own up to the root counts, and the least
//! limit of them all.

use std::path::{Path, PathBuf};

/// Bytes that the process of this file system may have. `None`: nothing there says anything.
pub(super) fn read(root: &Path) -> Option<u64> {
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let machine = machine(&text("proc/meminfo"));
    let of_cgroups = files(&text("proc/self/cgroup"))
        .into_iter()
        .filter_map(|file| bytes(&std::fs::read_to_string(root.join(file)).ok()?));
    of_cgroups.chain(machine).min()
}

/// The files that may limit a process, by its /proc/self/cgroup, where such files usually are.
fn files(cgroups: &str) -> Vec<PathBuf> {
    cgroups.lines().flat_map(files_of).collect()
}

/// The files of one line, `HIERARCHY:CONTROLLERS:PATH`.
fn files_of(line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
        return Vec::new();
    };
    let (mount, name) = if controllers.is_empty() {
        ("sys/fs/cgroup", "memory.max")
    } else if controllers.split(',').any(|controller| controller == "memory") {
        ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return Vec::new();
    };
    // What is outside of a cgroup namespace begins with `..`, and cannot be seen.
    let path = Path::new(path.trim_start_matches('/'));
    let directories = path.ancestors().filter(|directory| !directory.starts_with(".."));
    directories
        .map(|directory| Path::new(mount).join(directory).join(name))
        .collect()
}

/// What a file says; `None` for `max`, and for what is no number.
fn bytes(text: &str) -> Option<u64> {
    text.trim().parse().ok()
}

/// MemTotal of /proc/meminfo, in bytes.
fn machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        1000 kB\nMemFree:          10 kB\n";
    const MACHINE: u64 = 1000 * 1024;

    fn limit(files: &[(&str, &str)]) -> Option<u64> {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        read(root.path())
    }

    #[test]
    fn a_container_has_the_limit_of_its_own_cgroup() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "65536\n"),
        ];
        assert_eq!(limit(&files), Some(65_536));
        let version_1 = [
            ("proc/meminfo", MEMINFO),
            // As the machine calls it; in the container it is the root.
            (
                "proc/self/cgroup",
                "5:cpuset:/\n4:cpu,memory:/kubepods/pod1/2\n0::/\n",
            ),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "65536\n"),
        ];
        assert_eq!(limit(&version_1), Some(65_536));
    }

    #[test]
    fn the_least_limit_on_the_way_up_counts() {
        let files = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "0::/a.slice/b.service\n"),
            ("sys/fs/cgroup/a.slice/memory.max", "4096\n"),
            ("sys/fs/cgroup/a.slice/b.service/memory.max", "8192\n"),
        ];
        assert_eq!(limit(&files), Some(4096));
    }

    #[test]
    fn without_a_limit_it_is_what_the_machine_has() {
        let unlimited = [
            ("proc/meminfo", MEMINFO),
            ("proc/self/cgroup", "4:memory:/a\n0::/\n"),
            ("sys/fs/cgroup/memory.max", "max\n"),
            (
                "sys/fs/cgroup/memory/a/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
        ];
        assert_eq!(limit(&unlimited), Some(MACHINE));
        assert_eq!(limit(&[("proc/meminfo", MEMINFO)]), Some(MACHINE));
        assert_eq!(limit(&[]), None);
        assert_eq!(limit(&[("proc/meminfo", "MemTotal: much\n")]), None);
    }

    #[test]
    fn what_lies_outside_of_the_namespace_is_not_looked_at() {
        assert_eq!(
            files("0::/../../x\n"),
            ["sys/fs/cgroup/memory.max"].map(PathBuf::from)
        );
        assert!(files("garbage\n1:cpu:/\n").is_empty());
    }
}
