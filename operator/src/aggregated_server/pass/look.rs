//! What the endpoints of a pass answer, and what Kubernetes says of them.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use annex_crds::v1alpha1::Reason;
use kube::{ResourceExt as _, core::ObjectMeta};

use super::Pass;
use crate::{
    aggregated_server::{
        bypass::Question,
        certificates::CertificateState,
        context::{Memory, TokenError},
        diagnose,
        endpoints::{self, Endpoint, Endpoints, Origin, Report},
        finding::Finding,
        live::is_embedded,
        pass_result::PassResult,
        prober::question::Questions,
        registration::{RegistrationState, decide},
        validate,
    },
    definitions::Target,
    probe::tls::HandshakeError,
};

/// How old what is remembered of a Secret must be before it is doubted: what goes on being doubtful is not read in each pass.
pub(super) const DOUBTED_AFTER: Duration = Duration::from_secs(10);

impl Pass<'_> {
    /// Whether the serving Secret may have changed since it was read: an endpoint serves another leaf, or none, as one whose files were
    /// spoilt, or a pod waits for its files.
    pub(super) fn doubts(&self, keys: &CertificateState, reports: &[Report]) -> bool {
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

    /// Asks the endpoints what there is to know; `None` where the Service does not lead to them.
    pub(super) async fn look(
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
        self.tell_of_replicas(&endpoints, keys);
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
    pub(super) fn tell_of_bypass(
        &self,
        keys: &CertificateState,
        reports: &[Report],
        outcome: &mut PassResult,
    ) {
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

    /// Those that are asked what they serve of definitions.
    fn tell_of_replicas(&self, endpoints: &Endpoints, keys: &CertificateState) {
        let ours = |endpoint: &&Endpoint| endpoint.ready && endpoint.origin == Origin::Backend;
        let ready = endpoints.list.iter().filter(ours);
        let target = Target {
            uid: self.names.uid.clone(),
            replicas: ready.map(|endpoint| endpoint.address).collect(),
            server_name: self.policy.server_name.clone(),
            bundle: keys.bundle.clone(),
        };
        self.ctx.definitions.set_target(&self.names.server, target);
    }

    pub(super) fn endpoints(&self) -> Endpoints {
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
}

/// Where the only pod is away, that may be all there is to it.
fn tell_of_short_outages(finding: &mut Finding) {
    if finding.reason == Reason::NoReadyEndpoints {
        finding.message.push_str("; ");
        finding.message.push_str(diagnose::workload::SHORT_OUTAGE);
    }
}
