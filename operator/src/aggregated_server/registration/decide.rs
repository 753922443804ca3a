//! Whether a claim may be registered, must wait, is on trial, or is taken back. Pure.
//!
//! Register last (see `docs/architecture.md`): an APIService whose server does not answer blocks discovery and the
//! deletion of every namespace, so that one is written only when every ready endpoint has answered. What only the
//! aggregator can prove is proved on trial: a first registration that does not become available in time is taken back.

use std::time::Duration;

use annex_crds::v1alpha1::{CrdShadow, Reason};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::ResourceExt as _;

use crate::aggregated_server::{
    dereference::{AUTOMANAGED_LABEL, trial_since},
    endpoints::Report,
    finding::Finding,
    names::Names,
    validate::ApiPlan,
};
use crate::{
    applier::{Owner, Ownership},
    probe::discovery::Discovery,
};

/// How long a first registration may take to become available.
pub const TRIAL: Duration = Duration::from_secs(30);
/// The pause after the first failed trial; it doubles with each further one. Longer than the trial itself, so that
/// whatever waits for discovery to be whole, such as the deletion of a namespace, gets its turn.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(480);

/// The reason of an available APIService without a Service (kube-aggregator, local_available_controller.go).
const LOCAL: &str = "Local";

/// What the claim's APIService is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// There is none.
    Absent,
    /// It is this server's.
    Ours {
        /// What its condition `Available` says; `None` before the aggregator has looked.
        available: Option<bool>,
        /// The condition's reason and message.
        words: String,
        /// When its trial began, while it is on trial.
        trial: Option<Timestamp>,
        /// It names an earlier server of this name, see [`Ownership::Former`].
        former: bool,
        /// It is being deleted.
        terminating: bool,
    },
    /// The aggregator keeps it for a CustomResourceDefinition.
    OfCrd,
    /// It is somebody else's.
    Foreign {
        /// Whose.
        owner: String,
    },
}

/// What became of earlier trials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedTrials {
    /// How many.
    pub count: u32,
    /// Before this no further one begins.
    pub retry_at: Timestamp,
    /// Why the last one failed.
    pub finding: Finding,
}

/// What is to be done about a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Nothing: it is not this server's.
    Refuse(Finding),
    /// Nothing yet.
    Wait(Vec<Finding>),
    /// Write the APIService, on trial from now.
    Register,
    /// Take the APIService over from the aggregator, which keeps it for a CRD that may be shadowed.
    Shadow,
    /// Keep the APIService as it should be.
    Keep {
        /// When its trial began, if it goes on.
        trial: Option<Timestamp>,
        /// The aggregator calls it available.
        available: bool,
    },
    /// The trial failed.
    TakeBack(String),
}

/// What `service` is to the server with these `names`.
#[must_use]
pub fn standing(service: Option<&APIService>, names: &Names) -> RegistrationState {
    let Some(service) = service else {
        return RegistrationState::Absent;
    };
    let ownership = names.ownership(service);
    if ownership != Ownership::Foreign {
        let conditions = service
            .status
            .as_ref()
            .and_then(|status| status.conditions.as_deref());
        // What was said of it before it had a Service says nothing of that: the aggregator has not looked yet.
        let available = conditions
            .and_then(|all| all.iter().find(|condition| condition.type_ == "Available"))
            .filter(|condition| condition.reason.as_deref() != Some(LOCAL));
        return RegistrationState::Ours {
            available: available.map(|condition| condition.status == "True"),
            words: available.map_or_else(String::new, |condition| {
                let reason = condition.reason.as_deref().unwrap_or_default();
                format!("{reason}: {}", condition.message.as_deref().unwrap_or_default())
            }),
            trial: trial_since(service),
            former: ownership == Ownership::Former,
            terminating: service.metadata.deletion_timestamp.is_some(),
        };
    }
    if service.labels().contains_key(AUTOMANAGED_LABEL) {
        return RegistrationState::OfCrd;
    }
    let owner = serde_json::to_value(service).map(|live| Owner::of(&live).to_string());
    RegistrationState::Foreign {
        owner: owner.unwrap_or_else(|_| "somebody else".to_owned()),
    }
}

/// What becomes of an APIService that stands when its claim is refused, see `validate::refuse_claim`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is none of ours.
    Absent,
    /// It is kept, certificates and all: what came later gives way to what is served.
    Keep,
    /// It is taken back: it stands in the place of what Kubernetes itself serves.
    TakeBack,
}

/// What becomes of an APIService whose claim is refused for `reason`.
#[must_use]
pub fn refused(reason: Reason, standing: &RegistrationState) -> Refused {
    match standing {
        RegistrationState::Ours { .. } if reason == Reason::GroupRefused => Refused::TakeBack,
        RegistrationState::Ours { .. } => Refused::Keep,
        RegistrationState::Absent | RegistrationState::OfCrd | RegistrationState::Foreign { .. } => {
            Refused::Absent
        }
    }
}

/// Decides about one claim.
#[must_use]
pub fn decide(
    plan: &ApiPlan,
    standing: &RegistrationState,
    reports: &[Report],
    failed: Option<&FailedTrials>,
    now: Timestamp,
) -> Decision {
    let group_version = plan.claim.group_version();
    match standing {
        RegistrationState::Foreign { owner } => Decision::Refuse(Finding::about(
            Reason::Conflict,
            &group_version,
            format!(
                "APIService {} belongs to {owner}; it is left alone",
                plan.claim.api_service_name()
            ),
        )),
        RegistrationState::OfCrd if plan.claim.crd_shadow == CrdShadow::Refuse => {
            Decision::Refuse(Finding::about(
                Reason::CrdShadowed,
                &group_version,
                format!(
                    "APIService {} is kept by the aggregator for a CustomResourceDefinition",
                    plan.claim.api_service_name()
                ),
            ))
        }
        RegistrationState::Ours {
            terminating: true, ..
        } => Decision::Wait(vec![Finding::about(
            Reason::WaitingForServer,
            &group_version,
            format!("APIService {} is being deleted", plan.claim.api_service_name()),
        )]),
        RegistrationState::Ours {
            available: Some(true),
            ..
        } => Decision::Keep {
            trial: None,
            available: true,
        },
        // The trial was the former server's.
        RegistrationState::Ours {
            trial: Some(_),
            former: true,
            ..
        } => Decision::Keep {
            trial: Some(now),
            available: false,
        },
        RegistrationState::Ours {
            trial: Some(since),
            words,
            ..
        } if over(*since, now) => Decision::TakeBack(words.clone()),
        RegistrationState::Ours { trial, .. } => Decision::Keep {
            trial: *trial,
            available: false,
        },
        RegistrationState::Absent | RegistrationState::OfCrd => {
            match waits(&group_version, reports, failed, now) {
                findings if !findings.is_empty() => Decision::Wait(findings),
                _ if *standing == RegistrationState::OfCrd => Decision::Shadow,
                _ => Decision::Register,
            }
        }
    }
}

fn over(since: Timestamp, now: Timestamp) -> bool {
    // One that begins long after now was begun by a clock that was ahead: it is over too, else it would last until then.
    now.duration_since(since).unsigned_abs() >= TRIAL
}

/// What keeps a first registration from being tried now; empty where nothing does.
fn waits(
    group_version: &str,
    reports: &[Report],
    failed: Option<&FailedTrials>,
    now: Timestamp,
) -> Vec<Finding> {
    if let Some(failed) = failed.filter(|failed| now < failed.retry_at) {
        return paused(group_version, failed);
    }
    let ready = || reports.iter().filter(|report| report.endpoint.ready);
    let answered = |report: &&Report| report.proves() && passes(report.discovery.get(group_version));
    let total = ready().count();
    let good = ready().filter(answered).count();
    if total > 0 && good == total {
        return Vec::new();
    }
    let message = format!("{good} of {total} ready endpoint(s) have answered discovery");
    vec![Finding::about(Reason::WaitingForServer, group_version, message)]
}

/// What status says from the end of a failed trial to the next one: the same words in the pass that takes the APIService
/// back and in each later one, so that status is written once.
#[must_use]
pub fn paused(group_version: &str, failed: &FailedTrials) -> Vec<Finding> {
    let message = format!(
        "taken back after {} failed trial(s); tried again at {}",
        failed.count,
        time_of(failed)
    );
    vec![
        failed.finding.clone(),
        Finding::about(Reason::TrialFailed, group_version, message),
    ]
}

/// Whether an answer lets a trial begin. A server need not know TokenReview: 401 and 403 go on to the trial, where the
/// aggregator asks with its own identity.
fn passes(answer: Option<&Discovery>) -> bool {
    matches!(
        answer,
        Some(Discovery::Served | Discovery::Unauthorized | Discovery::Forbidden)
    )
}

/// When the next trial begins, as status and Events say it: a time, since what counts down would be written again and again.
#[must_use]
pub fn time_of(failed: &FailedTrials) -> String {
    let at = Timestamp::from_second(failed.retry_at.as_second()).unwrap_or(failed.retry_at);
    at.to_string()
}

/// The memory after one more failed trial.
#[must_use]
pub fn failed_again(earlier: Option<&FailedTrials>, finding: Finding, now: Timestamp) -> FailedTrials {
    let count = earlier.map_or(0, |earlier| earlier.count).saturating_add(1);
    let doubled = FIRST_PAUSE.saturating_mul(1_u32.checked_shl(count - 1).unwrap_or(u32::MAX));
    let retry_at = now
        .checked_add(doubled.min(LONGEST_PAUSE))
        .unwrap_or(Timestamp::MAX);
    FailedTrials {
        count,
        retry_at,
        finding,
    }
}

/// How long a new registration may be refused, for whatever reason, before that is told.
const SETTLING: SignedDuration = SignedDuration::from_secs(5);

/// Whether what the aggregator says of an APIService is told already. On trial, that it does not reach the server is told
/// only when the trial is over, which is what the trial is for: a new Service takes every kube-proxy its time, and after
/// a failure kube-aggregator says the old thing until its next attempt ends, which takes up to five seconds
/// (remote_available_controller.go).
#[must_use]
pub fn is_told(reason: Reason, trial: Option<Timestamp>, now: Timestamp) -> bool {
    let Some(since) = trial else { return true };
    let unreached = matches!(reason, Reason::ControlPlaneUnreachable | Reason::NotAvailable);
    !unreached && now.duration_since(since) >= SETTLING
}

/// What the aggregator's words mean, where the endpoints themselves answered the operator well. They are kube-aggregator's
/// `failing or missing response from URL: ERROR` (remote_available_controller.go) around Go's own error texts.
#[must_use]
pub fn interpret(words: &str) -> Reason {
    let has = |text: &str| words.contains(text);
    let status = |code: &str| has("bad status from") && words.trim_end().ends_with(code);
    if status(": 401") || status(": 403") {
        Reason::FrontProxyUntrusted
    } else if status(": 404") {
        Reason::GroupVersionNotServed
    } else if has("bad status from") {
        Reason::DiscoveryFailed
    } else if has("certificate has expired") {
        Reason::CertificateExpired
    } else if has("x509: certificate is valid for") || has("x509: certificate is not valid for any names") {
        Reason::SanMismatch
    } else if has("x509:") {
        Reason::CaNotTrusted
    } else if has("dial tcp") || has("no route to host") || has("deadline exceeded") || has("Client.Timeout")
    {
        Reason::ControlPlaneUnreachable
    } else {
        Reason::NotAvailable
    }
}

#[cfg(test)]
mod tests;
