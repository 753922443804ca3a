//! The writes to APIServices that [`mod@decide`] decides about.

use annex_crds::{TRIAL_ANNOTATION, v1alpha1::Reason};
use jiff::Timestamp;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{
    Api, ResourceExt as _,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::decide::{self, Decision, RegistrationState};
use crate::aggregated_server::{
    build::{self, api_service::Annotations},
    children::{Children, Writes},
    context::Memory,
    dereference::{AUTOMANAGED_LABEL, Surroundings, trial_since},
    endpoints::Report,
    finding::Finding,
    pass_result::{ClaimResult, EventRecord, PassResult},
    validate::ApiPlan,
};

/// Registers the claims of one server in this pass.
pub struct Registrar<'a> {
    /// Writes.
    pub children: &'a Children<'a>,
    /// What is there.
    pub surroundings: &'a Surroundings,
    /// What endpoints answered.
    pub reports: &'a [Report],
    /// The published bundle.
    pub bundle_pem: &'a str,
    /// The Service's port.
    pub port: i32,
    /// Now.
    pub now: Timestamp,
}

impl Registrar<'_> {
    /// Brings one claim as far as it may go now.
    pub async fn register(
        &self,
        plan: &ApiPlan,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) -> ClaimResult {
        let name = plan.claim.api_service_name();
        let group_version = plan.claim.group_version();
        let live = self.surroundings.api_services.get(&name);
        let standing = decide::standing(live, self.children.names);
        let failed = memory.trials.get(&group_version);
        let mut result = ClaimResult {
            plan: plan.clone(),
            registered: false,
            available: false,
        };
        let over_copies = self.children.writes == Writes::AfterLiveReads;
        match decide::decide(plan, &standing, self.reports, failed, self.now) {
            // It is refused where there is one by now, whoever it belongs to.
            Decision::Register if over_copies && live.is_none() => self.begin(plan, outcome).await,
            Decision::Shadow if over_copies && self.shadow_waits(plan, outcome) => {}
            Decision::Register | Decision::Shadow | Decision::TakeBack(_)
                if self.children.writes != Writes::Allowed =>
            {
                self.children.not_now(outcome);
            }
            Decision::Refuse(finding) => outcome.findings.push(finding),
            Decision::Wait(findings) => outcome.findings.extend(findings),
            Decision::Register => self.begin(plan, outcome).await,
            Decision::Shadow => self.shadow(plan, live, outcome).await,
            Decision::Keep { trial, available } => {
                let kept = self.keep(plan, trial, outcome).await;
                result = ClaimResult {
                    registered: trial.is_none(),
                    available,
                    ..result
                };
                if kept && available {
                    tell_of_registration(&group_version, &standing, outcome);
                }
                self.after_keeping(&group_version, &standing, trial, available, memory, outcome);
            }
            Decision::TakeBack(words) => self.take_back(plan, live, &words, memory, outcome).await,
        }
        result
    }

    /// Writes the APIService over the one that was read before the authority's Secret; says whether it is as it should be.
    ///
    /// A trial that is over must not be left there by whom the annotation belongs to as well, such as a tool that restored it:
    /// at the next failure it would be taken for one that failed.
    async fn keep(&self, plan: &ApiPlan, trial: Option<Timestamp>, outcome: &mut PassResult) -> bool {
        let name = plan.claim.api_service_name();
        let desired = self.desired(plan, trial);
        let known = self.surroundings.known_api_service(&name);
        let read = self.surroundings.api_services.get(&name);
        let on_trial = read.filter(|service| trial_since(service).is_some());
        let over_copies = self.children.writes == Writes::AfterLiveReads;
        let applied = match (&known, on_trial.and_then(trial_since)) {
            // The end of a trial changes nothing of what is published: a copy is enough.
            (Some(known), Some(began)) if over_copies && trial.is_none() => {
                let both = (&self.desired(plan, Some(began)), &desired);
                let applied = self
                    .children
                    .apply_next(both, known, Reason::ApplyFailed, outcome);
                applied.await
            }
            _ => {
                let known = known.as_deref();
                let applied = self
                    .children
                    .apply_over(&desired, known, Reason::ApplyFailed, outcome);
                applied.await
            }
        };
        let Some(applied) = applied else { return false };
        let left = match &applied.live {
            Some(live) => has_trial(live).then(|| live["metadata"]["resourceVersion"].clone()),
            None => on_trial.map(|service| json!(service.resource_version())),
        };
        match (left, self.children.writes) {
            (Some(version), Writes::Allowed) if trial.is_none() => {
                self.end_trial(plan, &desired, &version, outcome).await
            }
            (Some(_), _) if trial.is_none() => {
                if !self.children.write_waits(&desired, &trial_path(), outcome) {
                    self.children.not_now(outcome);
                }
                false
            }
            _ => true,
        }
    }

    fn desired(&self, plan: &ApiPlan, trial: Option<Timestamp>) -> APIService {
        let names = self.children.names;
        let live = self.surroundings.api_services.get(&plan.claim.api_service_name());
        let definitions = &self.children.ctx.definitions;
        let annotations = Annotations {
            trial,
            definitions: definitions.digest(&names.server, &plan.claim, live),
        };
        build::api_service::api_service(names, plan, self.port, self.bundle_pem, annotations)
    }

    async fn end_trial(
        &self,
        plan: &ApiPlan,
        desired: &APIService,
        version: &Value,
        outcome: &mut PassResult,
    ) -> bool {
        let patch = json!({ "metadata": {
            "resourceVersion": version,
            "annotations": { TRIAL_ANNOTATION: null },
        } });
        let api: Api<APIService> = Api::all(self.children.ctx.client.clone());
        let params = PatchParams {
            field_manager: Some(annex_crds::MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let name = plan.claim.api_service_name();
        let write = async {
            let written = api.patch_metadata(&name, &params, &Patch::Merge(&patch)).await;
            written.map(|_| ())
        };
        match self
            .children
            .make_good(desired, &trial_path(), write, outcome)
            .await
        {
            Ok(ended) => ended,
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                outcome.hurry = true;
                false
            }
            Err(error) => {
                self.children.failed(desired, &error, outcome);
                false
            }
        }
    }

    async fn begin(&self, plan: &ApiPlan, outcome: &mut PassResult) {
        let begun = if self.children.writes == Writes::Allowed {
            self.keep(plan, Some(self.now), outcome).await
        } else {
            let desired = self.desired(plan, Some(self.now));
            let made = self.children.make(&desired, Reason::ApplyFailed, outcome);
            made.await.is_some()
        };
        // What is refused is not asked for in a hurry: it would be again and again.
        if !begun {
            return;
        }
        outcome.hurry = true;
        outcome.findings.push(on_trial(&plan.claim.group_version()));
    }

    fn after_keeping(
        &self,
        group_version: &str,
        standing: &RegistrationState,
        trial: Option<Timestamp>,
        available: bool,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let RegistrationState::Ours { words, .. } = standing else {
            return;
        };
        if available {
            memory.trials.remove(group_version);
            return;
        }
        outcome.hurry = true;
        if trial.is_some() {
            outcome.findings.push(on_trial(group_version));
        }
        let reason = self.meaning(words);
        if !words.is_empty() && decide::is_told(reason, trial, self.now) {
            outcome
                .findings
                .push(Finding::about(reason, group_version, words.as_str()));
        }
    }

    /// What the aggregator's words mean. They speak of the server's own faults too; those the endpoints told already.
    fn meaning(&self, words: &str) -> Reason {
        let answered = self
            .reports
            .iter()
            .any(|report| report.endpoint.ready && report.trusted());
        if answered {
            decide::interpret(words)
        } else {
            Reason::NotAvailable
        }
    }

    async fn take_back(
        &self,
        plan: &ApiPlan,
        live: Option<&APIService>,
        words: &str,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        if let Some(live) = live {
            self.children.remove_live(live, outcome).await;
        }
        let group_version = plan.claim.group_version();
        let finding = Finding::about(
            self.meaning(words),
            &group_version,
            if words.is_empty() {
                "the aggregator has not looked at it"
            } else {
                words
            },
        );
        let failed = decide::failed_again(memory.trials.get(&group_version), finding, self.now);
        let note = format!(
            "{group_version} did not become available within {} s and was taken back, so that it blocks nobody: {words}; tried again at {}",
            decide::TRIAL.as_secs(),
            decide::time_of(&failed),
        );
        outcome.event_records.push(EventRecord::warning(
            Reason::TrialFailed.as_str(),
            "TakeBack",
            note,
        ));
        outcome.findings.extend(decide::paused(&group_version, &failed));
        memory.trials.insert(group_version, failed);
    }

    /// Whether the aggregator takes the APIService of a CRD back again and again, so that it is left to it for a while.
    fn shadow_waits(&self, plan: &ApiPlan, outcome: &mut PassResult) -> bool {
        let ours = self.desired(plan, Some(self.now));
        self.children.write_waits(&ours, &shadow_path(), outcome)
    }

    /// Takes the APIService that the aggregator keeps for a CRD. Its label must go in the same write: with it, the
    /// aggregator would put its own back (kube-aggregator, autoregister_controller.go).
    async fn shadow(&self, plan: &ApiPlan, live: Option<&APIService>, outcome: &mut PassResult) {
        let Some(live) = live else { return };
        let mut ours = self.desired(plan, Some(self.now));
        ours.metadata.resource_version = live.resource_version();
        let api: Api<APIService> = Api::all(self.children.ctx.client.clone());
        let params = PostParams {
            field_manager: Some(annex_crds::MANAGER.to_owned()),
            ..PostParams::default()
        };
        let group_version = plan.claim.group_version();
        let name = plan.claim.api_service_name();
        let write = async { api.replace(&name, &params, &ours).await.map(|_| ()) };
        match self
            .children
            .make_good(&ours, &shadow_path(), write, outcome)
            .await
        {
            // The aggregator takes it back again and again.
            Ok(false) => {}
            Ok(true) => {
                outcome.hurry = true;
                let note = format!(
                    "{group_version} of a CustomResourceDefinition is shadowed, as crdShadow allows; on trial"
                );
                outcome
                    .event_records
                    .push(EventRecord::warning("CRDIsShadowed", "Register", note));
                outcome.findings.push(on_trial(&group_version));
            }
            Err(kube::Error::Api(status)) if status.code == 409 => outcome.hurry = true,
            Err(error) => self.children.failed(&ours, &error, outcome),
        }
    }
}

/// The end of a trial; what was available before is no news.
fn tell_of_registration(group_version: &str, standing: &RegistrationState, outcome: &mut PassResult) {
    if matches!(standing, RegistrationState::Ours { trial: Some(_), .. }) {
        let note = format!("{group_version} answers through the aggregator");
        outcome
            .event_records
            .push(EventRecord::normal("Registered", "Register", note));
    }
}

/// What somebody keeps who owns the annotation of a trial too.
fn trial_path() -> String {
    format!("metadata.annotations.{TRIAL_ANNOTATION}")
}

/// What the aggregator puts back that keeps an APIService for a CRD.
fn shadow_path() -> String {
    format!("metadata.labels.{AUTOMANAGED_LABEL}")
}

fn has_trial(live: &Value) -> bool {
    !live["metadata"]["annotations"][TRIAL_ANNOTATION].is_null()
}

fn on_trial(group_version: &str) -> Finding {
    let message = format!("{group_version} waits for the aggregator to call it available");
    Finding::about(Reason::OnTrial, group_version, message)
}

#[cfg(test)]
mod effects;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use serde_json::json;

    use super::*;
    use crate::{
        aggregated_server::{
            endpoints::{Endpoint, Origin, Presented},
            testing::{context, names, server, surroundings},
            validate,
        },
        fake_client::{Answer, fake_client},
        pki::testing as pki,
        probe::discovery::Discovery,
    };

    const NAME: &str = "v1alpha1.wardle.example.com";

    fn refused_on_trial_since_0(plan: &ApiPlan) -> APIService {
        let trial = Annotations {
            trial: Timestamp::from_second(0).ok(),
            ..Annotations::default()
        };
        let mut service = build::api_service::api_service(&names(), plan, 443, "", trial);
        service.metadata.uid = Some("a".into());
        service.metadata.resource_version = Some("1".into());
        let status = json!({ "conditions": [{
            "type": "Available", "status": "False", "reason": "FailedDiscoveryCheck", "message": "bad status: 401",
        }] });
        service.status = serde_json::from_value(status).unwrap();
        service
    }

    /// Status is written of the pass that takes an APIService back, and never again until the next trial.
    #[tokio::test]
    async fn a_failed_trial_is_told_in_the_same_words_until_the_next_one() {
        let ctx = context(fake_client(|request| {
            assert_eq!(request.method, "DELETE", "{request:?}");
            Answer::ok(json!({ "kind": "Status", "apiVersion": "v1", "status": "Success" }))
        }));
        let names = names();
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &names,
        };
        let plan = validate::plan_apis(&server()).remove(0);
        let mut memory = Memory::default();
        let mut told = Vec::new();
        let live = BTreeMap::from([(NAME.to_owned(), refused_on_trial_since_0(&plan))]);
        for (now, live) in [(40, live), (41, BTreeMap::new()), (99, BTreeMap::new())] {
            let mut outcome = PassResult::default();
            let registrar = Registrar {
                children: &children,
                surroundings: &Surroundings {
                    api_services: live,
                    ..surroundings()
                },
                reports: &[],
                bundle_pem: "",
                port: 443,
                now: Timestamp::from_second(now).unwrap(),
            };
            registrar.register(&plan, &mut memory, &mut outcome).await;
            let happened: Vec<_> = outcome
                .event_records
                .into_iter()
                .map(|event| event.reason)
                .collect();
            told.push((outcome.findings, happened));
        }
        assert_eq!(told[0].1, ["TrialFailed"]);
        assert_eq!(told[0].0.len(), 2);
        assert!(told[1].1.is_empty());
        assert_eq!(told[0].0, told[1].0);
        assert_eq!(told[0].0, told[2].0);
    }

    /// One claim, registered over what was read, by an operator that is late: the API server refuses what it writes.
    async fn register_late(live: Option<APIService>, reports: &[Report]) -> PassResult {
        let there = live.as_ref().map(|live| json!(live));
        let ctx = context(fake_client(move |request| {
            if request.method == "GET" {
                return there
                    .clone()
                    .map_or_else(|| Answer::status(404, "NotFound"), Answer::ok);
            }
            assert_eq!(request.method, "PATCH", "{request:?}");
            let version = &request.body["metadata"]["resourceVersion"];
            // Of none that was read: a version that none has.
            let read = if there.is_some() { "7" } else { "1" };
            assert_eq!(version, read, "no write without the version that was read");
            Answer::status(409, "Conflict")
        }));
        let names = names();
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &names,
        };
        let plan = validate::plan_apis(&server()).remove(0);
        let live = live.map(|live| (NAME.to_owned(), live));
        let registrar = Registrar {
            children: &children,
            surroundings: &Surroundings {
                api_services: live.into_iter().collect(),
                ..surroundings()
            },
            reports,
            bundle_pem: "older",
            port: 443,
            now: Timestamp::from_second(40).unwrap(),
        };
        let (mut memory, mut outcome) = (Memory::default(), PassResult::default());
        let api = registrar.register(&plan, &mut memory, &mut outcome).await;
        outcome.apis.push(api);
        outcome
    }

    #[tokio::test]
    async fn a_late_operator_overwrites_no_newer_bundle_and_calls_that_no_failure() {
        let plan = validate::plan_apis(&server()).remove(0);
        let trial = Annotations {
            trial: Some(Timestamp::UNIX_EPOCH),
            ..Annotations::default()
        };
        let mut live = build::api_service::api_service(&names(), &plan, 443, "old", trial);
        live.metadata.uid = Some("a".into());
        live.metadata.resource_version = Some("7".into());
        let status = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
        live.status = serde_json::from_value(status).unwrap();
        let outcome = register_late(Some(live), &[]).await;
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
        assert!(outcome.event_records.is_empty(), "its trial was not ended");
        assert!(outcome.hurry && outcome.apis[0].registered && outcome.apis[0].available);
    }

    #[tokio::test]
    async fn what_another_has_registered_since_is_no_trial_of_this_pass() {
        let leaf = pki::leaf(&pki::authority(&["wardle.wardle.svc"])).certificate;
        let group_version = "wardle.example.com/v1alpha1".to_owned();
        let answered = Report {
            endpoint: Endpoint {
                address: "10.0.0.1:8443".parse().unwrap(),
                pod: None,
                ready: true,
                origin: Origin::Backend,
            },
            handshake: Ok(Presented { leaf, trust: Ok(()) }),
            discovery: BTreeMap::from([(group_version, Discovery::Served)]),
            readyz: None,
            age: Duration::ZERO,
            failed_since: None,
        };
        let outcome = register_late(None, &[answered]).await;
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
        assert!(outcome.event_records.is_empty(), "{:?}", outcome.event_records);
        assert!(outcome.hurry && !outcome.apis[0].registered);
    }
}
