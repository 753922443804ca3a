//! What was found -> status. Pure; equal input gives equal output, so that nothing is written where nothing changed.

use annex_crds::v1alpha1::{
    AggregatedServer, AggregatedServerStatus, ApiStatus, CertificatesStatus, ConditionType, Reason,
    RotationStatus,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    finding::Finding,
    pass_result::{ClaimResult, PassResult},
    pending,
};
use crate::conditions::{self, ConditionStatus, Fact};

/// How many findings of one reason a message names.
const NAMED: usize = 3;

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
        service_account_name: outcome.service_account.clone(),
        children,
    }
}

/// The status of `server` where the cluster could not be read: what was known stays, and the failure is told.
#[must_use]
pub fn compute_unread(
    server: &AggregatedServer,
    reason: Reason,
    why: &str,
    now: Timestamp,
) -> AggregatedServerStatus {
    let old = server.status.clone().unwrap_or_default();
    let generation = server.metadata.generation.unwrap_or(0);
    let failed = |type_, status| fact(type_, status, reason, why);
    let facts = ConditionType::ALL.into_iter().map(|type_| match type_ {
        ConditionType::Ready => failed(type_, ConditionStatus::Unknown),
        type_ if type_ != reason.condition() => kept(&old.conditions, type_),
        type_ if type_.is_normally_false() => failed(type_, ConditionStatus::True),
        type_ => failed(type_, ConditionStatus::False),
    });
    let conditions = conditions::merge(&old.conditions, facts, generation, now);
    AggregatedServerStatus {
        conditions,
        observed_generation: Some(generation),
        ..old
    }
}

/// The conditions among the JSON of a status that may not decode as a whole.
#[must_use]
pub fn decodable_conditions(status: &serde_json::Map<String, serde_json::Value>) -> Vec<Condition> {
    let conditions = status
        .get("conditions")
        .and_then(|conditions| conditions.as_array());
    conditions
        .into_iter()
        .flatten()
        .filter_map(|condition| serde_json::from_value(condition.clone()).ok())
        .collect()
}

/// The conditions of an AggregatedServer that does not decode: what was known stays, and why nothing is done is told.
#[must_use]
pub fn invalid(old: &[Condition], why: &str, generation: i64, now: Timestamp) -> Vec<Condition> {
    let failed = |type_, status| fact(type_, status, Reason::Invalid, why);
    let facts = ConditionType::ALL.into_iter().map(|type_| match type_ {
        ConditionType::Ready => failed(type_, ConditionStatus::False),
        ConditionType::Degraded => failed(type_, ConditionStatus::True),
        other => kept(old, other),
    });
    conditions::merge(old, facts, generation, now)
}

fn kept(old: &[Condition], type_: ConditionType) -> Fact {
    let known = old.iter().find(|condition| condition.type_ == type_.as_str());
    known.map_or_else(
        || fact(type_, ConditionStatus::Unknown, Reason::NotObserved, ""),
        keep,
    )
}

fn keep(condition: &Condition) -> Fact {
    Fact {
        type_: condition.type_.clone(),
        status: match condition.status.as_str() {
            "True" => ConditionStatus::True,
            "False" => ConditionStatus::False,
            _ => ConditionStatus::Unknown,
        },
        reason: condition.reason.clone(),
        message: condition.message.clone(),
    }
}

fn api_service_child(api: &ClaimResult) -> annex_crds::v1alpha1::Child {
    annex_crds::v1alpha1::Child {
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

fn fact(type_: ConditionType, status: ConditionStatus, reason: Reason, message: &str) -> Fact {
    Fact {
        type_: type_.as_str().to_owned(),
        status,
        reason: reason.as_str().to_owned(),
        message: if message.is_empty() {
            reason.meaning().to_owned()
        } else {
            message.to_owned()
        },
    }
}

/// The reason with the highest precedence among `findings`, and what they say of it.
fn leading<'a>(findings: impl Iterator<Item = &'a Finding> + Clone) -> Option<(Reason, String)> {
    let reason = findings.clone().map(|finding| finding.reason).min()?;
    let mut messages: Vec<&str> = findings
        .filter(|finding| finding.reason == reason)
        .map(|finding| finding.message.as_str())
        .collect();
    messages.dedup();
    let more = messages.len().saturating_sub(NAMED);
    messages.truncate(NAMED);
    let text = messages.join("; ");
    Some((
        reason,
        if more > 0 {
            format!("{text}; and {more} more")
        } else {
            text
        },
    ))
}

fn facts(outcome: &PassResult, findings: &[Finding], old: &[Condition]) -> Vec<Fact> {
    let pending = !outcome.pending_endpoints.is_empty();
    let unobserved = |type_| fact(type_, ConditionStatus::Unknown, Reason::NotObserved, "");
    // Who has not answered yet may serve anything: what was well is not said to be otherwise, and nothing is newly said to
    // be well.
    let certificates_as_known = |type_| {
        let known = kept(old, type_);
        if known.status == ConditionStatus::True {
            known
        } else {
            unobserved(type_)
        }
    };
    let never_observed = |type_| kept(old, type_).status == ConditionStatus::Unknown;
    let on = |type_: ConditionType| {
        leading(
            findings
                .iter()
                .filter(move |finding| finding.reason.condition() == type_),
        )
    };
    let all = |test: fn(&ClaimResult) -> bool| !outcome.apis.is_empty() && outcome.apis.iter().all(test);
    let normal_true = |type_, holds: bool, well: Reason, otherwise: Reason| match on(type_) {
        Some((reason, message)) => fact(type_, ConditionStatus::False, reason, &message),
        None if pending && type_ == ConditionType::CertificatesReady => certificates_as_known(type_),
        None if holds => fact(type_, ConditionStatus::True, well, ""),
        None if !outcome.observed || (pending && never_observed(type_)) => unobserved(type_),
        None => fact(type_, ConditionStatus::False, otherwise, ""),
    };
    let normal_false = |type_, well: Reason| match on(type_) {
        Some((reason, message)) => fact(type_, ConditionStatus::True, reason, &message),
        None => fact(type_, ConditionStatus::False, well, ""),
    };
    let available = normal_true(
        ConditionType::Available,
        all(|api| api.available),
        Reason::Passed,
        Reason::NotAvailable,
    );
    let certificates = normal_true(
        ConditionType::CertificatesReady,
        outcome.observed,
        Reason::Trusted,
        Reason::NotIssued,
    );
    let registered = normal_true(
        ConditionType::Registered,
        all(|api| api.registered),
        Reason::Registered,
        Reason::WaitingForServer,
    );
    let progressing = normal_false(ConditionType::Progressing, Reason::Stable);
    let bypass_protected = match on(ConditionType::BypassProtected) {
        Some((reason, message)) => fact(
            ConditionType::BypassProtected,
            ConditionStatus::False,
            reason,
            &message,
        ),
        None if outcome.bypass_is_known => fact(
            ConditionType::BypassProtected,
            ConditionStatus::True,
            Reason::IdentityProved,
            "",
        ),
        None => kept(old, ConditionType::BypassProtected),
    };
    let degraded = normal_false(ConditionType::Degraded, Reason::AsDesired);
    let contested = match normal_false(ConditionType::Contested, Reason::Uncontested) {
        fact if fact.status == ConditionStatus::False && outcome.contests_are_recalled => {
            let known = kept(old, ConditionType::Contested);
            if known.status == ConditionStatus::True {
                known
            } else {
                fact
            }
        }
        fact => fact,
    };
    let ready = ready(findings, &[&available, &certificates, &registered]);
    vec![
        ready,
        available,
        certificates,
        registered,
        bypass_protected,
        progressing,
        degraded,
        contested,
    ]
}

/// The summary: the first reason that keeps it from being true.
fn ready(findings: &[Finding], normally_true: &[&Fact]) -> Fact {
    let against = findings
        .iter()
        .filter(|finding| finding.reason.condition().concerns_ready());
    if let Some((reason, message)) = leading(against) {
        return fact(ConditionType::Ready, ConditionStatus::False, reason, &message);
    }
    match normally_true
        .iter()
        .find(|fact| fact.status != ConditionStatus::True)
    {
        Some(missing) => Fact {
            type_: ConditionType::Ready.as_str().to_owned(),
            status: ConditionStatus::False,
            reason: missing.reason.clone(),
            message: missing.message.clone(),
        },
        None => fact(ConditionType::Ready, ConditionStatus::True, Reason::AllGood, ""),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregated_server::{testing::server, validate::plan_apis};

    fn outcome(available: bool, findings: Vec<Finding>) -> PassResult {
        let apis = plan_apis(&server()).into_iter();
        let apis = apis
            .map(|plan| ClaimResult {
                plan,
                registered: available,
                available,
            })
            .collect();
        PassResult {
            apis,
            findings,
            observed: true,
            ..PassResult::default()
        }
    }

    fn condition(status: &AggregatedServerStatus, type_: ConditionType) -> (String, String) {
        let found = status
            .conditions
            .iter()
            .find(|condition| condition.type_ == type_.as_str())
            .unwrap();
        (found.status.clone(), found.reason.clone())
    }

    fn pair(status: &str, reason: &str) -> (String, String) {
        (status.to_owned(), reason.to_owned())
    }

    fn computed(outcome: &PassResult) -> AggregatedServerStatus {
        compute(&server(), outcome, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn all_is_well() {
        let status = computed(&outcome(true, vec![]));
        assert_eq!(condition(&status, ConditionType::Ready), pair("True", "AllGood"));
        assert_eq!(
            condition(&status, ConditionType::Degraded),
            pair("False", "AsDesired")
        );
        assert_eq!(
            status.group_versions,
            "wardle.example.com/v1alpha1,wardle.example.com/v1beta1"
        );
        assert_eq!(status.observed_generation, Some(3));
    }

    #[test]
    fn ready_names_the_first_reason_by_precedence() {
        let status = computed(&outcome(
            false,
            vec![
                Finding::new(Reason::NoReadyEndpoints, "none"),
                Finding::new(Reason::ImagePullFailed, "no such image"),
            ],
        ));
        assert_eq!(
            condition(&status, ConditionType::Ready),
            pair("False", "ImagePullFailed")
        );
        assert_eq!(
            condition(&status, ConditionType::Available),
            pair("False", "NoReadyEndpoints")
        );
        assert_eq!(
            condition(&status, ConditionType::Degraded),
            pair("True", "ImagePullFailed")
        );
    }

    #[test]
    fn what_leaves_requests_as_they_are_does_not_take_readiness_away() {
        let findings = vec![
            Finding::new(Reason::Contested, "a"),
            Finding::new(Reason::ClaimedIdentityObeyed, "b"),
        ];
        let status = computed(&outcome(true, findings));
        for (type_, expected) in [
            (ConditionType::Ready, pair("True", "AllGood")),
            (ConditionType::Contested, pair("True", "Contested")),
            (
                ConditionType::BypassProtected,
                pair("False", "ClaimedIdentityObeyed"),
            ),
        ] {
            assert_eq!(condition(&status, type_), expected);
        }
        let well = computed(&PassResult {
            bypass_is_known: true,
            ..outcome(true, vec![])
        });
        assert_eq!(
            condition(&well, ConditionType::BypassProtected),
            pair("True", "IdentityProved")
        );
        assert_eq!(
            condition(&well, ConditionType::Contested),
            pair("False", "Uncontested")
        );
    }

    #[test]
    fn what_is_not_known_since_a_restart_stands() {
        let mut server = server();
        let findings = vec![
            Finding::new(Reason::Contested, "a"),
            Finding::new(Reason::AnonymousAllowed, "b"),
        ];
        let told = compute(&server, &outcome(true, findings), Timestamp::UNIX_EPOCH);
        server.status = Some(told.clone());
        let recalled = PassResult {
            contests_are_recalled: true,
            ..outcome(true, vec![])
        };
        assert_eq!(compute(&server, &recalled, Timestamp::UNIX_EPOCH), told);
        let later = compute(&server, &outcome(true, vec![]), Timestamp::UNIX_EPOCH);
        assert_eq!(
            condition(&later, ConditionType::Contested),
            pair("False", "Uncontested")
        );
    }

    #[test]
    fn a_rotation_does_not_take_readiness_away() {
        let status = computed(&outcome(true, vec![Finding::new(Reason::Rotating, "step Probe")]));
        assert_eq!(condition(&status, ConditionType::Ready), pair("True", "AllGood"));
        assert_eq!(
            condition(&status, ConditionType::Progressing),
            pair("True", "Rotating")
        );
    }

    #[test]
    fn one_bad_endpoint_of_an_answering_api_is_a_degradation() {
        let status = computed(&outcome(
            true,
            vec![Finding::new(
                Reason::ConnectionRefused,
                "pod b: connection refused",
            )],
        ));
        assert_eq!(
            condition(&status, ConditionType::Available),
            pair("True", "Passed")
        );
        assert_eq!(
            condition(&status, ConditionType::Ready),
            pair("False", "ReadinessFailed")
        );
    }

    #[test]
    fn a_starting_pod_of_a_rollout_is_no_degradation() {
        let findings = vec![
            Finding::new(Reason::ConnectionRefused, "pod b"),
            Finding::new(Reason::RollingOut, "1 of 2"),
        ];
        let status = computed(&outcome(true, findings));
        assert_eq!(condition(&status, ConditionType::Ready), pair("True", "AllGood"));
    }

    #[test]
    fn no_ready_endpoint_is_an_outage_before_the_aggregator_knows() {
        let status = computed(&outcome(
            true,
            vec![Finding::new(Reason::NoReadyEndpoints, "none")],
        ));
        assert_eq!(
            condition(&status, ConditionType::Available),
            pair("False", "NoReadyEndpoints")
        );
    }

    #[test]
    fn a_refusal_leaves_the_rest_unobserved() {
        let refused = PassResult {
            observed: false,
            ..outcome(
                false,
                vec![Finding::new(
                    Reason::NamespaceNotFound,
                    "namespace wardle does not exist",
                )],
            )
        };
        let status = computed(&refused);
        assert_eq!(
            condition(&status, ConditionType::Ready),
            pair("False", "NamespaceNotFound")
        );
        assert_eq!(
            condition(&status, ConditionType::Available),
            pair("Unknown", "NotObserved")
        );
    }

    #[test]
    fn a_finding_about_one_api_leaves_the_other_alone() {
        let mut outcome = outcome(false, vec![]);
        outcome.apis[1] = ClaimResult {
            registered: true,
            available: true,
            ..outcome.apis[1].clone()
        };
        outcome.findings.push(Finding::about(
            Reason::Conflict,
            "wardle.example.com/v1alpha1",
            "belongs to somebody else",
        ));
        let status = computed(&outcome);
        let registered: Vec<&str> = status
            .apis
            .iter()
            .map(|api| api.conditions[0].status.as_str())
            .collect();
        assert_eq!(registered, ["False", "True"]);
    }

    #[test]
    fn times_change_only_with_the_status() {
        let mut server = server();
        server.status = Some(compute(&server, &outcome(true, vec![]), Timestamp::UNIX_EPOCH));
        let later = Timestamp::from_second(1000).unwrap();
        assert_eq!(
            Some(compute(&server, &outcome(true, vec![]), later)),
            server.status
        );
    }

    #[test]
    fn an_unreadable_cluster_keeps_what_was_known() {
        let mut server = server();
        server.status = Some(compute(&server, &outcome(true, vec![]), Timestamp::UNIX_EPOCH));
        let status = compute_unread(
            &server,
            Reason::ApplyFailed,
            "failed to read pods",
            Timestamp::UNIX_EPOCH,
        );
        assert_eq!(
            condition(&status, ConditionType::Available),
            pair("True", "Passed")
        );
        assert_eq!(
            condition(&status, ConditionType::Ready),
            pair("Unknown", "ApplyFailed")
        );
    }
}
