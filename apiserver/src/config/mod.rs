//! From a command line to a server's configuration.
//!
//! ```text
//! Args (as typed) -> Config (checked, nothing opened) -> Server::start (files, cluster and storage opened)
//! ```

mod args;
mod check;
mod error;
mod flags;
mod logs;
mod syntax;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderValue;

pub use annex_leader_election::Timings;
pub(crate) use args::NoFlags;
pub use args::{
    AdmissionArgs, Args, AuthenticationArgs, AuthorizationArgs, FlagError, LimitArgs, ParseError,
    ProcessArgs, ServingArgs, StorageArgs, command, parse_with,
};
pub(crate) use check::PLUGINS;
pub use error::{ConfigError, ConfigErrors};
pub use flags::{GO_FLAGS, GoFlag, Meaning, Value};
pub use logs::{LogError, LogFormat, Logs};

use crate::server::{Address, tls};
use crate::{authn, authz};

/// What a program decides before anybody types a flag.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Defaults {
    /// What the program is called, such as `wardle`: in logs, in names of files.
    pub name: String,
    /// What keys in etcd begin with, such as `/registry/wardle.example.com`.
    pub etcd_prefix: String,
    /// Whether anything is stored: without, no flag need say where.
    pub stores: bool,
    /// The program's own admission plugins, which flags may switch off.
    pub admission_plugins: Vec<String>,
}

/// How a server is to run. Checked: what is wrong with a flag by itself, or with several together, was said already.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where it listens.
    pub address: Address,
    /// Requests at once on one HTTP/2 connection, of a client that is no front proxy 250 at most; `None`: HTTP/1.1 only.
    pub http2_streams: Option<NonZeroU32>,
    /// The header `Strict-Transport-Security`.
    pub strict_transport_security: Option<HeaderValue>,
    /// Certificates.
    pub tls: tls::Options,
    /// Where objects are kept.
    pub storage: Storage,
    /// The cluster that says who somebody is and what they may.
    pub cluster: Cluster,
    /// Whether writes into namespaces that are not there are refused.
    pub namespace_lifecycle: bool,
    /// The admission plugins that are switched off.
    pub disabled_admission_plugins: Vec<String>,
    /// The features that are switched.
    pub features: Features,
    /// How one replica of several is found for what only one does.
    pub leader_election: LeaderElection,
    /// How much it does at once.
    pub limits: Limits,
    /// How long it goes on accepting and answering when it is told to end.
    pub shutdown_delay: Duration,
    /// What to warn of when it starts, beside what the library does not do yet.
    pub warnings: Vec<String>,
}

/// Features that gates switch (`--feature-gates`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Features {
    /// `ManagedFieldsOptOut`: clients may leave managedFields out of answers (KEP-5958).
    pub managed_fields_opt_out: bool,
}

/// The cluster that a server belongs to.
#[derive(Clone, Debug)]
pub enum Cluster {
    /// There is none: one user, in `system:masters`, whose kubeconfig is written into this directory.
    None {
        /// The directory.
        kubeconfig_directory: PathBuf,
    },
    /// There is one.
    Delegated(Box<Delegated>),
}

/// A cluster that says who somebody is and what they may. Kubeconfigs that are `None` mean the cluster that the process
/// runs in.
#[derive(Clone, Debug)]
pub struct Delegated {
    /// How requests are authenticated.
    pub authentication: authn::Options,
    /// The cluster that knows tokens.
    pub authentication_kubeconfig: Option<PathBuf>,
    /// How requests are authorized.
    pub authorization: authz::Options,
    /// The cluster that decides.
    pub authorization_kubeconfig: Option<PathBuf>,
    /// The cluster, for everything else.
    pub kubeconfig: Option<PathBuf>,
}

/// Where objects are kept, and how.
#[derive(Clone, Debug)]
pub struct Storage {
    /// Where.
    pub backend: Backend,
    /// Whether reads and watches are served from memory.
    pub watch_cache: bool,
    /// How long the store may take to say that it is healthy.
    pub health_timeout: Duration,
    /// How long it may take to say that it is ready.
    pub ready_timeout: Duration,
}

/// Where objects are kept.
#[derive(Clone, Debug)]
pub enum Backend {
    /// In this process, until it ends: for tests.
    Memory,
    /// In a directory of this machine.
    Embedded(crate::storage::embedded::Options),
    /// In etcd.
    #[cfg(feature = "etcd")]
    Etcd(crate::storage::etcd::Options),
}

/// How one replica of several is found: by a Lease of the cluster. The flags `--leader-elect*` of k8s.io/component-base.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LeaderElection {
    /// Whether there is one; else each process takes itself for the only one.
    pub enabled: bool,
    /// The namespace of the Lease; `None`: that of the pod, or of the kubeconfig.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// When to try and to give up.
    pub timings: Timings,
}

/// How much a server does at once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// What reading requests add to the seats for requests. As in Kubernetes with priority and fairness only the sum of
    /// this and [`Self::writing`] counts; 0 in all: as many requests as come.
    pub reading: usize,
    /// What writing requests add to the seats for requests.
    pub writing: usize,
    /// Watches that may be open, of which one user may have half; 0: any number.
    pub watches: usize,
    /// How long a request may take that is no watch.
    pub request_timeout: Duration,
    /// Open connections, beside those of front proxies.
    pub connections: usize,
    /// Bytes of memory that the process may have; what its cgroup or its machine has where this is `None`. Histories, bodies
    /// and decoded objects have budgets of it.
    pub memory: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reading: 400,
            writing: 200,
            watches: 10_000,
            request_timeout: Duration::from_secs(60),
            connections: 10_000,
            memory: None,
        }
    }
}

impl Config {
    /// A server on loopback, on any free port, without a cluster and with objects in memory: for tests. Its kubeconfig
    /// is written into `directory`.
    #[must_use]
    pub fn for_tests(directory: impl Into<PathBuf>) -> Self {
        Self {
            address: Address::loopback(0),
            http2_streams: NonZeroU32::new(1000),
            strict_transport_security: None,
            tls: check::standalone_tls(),
            storage: Storage {
                backend: Backend::Memory,
                watch_cache: true,
                health_timeout: Duration::from_secs(2),
                ready_timeout: Duration::from_secs(2),
            },
            cluster: Cluster::None {
                kubeconfig_directory: directory.into(),
            },
            namespace_lifecycle: false,
            disabled_admission_plugins: Vec::new(),
            features: Features::default(),
            leader_election: LeaderElection {
                enabled: true,
                namespace: None,
                name: "test".into(),
                timings: Timings::default(),
            },
            limits: Limits::default(),
            shutdown_delay: Duration::ZERO,
            warnings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
