//! What was found -> status. Pure; equal input gives equal output, so that nothing is written where nothing changed.
//!
//! | file | what it is of |
//! |---|---|
//! | `facts` | the conditions after a pass |
//! | `unread` | those of a server that could not be read, or does not decode |

mod facts;
#[cfg(test)]
mod tests;
mod unread;

use annex_crds::v1alpha1::{
    AggregatedServer, AggregatedServerStatus, ApiStatus, CertificatesStatus, Child, ConditionType, Reason,
    RotationStatus,
};
use jiff::Timestamp;

use self::facts::{fact, facts, leading};
pub use self::unread::{compute_unread, decodable_conditions, invalid};
use super::{
    finding::Finding,
    pass_result::{ClaimResult, PassResult},
    pending,
};
use crate::conditions::{self, ConditionStatus};

/// The status of `server` after a pass with this outcome.
#[must_use]
pub fn compute(server: &AggregatedServer, outcome: &PassResult, now: Timestamp) -> AggregatedServerStatus {
    let old = server.status.clone().unwrap_or_default();
    let generation = server.metadata.generation.unwrap_or(0);
    let findings = settle(outcome, &old);
    let mut children = outcome.children.clone();
    children.extend(
        outcome
            .apis
            .iter()
            .filter(|api| api.registered)
            .map(api_service_child),
    );
    children.sort();
    children.dedup();
    AggregatedServerStatus {
        observed_generation: Some(generation),
        conditions: conditions::merge(
            &old.conditions,
            facts(outcome, &findings, &old.conditions),
            generation,
            now,
        ),
        group_versions: outcome
            .apis
            .iter()
            .map(|api| api.plan.claim.group_version())
            .collect::<Vec<_>>()
            .join(","),
        apis: outcome
            .apis
            .iter()
            .map(|api| api_status(api, &findings, &old, generation, now))
            .collect(),
        certificates: certificates(outcome, &old),
        image: outcome.image.clone(),
        newer_image: outcome.newer_image.clone(),
        service_account_name: outcome.service_account.clone(),
        children,
    }
}

fn api_service_child(api: &ClaimResult) -> Child {
    Child {
        api_version: "apiregistration.k8s.io/v1".into(),
        kind: "APIService".into(),
        namespace: None,
        name: api.plan.claim.api_service_name(),
    }
}

/// Certificates as they are told; what is served by who has not answered yet is told as before.
fn certificates(outcome: &PassResult, old: &AggregatedServerStatus) -> CertificatesStatus {
    let mut certificates = outcome.certificates.clone();
    let pending = &outcome.pending_endpoints;
    if pending.is_empty() {
        return certificates;
    }
    let known = &old.certificates;
    certificates.served_not_after = known.served_not_after.clone().or(certificates.served_not_after);
    let waits_for = |rotation: &&RotationStatus| {
        let blocked = rotation.blocked_by.as_deref().unwrap_or_default();
        pending.iter().any(|endpoint| blocked.contains(endpoint))
    };
    let waits = known.rotation.as_ref().filter(waits_for).cloned();
    certificates.rotation = certificates.rotation.or(waits);
    certificates
}

/// Findings as they stand in the end. Where requests are answered all the same, what single endpoints do not answer is a
/// degradation, or a rollout under way, and no outage.
fn settle(outcome: &PassResult, old: &AggregatedServerStatus) -> Vec<Finding> {
    let standing = pending::standing(old, &outcome.pending_endpoints);
    // A message that stands may name several endpoints, some of which have answered the same again.
    let repeated = |finding: &Finding| {
        standing
            .iter()
            .any(|stands| stands.reason == finding.reason && stands.message.contains(&finding.message))
    };
    let answered = !outcome.apis.is_empty() && outcome.apis.iter().all(|api| api.available);
    let rolling = outcome
        .findings
        .iter()
        .any(|finding| finding.reason == Reason::RollingOut);
    let outage = [
        Reason::ServiceUnusable,
        Reason::PortNameMismatch,
        Reason::NoReadyEndpoints,
    ];
    let settled = |finding: &Finding| {
        let of_endpoint =
            finding.reason.condition() == ConditionType::Available && !outage.contains(&finding.reason);
        if !answered || !of_endpoint {
            return Some(finding.clone());
        }
        let message = format!("{}: {}", finding.reason, finding.message);
        (!rolling).then(|| Finding::new(Reason::ReadinessFailed, message))
    };
    let found = outcome.findings.iter().filter_map(settled);
    let mut findings: Vec<Finding> = found.filter(|finding| !repeated(finding)).collect();
    findings.extend(standing.iter().filter_map(settled));
    findings
}

fn api_status(
    api: &ClaimResult,
    findings: &[Finding],
    old: &AggregatedServerStatus,
    generation: i64,
    now: Timestamp,
) -> ApiStatus {
    let group_version = api.plan.claim.group_version();
    let concerns = |finding: &&Finding, type_: ConditionType| {
        finding.reason.condition() == type_
            && finding
                .group_version
                .as_ref()
                .is_none_or(|about| *about == group_version)
    };
    let one = |type_: ConditionType, holds: bool, well: Reason, otherwise: Reason| {
        if holds {
            return fact(type_, ConditionStatus::True, well, "");
        }
        match leading(findings.iter().filter(|finding| concerns(finding, type_))) {
            Some((reason, message)) => fact(type_, ConditionStatus::False, reason, &message),
            None => fact(type_, ConditionStatus::False, otherwise, ""),
        }
    };
    let facts = [
        one(
            ConditionType::Registered,
            api.registered,
            Reason::Registered,
            Reason::WaitingForServer,
        ),
        one(
            ConditionType::Available,
            api.available,
            Reason::Passed,
            Reason::NotAvailable,
        ),
    ];
    let known = old.apis.iter().find(|known| known.group_version == group_version);
    let known = known.map(|known| known.conditions.as_slice()).unwrap_or_default();
    ApiStatus {
        version_priority: api.plan.version_priority,
        conditions: conditions::merge(known, facts, generation, now),
        group_version,
    }
}
