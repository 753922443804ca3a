use annex_crds::v1alpha1::{AggregatedServerStatus, ConditionType, Reason};
use jiff::Timestamp;

use super::{compute, compute_unread};
use crate::aggregated_server::{
    finding::Finding,
    pass_result::{ClaimResult, PassResult},
    testing::server,
    validate::plan_apis,
};

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

/// Annex's own program has no group-version before something is declared for it.
#[test]
fn a_server_that_claims_nothing_is_ready_where_its_endpoints_are() {
    let mut outcome = outcome(true, vec![]);
    outcome.apis.clear();
    assert_eq!(
        condition(&computed(&outcome), ConditionType::Ready),
        pair("True", "AllGood")
    );
    outcome
        .findings
        .push(Finding::new(Reason::NoReadyEndpoints, "none"));
    assert_eq!(
        condition(&computed(&outcome), ConditionType::Ready),
        pair("False", "NoReadyEndpoints")
    );
    outcome.findings.clear();
    outcome.observed = false;
    assert_eq!(condition(&computed(&outcome), ConditionType::Ready).0, "False");
}
