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

use super::{
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
pub enum Standing {
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
pub fn standing(service: Option<&APIService>, names: &Names) -> Standing {
    let Some(service) = service else {
        return Standing::Absent;
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
        return Standing::Ours {
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
        return Standing::OfCrd;
    }
    let owner = serde_json::to_value(service).map(|live| Owner::of(&live).to_string());
    Standing::Foreign {
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
pub fn refused(reason: Reason, standing: &Standing) -> Refused {
    match standing {
        Standing::Ours { .. } if reason == Reason::GroupRefused => Refused::TakeBack,
        Standing::Ours { .. } => Refused::Keep,
        Standing::Absent | Standing::OfCrd | Standing::Foreign { .. } => Refused::Absent,
    }
}

/// Decides about one claim.
#[must_use]
pub fn decide(
    plan: &ApiPlan,
    standing: &Standing,
    reports: &[Report],
    failed: Option<&FailedTrials>,
    now: Timestamp,
) -> Decision {
    let group_version = plan.claim.group_version();
    match standing {
        Standing::Foreign { owner } => Decision::Refuse(Finding::about(
            Reason::Conflict,
            &group_version,
            format!(
                "APIService {} belongs to {owner}; it is left alone",
                plan.claim.api_service_name()
            ),
        )),
        Standing::OfCrd if plan.claim.crd_shadow == CrdShadow::Refuse => Decision::Refuse(Finding::about(
            Reason::CrdShadowed,
            &group_version,
            format!(
                "APIService {} is kept by the aggregator for a CustomResourceDefinition",
                plan.claim.api_service_name()
            ),
        )),
        Standing::Ours {
            terminating: true, ..
        } => Decision::Wait(vec![Finding::about(
            Reason::WaitingForServer,
            &group_version,
            format!("APIService {} is being deleted", plan.claim.api_service_name()),
        )]),
        Standing::Ours {
            available: Some(true),
            ..
        } => Decision::Keep {
            trial: None,
            available: true,
        },
        // The trial was the former server's.
        Standing::Ours {
            trial: Some(_),
            former: true,
            ..
        } => Decision::Keep {
            trial: Some(now),
            available: false,
        },
        Standing::Ours {
            trial: Some(since),
            words,
            ..
        } if over(*since, now) => Decision::TakeBack(words.clone()),
        Standing::Ours { trial, .. } => Decision::Keep {
            trial: *trial,
            available: false,
        },
        Standing::Absent | Standing::OfCrd => match waits(&group_version, reports, failed, now) {
            findings if !findings.is_empty() => Decision::Wait(findings),
            _ if *standing == Standing::OfCrd => Decision::Shadow,
            _ => Decision::Register,
        },
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
    let answered = |report: &&Report| report.trusted() && passes(report.discovery.get(group_version));
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
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        aggregated_server::{
            build::api_service,
            endpoints::{Endpoint, Origin, Presented},
            names::owner_reference,
            testing::{names, server},
            validate::plan_apis,
        },
        pki::{TrustFault, testing as pki},
        probe::tls::HandshakeError,
    };

    const NOW: i64 = 1_800_000_000;

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(NOW + seconds).unwrap()
    }

    fn plan() -> ApiPlan {
        plan_apis(&server()).remove(0)
    }

    fn report(ready: bool, trust: Result<(), TrustFault>, answer: Discovery) -> Report {
        let leaf = pki::leaf(&pki::authority(&["wardle.wardle.svc"])).certificate;
        Report {
            endpoint: Endpoint {
                address: "10.0.0.1:8443".parse().unwrap(),
                pod: None,
                ready,
                origin: Origin::Backend,
            },
            handshake: Ok(Presented { leaf, trust }),
            discovery: BTreeMap::from([("wardle.example.com/v1alpha1".to_owned(), answer)]),
            readyz: None,
            age: Duration::ZERO,
        }
    }

    fn good() -> Report {
        report(true, Ok(()), Discovery::Served)
    }

    fn absent(reports: &[Report]) -> Decision {
        decide(&plan(), &Standing::Absent, reports, None, after(0))
    }

    fn ours(available: Option<bool>, trial: Option<i64>) -> Standing {
        Standing::Ours {
            available,
            words: "FailedDiscoveryCheck: x".into(),
            trial: trial.map(after),
            former: false,
            terminating: false,
        }
    }

    #[test]
    fn nothing_is_registered_before_every_ready_endpoint_has_answered() {
        assert_eq!(absent(&[good(), good()]), Decision::Register);
        let bad = [
            report(true, Err(TrustFault::Untrusted), Discovery::Served),
            report(true, Ok(()), Discovery::NotServed { found: "404".into() }),
            report(true, Ok(()), Discovery::TooSlow),
            Report {
                handshake: Err(HandshakeError::ConnectionRefused),
                ..good()
            },
            Report::unasked(good().endpoint, HandshakeError::NoAnswerYet),
            Report::unasked(good().endpoint, HandshakeError::TooMany),
        ];
        for report in bad {
            assert!(
                matches!(absent(&[good(), report.clone()]), Decision::Wait(_)),
                "{report:?}"
            );
        }
        assert!(matches!(absent(&[]), Decision::Wait(_)));
    }

    #[test]
    fn a_server_that_knows_no_token_review_gets_its_trial() {
        for answer in [Discovery::Unauthorized, Discovery::Forbidden] {
            assert_eq!(absent(&[report(true, Ok(()), answer)]), Decision::Register);
        }
    }

    #[test]
    fn an_endpoint_that_is_not_ready_does_not_count() {
        assert_eq!(
            absent(&[good(), report(false, Ok(()), Discovery::TooSlow)]),
            Decision::Register
        );
        assert!(matches!(
            absent(&[report(false, Ok(()), Discovery::Served)]),
            Decision::Wait(_)
        ));
    }

    #[test]
    fn a_trial_ends_after_its_time_and_is_taken_back() {
        let decided =
            |standing: &Standing, seconds| decide(&plan(), standing, &[good()], None, after(seconds));
        let on_trial = ours(Some(false), Some(0));
        assert_eq!(
            decided(&on_trial, 29),
            Decision::Keep {
                trial: Some(after(0)),
                available: false
            }
        );
        assert_eq!(
            decided(&on_trial, 30),
            Decision::TakeBack("FailedDiscoveryCheck: x".into())
        );
        assert_eq!(
            decided(&ours(Some(true), Some(0)), 31),
            Decision::Keep {
                trial: None,
                available: true
            }
        );
    }

    #[test]
    fn what_stands_of_a_former_server_is_kept_and_its_trial_begun_again() {
        let names = names();
        let plan = plan();
        let service = |uid: &str, trial: Option<i64>| {
            let trial = trial.map(after);
            let mut service = api_service::api_service(&names, &plan, 443, "", trial);
            let owner = owner_reference(&names.server, uid);
            service.metadata.owner_references = Some(vec![owner]);
            service
        };
        for (uid, trial, kept) in [("dead", None, None), ("dead", Some(-99), Some(after(0)))] {
            let standing = standing(Some(&service(uid, trial)), &names);
            assert!(
                matches!(standing, Standing::Ours { former: true, .. }),
                "{standing:?}"
            );
            let keep = Decision::Keep {
                trial: kept,
                available: false,
            };
            assert_eq!(decide(&plan, &standing, &[], None, after(0)), keep);
        }
        let own = standing(Some(&service(&names.uid, Some(-99))), &names);
        assert!(matches!(
            decide(&plan, &own, &[], None, after(0)),
            Decision::TakeBack(_)
        ));
        let mut elsewhere = service("dead", None);
        elsewhere.metadata.owner_references = Some(vec![owner_reference("other", "dead")]);
        assert!(matches!(
            standing(Some(&elsewhere), &names),
            Standing::Foreign { .. }
        ));
    }

    #[test]
    fn what_was_available_once_is_not_taken_back() {
        let blip = decide(&plan(), &ours(Some(false), None), &[], None, after(9999));
        assert_eq!(
            blip,
            Decision::Keep {
                trial: None,
                available: false
            }
        );
    }

    #[test]
    fn a_failed_trial_pauses_longer_each_time_and_keeps_its_reason() {
        let why = Finding::new(Reason::FrontProxyUntrusted, "401");
        let mut failed = failed_again(None, why.clone(), after(0));
        assert_eq!(failed.retry_at, after(60));
        match decide(&plan(), &Standing::Absent, &[good()], Some(&failed), after(59)) {
            Decision::Wait(findings) => {
                assert_eq!(findings[0], why);
                // The same at each look, so that nothing is written.
                assert_eq!(
                    findings[1].message,
                    format!("taken back after 1 failed trial(s); tried again at {}", after(60))
                );
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(
            decide(&plan(), &Standing::Absent, &[good()], Some(&failed), after(60)),
            Decision::Register
        );
        failed = failed_again(Some(&failed), why.clone(), after(0));
        assert_eq!(failed.retry_at, after(120));
        for _ in 0..70 {
            failed = failed_again(Some(&failed), why.clone(), after(0));
        }
        assert_eq!(failed.retry_at, after(480));
    }

    #[test]
    fn somebody_elses_api_service_is_left_alone() {
        let foreign = Standing::Foreign {
            owner: "helm release x".into(),
        };
        match decide(&plan(), &foreign, &[good()], None, after(0)) {
            Decision::Refuse(finding) => {
                assert_eq!(finding.reason, Reason::Conflict);
                assert!(finding.message.contains("helm release x"));
            }
            other => panic!("{other:?}"),
        }
    }

    /// An APIService that is taken over from a CustomResourceDefinition has the status that it had as such for a while.
    #[test]
    fn what_was_available_without_a_service_is_not_yet_available_with_one() {
        let names = names();
        let mut service = api_service::api_service(&names, &plan(), 443, "", Some(after(0)));
        let mut available = |reason: &str| {
            let condition = serde_json::json!({ "type": "Available", "status": "True", "reason": reason });
            let status = serde_json::json!({ "conditions": [condition] });
            service.status = serde_json::from_value(status).unwrap();
            match standing(Some(&service), &names) {
                Standing::Ours { available, .. } => available,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(available("Local"), None);
        assert_eq!(available("Passed"), Some(true));
    }

    #[test]
    fn a_claim_that_is_refused_later_is_kept_or_taken_back_by_its_reason() {
        let ours = Standing::Ours {
            available: Some(true),
            words: String::new(),
            trial: None,
            terminating: false,
            former: false,
        };
        for (reason, standing, expected) in [
            (Reason::CrdShadowed, &ours, Refused::Keep),
            (Reason::GroupRefused, &ours, Refused::TakeBack),
            (Reason::CrdShadowed, &Standing::OfCrd, Refused::Absent),
            (Reason::GroupRefused, &Standing::Absent, Refused::Absent),
        ] {
            assert_eq!(refused(reason, standing), expected, "{reason} {standing:?}");
        }
    }

    #[test]
    fn a_crds_api_service_is_taken_over_only_where_allowed() {
        let refused = decide(&plan(), &Standing::OfCrd, &[good()], None, after(0));
        assert!(matches!(refused, Decision::Refuse(finding) if finding.reason == Reason::CrdShadowed));
        let mut allowed = plan();
        allowed.claim.crd_shadow = CrdShadow::Allow;
        assert_eq!(
            decide(&allowed, &Standing::OfCrd, &[good()], None, after(0)),
            Decision::Shadow
        );
        assert!(matches!(
            decide(&allowed, &Standing::OfCrd, &[], None, after(0)),
            Decision::Wait(_)
        ));
    }

    #[test]
    fn an_ordinary_trial_tells_of_no_unreached_server() {
        let trial = Some(after(0));
        for reason in [Reason::ControlPlaneUnreachable, Reason::NotAvailable] {
            for second in [0, 5, 29] {
                assert!(!is_told(reason, trial, after(second)), "{reason} at {second} s");
            }
            assert!(is_told(reason, None, after(0)));
        }
        assert!(!is_told(Reason::FrontProxyUntrusted, trial, after(4)));
        assert!(is_told(Reason::FrontProxyUntrusted, trial, after(5)));
    }

    /// The texts are kube-aggregator's and Go's own.
    #[test]
    fn the_aggregators_words_are_understood() {
        let url = "https://10.96.1.2:443/apis/wardle.example.com/v1alpha1";
        let failing =
            |error: &str| format!("FailedDiscoveryCheck: failing or missing response from {url}: {error}");
        for (error, reason) in [
            (format!("bad status from {url}: 401"), Reason::FrontProxyUntrusted),
            (format!("bad status from {url}: 403"), Reason::FrontProxyUntrusted),
            (
                format!("bad status from {url}: 404"),
                Reason::GroupVersionNotServed,
            ),
            (format!("bad status from {url}: 500"), Reason::DiscoveryFailed),
            (
                format!(
                    "Get \"{url}\": tls: failed to verify certificate: x509: certificate signed by unknown authority"
                ),
                Reason::CaNotTrusted,
            ),
            (
                format!(
                    "Get \"{url}\": tls: failed to verify certificate: x509: certificate is valid for a.b.svc, not c.d.svc"
                ),
                Reason::SanMismatch,
            ),
            (
                format!(
                    "Get \"{url}\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time …"
                ),
                Reason::CertificateExpired,
            ),
            (
                format!("Get \"{url}\": dial tcp 10.96.1.2:443: connect: connection refused"),
                Reason::ControlPlaneUnreachable,
            ),
            (
                format!("Get \"{url}\": context deadline exceeded"),
                Reason::ControlPlaneUnreachable,
            ),
            ("something new".to_owned(), Reason::NotAvailable),
        ] {
            assert_eq!(interpret(&failing(&error)), reason, "{error}");
        }
    }
}
