//! The programs that make up the node, one file each: what they read, and how they are called.

mod apiserver;
mod containerd;
mod controller_manager;
mod etcd;
mod kube_proxy;
mod kubelet;
pub mod network_policies;
mod provisioner;
mod scheduler;
pub mod second_apiserver;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::certs::{self, Pki};
use crate::layout::Layout;
use crate::process::Record;
use crate::programs::{self, Program};
use crate::{client, files, kubeconfig, node};

pub use provisioner::own_program;

pub use containerd::{import, socket as containerd_socket, wait_ready as wait_for_containerd};

/// A component that could not be configured or run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its files.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// Its program.
    #[error(transparent)]
    Program(#[from] programs::Error),
    /// The node.
    #[error(transparent)]
    Node(#[from] node::Error),
    /// A client certificate.
    #[error(transparent)]
    Certificates(#[from] certs::Error),
    /// A command in the node.
    #[error(transparent)]
    Command(#[from] crate::exec::Error),
    /// The CNI plugins are gone.
    #[error("found no CNI plugins on this machine")]
    NoPlugins,
    /// containerd does not answer.
    #[error("containerd does not answer")]
    ContainerdNotReady(#[source] crate::exec::Error),
    /// The administrator's client.
    #[error(transparent)]
    Client(Box<client::Error>),
    /// This program's own file, of which the provisioner is a copy.
    #[error("failed to copy this program")]
    OwnProgram(#[source] std::io::Error),
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Self::Client(Box::new(error))
    }
}

/// A program of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[expect(missing_docs, reason = "the programs' own names")]
pub enum Component {
    Etcd,
    Containerd,
    KubeApiserver,
    KubeControllerManager,
    KubeScheduler,
    KubeProxy,
    Kubelet,
    /// Of volumes, for the default StorageClass.
    Provisioner,
}

/// What a person can choose about a cluster, remembered while it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Options {
    /// kube-apiserver connects to a service's endpoints by itself rather than to its ClusterIP.
    pub aggregator_routing: bool,
    /// The kubelet looks at each pod again as seldom as by Kubernetes' default, rather than as often as a test would have it.
    pub default_sync_frequency: bool,
    /// kube-controller-manager and kube-scheduler may make as many requests as those of a large cluster do.
    pub fast_controllers: bool,
    /// The audit log has the operator's reads too.
    pub audit_operator_reads: bool,
}

impl Options {
    /// The components that run otherwise with `before`.
    #[must_use]
    pub fn changes(self, before: Self) -> Vec<Component> {
        let concerned = [
            (
                Component::KubeApiserver,
                self.aggregator_routing != before.aggregator_routing
                    || self.audit_operator_reads != before.audit_operator_reads,
            ),
            (
                Component::KubeControllerManager,
                self.fast_controllers != before.fast_controllers,
            ),
            (
                Component::KubeScheduler,
                self.fast_controllers != before.fast_controllers,
            ),
            (
                Component::Kubelet,
                self.default_sync_frequency != before.default_sync_frequency,
            ),
        ];
        concerned
            .into_iter()
            .filter_map(|(component, changed)| changed.then_some(component))
            .collect()
    }
}

/// A program and its arguments.
struct Invocation {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Component {
    /// All of them, in the order in which they start.
    pub const ALL: [Self; 8] = [
        Self::Etcd,
        Self::Containerd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::KubeProxy,
        Self::Kubelet,
        Self::Provisioner,
    ];

    /// Its name, as on the command line and of its log.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Containerd => "containerd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::KubeProxy => "kube-proxy",
            Self::Kubelet => "kubelet",
            Self::Provisioner => "provisioner",
        }
    }

    /// The process, if it runs.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub fn running(self, layout: &Layout) -> Result<Option<Record>, Error> {
        Ok(Record::read(&self.record(layout))?.filter(Record::alive))
    }

    /// Whether it was started and not stopped, but does not run any more.
    #[must_use]
    pub fn has_ended(self, layout: &Layout) -> bool {
        Record::read(&self.record(layout)).is_ok_and(|record| record.is_some_and(|record| !record.alive()))
    }

    /// Starts it unless it runs, with a configuration made anew. Does not wait until it is ready.
    ///
    /// # Errors
    /// When its program or configuration is amiss, or it ends at once.
    pub async fn start(self, layout: &Layout) -> Result<(), Error> {
        if self.running(layout)?.is_some() {
            return Ok(());
        }
        let options = files::read_json(&layout.path("options"))?.unwrap_or_default();
        let invocation = self.configure(layout, options).await?;
        let log = layout.log(self.name());
        let record = node::start(layout, &invocation.program, &invocation.arguments, &log)?;
        Ok(files::write_json(&self.record(layout), &record)?)
    }

    /// Stops it if it runs, by force when it has not ended within `patience`, and returns when it is gone. Pods go on
    /// without containerd and the kubelet.
    ///
    /// # Errors
    /// When its record cannot be read or removed.
    pub async fn stop(self, layout: &Layout, patience: Duration) -> Result<(), Error> {
        if let Some(process) = self.running(layout)? {
            process.stop(patience).await;
        }
        Ok(files::remove(&self.record(layout))?)
    }

    /// The server and path where the administrator learns from this machine whether it is well; not all have one.
    #[must_use]
    pub fn health(self, layout: &Layout) -> Option<(String, &'static str)> {
        let (scheme, port, path) = match self {
            Self::Etcd | Self::Containerd | Self::Provisioner => return None,
            Self::KubeApiserver => ("https", 6443, "/readyz"),
            Self::KubeControllerManager => ("https", 10257, "/healthz"),
            Self::KubeScheduler => ("https", 10259, "/readyz"),
            Self::KubeProxy => ("http", 10256, "/healthz"),
            Self::Kubelet => ("https", 10250, "/healthz"),
        };
        Some((format!("{scheme}://{}:{port}", layout.outer_address()), path))
    }

    fn record(self, layout: &Layout) -> PathBuf {
        layout.path("processes").join(self.name())
    }

    async fn configure(self, layout: &Layout, options: Options) -> Result<Invocation, Error> {
        match self {
            Self::Etcd => etcd::configure(layout).await,
            Self::Containerd => containerd::configure(layout),
            Self::KubeApiserver => apiserver::configure(layout, options).await,
            Self::KubeControllerManager => controller_manager::configure(layout, options).await,
            Self::KubeScheduler => scheduler::configure(layout, options).await,
            Self::KubeProxy => kube_proxy::configure(layout).await,
            Self::Kubelet => kubelet::configure(layout, options).await,
            Self::Provisioner => provisioner::configure(layout),
        }
    }
}

/// Writes the kubeconfig of every component that talks to kube-apiserver, and the administrator's.
///
/// # Errors
/// When a certificate cannot be made or a file not be written.
pub fn write_kubeconfigs(layout: &Layout, pki: &Pki) -> Result<(), Error> {
    let node = format!("system:node:{}", layout.name());
    let users = [
        (
            Component::KubeControllerManager,
            "system:kube-controller-manager",
            None,
        ),
        (Component::KubeScheduler, "system:kube-scheduler", None),
        (Component::KubeProxy, "system:kube-proxy", None),
        (Component::Kubelet, node.as_str(), Some("system:nodes")),
        (
            Component::Provisioner,
            "annex-e2e-provisioner",
            Some("system:masters"),
        ),
    ];
    let ca = pki.ca().certificate();
    let local = "https://127.0.0.1:6443";
    for (component, user, group) in users {
        let identity = pki.ca().client(user, group)?;
        kubeconfig::write(
            &component_kubeconfig(layout, component),
            layout.name(),
            local,
            &ca,
            &identity,
        )?;
    }
    let administrator = pki.ca().client("kubernetes-admin", Some("system:masters"))?;
    let server = format!("https://{}:6443", layout.outer_address());
    Ok(kubeconfig::write(
        &layout.kubeconfig(),
        layout.name(),
        &server,
        &ca,
        &administrator,
    )?)
}

fn component_kubeconfig(layout: &Layout, component: Component) -> PathBuf {
    layout.path("kubeconfigs").join(component.name())
}

/// `--name=value`, for values of any kind.
fn flag(name: &str, value: impl std::fmt::Display) -> String {
    format!("--{name}={value}")
}

fn path_flag(name: &str, path: &std::path::Path) -> String {
    flag(name, path.display())
}

/// How many requests a controller's clients make; by default too few for a cluster of many objects.
fn request_rates(options: Options) -> Vec<String> {
    if options.fast_controllers {
        vec!["--kube-api-qps=200".to_owned(), "--kube-api-burst=400".to_owned()]
    } else {
        Vec::new()
    }
}

async fn built(program: Program) -> Result<PathBuf, Error> {
    Ok(programs::path(program).await?)
}
