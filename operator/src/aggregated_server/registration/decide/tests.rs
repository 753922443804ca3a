use std::collections::BTreeMap;

use super::*;
use crate::{
    aggregated_server::{
        build::api_service::{self, Annotations},
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
        failed_since: None,
    }
}

fn good() -> Report {
    report(true, Ok(()), Discovery::Served)
}

fn absent(reports: &[Report]) -> Decision {
    decide(&plan(), &RegistrationState::Absent, reports, None, after(0))
}

fn ours(available: Option<bool>, trial: Option<i64>) -> RegistrationState {
    RegistrationState::Ours {
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
        Report {
            failed_since: Some(HandshakeError::ConnectionRefused),
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
        |standing: &RegistrationState, seconds| decide(&plan(), standing, &[good()], None, after(seconds));
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
        let annotations = Annotations {
            trial,
            ..Annotations::default()
        };
        let mut service = api_service::api_service(&names, &plan, 443, "", annotations);
        let owner = owner_reference(&names.server, uid);
        service.metadata.owner_references = Some(vec![owner]);
        service
    };
    for (uid, trial, kept) in [("dead", None, None), ("dead", Some(-99), Some(after(0)))] {
        let standing = standing(Some(&service(uid, trial)), &names);
        assert!(
            matches!(standing, RegistrationState::Ours { former: true, .. }),
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
        RegistrationState::Foreign { .. }
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
    match decide(
        &plan(),
        &RegistrationState::Absent,
        &[good()],
        Some(&failed),
        after(59),
    ) {
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
        decide(
            &plan(),
            &RegistrationState::Absent,
            &[good()],
            Some(&failed),
            after(60)
        ),
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
    let foreign = RegistrationState::Foreign {
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
    let annotations = Annotations {
        trial: Some(after(0)),
        ..Annotations::default()
    };
    let mut service = api_service::api_service(&names, &plan(), 443, "", annotations);
    let mut available = |reason: &str| {
        let condition = serde_json::json!({ "type": "Available", "status": "True", "reason": reason });
        let status = serde_json::json!({ "conditions": [condition] });
        service.status = serde_json::from_value(status).unwrap();
        match standing(Some(&service), &names) {
            RegistrationState::Ours { available, .. } => available,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(available("Local"), None);
    assert_eq!(available("Passed"), Some(true));
}

#[test]
fn a_claim_that_is_refused_later_is_kept_or_taken_back_by_its_reason() {
    let ours = RegistrationState::Ours {
        available: Some(true),
        words: String::new(),
        trial: None,
        terminating: false,
        former: false,
    };
    for (reason, standing, expected) in [
        (Reason::CrdShadowed, &ours, Refused::Keep),
        (Reason::GroupRefused, &ours, Refused::TakeBack),
        (Reason::CrdShadowed, &RegistrationState::OfCrd, Refused::Absent),
        (Reason::GroupRefused, &RegistrationState::Absent, Refused::Absent),
    ] {
        assert_eq!(refused(reason, standing), expected, "{reason} {standing:?}");
    }
}

#[test]
fn a_crds_api_service_is_taken_over_only_where_allowed() {
    let refused = decide(&plan(), &RegistrationState::OfCrd, &[good()], None, after(0));
    assert!(matches!(refused, Decision::Refuse(finding) if finding.reason == Reason::CrdShadowed));
    let mut allowed = plan();
    allowed.claim.crd_shadow = CrdShadow::Allow;
    assert_eq!(
        decide(&allowed, &RegistrationState::OfCrd, &[good()], None, after(0)),
        Decision::Shadow
    );
    assert!(matches!(
        decide(&allowed, &RegistrationState::OfCrd, &[], None, after(0)),
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
