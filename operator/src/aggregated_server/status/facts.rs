//! The conditions after a pass.

use annex_crds::v1alpha1::{ConditionType, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::unread::kept;
use crate::{
    aggregated_server::{
        finding::Finding,
        pass_result::{ClaimResult, PassResult},
    },
    conditions::{ConditionStatus, Fact},
};

/// How many findings of one reason a message names.
const NAMED: usize = 3;

pub(super) fn fact(type_: ConditionType, status: ConditionStatus, reason: Reason, message: &str) -> Fact {
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
pub(super) fn leading<'a>(findings: impl Iterator<Item = &'a Finding> + Clone) -> Option<(Reason, String)> {
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

pub(super) fn facts(outcome: &PassResult, findings: &[Finding], old: &[Condition]) -> Vec<Fact> {
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
    // One for which nothing is declared yet, and which claims nothing, is well where its endpoints are.
    let all = |test: fn(&ClaimResult) -> bool| match outcome.apis.as_slice() {
        [] => outcome.observed && !pending,
        apis => apis.iter().all(test),
    };
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
