//! A network namespace beside the node's, for a second kube-apiserver: an address of its own, and one wire to the node. Its files are
//! the node's.
//!
//! The node leads what comes over the wire for etcd to its loopback, and to nobody else. Clients of the Service `kubernetes` are led to the first
//! kube-apiserver as long as there is a second: what is done to that one costs none of their requests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, umount2};
use tokio::process::Command;

use super::{Error, namespaces, start_in};
use crate::exec::{self, command};
use crate::files;
use crate::layout::Layout;
use crate::process::Record;

/// The node's end of the wire.
const NODE_INTERFACE: &str = "second0";
/// The other end.
const INTERFACE: &str = "eth0";
/// Where etcd listens.
const ETCD_PORT: &str = "2379";

fn pin(layout: &Layout) -> PathBuf {
    namespaces::pins(layout).join("second")
}

/// Makes the namespace, its wire and the node's rules for it; what is left of an earlier one goes first.
///
/// # Errors
/// When the kernel refuses something.
pub async fn make(layout: &Layout) -> Result<(), Error> {
    unmake(layout).await?;
    let (pin, network) = (pin(layout), namespaces::network_pin(layout));
    files::write(&pin, "")?;
    exec::run(&mut command(
        "unshare",
        [&format!("--net={}", pin.display()), "true"],
    ))
    .await?;
    let mut wire = command("nsenter", [format!("--net={}", network.display())]);
    wire.args(["ip", "link", "add", NODE_INTERFACE, "type", "veth"]);
    wire.args(["peer", "name", INTERFACE, "netns"]).arg(&pin);
    exec::run(&mut wire).await?;
    let (gateway, address) = (layout.second_gateway(), layout.second_address());
    for line in [
        format!("ip addr add {gateway}/30 dev {NODE_INTERFACE}"),
        format!("ip link set {NODE_INTERFACE} up"),
    ] {
        run_in_node(layout, &line).await?;
    }
    let local = format!("echo 1 > /proc/sys/net/ipv4/conf/{NODE_INTERFACE}/route_localnet");
    exec::run(super::command(layout, "sh").args(["-c", &local])).await?;
    for rule in rules(layout) {
        run_in_node(layout, &format!("iptables -t nat -I {rule}")).await?;
    }
    for line in [
        "ip link set lo up".to_owned(),
        format!("ip addr add {address}/30 dev {INTERFACE}"),
        format!("ip link set {INTERFACE} up"),
        format!("ip route add default via {gateway}"),
    ] {
        run(layout, &line).await?;
    }
    let (range, outer) = (layout.second_range(), layout.outer_address().to_string());
    exec::run(&mut command("ip", ["route", "replace", &range, "via", &outer])).await?;
    Ok(())
}

/// Removes all of it; no process may be in it any more. What is not there is passed over.
///
/// # Errors
/// When the namespace does not go.
pub async fn unmake(layout: &Layout) -> Result<(), Error> {
    let path = pin(layout);
    if !path.exists() {
        return Ok(());
    }
    // What an earlier failure left may lack any of these.
    let _ = exec::run(&mut command("ip", ["route", "delete", &layout.second_range()])).await;
    for rule in rules(layout) {
        let _ = run_in_node(layout, &format!("iptables -t nat -D {rule}")).await;
    }
    let _ = run_in_node(layout, &format!("ip link delete {NODE_INTERFACE}")).await;
    match umount2(&path, MntFlags::MNT_DETACH) {
        Ok(()) | Err(nix::Error::EINVAL) => Ok(files::remove(&path)?),
        Err(source) => Err(Error::Unmount { path, source }),
    }
}

/// Drops all that goes from it to pods and Services, without a word.
///
/// # Errors
/// When the kernel refuses it.
pub async fn cut(layout: &Layout) -> Result<(), Error> {
    for range in [layout.pod_range(), layout.service_range()] {
        run(layout, &format!("iptables -I OUTPUT -d {range} -j DROP")).await?;
    }
    Ok(())
}

/// Ends what [`cut`] began.
///
/// # Errors
/// When the kernel refuses it.
pub async fn mend(layout: &Layout) -> Result<(), Error> {
    run(layout, "iptables -F OUTPUT").await
}

/// Starts a program in it, with a hostname of its own: a kube-apiserver's identity is made of it.
///
/// # Errors
/// When it cannot be started, or is gone before its start time can be read.
pub fn start(layout: &Layout, program: &Path, arguments: &[String], log: &Path) -> Result<Record, Error> {
    let renamed = r#"echo "$0" > /proc/sys/kernel/hostname && exec "$@""#;
    let mut all: Vec<String> = ["--uts", "sh", "-c", renamed].map(str::to_owned).into();
    all.push(format!("{}-second", layout.name()));
    all.push(program.display().to_string());
    all.extend_from_slice(arguments);
    start_in(layout, &enter(layout), Path::new("unshare"), &all, log)
}

fn enter(layout: &Layout) -> [String; 2] {
    [
        format!("--mount={}", namespaces::mount_pin(layout).display()),
        format!("--net={}", pin(layout).display()),
    ]
}

/// The node's rules of address translation, with the chain of each.
fn rules(layout: &Layout) -> [String; 3] {
    let (gateway, first) = (layout.second_gateway(), layout.node_address());
    let service = layout.api_service_address();
    let to_first = format!("-d {service}/32 -p tcp --dport 443 -j DNAT --to-destination {first}:6443");
    [
        format!(
            "PREROUTING -i {NODE_INTERFACE} -d {gateway}/32 -p tcp --dport {ETCD_PORT} -j DNAT --to-destination 127.0.0.1:{ETCD_PORT}"
        ),
        format!("PREROUTING {to_first}"),
        format!("OUTPUT {to_first}"),
    ]
}

async fn run(layout: &Layout, line: &str) -> Result<(), Error> {
    let mut words = line.split(' ').map(OsString::from);
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net={}", pin(layout).display()))
        .args(&mut words);
    exec::run(&mut command).await?;
    Ok(())
}

async fn run_in_node(layout: &Layout, line: &str) -> Result<(), Error> {
    let mut words = line.split(' ');
    let program = words.next().unwrap_or_default();
    exec::run(super::command(layout, program).args(words)).await?;
    Ok(())
}
