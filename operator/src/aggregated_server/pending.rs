//! What status says of endpoints that have not answered yet: what an earlier pass told of them stands. Pure.

use annex_crds::v1alpha1::{AggregatedServerStatus, Reason};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::finding::Finding;

/// The findings of `old` about endpoints that are among `pending`, as messages name them.
#[must_use]
pub(super) fn standing(old: &AggregatedServerStatus, pending: &[String]) -> Vec<Finding> {
    if pending.is_empty() {
        return Vec::new();
    }
    let mut findings: Vec<Finding> = Vec::new();
    for api in &old.apis {
        let told = api
            .conditions
            .iter()
            .filter_map(|condition| told(condition, pending));
        findings
            .extend(told.map(|(reason, message)| Finding::about(reason, api.group_version.clone(), message)));
    }
    // What is told of each API is told of the server too.
    let of_server: Vec<Finding> = old
        .conditions
        .iter()
        .filter_map(|condition| told(condition, pending))
        .filter(|(reason, _)| !findings.iter().any(|finding| finding.reason == *reason))
        .map(|(reason, message)| Finding::new(reason, message))
        .collect();
    findings.extend(of_server);
    findings
}

/// What a condition that is not as it should be tells of one of `pending`.
fn told<'a>(condition: &'a Condition, pending: &[String]) -> Option<(Reason, &'a str)> {
    let reason = Reason::ALL
        .iter()
        .copied()
        .find(|reason| reason.as_str() == condition.reason)?;
    let type_ = reason.condition();
    let bad = if type_.is_normally_false() {
        "True"
    } else {
        "False"
    };
    let names = pending
        .iter()
        .any(|endpoint| condition.message.contains(endpoint.as_str()));
    // `Ready` repeats others.
    (condition.type_ == type_.as_str() && condition.status == bad && names)
        .then_some((reason, condition.message.as_str()))
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::ConditionType;
    use jiff::Timestamp;

    use super::*;
    use crate::aggregated_server::{
        pass_result::{ClaimResult, PassResult},
        status::compute,
        testing::server,
        validate::plan_apis,
    };

    const ENDPOINT: &str = "pod a (10.0.0.1:8443)";

    fn outcome(available: bool, findings: Vec<Finding>, pending: &[&str]) -> PassResult {
        let apis = plan_apis(&server()).into_iter().map(|plan| ClaimResult {
            plan,
            registered: available,
            available,
        });
        PassResult {
            apis: apis.collect(),
            findings,
            observed: true,
            pending_endpoints: pending.iter().map(ToString::to_string).collect(),
            ..PassResult::default()
        }
    }

    fn after(old: Option<AggregatedServerStatus>, outcome: &PassResult) -> AggregatedServerStatus {
        let mut server = server();
        server.status = old;
        compute(&server, outcome, Timestamp::UNIX_EPOCH)
    }

    fn condition(status: &AggregatedServerStatus, type_: ConditionType) -> (String, String) {
        let conditions = &mut status.conditions.iter();
        let found = conditions
            .find(|condition| condition.type_ == type_.as_str())
            .unwrap();
        (found.status.clone(), found.reason.clone())
    }

    fn pair(status: &str, reason: &str) -> (String, String) {
        (status.to_owned(), reason.to_owned())
    }

    #[test]
    fn what_was_told_of_an_endpoint_stands_until_it_answers() {
        let refused = || Finding::new(Reason::ConnectionTimeout, format!("{ENDPOINT}: no answer"));
        let slow = || {
            Finding::about(
                Reason::DiscoveryTooSlow,
                "wardle.example.com/v1beta1",
                format!("{ENDPOINT}: discovery of wardle.example.com/v1beta1 does not answer in time"),
            )
        };
        for available in [false, true] {
            let told = after(None, &outcome(available, vec![refused(), slow()], &[]));
            let pending = outcome(available, vec![], &[ENDPOINT]);
            assert_eq!(after(Some(told.clone()), &pending), told);
            // Of another endpoint nothing is known.
            let other = outcome(available, vec![], &["pod b (10.0.0.2:8443)"]);
            let ready = condition(&after(Some(told.clone()), &other), ConditionType::Ready);
            assert_ne!(ready, condition(&told, ConditionType::Ready));
            // And once all have answered, that counts.
            let answered = after(Some(told), &outcome(true, vec![], &[]));
            assert_eq!(
                condition(&answered, ConditionType::Ready),
                pair("True", "AllGood")
            );
        }
    }

    #[test]
    fn what_is_well_stays_so_and_what_is_found_is_told_at_once() {
        let well = after(None, &outcome(true, vec![], &[]));
        assert_eq!(
            after(Some(well.clone()), &outcome(true, vec![], &[ENDPOINT])),
            well
        );
        let crashes = Finding::new(Reason::ContainerCrashing, "pod a, container server: exit code 1");
        let status = after(Some(well), &outcome(true, vec![crashes], &[ENDPOINT]));
        assert_eq!(
            condition(&status, ConditionType::Ready),
            pair("False", "ContainerCrashing")
        );
    }

    #[test]
    fn of_a_new_server_nothing_is_said_that_nobody_has_seen() {
        let status = after(None, &outcome(false, vec![], &[ENDPOINT]));
        for type_ in [ConditionType::Available, ConditionType::CertificatesReady] {
            assert_eq!(condition(&status, type_), pair("Unknown", "NotObserved"));
        }
        // The aggregator's word needs no endpoint.
        let lost = after(
            Some(after(None, &outcome(true, vec![], &[]))),
            &outcome(false, vec![], &[ENDPOINT]),
        );
        assert_eq!(
            condition(&lost, ConditionType::Available),
            pair("False", "NotAvailable")
        );
    }

    #[test]
    fn certificates_are_told_as_before() {
        let mut seen = outcome(true, vec![], &[]);
        seen.certificates = serde_json::from_value(serde_json::json!({
            "servedNotAfter": "2030-01-01T00:00:00Z",
            "rotationCount": 1,
            "rotation": { "step": "Probe", "blockedBy": format!("{ENDPOINT} serves another certificate") },
        }))
        .unwrap();
        let told = after(None, &seen);
        let pending = after(Some(told.clone()), &outcome(true, vec![], &[ENDPOINT]));
        assert_eq!(
            pending.certificates.served_not_after,
            told.certificates.served_not_after
        );
        assert_eq!(pending.certificates.rotation, told.certificates.rotation);
        assert_eq!(pending.certificates.rotation_count, 0);
    }
}
