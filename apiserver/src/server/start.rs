//! From a description and a configuration to a server that runs: the table of contents of a start.

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;

use super::background::Background;
use super::chain::FlowControl;
use super::connection::Connections;
use super::definitions::{DefinitionSource, FilesError, InCluster, InFiles, InvalidDefinition, REPORT_PATH};
use super::delegation::{Delegation, delegation};
use super::documents::Documents;
use super::handler::Handler;
use super::installer::{self, Installer, NotInstalled};
use super::lifecycle::Lifecycle;
use super::listener::{Serving, accept};
use super::metrics::Metrics;
use super::running::Running;
use super::served::{CacheNumbers, Served};
use super::server_state::ServerState;
use super::storage::{Stores, open};
use super::tasks::{Elected, Task, Tasks, election};
use super::tls::{Tls, TlsError};
use super::{Server, checks, connection, health, loopback, open_files, routes, standalone};
use crate::admission::{self, Admission, AdmissionMetrics, InitializationError, Kept};
use crate::background::BackgroundTask;
use crate::config::{self, Cluster, Config};
use crate::endpoint::Endpoints;
use crate::memory::{self, Budgets};
use crate::registry::RegistryError;
use crate::request::GroupResource;
use crate::resource::typed::DescriptionError;
use crate::{authn, authz, kubernetes, openapi};

/// What the library does not do yet, and what a user could believe that it does. Said first, and at every start.
pub const NOT_YET: &str = "not built yet: neither admission webhooks nor admission policies nor resource quotas apply to the objects of this \
     server";

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Nothing is to be served, or two resources have one name.
    #[error("{0}")]
    Resources(String),
    /// A resource's description contradicts itself.
    #[error("a resource is not described rightly")]
    Description(#[from] DescriptionError),
    /// The cluster cannot be reached as configured.
    #[error("the cluster's apiserver cannot be used")]
    Cluster(#[from] kubernetes::ClientError),
    /// Authentication cannot be set up.
    #[error("authentication cannot be set up")]
    Authentication(#[from] authn::StartError),
    /// Authorization cannot be set up.
    #[error("authorization cannot be set up")]
    Authorization(#[from] authz::StartError),
    /// TLS cannot be served.
    #[error("TLS cannot be served")]
    Tls(#[from] TlsError),
    /// The storage does not open.
    #[error("the storage in a directory does not open")]
    Embedded(#[from] crate::storage::embedded::OpenError),
    /// The storage does not open.
    #[cfg(feature = "etcd")]
    #[error("etcd cannot be used")]
    Etcd(#[from] crate::storage::etcd::ConnectError),
    /// A resource's name cannot stand in a key.
    #[error("a resource cannot be stored")]
    Key(#[from] crate::storage::KeyError),
    /// A resource has a fault.
    #[error("a resource cannot be served")]
    Resource(#[from] RegistryError),
    /// Objects are stored in a version that is not served any more: nobody could read them.
    #[error(
        "objects of {resource} are stored as {version}, which is not served (such as {example}): serve {version} too, \
         until each of them was written again, with a storage version that stays"
    )]
    StoredVersion {
        /// Of which resource.
        resource: GroupResource,
        /// In which version.
        version: String,
        /// The key of one of them.
        example: String,
    },
    /// Files with definitions cannot be read.
    #[error("definitions cannot be read")]
    Definitions(#[from] FilesError),
    /// Definitions cannot be served.
    #[error("{}", listed(.0))]
    InvalidDefinitions(Vec<InvalidDefinition>),
    /// Definitions of a cluster are to be served, and there is none.
    #[error(
        "definitions of the AggregatedServer {0:?} are in a cluster, and a server that is standalone belongs to none"
    )]
    NoCluster(String),
    /// Two admission plugins have one name.
    #[error("admission plugin {0:?} is there twice")]
    PluginTwice(String),
    /// An admission plugin does not fit the server.
    #[error("admission plugin {plugin:?} cannot be used")]
    Plugin {
        /// Which.
        plugin: String,
        /// Why not.
        source: InitializationError,
    },
    /// What an admission plugin wants to read is not there.
    #[error(
        "an admission plugin reads {resource} as {version}, which are not stored here, or not served in this version"
    )]
    NotListed {
        /// What it wants to read.
        resource: GroupResource,
        /// In which version.
        version: String,
    },
    /// A health check cannot have its name.
    #[error("health check {name:?} cannot be used: {why}")]
    HealthCheck {
        /// Which.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A metric cannot have its name.
    #[error("metric {name:?} cannot be used: {why}")]
    Metric {
        /// Which.
        name: String,
        /// Why not.
        why: &'static str,
    },
    /// A collector of metrics does not tell them.
    #[error("a collector of metrics fails")]
    Collector(#[source] std::fmt::Error),
    /// The port cannot be had.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
    /// The kubeconfig cannot be written.
    #[error("cannot write a kubeconfig into {}", directory.display())]
    Kubeconfig {
        /// Where.
        directory: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Server {
    /// Starts to serve. The server is ready a little later ([`Running::ready`]): until then it answers, and says so.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(mut self, mut config: Config) -> Result<Running, StartError> {
        self.check(&config.disabled_admission_plugins)?;
        let memory = *config.limits.memory.get_or_insert_with(memory::of_process);
        tracing::info!(
            mebibytes = memory >> 20,
            "budgets follow the memory that the process may have"
        );
        for warning in std::iter::once(NOT_YET).chain(config.warnings.iter().map(String::as_str)) {
            tracing::warn!("{warning}");
        }
        // Of several providers in one program the first stays; every one of ours names its own anyway.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let elects = self.tasks.iter().any(Task::is_of_leader) && Elected::is_needed(&config);
        let (files, in_cluster) = match self.definitions.take() {
            Some(DefinitionSource::Files(files)) => (Some(files), None),
            Some(DefinitionSource::Cluster(cluster)) => (None, Some(cluster)),
            None => (None, None),
        };
        if let (Some(reader), Cluster::Delegated(cluster)) = (
            in_cluster
                .as_ref()
                .and_then(|in_cluster| in_cluster.reader.clone()),
            &mut config.cluster,
        ) {
            let readers = &mut cluster.authorization.always_allow_readers;
            readers.push((reader, REPORT_PATH.to_owned()));
        }
        let delegation = delegation(&config, elects || in_cluster.is_some()).await?;
        let in_cluster = match in_cluster {
            Some(definitions) => {
                let client = definitions.client.or_else(|| delegation.cluster.clone());
                let client = client.ok_or(StartError::NoCluster(definitions.server.clone()))?;
                Some(Arc::new(InCluster::new(definitions.server, client)))
            }
            None => None,
        };
        let tls = Arc::new(Tls::start(config.tls.clone(), delegation.authenticator.authority_hints()).await?);
        let stores = open(&config.storage, budgets(&config).history).await?;
        // Before the core: it tells clients the port.
        let listener = listen(&config)?;
        let life = Lifecycle::new();
        let kubeconfig = self.write_kubeconfig(&config, &delegation, &tls, &listener)?;
        let accepting = BackgroundTask::new("listener");
        let defining = BackgroundTask::new("definitions");
        let background = Background::of(
            stores
                .background()
                .into_iter()
                .chain(delegation.background())
                .chain([tls.background().clone(), accepting.clone()])
                .chain(files.iter().map(|_| defining.clone()))
                .chain(in_cluster.iter().flat_map(|definitions| definitions.background())),
            self.tasks.iter().map(Task::background),
        );
        let elected = Elected::of(&config, &self.name, delegation.cluster.clone());
        if let Some(elected) = &elected {
            self.checks.push(election::check(elected.monitor().clone()));
        }
        if let Some(definitions) = &in_cluster {
            self.checks.push(definitions.check());
        }
        let served = Arc::new(ArcSwap::from_pointee(nothing(&config, &self.info)));
        let background = background
            .electing(elected.as_ref().map(Elected::monitor))
            .serving(Arc::downgrade(&served));
        let admitting = AdmissionMetrics::new();
        let admission = self.admission(&config, &delegation, &admitting);
        let core = self.core(
            &config,
            delegation,
            &stores,
            &background,
            &admitting,
            life,
            served.clone(),
            in_cluster.clone(),
        )?;
        let installer = Installer::new(self.parts(served, admission, &core, &listener), stores);
        let in_files = match files {
            Some(files) => Some(InFiles::load(files).await?),
            None => None,
        };
        let declared = in_files.as_ref().map(InFiles::resources);
        // Until a cluster's definitions are listed, any resource may yet come.
        let is_complete = in_cluster.is_none();
        installer
            .install(&declared.unwrap_or_default(), is_complete)
            .await
            .map_err(first)?;
        let installer = Arc::new(installer);
        let core = Arc::new(core);
        // A plugin is part of the core, and must not keep it.
        let weak = Arc::downgrade(&core);
        let kept = Kept::new(budgets(&config).listed);
        self.registries.started(kept, move |resource| {
            weak.upgrade()?.served.load().endpoints.registry(resource)
        });
        let handler = Arc::new(Handler::new(core, std::mem::take(&mut self.layers)));
        let parts = serve(listener, handler, tls, &config, accepting);
        let loopback = loopback::Served::new(&parts.handler);
        self.loopback.serves(loopback.clone());
        let tasks = Tasks::start(self.tasks, installer.caches().await, loopback.client(), elected);
        let follower = match (in_files, in_cluster) {
            (Some(definitions), _) => Some(tokio::spawn(definitions.follow(installer.clone(), defining))),
            (None, Some(definitions)) => Some(definitions.follow(installer.clone())),
            (None, None) => None,
        };
        Ok(Running::new(parts, installer, tasks, follower, kubeconfig))
    }

    fn check(&mut self, disabled: &[String]) -> Result<(), StartError> {
        if let Some(fault) = self.faults.pop() {
            return Err(fault.into());
        }
        if self.resources.is_empty() && self.definitions.is_none() {
            return Err(StartError::Resources("there is no resource to serve".into()));
        }
        installer::check_names(&self.resources)?;
        self.check_admission(disabled)?;
        health::check_names(&self.checks)?;
        self.metrics.check()
    }

    /// Plugins have names of their own, also beside Kubernetes', and what is switched off is not asked whether it fits.
    fn check_admission(&self, disabled: &[String]) -> Result<(), StartError> {
        let mut names = HashSet::new();
        for (name, plugin) in &self.admission {
            if !names.insert(name) || config::PLUGINS.contains(&name.as_str()) {
                return Err(StartError::PluginTwice(name.clone()));
            }
            if disabled.contains(name) {
                continue;
            }
            plugin
                .validate_initialization(&self.resources)
                .map_err(|source| StartError::Plugin {
                    plugin: name.clone(),
                    source,
                })?;
        }
        let is_listed = |(resource, version): &&(GroupResource, String)| {
            self.resources.iter().any(|served| {
                served.group_resource() == *resource
                    && served.rest.is_stored()
                    && served.version(version).is_some()
            })
        };
        match self.listed.iter().find(|listed| !is_listed(listed)) {
            Some((resource, version)) => Err(StartError::NotListed {
                resource: resource.clone(),
                version: version.clone(),
            }),
            None => Ok(()),
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "each is a part of the server, made beforehand"
    )]
    fn core(
        &mut self,
        config: &Config,
        delegation: Delegation,
        stores: &Stores,
        background: &Background,
        admitting: &AdmissionMetrics,
        life: Lifecycle,
        served: Arc<ArcSwap<Served>>,
        definitions: Option<Arc<InCluster>>,
    ) -> Result<ServerState, StartError> {
        let budgets = budgets(config);
        let health = checks::of(
            Arc::downgrade(&served),
            stores,
            config,
            delegation.lifecycle.clone(),
            background,
            life.clone(),
            std::mem::take(&mut self.checks),
        );
        if let Some(name) = health.twice() {
            return Err(StartError::HealthCheck {
                name: name.to_owned(),
                why: "it is there twice",
            });
        }
        let own = std::mem::take(&mut self.metrics);
        let metrics = Arc::new(Metrics::new(own, |registry| {
            registry.register_collector(Box::new(CacheNumbers(Arc::downgrade(&served))));
            stores.register(registry);
            background.register(registry);
            admitting.register(registry);
        }));
        Ok(ServerState {
            served,
            definitions,
            authenticator: delegation.authenticator,
            authorizer: delegation.authorizer,
            health,
            flow_control: FlowControl::new(
                config.limits.reading.saturating_add(config.limits.writing),
                config.limits.watches,
                budgets.bodies,
                |level, seats| metrics.flow(level, seats),
                [metrics.inflight(false).clone(), metrics.inflight(true).clone()],
            ),
            metrics,
            life,
            request_timeout: config.limits.request_timeout,
            strict_transport_security: config.strict_transport_security.clone(),
        })
    }

    /// All plugins as one, each of them measured, and all together.
    fn admission(
        &self,
        config: &Config,
        delegation: &Delegation,
        metrics: &AdmissionMetrics,
    ) -> Arc<dyn Admission> {
        // The cluster's own rule first: what is in a namespace that goes away concerns no other plugin.
        let own = delegation
            .lifecycle
            .iter()
            .cloned()
            .map(|plugin| metrics.of_controller(config::PLUGINS[0], plugin));
        let enabled = self.admission.iter().filter(|(name, _)| {
            let mut disabled = config.disabled_admission_plugins.iter();
            !disabled.any(|disabled| disabled == name)
        });
        let enabled = enabled.map(|(name, plugin)| metrics.of_controller(name, plugin.clone()));
        metrics.of_steps(Arc::new(admission::Chain::new(own.chain(enabled).collect())))
    }

    /// What resources are installed with.
    fn parts(
        &self,
        served: Arc<ArcSwap<Served>>,
        admission: Arc<dyn Admission>,
        core: &ServerState,
        listener: &TcpListener,
    ) -> installer::Parts {
        let of_definitions = core.definitions.as_ref().map(|_| REPORT_PATH.to_owned());
        let paths = routes::PATHS
            .iter()
            .map(ToString::to_string)
            .chain(of_definitions);
        let port = listener.local_addr().map_or(0, |address| address.port());
        installer::Parts {
            served,
            admission,
            info: self.info.clone(),
            paths: paths.chain(core.health.paths()).collect(),
            address: format!(":{port}"),
            own: self.resources.clone(),
        }
    }

    fn write_kubeconfig(
        &self,
        config: &Config,
        delegation: &Delegation,
        tls: &Tls,
        listener: &TcpListener,
    ) -> Result<Option<PathBuf>, StartError> {
        let (Cluster::None { kubeconfig_directory }, Some(token)) = (&config.cluster, &delegation.token)
        else {
            return Ok(None);
        };
        let authority = tls.authority_pem().unwrap_or_default();
        listener
            .local_addr()
            .and_then(|address| {
                standalone::write_kubeconfig(kubeconfig_directory, &self.name, address, authority, token)
            })
            .map(Some)
            .map_err(|source| StartError::Kubeconfig {
                directory: kubeconfig_directory.clone(),
                source,
            })
    }
}

/// Why nothing was installed.
fn first(failed: Vec<NotInstalled>) -> StartError {
    let first = failed.into_iter().next();
    first.map_or_else(
        || StartError::Resources("nothing can be installed".to_owned()),
        |failed| failed.error,
    )
}

fn listed(invalid: &[InvalidDefinition]) -> String {
    let texts: Vec<String> = invalid.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// Before anything is installed.
fn nothing(config: &Config, info: &openapi::Info) -> Served {
    Served {
        endpoints: Endpoints::new(budgets(config).decoded)
            .managed_fields_opt_out(config.features.managed_fields_opt_out),
        documents: Arc::new(Documents::new(&[], info, &[], "")),
        caches: Vec::new(),
    }
}

fn budgets(config: &Config) -> Budgets {
    Budgets::of(config.limits.memory.unwrap_or_default())
}

fn listen(config: &Config) -> Result<TcpListener, StartError> {
    config.address.listen().map_err(|source| StartError::Listen {
        address: format!("{}:{}", config.address.ip, config.address.port),
        source,
    })
}

fn serve(
    listener: TcpListener,
    handler: Arc<Handler>,
    tls: Arc<Tls>,
    config: &Config,
    accepting: BackgroundTask,
) -> super::running::Parts {
    let address = listener.local_addr();
    let connections = Connections::new(open_files::connections(config.limits.connections));
    let core = handler.core();
    let serving = Serving {
        core: core.clone(),
        handler: handler.clone(),
        tls,
        protocol: connection::Protocol {
            max_streams: config.http2_streams.map_or(1, std::num::NonZeroU32::get),
        },
        connections: connections.clone(),
    };
    super::running::Parts {
        address,
        core,
        handler,
        connections,
        accepting: tokio::spawn(accept(listener, serving, accepting)),
        delay: config.shutdown_delay,
    }
}
