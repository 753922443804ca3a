//! One pass over a server: dereference, validate, build, apply, and what was found out on the way.

mod accounts;
mod paused;
mod reach;
mod recall;
#[cfg(test)]
mod steady;
mod volume;
mod workload;

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use annex_crds::v1alpha1::{AggregatedServer, Child, ConditionType, Reason};
use futures::future::BoxFuture;
use jiff::Timestamp;
use kube::{Api, Resource as _, ResourceExt as _, core::ObjectMeta};
use tokio::time::Instant;

use super::{
    build::{self, network},
    bypass::Question,
    certificates::{
        CertificateState, Policy, Remembered, ServingRecord,
        advance::Rotation,
        apply::{self, CertificatesError, SecretsApplier},
    },
    children::{Children, Writes},
    claimant::ListedServer,
    context::{Context, Memory, TokenError},
    dereference::{NamespaceState, ReadError, Reader, ServingSecret, Source, Surroundings},
    diagnose,
    endpoints::{self, Endpoints, Report},
    events,
    finding::Finding,
    live::is_embedded,
    names::Names,
    pass_result::{ClaimResult, PassResult},
    prober::question::Questions,
    registration::{Refused, Registrar, RegistrationState, decide},
    validate::{self, ApiPlan, SERVICE_PORT},
};
use crate::{
    pki::{Certificate, bundle},
    probe::tls::HandshakeError,
};

/// A pass over one server.
pub struct Pass<'a> {
    ctx: &'a Context,
    server: &'a AggregatedServer,
    names: Names,
    policy: Policy,
    surroundings: Surroundings,
    plans: Vec<ApiPlan>,
    now: Timestamp,
}

/// Why a pass ended before it had found out how things are. What was known before stays in status.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// What there is could not be read; nothing was written.
    #[error("failed to read what there is")]
    Read(#[from] ReadError),
    /// Certificates could not be kept.
    #[error("failed to keep the certificates")]
    Certificates(#[source] CertificatesError),
    /// There is no authority, and none may be made now.
    #[error("{}", .0.message)]
    HeldBack(Finding),
    /// Somebody wrote a Secret at the same time: the next pass sees what.
    #[error("a Secret changed while it was worked on")]
    Raced,
    /// What comes next must follow from what is there now: the pass begins again with live reads.
    #[error("what watches have brought is not enough")]
    NotLive,
}

impl PassError {
    /// Whether it is the API server that does not answer, or has not told everything yet: nothing is known to be wrong.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Read(error) => !matches!(error, ReadError::Decode { .. }),
            Self::Certificates(CertificatesError::Owner(_)) => true,
            Self::Certificates(_) | Self::HeldBack(_) | Self::Raced | Self::NotLive => false,
        }
    }

    /// What it is called in status.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::HeldBack(finding) => finding.reason,
            Self::Read(_) | Self::Certificates(_) | Self::Raced | Self::NotLive => Reason::ApplyFailed,
        }
    }
}

/// Reads what there is, brings it closer to what is asked for, and says what it found.
///
/// # Errors
/// See [`PassError`].
pub async fn run(ctx: &Context, server: &AggregatedServer, now: Timestamp) -> Result<PassResult, PassError> {
    let names = Names::new(server, &ctx.namespace);
    if let Some(refusal) = validate::refuse_reach(&names, &ctx.namespaces) {
        return Ok(out_of_reach(ctx, server, &names, refusal));
    }
    let mut memory = ctx.memory(&names.uid);
    ctx.applier.recall(&names.uid, was_contested(server));
    let servers = ctx.servers.count();
    let first = memory.around.is_none();
    let serving = memory.serving.take();
    let serving = serving.filter(|serving| serving.is_fresh(Instant::now(), servers));
    let serving = match serving {
        Some(serving) => ServingSecret::Remembered(serving),
        None if first => ServingSecret::Recorded,
        None => ServingSecret::Unknown,
    };
    let source = if is_new(server) && !is_paused(server) {
        Source::New
    } else {
        Source::Stored
    };
    let mut pass = Pass {
        policy: Policy::new(server, &names),
        surroundings: read(ctx, server, &names, source, serving).await?,
        plans: validate::plan_apis(server),
        ctx,
        server,
        names,
        now,
    };
    if let Some(record) = pass.surroundings.record.take() {
        pass.recall(&record).await?;
    }
    if pass.surroundings.source != Source::Stored && !is_paused(server) {
        is_there(ctx, server).await?;
    }
    let before = memory.clone();
    let mut outcome = PassResult::default();
    let mut ended = pass.run(&mut memory, &mut outcome).await;
    let mut made = Vec::new();
    if pass.surroundings.source == Source::New {
        made = std::mem::take(&mut outcome.event_records);
        if ended.is_ok() {
            // What was made is known now, and is told of in the same status.
            let serving = memory.serving.clone();
            let serving = serving.map_or(ServingSecret::Unknown, ServingSecret::Remembered);
            pass.surroundings = read(ctx, server, &pass.names, Source::Stored, serving).await?;
            outcome = PassResult::default();
            ended = pass.run(&mut memory, &mut outcome).await;
        }
    }
    if matches!(ended, Err(PassError::NotLive)) {
        memory = before;
        is_there(ctx, server).await?;
        pass.surroundings = read(ctx, server, &pass.names, Source::Live, ServingSecret::Unknown).await?;
        outcome = PassResult::default();
        ended = pass.run(&mut memory, &mut outcome).await;
    }
    outcome.event_records.splice(0..0, made);
    ctx.remember(&pass.names.uid, memory);
    match ended {
        Ok(()) => Ok(outcome),
        Err(error) => {
            // What was written before is there.
            events::publish(ctx, server, outcome.event_records).await;
            Err(error)
        }
    }
}

/// Whether no pass over the server has come to its end so far: it has no status but what the definition sets.
fn is_new(server: &AggregatedServer) -> bool {
    let observed = server
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    observed.is_none()
}

/// Whether somebody wants nothing to be written.
fn is_paused(server: &AggregatedServer) -> bool {
    let annotation = server.annotations().get(annex_crds::PAUSED_ANNOTATION);
    annotation.is_some_and(|value| value == "true")
}

/// Of a server where this operator neither reads nor writes. What was made of it before stays as it is, and is told as before.
fn out_of_reach(ctx: &Context, server: &AggregatedServer, names: &Names, refusal: Finding) -> PassResult {
    ctx.prober.forget(&names.uid);
    let children = server.status.as_ref().map(|status| status.children.clone());
    PassResult {
        apis: unregistered(&validate::plan_apis(server)),
        children: children.unwrap_or_default(),
        findings: vec![refusal],
        ..PassResult::default()
    }
}

fn unregistered(plans: &[ApiPlan]) -> Vec<ClaimResult> {
    let none = |plan: &ApiPlan| ClaimResult {
        plan: plan.clone(),
        registered: false,
        available: false,
    };
    plans.iter().map(none).collect()
}

/// Whether status tells of a contest.
fn was_contested(server: &AggregatedServer) -> bool {
    let conditions = server.status.iter().flat_map(|status| &status.conditions);
    let mut contested = conditions.filter(|condition| condition.type_ == ConditionType::Contested.as_str());
    contested.any(|condition| condition.status == "True")
}

/// Makes sure that the server is there still: nothing is made for one that was deleted since the watch told of it.
async fn is_there(ctx: &Context, server: &AggregatedServer) -> Result<(), PassError> {
    let servers: Api<ListedServer> = Api::all(ctx.client.clone());
    let live = servers.get_opt(&server.name_any()).await;
    let live = live.map_err(|source| ReadError::Request {
        what: "the AggregatedServer",
        source,
    })?;
    let same = |live: &ListedServer| live.uid() == server.uid() && live.meta().deletion_timestamp.is_none();
    if live.as_ref().is_some_and(same) {
        Ok(())
    } else {
        Err(PassError::Raced)
    }
}

/// Boxed, since it is large, and a pass may read more than once.
fn read<'a>(
    ctx: &'a Context,
    server: &'a AggregatedServer,
    names: &'a Names,
    source: Source,
    serving: ServingSecret,
) -> BoxFuture<'a, Result<Surroundings, ReadError>> {
    let rivals = ctx.servers.rivals(server.uid().as_deref(), &server.spec.apis);
    let reader = reader(ctx, server, names);
    Box::pin(async move { reader.read(source, serving, rivals).await })
}

const fn reader<'a>(ctx: &'a Context, server: &'a AggregatedServer, names: &'a Names) -> Reader<'a> {
    Reader {
        client: &ctx.client,
        informers: &ctx.informers,
        server,
        names,
    }
}

impl Pass<'_> {
    /// Boxed, since it is large, and may be run more than once.
    fn run<'a>(
        &'a self,
        memory: &'a mut Memory,
        outcome: &'a mut PassResult,
    ) -> BoxFuture<'a, Result<(), PassError>> {
        Box::pin(self.run_once(memory, outcome))
    }

    async fn run_once(&self, memory: &mut Memory, outcome: &mut PassResult) -> Result<(), PassError> {
        outcome.apis = unregistered(&self.plans);
        let writes = match self.surroundings.source {
            _ if is_paused(self.server) => Writes::Never,
            Source::Stored => Writes::AfterLiveReads,
            Source::New => Writes::Creations,
            Source::Live => Writes::Allowed,
        };
        self.run_with(writes, memory, outcome).await?;
        if outcome.not_live {
            return Err(PassError::NotLive);
        }
        let applier = &self.ctx.applier;
        let contested = applier.contested(&self.names.uid).into_iter();
        let contested = contested.map(|words| Finding::new(Reason::Contested, words));
        outcome.findings.extend(contested);
        outcome.contests_are_recalled = applier.is_recalled(&self.names.uid);
        if writes == Writes::Never {
            outcome.findings.push(apply::paused());
            // Nothing is about to change, and nobody waits for it.
            outcome.hurry = false;
            outcome.authority_rotation = None;
        }
        Ok(())
    }

    async fn run_with(
        &self,
        writes: Writes,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Result<(), PassError> {
        let children = Children {
            ctx: self.ctx,
            names: &self.names,
            writes,
        };
        self.remove_unclaimed(&children, outcome).await;
        if let Some(refusal) = validate::refuse_namespace(&self.names, self.surroundings.namespace) {
            self.ctx.prober.forget(&self.names.uid);
            self.withdraw(&children, outcome).await;
            outcome.findings.push(refusal);
            return Ok(());
        }
        let keeper = SecretsApplier {
            ctx: self.ctx,
            names: &self.names,
            policy: &self.policy,
            surroundings: &self.surroundings,
            now: self.now,
            paused: writes == Writes::Never,
        };
        let keys = match keeper.keep(memory, outcome).await {
            Ok(keys) => keys,
            Err(error) if error.is_race() => return Err(PassError::Raced),
            Err(CertificatesError::NotLive) => return Err(PassError::NotLive),
            Err(CertificatesError::HeldBack(_)) if writes == Writes::Never => {
                self.tell_without_authority(outcome);
                return Ok(());
            }
            Err(CertificatesError::HeldBack(finding)) => return Err(PassError::HeldBack(finding)),
            Err(error @ CertificatesError::Foreign { .. }) => {
                outcome.find(error.reason(), error.to_string());
                return Ok(());
            }
            Err(error) => return Err(PassError::Certificates(error)),
        };
        self.apply_children(&children, &keys, memory, outcome).await;
        // It begins again: nobody is asked for an answer that is thrown away.
        if outcome.not_live {
            return Err(PassError::NotLive);
        }
        let looked = self.look(&keys, memory, outcome).await;
        let serving = self.surroundings.serving.clone();
        let may_be_old = |serving: &Arc<Remembered>| serving.age(Instant::now()) >= DOUBTED_AFTER;
        if serving.as_ref().is_some_and(may_be_old)
            && self.doubts(&keys, looked.as_deref().unwrap_or_default())
        {
            return Err(PassError::NotLive);
        }
        let read = || Remembered::of(&keys, Instant::now(), rand::random());
        memory.serving = serving.or_else(|| read().map(Arc::new));
        let rotation = Rotation {
            keeper: &keeper,
            keys: &keys,
            looked: looked.as_deref(),
        };
        let published = rotation.advance(outcome).await;
        memory.asks_at_once |= outcome.certificates.rotation.is_some();
        self.tell_of_client_certificate(outcome);
        let reports = looked.unwrap_or_default();
        self.tell_of_bypass(&keys, &reports, outcome);
        self.roll_what_was_not_reloaded(&keys, &reports, memory, outcome);
        self.register(&children, &published, &reports, memory, outcome)
            .await;
        self.tell_who_does_not_reach(&reports, memory, outcome);
        Ok(())
    }

    /// Whether the serving Secret may have changed since it was read: an endpoint serves another leaf, or none, as one whose files were
    /// spoilt, or a pod waits for its files.
    fn doubts(&self, keys: &CertificateState, reports: &[Report]) -> bool {
        let is_doubtful = |report: &Report| match &report.handshake {
            Ok(presented) => !keys.is_served(&presented.leaf, false, &self.policy, self.now),
            Err(
                HandshakeError::NoAnswerYet
                | HandshakeError::PodGone
                | HandshakeError::ForeignAddress
                | HandshakeError::TooMany,
            ) => false,
            Err(_) => true,
        };
        reports.iter().any(is_doubtful) || diagnose::any_waits_for_files(&self.surroundings.pods)
    }

    fn port(&self) -> i32 {
        self.server
            .spec
            .service
            .as_ref()
            .map_or(SERVICE_PORT, |service| service.port)
    }

    /// APIServices of claims that are no longer made.
    async fn remove_unclaimed(&self, children: &Children<'_>, outcome: &mut PassResult) {
        let claimed = |name: &String| {
            self.plans
                .iter()
                .any(|plan| plan.claim.api_service_name() == *name)
        };
        for (_, service) in self
            .surroundings
            .api_services
            .iter()
            .filter(|(name, _)| !claimed(name))
        {
            children.remove_live(service, outcome).await;
        }
    }

    /// Takes every APIService back: the namespace behind them is gone or going, and they would keep it, and every other
    /// one, from being deleted.
    async fn withdraw(&self, children: &Children<'_>, outcome: &mut PassResult) {
        for service in self.surroundings.api_services.values() {
            children.remove_live(service, outcome).await;
        }
        outcome.hurry = self.surroundings.namespace == NamespaceState::Terminating;
    }

    /// The order: side by side who runs it and may do what, what it reads, and where it is found; then itself.
    async fn apply_children(
        &self,
        children: &Children<'_>,
        keys: &CertificateState,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let names = &self.names;
        let secret = |namespace: &str, name: String| Child {
            api_version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some(namespace.to_owned()),
            name,
        };
        outcome
            .children
            .push(secret(&names.operator_namespace, names.ca_secret()));
        outcome
            .children
            .push(secret(&names.namespace, names.serving_secret.clone()));
        let bundle_pem = bundle::to_pem(&keys.bundle);
        let record = ServingRecord::of(keys).and_then(|record| record.annotation());
        let Some(workload) = &self.server.spec.workload else {
            self.publish(children, &bundle_pem, record, outcome).await;
            return;
        };
        let service = network::service(names);
        let (mut of_accounts, mut of_service) = (PassResult::default(), PassResult::default());
        tokio::join!(
            Box::pin(self.publish(children, &bundle_pem, record, outcome)),
            Box::pin(self.apply_accounts(children, workload, &mut of_accounts)),
            Box::pin(children.apply(&service, Reason::ApplyFailed, &mut of_service)),
        );
        outcome.service_account = of_accounts.service_account.take();
        outcome.extend(of_accounts);
        outcome.extend(of_service);
        self.apply_workload(children, workload, keys, memory, outcome)
            .await;
    }

    /// Publishes the bundle for clients that talk to the server directly.
    async fn publish(
        &self,
        children: &Children<'_>,
        bundle_pem: &str,
        record: Option<String>,
        outcome: &mut PassResult,
    ) {
        let published = build::config_map(&self.names, bundle_pem, record);
        let known = self.surroundings.config_map.as_deref();
        children
            .apply_over(&published, known, Reason::ApplyFailed, outcome)
            .await;
    }

    /// Asks the endpoints what there is to know; `None` where the Service does not lead to them.
    async fn look(
        &self,
        keys: &CertificateState,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> Option<Vec<Report>> {
        let surroundings = &self.surroundings;
        outcome.findings.extend(diagnose::pods(&surroundings.pods));
        let service = surroundings.service.as_ref();
        if let Some(unusable) = validate::refuse_service(service, &self.names, self.port()) {
            self.ctx.prober.forget(&self.names.uid);
            if self.server.spec.workload.is_some() && service.is_none() {
                outcome.hurry = true;
                outcome.find(Reason::NoReadyEndpoints, "the Service is being made");
            } else {
                outcome.findings.push(unusable);
            }
            return None;
        }
        let endpoints = self.endpoints();
        self.forget_trials_of_others(&endpoints, memory);
        let around = Some(self.around(&endpoints));
        let changed = std::mem::replace(&mut memory.around, around) != around;
        let questions = self.questions(keys, memory, outcome).await;
        // What a rotation or a registration hangs on, and what is or may be otherwise than before, waits for no turn.
        let hangs_on_it = keys.is_replacing() || keys.leaf_due || keys.swapped || keys.leaf.is_none();
        let questions = questions.at_once(changed || hangs_on_it || memory.asks_at_once);
        let reports = self
            .ctx
            .prober
            .reports(
                &self.names.uid,
                &self.server.name_any(),
                &endpoints.list,
                &questions,
                self.now,
            )
            .await;
        // Who refuses to start with what it has is not trusted either.
        if !reports.is_empty() && !reports.iter().any(Report::is_pending) {
            memory.trusted = Some(reports.iter().any(Report::trusted));
        }
        let pending = reports.iter().filter(|report| report.is_pending());
        outcome.pending_endpoints = pending.map(|report| report.endpoint.to_string()).collect();
        let mut findings = diagnose::endpoints(&endpoints, &reports, &surroundings.pods, self.now);
        memory.asks_at_once = !findings.is_empty();
        if diagnose::network_policies::are_asked_for(&reports, &surroundings.pods) {
            let listed = &self.ctx.network_policies;
            let policies = listed.of(&self.ctx.client, &self.names.namespace).await;
            diagnose::network_policies::name(&mut findings, &reports, &surroundings.pods, &policies);
        }
        if is_embedded(self.server) {
            findings.iter_mut().for_each(tell_of_short_outages);
        }
        outcome.findings.extend(findings);
        Some(reports)
    }

    /// Whether endpoints can be used past the aggregator, as they answered when they were asked last.
    fn tell_of_bypass(&self, keys: &CertificateState, reports: &[Report], outcome: &mut PassResult) {
        let Some(plan) = self.plans.first() else { return };
        let group_version = (plan.claim.group.clone(), plan.claim.version.clone());
        let question = Question::new(reports, &self.policy.server_name, &keys.bundle, group_version);
        let Some(verdict) = question.and_then(|question| self.ctx.bypass.verdict(&self.names.uid, question))
        else {
            return;
        };
        outcome.bypass_is_known = true;
        outcome.findings.extend(verdict.finding());
    }

    fn endpoints(&self) -> Endpoints {
        let surroundings = &self.surroundings;
        let pods = surroundings.pods.as_slice();
        endpoints::resolve(
            surroundings.service.as_ref(),
            &surroundings.endpoint_slices,
            self.port(),
            self.server.spec.workload.is_some().then_some(pods),
        )
    }

    /// What tells, if it differs from what it was, that something has changed by which the endpoints may answer something else.
    fn around(&self, endpoints: &Endpoints) -> u64 {
        let surroundings = &self.surroundings;
        let version = |metadata: &ObjectMeta| metadata.resource_version.clone();
        let pods = surroundings.pods.iter().map(|pod| version(&pod.metadata));
        let service = surroundings.service.as_ref();
        let mut hasher = DefaultHasher::new();
        self.server.metadata.generation.hash(&mut hasher);
        service
            .map(|service| version(&service.metadata))
            .hash(&mut hasher);
        pods.collect::<Vec<_>>().hash(&mut hasher);
        endpoints.list.hash(&mut hasher);
        hasher.finish()
    }

    /// Other pods, or another spec, deserve a new trial at once.
    fn forget_trials_of_others(&self, endpoints: &Endpoints, memory: &mut Memory) {
        let pods: Vec<String> = endpoints.list.iter().map(ToString::to_string).collect();
        let of = format!("{:?} {pods:?}", self.server.metadata.generation);
        if memory.trials_of != of {
            memory.trials.clear();
            memory.trials_of = of;
        }
    }

    /// Discovery is asked only where a first registration hangs on it, or the aggregator finds fault: there is nothing to
    /// prove otherwise.
    async fn questions(
        &self,
        keys: &CertificateState,
        memory: &Memory,
        outcome: &mut PassResult,
    ) -> Questions {
        let mut group_versions = Vec::new();
        for plan in &self.plans {
            let live = self.surroundings.api_services.get(&plan.claim.api_service_name());
            let to_prove = match decide::standing(live, &self.names) {
                RegistrationState::Absent | RegistrationState::OfCrd => {
                    let failed = memory.trials.get(&plan.claim.group_version());
                    failed.is_none_or(|failed| failed.retry_at <= self.now)
                }
                RegistrationState::Ours { available, .. } => available == Some(false),
                RegistrationState::Foreign { .. } => false,
            };
            if to_prove {
                group_versions.push((plan.claim.group.clone(), plan.claim.version.clone()));
            }
        }
        let mut token = None;
        if !group_versions.is_empty() {
            match self.ctx.probe_token().await {
                Ok(fresh) => token = Some(fresh),
                Err(TokenError::Request { account, source }) => {
                    let what = format!("failed to request a token of ServiceAccount {account}");
                    outcome.failed(&what, &source);
                }
                Err(error @ TokenError::Unusable) => outcome.find(Reason::ApplyFailed, error.to_string()),
            }
        }
        let proves = !group_versions.is_empty();
        Questions::new(&self.policy.server_name, &keys.bundle, group_versions, token).at_once(proves)
    }

    async fn register(
        &self,
        children: &Children<'_>,
        published: &[Certificate],
        reports: &[Report],
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let bundle_pem = bundle::to_pem(published);
        let registrar = Registrar {
            children,
            surroundings: &self.surroundings,
            reports,
            bundle_pem: &bundle_pem,
            port: self.port(),
            now: self.now,
        };
        let mut apis = Vec::with_capacity(self.plans.len());
        for plan in &self.plans {
            if let Some(refusal) = validate::refuse_claim(&plan.claim, self.server, &self.surroundings) {
                let live = self.surroundings.api_services.get(&plan.claim.api_service_name());
                let refused = decide::refused(refusal.reason, &decide::standing(live, &self.names));
                outcome.findings.push(refusal);
                if let (Refused::TakeBack, Some(live)) = (refused, live) {
                    children.remove_live(live, outcome).await;
                }
                if refused != Refused::Keep {
                    apis.push(ClaimResult {
                        plan: plan.clone(),
                        registered: false,
                        available: false,
                    });
                    continue;
                }
            }
            apis.push(registrar.register(plan, memory, outcome).await);
        }
        if apis.iter().any(|api| !api.registered) {
            let missing: Vec<String> = apis
                .iter()
                .filter(|api| !api.registered)
                .map(|api| api.plan.claim.group_version())
                .collect();
            outcome
                .findings
                .push(Finding::new(Reason::Registering, missing.join(", ")));
        }
        outcome.apis = apis;
    }
}

/// Where the only pod is away, that may be all there is to it.
fn tell_of_short_outages(finding: &mut Finding) {
    if finding.reason == Reason::NoReadyEndpoints {
        finding.message.push_str("; ");
        finding.message.push_str(diagnose::workload::SHORT_OUTAGE);
    }
}

/// How old what is remembered of a Secret must be before it is doubted: what goes on being doubtful is not read in each pass.
const DOUBTED_AFTER: Duration = Duration::from_secs(10);
/// The longest pause while something is not as it should be.
pub const IMPATIENT: Duration = Duration::from_secs(5);
/// The pause while something is about to change.
pub const HURRIED: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::{
        aggregated_server::testing::{context, names, server, surroundings},
        applier::Known,
        fake_client::{Answer, fake_client},
        namespaces::Namespaces,
    };

    /// Where the operator has no rights it asks for nothing: the answer would be 403, and say little.
    #[tokio::test]
    async fn a_server_in_another_namespace_is_refused_without_a_request() {
        let client = fake_client(|request| panic!("{} {}", request.method, request.path));
        let mut ctx = context(client);
        ctx.namespaces = Namespaces::new(&["a".into(), "b".into()]);
        let mut server = server();
        let child = Child {
            api_version: "v1".into(),
            kind: "Secret".into(),
            namespace: Some("wardle".into()),
            name: "wardle-serving-cert".into(),
        };
        server.status.get_or_insert_default().children = vec![child.clone()];
        let outcome = run(&ctx, &server, Timestamp::UNIX_EPOCH).await.unwrap();
        assert_eq!(outcome.findings.len(), 1);
        assert_eq!(outcome.findings[0].reason, Reason::NamespaceRefused);
        let message = &outcome.findings[0].message;
        assert!(
            message.contains("namespace wardle") && message.ends_with("a, b"),
            "{message}"
        );
        assert_eq!(outcome.children, [child], "what was made before is still there");
        assert_eq!(outcome.apis.len(), 2);
        assert!(!outcome.observed);
    }

    /// The other operator in a hand-over has rotated since this pass read the ConfigMap and the Secret.
    #[tokio::test]
    async fn a_bundle_that_was_published_since_stays_and_is_no_failure() {
        let (server, names) = (server(), names());
        let mut old = build::config_map(&names, "old", None);
        old.metadata.uid = Some("c".into());
        old.metadata.resource_version = Some("1".into());
        old.metadata.managed_fields = serde_json::from_value(json!([{
            "manager": annex_crds::MANAGER, "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:data": {} },
        }]))
        .unwrap();
        let there = json!(old);
        let ctx = context(fake_client(move |request| {
            if request.method == "GET" {
                return Answer::ok(there.clone());
            }
            assert_eq!(request.method, "PATCH", "{request:?}");
            let version = &request.body["metadata"]["resourceVersion"];
            assert_eq!(version, "1", "no write without the version that was read");
            Answer::status(409, "Conflict")
        }));
        let pass = Pass {
            ctx: &ctx,
            server: &server,
            policy: Policy::new(&server, &names),
            surroundings: Surroundings {
                config_map: Some(Arc::new(Known::new(&old.metadata, None))),
                ..surroundings()
            },
            plans: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            names: names.clone(),
        };
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &names,
        };
        let mut outcome = PassResult::default();
        pass.publish(&children, "older", None, &mut outcome).await;
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
        assert!(outcome.hurry, "the next pass sees what there is");
        assert_eq!(outcome.children.len(), 1, "it is still there");
    }
}
