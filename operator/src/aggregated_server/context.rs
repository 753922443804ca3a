//! What every reconcile shares.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use annex_crds::{MANAGER, v1alpha1::Reason};
use jiff::Timestamp;
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, Client, api::PostParams, runtime::events::Reporter};
use tokio::time::Instant;

use super::{
    bypass::{self, BypassProber},
    certificates::{Issued, Remembered, Seen, control_plane},
    control_planes::{self, Clients},
    events::Publisher,
    fleet::{Fleet, Wait},
    informers::Informers,
    network_policies::NetworkPolicies,
    newcomers::Newcomers,
    pass_result::EventRecord,
    prober::Prober,
    reach::{self, Reach, doubt::Doubt},
    refusals::Refusals,
    registration::FailedTrials,
    requeue::Failures,
    servers::Servers,
};
use crate::{
    admin::Heartbeat,
    applier::Applier,
    clock::{self, Clock},
    definitions::Definitions,
    error_chain::error_chain,
    metrics::Metrics,
    namespaces::Namespaces,
    probe::{Limits, verified::Token},
};

/// How long a probe's token lives: the shortest that the API grants (TokenRequest, expirationSeconds).
const TOKEN_SECONDS: i64 = 600;
/// A token is asked for again when less than this is left.
const TOKEN_SLACK: Duration = Duration::from_secs(120);

/// How long the control planes' agreement on the time is taken for granted.
const CLOCKS_FRESH: Duration = Duration::from_secs(60);

/// What every reconcile shares. Nothing in it is needed to go on after a restart: what it remembers only spares work,
/// or paces it.
pub struct Context {
    /// The cluster.
    pub client: Client,
    /// Clients of its control planes, each for that one's own view.
    pub control_planes: Clients,
    /// Its time: what is issued, judged and told is by this clock.
    pub clock: Clock,
    /// What watches have brought.
    pub informers: Informers,
    /// Writes children.
    pub applier: Applier,
    /// The operator's own namespace.
    pub namespace: String,
    /// Where servers may run.
    pub namespaces: Namespaces,
    /// ServiceAccount of the tokens that probes send.
    pub probe_service_account: String,
    /// The image of `annex-apiserver`, for workloads that name none.
    pub server_image: String,
    /// The longest time between two reconciles.
    pub resync: Duration,
    /// Asks endpoints.
    pub prober: Prober,
    /// Asks whether they can be used past the aggregator.
    pub bypass: BypassProber,
    /// The NetworkPolicies around endpoints that do not answer.
    pub network_policies: NetworkPolicies,
    /// Asks the kube-apiservers for what they reach.
    pub reach: Reach,
    /// To count in.
    pub metrics: Metrics,
    /// To show that reconciles come to their end.
    pub heartbeat: Heartbeat,
    /// Every AggregatedServer, as last seen by the watch.
    pub servers: Servers,
    /// The rotations of all servers.
    pub fleet: Fleet,
    /// The workers of those that are not registered yet.
    pub newcomers: Newcomers,
    /// Children that are not taken.
    pub refusals: Refusals,
    /// What AggregatedResourceDefinitions ask for.
    pub definitions: Definitions,
    publisher: Publisher,
    token: tokio::sync::Mutex<Option<(Token, Instant)>>,
    clocks: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
    skew_told: AtomicBool,
    memory: Mutex<HashMap<String, Memory>>,
}

/// What is remembered of one server between reconciles.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Failed trials by `group/version`, for pods of this fingerprint.
    pub trials: HashMap<String, FailedTrials>,
    /// What the failed trials were about: other pods or another spec deserve a new trial at once.
    pub trials_of: String,
    /// The refusal of a volume's resize.
    pub refused_resize: Option<RefusedResize>,
    /// Since when a StatefulSet has had no pod.
    pub podless_since: Option<Timestamp>,
    /// Authorities that were made because the one before was of no use.
    pub authorities_issued: Issued,
    /// Serving certificates that were issued because the one before was of no use.
    pub leaves_issued: Issued,
    /// The leaf, by its fingerprint, that a server had the time to read and does not serve: its pods are rolled for it.
    pub not_reloaded: Option<String>,
    /// Whether any endpoint served what the published bundle vouches for when they were asked last; `None` where none has answered
    /// yet.
    pub trusted: Option<bool>,
    /// By which its endpoints were asked last: the versions of what they answer by, as one number.
    pub around: Option<u64>,
    /// Whether the next pass is to ask its endpoints at once: a rotation waits for them, or they are not as they should be.
    pub asks_at_once: bool,
    /// Whether every kube-apiserver reaches it.
    pub doubt: Doubt,
    /// The bundle that every control plane has seen.
    pub widened: Option<Seen>,
    /// What its serving Secret held when it was read last.
    pub serving: Option<Arc<Remembered>>,
    /// What was told in an Event of an object that does not decode.
    pub invalid: Option<String>,
    /// Errors since the last success.
    pub failures: Failures,
    /// The version that the AggregatedServer had at least after the last write of its status: an earlier copy is not believed.
    pub least_version: Option<u64>,
}

impl Memory {
    /// What was known `before` the run of a pass that begins again, and what was issued since.
    pub fn begin_again(&mut self, before: Self) {
        let earlier = std::mem::replace(self, before);
        self.authorities_issued = earlier.authorities_issued;
        self.leaves_issued = earlier.leaves_issued;
    }
}

/// A resize that the API server refused: asked again once in a while only, since each time is a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedResize {
    /// Which claim, and the size that it should ask for.
    pub of: String,
    /// The API server's words.
    pub why: String,
    /// Before this it is not asked again.
    pub retry_at: Timestamp,
}

/// A token for probes could not be had.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The API server refused.
    #[error("failed to request a token of ServiceAccount {account}")]
    Request {
        /// Which one.
        account: String,
        /// The cause.
        #[source]
        source: kube::Error,
    },
    /// The API server's answer is no token.
    #[error("the API server answered with an unusable token")]
    Unusable,
}

impl Context {
    /// A context for one leadership.
    #[must_use]
    pub fn new(
        deps: &crate::run::ControllerDeps,
        servers: Servers,
        informers: Informers,
        prober: Prober,
    ) -> Self {
        let reporter = Reporter {
            controller: MANAGER.into(),
            instance: Some(deps.settings.instance.clone()),
        };
        Self {
            publisher: Publisher::new(deps.client.clone(), reporter),
            applier: Applier::new(deps.client.clone(), Arc::new(informers.clone())),
            informers,
            client: deps.client.clone(),
            control_planes: control_planes::over_network(deps.config.clone()),
            clock: deps.clock.clone(),
            namespace: deps.namespace.clone(),
            namespaces: deps.settings.namespaces.clone(),
            probe_service_account: deps.settings.probe_service_account.clone(),
            server_image: deps.settings.server_image.clone(),
            resync: deps.settings.resync,
            prober,
            bypass: BypassProber::new(bypass::over_network(Limits::default(), deps.clock.clone())),
            network_policies: NetworkPolicies::default(),
            reach: Reach::new(reach::ask::over_network(deps.client.clone(), deps.config.clone())),
            metrics: deps.metrics.clone(),
            heartbeat: deps.heartbeat.clone(),
            servers,
            token: tokio::sync::Mutex::default(),
            clocks: tokio::sync::Mutex::default(),
            fleet: Fleet::default(),
            newcomers: Newcomers::among(deps.settings.workers),
            refusals: Refusals::default(),
            definitions: Definitions::default(),
            skew_told: AtomicBool::default(),
            memory: Mutex::default(),
        }
    }

    /// Publishes Events.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// What is remembered of the server with `uid`.
    pub fn memory(&self, uid: &str) -> Memory {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.get(uid).cloned().unwrap_or_default()
    }

    /// Remembers.
    pub fn remember(&self, uid: &str, value: Memory) {
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(uid.to_owned(), value);
    }

    /// Changes what is remembered.
    pub fn change_memory(&self, uid: &str, change: impl FnOnce(&mut Memory)) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        change(memory.entry(uid.to_owned()).or_default());
    }

    /// Forgets a server that is gone.
    pub fn forget(&self, uid: &str) {
        self.fleet.forget(uid);
        self.prober.forget(uid);
        self.refusals.forget(uid);
        self.definitions.forget(uid);
        self.applier.forget(uid);
        self.bypass.forget(uid);
        self.reach.forget(uid);
        self.memory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(uid);
    }

    /// Lets a server begin a rotation of its authority that nobody asked for.
    ///
    /// # Errors
    /// It has to wait for others.
    pub fn begin_rotation(&self, uid: &str) -> Result<(), Wait> {
        self.fleet.retain(&self.servers.uids());
        self.fleet.begin(uid, self.servers.count())
    }

    /// Measures how far this machine's clock is from the API server's. Where a person should know of that, gives an Event, once.
    pub fn observe_skew(&self) -> Option<EventRecord> {
        let skew = self.clock.skew()?;
        self.metrics.set_clock_skew(skew);
        let told = self.skew_told.load(Ordering::Relaxed);
        let notable = clock::is_notable(skew, told);
        self.skew_told.store(notable, Ordering::Relaxed);
        (notable && !told).then(|| {
            let side = if skew.is_negative() { "behind" } else { "ahead of" };
            let note = format!(
                "the clock of the operator's node is {} {side} the API server's; certificates are issued and judged by the API server's",
                clock::about(skew)
            );
            EventRecord::warning(Reason::ClockSkewed.as_str(), "Reconcile", note)
        })
    }

    /// Why no certificate may be issued: the control planes do not agree on the time. `None` where they do, and where nobody knows,
    /// which is asked again the next time: certificates must not end because control planes cannot be listed.
    pub async fn clocks_differ(&self) -> Option<String> {
        let mut cached = self.clocks.lock().await;
        if let Some((asked, answer)) = cached.as_ref()
            && asked.elapsed() < CLOCKS_FRESH
        {
            return answer.clone();
        }
        match control_plane::clocks_differ(&self.client, &self.control_planes, &self.clock).await {
            Ok(answer) => {
                *cached = Some((Instant::now(), answer.clone()));
                answer
            }
            Err(error) => {
                let error = error_chain(&error);
                tracing::warn!(error, "whether the control planes' clocks agree is not known");
                None
            }
        }
    }

    /// Who the rightless probe identity is.
    #[must_use]
    pub fn probe_user(&self) -> String {
        format!(
            "system:serviceaccount:{}:{}",
            self.namespace, self.probe_service_account
        )
    }

    /// A token of the rightless probe identity. The operator's own never leaves for a workload.
    ///
    /// # Errors
    /// The API server does not give one.
    pub async fn probe_token(&self) -> Result<Token, TokenError> {
        let mut cached = self.token.lock().await;
        if let Some((token, until)) = cached.as_ref()
            && Instant::now() < *until
        {
            return Ok(token.clone());
        }
        let account = &self.probe_service_account;
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
        let request = TokenRequest {
            spec: Some(TokenRequestSpec {
                expiration_seconds: Some(TOKEN_SECONDS),
                ..TokenRequestSpec::default()
            }),
            ..TokenRequest::default()
        };
        let asked = Instant::now();
        let answer = accounts
            .create_token_request(account, &PostParams::default(), &request)
            .await;
        let answer = answer.map_err(|source| TokenError::Request {
            account: account.clone(),
            source,
        })?;
        let status = answer.status.ok_or(TokenError::Unusable)?;
        let left = status.expiration_timestamp.map_or(Duration::ZERO, |until| {
            Duration::try_from(until.0.duration_since(self.clock.now())).unwrap_or_default()
        });
        let token = Token::new(status.token.unwrap_or_default()).map_err(|_| TokenError::Unusable)?;
        *cached = Some((token.clone(), asked + left.saturating_sub(TOKEN_SLACK)));
        Ok(token)
    }

    #[cfg(test)]
    pub(crate) async fn assume_clocks(&self, differ: &str) {
        *self.clocks.lock().await = Some((Instant::now(), Some(differ.to_owned())));
    }
}
