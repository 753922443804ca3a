//! containerd, from the distribution, with root, state and socket of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{Component, Error, Invocation, path_flag};
use crate::addons::pause_image;
use crate::layout::Layout;
use crate::{exec, files, node, packages};

pub(super) fn configure(layout: &Layout) -> Result<Invocation, Error> {
    let plugins = packages::cni_plugins().ok_or(Error::NoPlugins)?;
    let network = layout.path("cni/net.d");
    files::write_json(&network.join("10-annex-e2e.conflist"), &network_list(layout))?;
    let config = layout.path("config/containerd.toml");
    files::write(&config, config_file(&network, &plugins))?;
    let arguments = vec![path_flag("config", &config)];
    Ok(Invocation {
        program: PathBuf::from("containerd"),
        arguments,
    })
}

/// The bridge plugin with addresses from the node's own subnet.
fn network_list(layout: &Layout) -> serde_json::Value {
    json!({
        "cniVersion": "0.4.0",
        "name": "annex-e2e",
        "plugins": [
            {
                "type": "bridge",
                "bridge": "cni0",
                "isGateway": true,
                "ipMasq": true,
                "hairpinMode": true,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{ "subnet": layout.pod_range(), "gateway": layout.node_address() }]],
                    "routes": [{ "dst": "0.0.0.0/0" }],
                },
            },
            { "type": "portmap", "capabilities": { "portMappings": true } },
        ],
    })
}

fn config_file(network: &Path, plugins: &Path) -> String {
    // Paths are those of the node's mount namespace, where the default ones are its own. TOML's basic strings take
    // JSON's escapes.
    let quoted = |path: &Path| json!(path).to_string();
    format!(
        r#"version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
address = "/run/containerd/containerd.sock"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
# runc may not lower a process's score everywhere, and fails where it tries to.
restrict_oom_score_adj = true
# In the node's memory file system, not among this machine's.
netns_mounts_under_state_dir = true

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = {}
conf_dir = {}

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"#,
        quoted(plugins),
        quoted(network),
        pause = pause_image(),
    )
}

/// containerd's socket as this machine sees it, while it runs: a path for `ctr --address`.
///
/// # Errors
/// When containerd's record cannot be read.
pub fn socket(layout: &Layout) -> Result<Option<PathBuf>, Error> {
    let process = Component::Containerd.running(layout)?;
    // The socket is in the node's mount namespace, and short paths are all that a socket's address takes.
    Ok(process.map(|process| {
        PathBuf::from(format!(
            "/proc/{}/root/run/containerd/containerd.sock",
            process.pid
        ))
    }))
}

/// Waits until containerd answers.
///
/// # Errors
/// When it does not within half a minute: its last answer.
pub async fn wait_ready(layout: &Layout) -> Result<(), Error> {
    let mut attempts = 150;
    loop {
        match exec::run(node::command(layout, "ctr").arg("version")).await {
            Ok(_) => return Ok(()),
            Err(source) if attempts == 0 => return Err(Error::ContainerdNotReady(source)),
            Err(_) => attempts -= 1,
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Loads the images of an archive, under the references that it names itself, for pods to use.
///
/// # Errors
/// When containerd refuses the archive.
pub async fn import(layout: &Layout, archive: &Path) -> Result<(), Error> {
    let mut command = node::command(layout, "ctr");
    command
        .args(["--namespace", "k8s.io", "images", "import"])
        .arg(archive);
    exec::run(&mut command).await?;
    Ok(())
}
