//! The APIServices of a pass: of each claim that is made, and of those that are no longer.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;

use super::Pass;
use crate::{
    aggregated_server::{
        children::Children,
        context::Memory,
        dereference::NamespaceState,
        endpoints::Report,
        finding::Finding,
        names::Names,
        pass_result::{ClaimResult, PassResult},
        registration::{Refused, Registrar, RegistrationState, decide},
        validate::{self, ApiPlan},
    },
    pki::{Certificate, bundle},
};

pub(super) fn unregistered(plans: &[ApiPlan]) -> Vec<ClaimResult> {
    let none = |plan: &ApiPlan| ClaimResult {
        plan: plan.clone(),
        registered: false,
        available: false,
    };
    plans.iter().map(none).collect()
}

/// What stands of the claims, as the aggregator says of each APIService that `live` gives.
pub(super) fn standing(
    plans: &[ApiPlan],
    names: &Names,
    live: impl Fn(&str) -> Option<APIService>,
) -> Vec<ClaimResult> {
    let each = plans.iter().map(|plan| {
        let live = live(&plan.claim.api_service_name());
        let (registered, available) = match decide::standing(live.as_ref(), names) {
            RegistrationState::Ours { trial, available, .. } => (trial.is_none(), available == Some(true)),
            _ => (false, false),
        };
        ClaimResult {
            plan: plan.clone(),
            registered,
            available,
        }
    });
    each.collect()
}

impl Pass<'_> {
    /// APIServices of claims that are no longer made.
    pub(super) async fn remove_unclaimed(&self, children: &Children<'_>, outcome: &mut PassResult) {
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
            .filter(|(_, service)| !self.ctx.definitions.keep(&self.names.server, service))
        {
            children.remove_live(service, outcome).await;
        }
    }

    /// Takes every APIService back: the namespace behind them is gone or going, and they would keep it, and every other
    /// one, from being deleted.
    pub(super) async fn withdraw(&self, children: &Children<'_>, outcome: &mut PassResult) {
        for service in self.surroundings.api_services.values() {
            children.remove_live(service, outcome).await;
        }
        outcome.hurry = self.surroundings.namespace == NamespaceState::Terminating;
    }

    pub(super) async fn register(
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
