//! The workload of a pass: Deployment or StatefulSet, its PodDisruptionBudget, and how it fares.

use annex_crds::{
    UPDATE_IMAGE_ANNOTATION,
    v1alpha1::{Reason, Reload, Workload},
};
use k8s_openapi::{
    api::{core::v1::PodTemplateSpec, policy::v1::PodDisruptionBudget},
    apimachinery::pkg::apis::meta::v1::Time,
};
use kube::{Api, ResourceExt as _};

use super::Pass;
use crate::{
    aggregated_server::{
        build::{
            self, declared,
            defaults::{Chosen, Images},
            deployment, pod,
        },
        certificates::{CertificateState, reload},
        children::Children,
        context::Memory,
        diagnose::workload as diagnose,
        endpoints::Report,
        live::{LiveWorkload, is_embedded},
        pass_result::{EventRecord, PassResult},
        storage::{self, StorageBackend},
    },
    error_chain::error_chain,
};

impl Pass<'_> {
    pub(super) async fn apply_workload(
        &self,
        children: &Children<'_>,
        workload: &Workload,
        keys: &CertificateState,
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let store = match StorageBackend::of(self.server, self.surroundings.storage_secret.as_ref()) {
            Ok(store) => Some(store),
            Err(unusable) => {
                outcome.findings.push(unusable);
                None
            }
        };
        outcome
            .findings
            .extend(diagnose::arguments(workload, store.as_ref()));
        let surroundings = &self.surroundings;
        let images = Images {
            newest: &self.ctx.server_image,
            update: self
                .server
                .annotations()
                .get(UPDATE_IMAGE_ANNOTATION)
                .map(String::as_str),
        };
        let chosen = Chosen::of(
            workload,
            images,
            surroundings.workload.as_ref(),
            &surroundings.pods,
        );
        outcome.image = chosen.image.clone();
        outcome.newer_image = chosen.newer_image(images).map(str::to_owned);
        let complete = declared::complete(workload, &chosen, &self.names, &self.ctx.probe_user());
        if let Some(store) = store
            && let Some(mut template) = self.pods(&complete, &store, &chosen, keys, memory, outcome)
        {
            if let Some((name, image)) = chosen.of_image() {
                let metadata = template.metadata.get_or_insert_default();
                metadata.annotations.get_or_insert_default().insert(name, image);
            }
            match store.embedded() {
                Some(embedded) => {
                    self.apply_stateful_set(children, embedded, &chosen, template, memory, outcome)
                        .await;
                }
                None => {
                    self.apply_deployment(children, workload, &chosen, template, outcome)
                        .await;
                }
            }
        }
        self.apply_budget(children, workload, outcome).await;
        self.tell_of_workload(memory, outcome);
        self.tell_of_volume(outcome);
    }

    fn pods(
        &self,
        workload: &Workload,
        store: &StorageBackend<'_>,
        chosen: &Chosen,
        keys: &CertificateState,
        memory: &Memory,
        outcome: &mut PassResult,
    ) -> Option<PodTemplateSpec> {
        let leaf = match self.server.spec.certificates.reload {
            Reload::Hot => None,
            Reload::Restart => {
                let live = self.surroundings.workload.as_ref();
                keys.leaf_to_restart_for(live.and_then(LiveWorkload::leaf))
            }
            Reload::HotOrRestart => self.leaf_that_was_not_reloaded(keys, memory),
        };
        let defaults = chosen.defaults;
        match pod::pod_template(
            self.server,
            workload,
            &self.names,
            store,
            leaf.as_deref(),
            defaults,
        ) {
            Ok(template) => Some(template),
            Err(error) => {
                outcome.find(Reason::TemplateInvalid, error_chain(&error));
                None
            }
        }
    }

    /// The leaf in the pods' annotation where they are rolled only for one that they do not read by themselves.
    fn leaf_that_was_not_reloaded(&self, keys: &CertificateState, memory: &Memory) -> Option<String> {
        let annotated = || self.surroundings.workload.as_ref().and_then(LiveWorkload::leaf);
        let leaf = keys.leaf.as_ref().map(|leaf| &leaf.certificate.fingerprint);
        let overdue = memory
            .not_reloaded
            .as_ref()
            .filter(|overdue| Some(*overdue) == leaf);
        overdue.cloned().or_else(|| annotated().map(str::to_owned))
    }

    /// Takes note of a leaf that is not served though there was time to read it; the next pass rolls the workload for it.
    pub(super) fn roll_what_was_not_reloaded(
        &self,
        keys: &CertificateState,
        reports: &[Report],
        memory: &mut Memory,
        outcome: &mut PassResult,
    ) {
        let Some(leaf) = &keys.leaf else { return };
        let fingerprint = &leaf.certificate.fingerprint;
        let annotated = self.surroundings.workload.as_ref().and_then(LiveWorkload::leaf);
        let known = memory.not_reloaded.as_ref() == Some(fingerprint)
            || annotated.is_some_and(|leaf| leaf.split('.').next() == Some(fingerprint));
        if self.server.spec.certificates.reload != Reload::HotOrRestart || known {
            return;
        }
        let overdue = reload::overdue(leaf, reports, self.now);
        if overdue.is_empty() {
            return;
        }
        memory.not_reloaded = Some(fingerprint.clone());
        let note = format!(
            "the certificate of {} minutes ago is not served by {}; the workload is rolled",
            reload::LIMIT.as_mins(),
            overdue.join(", ")
        );
        outcome
            .event_records
            .push(EventRecord::warning("NotReloaded", "Restart", note));
        outcome.hurry = true;
    }

    /// The certificate by which an etcd knows the server.
    pub(super) fn tell_of_client_certificate(&self, outcome: &mut PassResult) {
        let secret = self.surroundings.storage_secret.as_ref();
        outcome.certificates.storage_client_not_after = storage::client_not_after(secret).map(Time);
        outcome
            .findings
            .extend(storage::expired_client(self.server, secret, self.now));
    }

    async fn apply_deployment(
        &self,
        children: &Children<'_>,
        workload: &Workload,
        chosen: &Chosen,
        template: PodTemplateSpec,
        outcome: &mut PassResult,
    ) {
        let deployment = deployment::deployment(&self.names, workload, chosen, template);
        if children
            .accepts(&deployment, Reason::TemplateInvalid, outcome)
            .await
        {
            let left = deployment::LEFT_TO_OTHERS;
            children
                .apply_leaving(&deployment, left, Reason::TemplateInvalid, outcome)
                .await;
        }
    }

    async fn apply_budget(&self, children: &Children<'_>, workload: &Workload, outcome: &mut PassResult) {
        let live = self.surroundings.workload.as_ref();
        let scaled = live.and_then(LiveWorkload::replicas).unwrap_or(1);
        let wanted = if is_embedded(self.server) {
            // A second pod, of somebody who scaled it by hand, is taken back; a budget of one that may not go stops drains.
            1
        } else {
            workload.replicas.unwrap_or(scaled)
        };
        if wanted >= 2 {
            children
                .apply(
                    &build::pod_disruption_budget(&self.names),
                    Reason::ApplyFailed,
                    outcome,
                )
                .await;
        } else {
            let budgets: Api<PodDisruptionBudget> =
                Api::namespaced(self.ctx.client.clone(), &self.names.namespace);
            children.remove(budgets, &self.names.server, outcome).await;
        }
    }

    /// How the workload that was read at the beginning fares.
    fn tell_of_workload(&self, memory: &mut Memory, outcome: &mut PassResult) {
        let Some(live) = &self.surroundings.workload else {
            let kind = LiveWorkload::kind(self.server);
            outcome.find(Reason::RollingOut, format!("the {kind} is being made"));
            outcome.hurry = true;
            return;
        };
        outcome.findings.extend(diagnose::blocked(live));
        if let Some(progress) = diagnose::rolling_out(live) {
            outcome.find(Reason::RollingOut, progress);
        }
        let Some(set) = live.stateful_set() else { return };
        let pods = &self.surroundings.pods;
        outcome.findings.extend(diagnose::overdue(pods, self.now));
        if !pods.is_empty() {
            memory.podless_since = None;
            return;
        }
        let since = *memory.podless_since.get_or_insert(self.now);
        outcome.findings.extend(diagnose::podless(set, since, self.now));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::aggregated_server::children::Writes;
    use crate::{
        aggregated_server::{
            certificates::Policy,
            testing::{context, names, server, surroundings},
        },
        fake_client::{Answer, fake_client},
    };

    /// Whoever removes `replicas` hands the Deployment to an autoscaler.
    #[tokio::test]
    async fn replicas_that_are_asked_for_no_more_are_given_up_first() {
        let (server, names) = (server(), names());
        let workload = server.spec.workload.as_ref().unwrap();
        let chosen = Chosen::of(workload, Images::default(), None, &[]);
        let template = pod::pod_template(
            &server,
            workload,
            &names,
            &StorageBackend::Unmanaged,
            None,
            chosen.defaults,
        )
        .unwrap();
        let mut scaled = workload.clone();
        scaled.replicas = Some(2);
        let mut live = json!(deployment::deployment(&names, &scaled, &chosen, template.clone()));
        live["metadata"]["uid"] = "d".into();
        live["metadata"]["resourceVersion"] = "7".into();
        live["metadata"]["managedFields"] = json!([{
            "manager": annex_crds::MANAGER, "operation": "Apply", "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:spec": { "f:paused": {}, "f:replicas": {} } },
        }]);
        let patches = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&patches);
        let ctx = context(fake_client(move |request| {
            if request.method == "PATCH" {
                seen.lock().unwrap().push(request.body);
            }
            Answer::ok(live.clone())
        }));
        let children = Children {
            writes: Writes::Allowed,
            ctx: &ctx,
            names: &names,
        };
        let pass = Pass {
            ctx: &ctx,
            server: &server,
            policy: Policy::new(&server, &names),
            surroundings: surroundings(),
            plans: Vec::new(),
            now: Timestamp::UNIX_EPOCH,
            names: names.clone(),
        };
        let mut outcome = PassResult::default();
        pass.apply_deployment(&children, workload, &chosen, template, &mut outcome)
            .await;
        assert!(outcome.findings.is_empty(), "{:?}", outcome.findings);
        let patches = patches.lock().unwrap();
        let given_up = patches
            .iter()
            .find_map(|body| body["metadata"].get("managedFields"));
        let given_up = given_up.expect("a patch of managedFields");
        assert_eq!(given_up[0]["fieldsV1"], json!({ "f:spec": { "f:paused": {} } }));
    }
}
