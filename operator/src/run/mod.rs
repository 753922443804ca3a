//! Wiring: client, admin server, lease, controller, shutdown.

mod controller;
mod crd;
mod program;
#[cfg(test)]
mod tests;

use std::{future::Future, time::Duration};

use annex_leader_election::{Election, LeaseSettings, LossReason, TimingsError};
use controller::Controller;
use http::header::{HeaderValue, USER_AGENT};
use kube::{Client, Config, client::ClientBuilder};
pub use program::execute;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::{JoinError, JoinSet},
};

use crate::{
    admin::{self, Admin, Health, Heartbeat, ListenFailed, Watches},
    args::{NamespaceUnknown, RunArgs, TooManyNamespaces},
    clock::{self, Clock},
    metrics::Metrics,
    namespaces::Namespaces,
    rate_limit, webhook,
};

/// What the controller gets.
pub struct ControllerDeps {
    /// The cluster, at the rate of the flags. It does not retry by itself: the controller's own backoff must see each failure.
    pub client: Client,
    /// The same for watches alone, which are silent for long.
    pub watch_client: Client,
    /// How to reach it, for clients of single control planes.
    pub config: Config,
    /// Its time.
    pub clock: Clock,
    /// The operator's own namespace.
    pub namespace: String,
    /// From the flags.
    pub settings: ControllerSettings,
    /// To count in.
    pub metrics: Metrics,
    /// To show progress to `/livez`.
    pub heartbeat: Heartbeat,
    /// To tell `/readyz` whether watches follow.
    pub watches: Watches,
    /// Becomes true when the controller must finish. It may take 20 s to return; its future is dropped then, and at
    /// once when the lease is lost.
    pub shutdown: watch::Receiver<bool>,
}

/// Settings of the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerSettings {
    /// This process in Events: the pod's name.
    pub instance: String,
    /// ServiceAccount, in the operator's namespace, of the tokens that probes send.
    pub probe_service_account: String,
    /// The image of `annex-apiserver`, for workloads that name none.
    pub server_image: String,
    /// Where servers may run.
    pub namespaces: Namespaces,
    /// Reconciles at the same time.
    pub workers: u16,
    /// The longest time between two reconciles of an object.
    pub resync: Duration,
}

/// Why the operator ended other than by a clean stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// See [`NamespaceUnknown`].
    #[error(transparent)]
    Namespace(#[from] NamespaceUnknown),
    /// See [`TooManyNamespaces`].
    #[error(transparent)]
    Namespaces(#[from] TooManyNamespaces),
    /// Flags of leader election do not fit each other.
    #[error("leader election cannot work with these flags")]
    Timings(#[from] TimingsError),
    /// Signal handlers could not be installed.
    #[error("failed to listen for signals")]
    Signals(#[source] std::io::Error),
    /// There is neither a ServiceAccount nor a kubeconfig.
    #[error("failed to find the cluster's configuration")]
    InferConfig(#[source] kube::config::InferConfigError),
    /// The configuration makes no client.
    #[error("failed to create the Kubernetes client")]
    CreateClient(#[source] kube::Error),
    /// See [`ListenFailed`].
    #[error(transparent)]
    Listen(#[from] ListenFailed),
    /// The lease is another process's now, or cannot be renewed.
    #[error("no longer the leader")]
    LeaseLost(#[source] LossReason),
    /// The controller panicked.
    #[error("the controller failed")]
    ControllerFailed(#[source] JoinError),
    /// The controller returned without having been told to.
    #[error("the controller ended unexpectedly")]
    ControllerEnded,
}

/// Runs the operator until SIGTERM or SIGINT. `controller` is started once this process leads.
///
/// Needs [`install_crypto_provider`] to have been called.
///
/// # Errors
/// It could not start, lost its lease, or the controller ended by itself. The process must end then.
pub async fn run<F, Fut>(args: RunArgs, controller: F) -> Result<(), RunError>
where
    F: FnOnce(ControllerDeps) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let signals = Signals::install()?;
    let namespace = args.resolve_namespace()?;
    let lease = args
        .leader_elect
        .then(|| args.lease_settings(&namespace))
        .transpose()?;
    let config = Config::infer().await.map_err(RunError::InferConfig)?;
    let clock = Clock::default();
    let client = |read_timeout| {
        let config = client_config(config.clone(), read_timeout);
        ClientBuilder::try_from(config).map_err(RunError::CreateClient)
    };
    let observing = |builder: ClientBuilder<_>| builder.with_layer(&clock::observing(clock.clone()));

    let admin = Admin {
        health: Health::new(),
        metrics: Metrics::new(),
    };
    let (health, metrics) = (args.health_address, args.metrics_address);
    let (health_listener, metrics_listener) = (admin::listen(health).await?, admin::listen(metrics).await?);
    let webhook_listener = admin::listen(args.webhook_address).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), %namespace, %health, %metrics, "starting");
    let mut servers = JoinSet::new();
    servers.spawn(admin.clone().serve_health(health_listener));
    servers.spawn(admin.clone().serve_metrics(metrics_listener));

    // On every replica: the kube-apiserver asks any of them.
    let certificate = webhook::Certificate::default();
    servers.spawn(webhook::serve(webhook_listener, certificate.clone()));
    let mut webhook = JoinSet::new();
    webhook.spawn(webhook::follow(
        observing(client(READ_TIMEOUT)?).build(),
        namespace.clone(),
        clock.clone(),
        certificate,
    ));

    let operator = Operator {
        deps: Dependencies {
            client: observing(client(READ_TIMEOUT)?)
                .with_layer(&rate_limit::limiting(args.rate()))
                .build(),
            watch_client: observing(client(WATCH_READ_TIMEOUT)?).build(),
            config: client_config(config.clone(), READ_TIMEOUT),
            clock: clock.clone(),
            namespace,
            settings: args.controller_settings()?,
            admin,
        },
        // A connection of its own: renewals must not queue behind the controller's requests.
        lease: lease
            .map(|settings| Ok::<_, RunError>((observing(client(READ_TIMEOUT)?).build(), settings)))
            .transpose()?,
    };
    operator.run(controller, signals.any()).await
}

/// How long a connection to the API server may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may be silent before and within an answer: a reconcile, or a renewal, waits for it.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// The same of a watch. Longer than one lasts (60 s), so that only one whose other end is gone is given up.
const WATCH_READ_TIMEOUT: Duration = Duration::from_secs(90);

/// Makes aws-lc-rs the process' provider of cryptography for TLS. Again and again does nothing.
pub fn install_crypto_provider() {
    // Fails only where a provider is installed already, and this program knows no other.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// The client's configuration from the one inferred.
fn client_config(mut config: Config, read_timeout: Duration) -> Config {
    let agent = concat!("annex-operator/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    // The default hides 429, 503 and 504 behind up to 15 attempts and minutes of silence, in which a status says
    // nothing and a lease runs out. Whoever asks here asks again by itself.
    config.default_retry = false;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(read_timeout);
    config.reset_reader_on_write = true;
    config
}

/// The signals that ask the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> Result<Self, RunError> {
        let install = |kind| signal(kind).map_err(RunError::Signals);
        Ok(Self {
            terminate: install(SignalKind::terminate())?,
            interrupt: install(SignalKind::interrupt())?,
        })
    }

    /// Waits for one of them; gives its name.
    async fn any(mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

struct Dependencies {
    client: Client,
    watch_client: Client,
    config: Config,
    clock: Clock,
    namespace: String,
    settings: ControllerSettings,
    admin: Admin,
}

/// The operator once its parts are there.
struct Operator {
    deps: Dependencies,
    /// Client and settings of leader election; `None` without it.
    lease: Option<(Client, LeaseSettings)>,
}

impl Operator {
    async fn run<F, Fut>(
        self,
        controller: F,
        stop: impl Future<Output = &'static str>,
    ) -> Result<(), RunError>
    where
        F: FnOnce(ControllerDeps) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let Self { deps, lease } = self;
        let Admin { health, metrics } = deps.admin.clone();
        tokio::pin!(stop);
        let asked = |signal: &str| {
            tracing::info!(signal, "shutting down");
            health.set_shutting_down();
        };

        tokio::select! {
            () = crd::wait(&deps.client, &health) => {}
            signal = &mut stop => { asked(signal); return Ok(()) }
        }
        let mut election = lease.map(|(client, settings)| Election::start(client, settings));
        tokio::select! {
            led = leading(election.as_mut()) => led.map_err(RunError::LeaseLost)?,
            signal = &mut stop => { asked(signal); release(election).await; return Ok(()) }
        }

        metrics.set_leader(true);
        let mut running = Controller::start(controller, deps);
        let ended = tokio::select! {
            // The order is that of urgency: a lost lease must be seen though a signal comes at the same time.
            biased;
            reason = lost(election.as_mut()) => Err(RunError::LeaseLost(reason)),
            ended = running.ended() => Err(ended),
            signal = &mut stop => { asked(signal); Ok(()) }
        };
        let ended = match ended {
            // Still under the lease: it can be lost while the controller finishes.
            Ok(()) => tokio::select! {
                biased;
                reason = lost(election.as_mut()) => Err(RunError::LeaseLost(reason)),
                ended = running.stop() => ended,
            },
            Err(error) => Err(error),
        };
        health.set_shutting_down();
        // Before the lease goes: nothing of the controller may run once somebody else leads.
        let gone = running.abort().await;
        metrics.set_leader(false);
        if gone {
            release(election).await;
        }
        ended
    }
}

async fn leading(election: Option<&mut Election>) -> Result<(), LossReason> {
    match election {
        Some(election) => election.leading().await,
        None => Ok(()),
    }
}

async fn lost(election: Option<&mut Election>) -> LossReason {
    match election {
        Some(election) => election.lost().await,
        None => std::future::pending().await,
    }
}

async fn release(election: Option<Election>) {
    if let Some(election) = election {
        election.release().await;
    }
}
