//! The node's mount and network namespaces, pinned in the state directory.

use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};

use super::Error;
use crate::exec::{self, command};
use crate::files;
use crate::layout::Layout;

/// Paths that the node's programs have hard-coded, and what stands there in the node: a directory in the cluster's own.
/// containerd's is missing: its sockets and network namespaces live on a file system in memory.
const OWN_DIRECTORIES: [(&str, &str); 5] = [
    ("/var/lib/containerd", "containerd"),
    ("/var/lib/kubelet", "kubelet"),
    ("/var/lib/cni", "cni/cache"),
    ("/var/log/pods", "log/pods"),
    ("/var/log/containers", "log/containers"),
];

/// The script that sets up a new mount namespace: `$0` is the state directory, the rest pairs of source and target.
const MOUNTS: &str = r#"
set -e
# A node's mounts are shared, so that those of a pod with mount propagation reach the kubelet's and back.
mount --make-rshared /
mkdir -p /run/containerd
mount -t tmpfs -o mode=0711 annex-e2e /run/containerd
while [ $# -gt 0 ]; do
    mkdir -p "$0/$1" "$2"
    mount --bind "$0/$1" "$2"
    shift 2
done
"#;

/// What the node's kernel settings must be for services to work.
const SYSCTLS: &str = r"
set -e
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables
";

pub(super) fn pins(layout: &Layout) -> PathBuf {
    layout.path("namespaces")
}

pub(super) fn mount_pin(layout: &Layout) -> PathBuf {
    pins(layout).join("mount")
}

pub(super) fn network_pin(layout: &Layout) -> PathBuf {
    pins(layout).join("network")
}

/// The arguments by which `nsenter` enters the node.
pub(super) fn enter(layout: &Layout) -> [String; 2] {
    [
        format!("--mount={}", mount_pin(layout).display()),
        format!("--net={}", network_pin(layout).display()),
    ]
}

/// Whether the namespaces are there.
pub(super) fn pinned(layout: &Layout) -> bool {
    let mounts = mounts_below(&pins(layout)).unwrap_or_default();
    mounts.contains(&mount_pin(layout)) && mounts.contains(&network_pin(layout))
}

/// Makes the namespaces and the wire between the node and this machine.
pub(super) async fn make(layout: &Layout) -> Result<(), Error> {
    load_kernel_modules().await;
    make_namespaces(layout).await?;
    make_links(layout).await
}

async fn load_kernel_modules() {
    // Built into many kernels; where they are neither there nor loadable, the next step says what is missing.
    for module in ["br_netfilter", "overlay"] {
        let _ = exec::run(&mut command("modprobe", [module])).await;
    }
}

async fn make_namespaces(layout: &Layout) -> Result<(), Error> {
    let directory = pins(layout);
    files::make_directory(&directory)?;
    // A mount namespace can be pinned only where mounts do not propagate.
    exec::run(command("mount", ["--bind"]).args([&directory, &directory])).await?;
    exec::run(command("mount", ["--make-private"]).arg(&directory)).await?;
    files::write(&mount_pin(layout), "")?;
    files::write(&network_pin(layout), "")?;
    let mut unshare = command("unshare", enter(layout));
    unshare
        .args(["--propagation=private", "sh", "-c", MOUNTS])
        .arg(layout.state());
    for (target, source) in OWN_DIRECTORIES {
        unshare.args([source, target]);
    }
    exec::run(&mut unshare).await?;
    Ok(())
}

async fn make_links(layout: &Layout) -> Result<(), Error> {
    let (host, outer) = (layout.host_interface(), layout.outer_address());
    let network = network_pin(layout);
    exec::run(
        command(
            "ip",
            [
                "link", "add", &host, "type", "veth", "peer", "name", "host0", "netns",
            ],
        )
        .arg(&network),
    )
    .await?;
    run_ip(&format!("addr add {}/30 dev {host}", layout.host_address())).await?;
    run_ip(&format!("link set {host} up")).await?;
    for arguments in [
        "link set lo up".to_owned(),
        format!("addr add {outer}/30 dev host0"),
        "link set host0 up".to_owned(),
        "link add cni0 type bridge".to_owned(),
        format!("addr add {}/24 dev cni0", layout.node_address()),
        "link set cni0 up".to_owned(),
        // Local traffic is routed before a service's address is translated, so even that needs a route.
        format!("route add {} dev cni0", layout.service_range()),
    ] {
        run_in_node(layout, "ip", &arguments.split(' ').collect::<Vec<_>>()).await?;
    }
    run_in_node(layout, "sh", &["-c", SYSCTLS]).await?;
    for range in [layout.pod_range(), layout.service_range()] {
        run_ip(&format!("route add {range} via {outer}")).await?;
    }
    Ok(())
}

async fn run_ip(arguments: &str) -> Result<(), Error> {
    exec::run(&mut command("ip", arguments.split(' '))).await?;
    Ok(())
}

async fn run_in_node(layout: &Layout, program: &str, arguments: &[&str]) -> Result<(), Error> {
    exec::run(super::command(layout, program).args(arguments)).await?;
    Ok(())
}

/// Lets go of the namespaces; no process may be in them any more. The kernel drops what is in them.
pub(super) async fn unmake(layout: &Layout) -> Result<(), Error> {
    let interface = layout.host_interface();
    if Path::new("/sys/class/net").join(&interface).exists() {
        // The routes through it and the node's end go along.
        run_ip(&format!("link delete {interface}")).await?;
    }
    // The newest mount first: what was mounted on top has to go first.
    for path in mounts_below(&layout.state())?.into_iter().rev() {
        umount2(&path, MntFlags::MNT_DETACH).map_err(|source| Error::Unmount { path, source })?;
    }
    Ok(())
}

fn mounts_below(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").map_err(Error::Mounts)?;
    let points = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(unescape);
    Ok(points.filter(|point| point.starts_with(directory)).collect())
}

/// A path as `/proc/self/mountinfo` writes it: white space and backslashes are octal escapes.
fn unescape(field: &str) -> PathBuf {
    let escapes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    PathBuf::from(
        escapes
            .iter()
            .fold(field.to_owned(), |text, (code, plain)| text.replace(code, plain)),
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    #[test]
    fn unescapes_mount_points() {
        assert_eq!(super::unescape(r"/a\040b\134c"), PathBuf::from(r"/a b\c"));
    }
}
