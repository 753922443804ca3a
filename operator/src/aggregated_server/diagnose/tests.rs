//! What was seen, and what it is called.

use std::collections::BTreeMap;

use super::*;
use crate::aggregated_server::endpoints::{Endpoint, Origin, Presented};

fn pod(container: &str) -> Pod {
    let yaml = format!(
        "
metadata: {{ name: wardle-1 }}
status:
  containerStatuses:
  - {container}"
    );
    serde_saphyr::from_str(&yaml).unwrap()
}

fn reasons(findings: &[Finding]) -> Vec<Reason> {
    findings.iter().map(|finding| finding.reason).collect()
}

#[test]
fn a_containers_state_is_named() {
    let status = |state: &str, more: &str| {
        pod(&format!(
            "{{ name: server, image: a/b:c, imageID: '', ready: false, restartCount: 1, state: {state} {more} }}"
        ))
    };
    let waiting = |reason: &str, message: &str| {
        status(
            &format!("{{ waiting: {{ reason: {reason}, message: '{message}' }} }}"),
            "",
        )
    };
    for (pod, reason) in [
        (
            waiting("ErrImagePull", "connection refused"),
            Reason::ImagePullFailed,
        ),
        (
            waiting("ImagePullBackOff", "Back-off pulling image"),
            Reason::ImagePullFailed,
        ),
        (waiting("InvalidImageName", "x"), Reason::ImagePullFailed),
        (
            waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root",
            ),
            Reason::ContainerCannotRunAsRoot,
        ),
        (
            waiting("CreateContainerConfigError", "secret x not found"),
            Reason::ContainerConfigInvalid,
        ),
        (
            waiting("CrashLoopBackOff", "back-off 10s"),
            Reason::ContainerCrashing,
        ),
        (
            status("{ terminated: { exitCode: 1 } }", ""),
            Reason::ContainerCrashing,
        ),
        (
            status(
                "{ running: {} }",
                ", lastState: { terminated: { exitCode: 2, message: boom } }",
            ),
            Reason::ContainerCrashing,
        ),
    ] {
        assert_eq!(reasons(&pods(&[pod])), [reason]);
    }
    assert_eq!(pods(&[waiting("ContainerCreating", "")]), []);
    let told = pods(&[status(
        "{ running: {} }",
        ", lastState: { terminated: { exitCode: 2, message: boom } }",
    )]);
    assert!(
        told[0]
            .message
            .ends_with("restarted 1 time(s); ended, exit code 2: boom"),
        "{}",
        told[0].message
    );
}

#[test]
fn a_pod_on_its_way_out_is_not_blamed() {
    let mut pod = pod(
        "{ name: server, image: a, imageID: '', ready: false, restartCount: 9, state: { terminated: { exitCode: 1 } } }",
    );
    pod.metadata.deletion_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(
        Timestamp::UNIX_EPOCH,
    ));
    assert_eq!(pods(&[pod]), []);
}

fn endpoint(ready: bool) -> Endpoint {
    Endpoint {
        address: "10.0.0.1:8443".parse().unwrap(),
        pod: Some("wardle-1".into()),
        ready,
        origin: Origin::Backend,
    }
}

fn report(ready: bool, handshake: Result<TrustResult, HandshakeError>) -> Report {
    let leaf =
        || crate::pki::testing::leaf(&crate::pki::testing::authority(&["wardle.wardle.svc"])).certificate;
    Report {
        endpoint: endpoint(ready),
        handshake: handshake.map(|trust| Presented { leaf: leaf(), trust }),
        discovery: BTreeMap::new(),
        readyz: None,
        age: Duration::ZERO,
        failed_since: None,
    }
}

type TrustResult = Result<(), TrustFault>;

fn found(report: Report) -> Vec<Reason> {
    let all = Endpoints {
        list: vec![report.endpoint.clone()],
        name_mismatch: None,
    };
    reasons(&endpoints(&all, &[report], &[], Timestamp::now()))
}

#[test]
fn what_an_endpoint_does_not_answer_is_named() {
    let names = vec!["other.svc".to_owned()];
    for (handshake, reason) in [
        (Err(HandshakeError::ConnectionRefused), Reason::ConnectionRefused),
        (Err(HandshakeError::ConnectTimeout), Reason::ConnectionTimeout),
        (Err(HandshakeError::NotTls), Reason::TlsFailed),
        (Err(HandshakeError::ForeignAddress), Reason::ForeignEndpoint),
        (Ok(Err(TrustFault::Untrusted)), Reason::CaNotTrusted),
        (Ok(Err(TrustFault::SanMismatch { names })), Reason::SanMismatch),
        (
            Ok(Err(TrustFault::Expired {
                not_after: Timestamp::UNIX_EPOCH,
            })),
            Reason::CertificateExpired,
        ),
    ] {
        assert_eq!(found(report(true, handshake)), [reason]);
    }
    assert_eq!(found(report(true, Ok(Ok(())))), []);
}

#[test]
fn nothing_is_told_of_who_has_not_answered_yet_and_all_of_who_is_not_asked() {
    let told = |why| found(Report::unasked(endpoint(true), why));
    assert_eq!(told(HandshakeError::NoAnswerYet), []);
    assert_eq!(told(HandshakeError::TooMany), [Reason::TooManyEndpoints]);
}

#[test]
fn storage_is_told_from_other_readiness() {
    let failing = |checks: &[&str]| {
        let checks = checks.iter().map(ToString::to_string).collect();
        found(Report {
            readyz: Some(Readyz::Failing { checks }),
            ..report(false, Ok(Ok(())))
        })
    };
    assert_eq!(
        failing(&["ping", "etcd"]),
        [Reason::NoReadyEndpoints, Reason::StorageUnavailable]
    );
    assert_eq!(
        failing(&["informer-sync"]),
        [Reason::NoReadyEndpoints, Reason::ReadinessFailed]
    );
}

#[test]
fn a_container_that_began_a_moment_ago_is_starting() {
    let now = Timestamp::now();
    let running = |since: Timestamp| {
        pod(&format!(
            "{{ name: server, image: a, imageID: '', ready: false, restartCount: 0, state: {{ running: {{ startedAt: '{since}' }} }} }}"
        ))
    };
    let refused = report(false, Err(HandshakeError::ConnectionRefused));
    let all = Endpoints {
        list: vec![refused.endpoint.clone()],
        name_mismatch: None,
    };
    let at = |since: Timestamp| {
        reasons(&endpoints(
            &all,
            std::slice::from_ref(&refused),
            &[running(since)],
            now,
        ))
    };
    assert_eq!(at(now), [Reason::NoReadyEndpoints]);
    let long_ago = Timestamp::from_second(now.as_second() - 60).unwrap();
    assert_eq!(
        at(long_ago),
        [Reason::NoReadyEndpoints, Reason::ConnectionRefused]
    );
    // Its pod has an address while the image is pulled.
    let state = |restarts: u8| {
        let never = pod(&format!(
            "{{ name: server, image: a, imageID: '', ready: false, restartCount: {restarts}, state: {{ waiting: {{ reason: ContainerCreating }} }} }}"
        ));
        reasons(&endpoints(&all, std::slice::from_ref(&refused), &[never], now))
    };
    assert_eq!(state(0), [Reason::NoReadyEndpoints]);
    assert_eq!(state(1), [Reason::NoReadyEndpoints, Reason::ConnectionRefused]);
}

#[test]
fn a_port_that_is_named_differently_is_a_mismatch() {
    let mismatch = Endpoints {
        list: Vec::new(),
        name_mismatch: Some(("https".into(), vec!["web".into()])),
    };
    assert_eq!(
        reasons(&endpoints(&mismatch, &[], &[], Timestamp::now())),
        [Reason::PortNameMismatch]
    );
}
