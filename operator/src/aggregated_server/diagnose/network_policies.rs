//! Which NetworkPolicies select a pod whose endpoint does not answer in time. Pure.
//!
//! Whether they keep anybody out is for who enforces them to say; that a connection ends in silence is what most of them make of a
//! refusal.

use k8s_openapi::api::{core::v1::Pod, networking::v1::NetworkPolicy};
use kube::{
    ResourceExt as _,
    core::{Selector, SelectorExt as _},
};

use crate::aggregated_server::{endpoints::Report, finding::Finding};
use crate::probe::tls::HandshakeError;

/// How many are named.
const NAMED: usize = 5;

/// A policy on what comes in: its name, and which pods of its namespace it selects.
#[derive(Clone, Debug)]
pub struct IngressPolicy {
    name: String,
    pods: Selector,
}

impl IngressPolicy {
    /// `None` of a policy that says nothing of what comes in, or whose selector makes no sense.
    #[must_use]
    pub fn of(policy: NetworkPolicy) -> Option<Self> {
        let name = policy.name_any();
        let spec = policy.spec.unwrap_or_default();
        // "If this field is not specified, it will default based on the existence of ingress or egress rules; policies that contain an
        // egress section are assumed to affect egress, and all policies [...] are assumed to affect ingress" (NetworkPolicySpec).
        let on_ingress = spec
            .policy_types
            .is_none_or(|types| types.is_empty() || types.iter().any(|type_| type_ == "Ingress"));
        let pods = Selector::try_from(spec.pod_selector.unwrap_or_default()).ok()?;
        on_ingress.then_some(Self { name, pods })
    }

    fn selects(&self, pod: &Pod) -> bool {
        self.pods.matches(pod.labels())
    }
}

/// Whether packets to the endpoint may have been dropped, or refused, on the way to a pod of `pods`.
fn is_cut_off(report: &Report, pods: &[Pod]) -> bool {
    let unanswered = matches!(
        report.handshake,
        Err(HandshakeError::ConnectTimeout | HandshakeError::Unreachable)
    );
    unanswered && pod_of(report, pods).is_some()
}

fn pod_of<'a>(report: &Report, pods: &'a [Pod]) -> Option<&'a Pod> {
    let name = report.endpoint.pod.as_deref()?;
    pods.iter().find(|pod| pod.metadata.name.as_deref() == Some(name))
}

/// Whether there is an endpoint of which policies are to be named.
#[must_use]
pub fn are_asked_for(reports: &[Report], pods: &[Pod]) -> bool {
    reports.iter().any(|report| is_cut_off(report, pods))
}

/// Names the policies that select the pod behind each endpoint that was not reached, in the finding about it.
pub fn name(findings: &mut [Finding], reports: &[Report], pods: &[Pod], policies: &[IngressPolicy]) {
    for report in reports.iter().filter(|report| is_cut_off(report, pods)) {
        let Some(words) = pod_of(report, pods).and_then(|pod| selecting(policies, pod)) else {
            continue;
        };
        let about = format!("{}: ", report.endpoint);
        let of_endpoint = findings
            .iter_mut()
            .filter(|finding| finding.message.starts_with(&about));
        for finding in of_endpoint {
            finding
                .message
                .push_str(&format!("; the pod is selected by {words}"));
        }
    }
}

/// The policies that select `pod`, sorted; `None` where there are none.
fn selecting(policies: &[IngressPolicy], pod: &Pod) -> Option<String> {
    let selecting = policies.iter().filter(|policy| policy.selects(pod));
    let mut names: Vec<&str> = selecting.map(|policy| policy.name.as_str()).collect();
    names.sort_unstable();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let named = names.join(", ");
    match (names.len(), more) {
        (0, _) => None,
        (1, 0) => Some(format!("NetworkPolicy {named}")),
        (_, 0) => Some(format!("NetworkPolicies {named}")),
        (_, more) => Some(format!("NetworkPolicies {named} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::Reason;

    use super::*;
    use crate::aggregated_server::endpoints::{Endpoint, Origin};

    fn pod() -> Pod {
        serde_saphyr::from_str("metadata: { name: a, labels: { app: wardle, tier: api } }").unwrap()
    }

    fn policy(name: &str, spec: &str) -> Option<IngressPolicy> {
        let yaml = format!("{{ metadata: {{ name: {name} }}, spec: {{ {spec} }} }}");
        IngressPolicy::of(serde_saphyr::from_str(&yaml).unwrap())
    }

    fn selects(spec: &str) -> bool {
        policy("p", spec).is_some_and(|policy| policy.selects(&pod()))
    }

    #[test]
    fn selectors_are_kubernetes() {
        for spec in [
            "podSelector: {}",
            "podSelector: { matchLabels: { app: wardle } }",
            "podSelector: { matchExpressions: [{ key: app, operator: In, values: [a, wardle] }] }",
            "podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [a] }] }",
            "podSelector: { matchExpressions: [{ key: gone, operator: NotIn, values: [a] }] }",
            "podSelector: { matchExpressions: [{ key: tier, operator: Exists }, { key: gone, operator: DoesNotExist }] }",
            "podSelector: {}, policyTypes: [Ingress, Egress]",
            "podSelector: {}, egress: []",
        ] {
            assert!(selects(spec), "{spec}");
        }
        for spec in [
            "podSelector: { matchLabels: { app: other } }",
            "podSelector: { matchLabels: { app: wardle, tier: web } }",
            "podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [wardle] }] }",
            "podSelector: { matchExpressions: [{ key: app, operator: DoesNotExist }] }",
            "podSelector: { matchExpressions: [{ key: app, operator: Unheard }] }",
            "podSelector: {}, policyTypes: [Egress]",
        ] {
            assert!(!selects(spec), "{spec}");
        }
    }

    fn unanswered(pod: Option<&str>, error: HandshakeError) -> Report {
        let endpoint = Endpoint {
            address: "10.0.0.1:8443".parse().unwrap(),
            pod: pod.map(str::to_owned),
            ready: true,
            origin: Origin::Backend,
        };
        Report::unasked(endpoint, error)
    }

    fn told(report: &Report, policies: &[&str]) -> String {
        let policies: Vec<IngressPolicy> = policies
            .iter()
            .filter_map(|name| policy(name, "podSelector: {}"))
            .collect();
        let message = format!("{}: no answer", report.endpoint);
        let mut findings = [Finding::new(Reason::ConnectionTimeout, message)];
        name(&mut findings, std::slice::from_ref(report), &[pod()], &policies);
        let [finding] = findings;
        finding.message
    }

    #[test]
    fn who_selects_the_pod_is_named_in_the_finding() {
        let report = unanswered(Some("a"), HandshakeError::ConnectTimeout);
        assert!(are_asked_for(std::slice::from_ref(&report), &[pod()]));
        assert_eq!(told(&report, &[]), "pod a (10.0.0.1:8443): no answer");
        assert_eq!(
            told(&report, &["default-deny"]),
            "pod a (10.0.0.1:8443): no answer; the pod is selected by NetworkPolicy default-deny"
        );
        assert_eq!(
            told(&report, &["g", "f", "e", "d", "c", "b", "a"]),
            "pod a (10.0.0.1:8443): no answer; the pod is selected by NetworkPolicies a, b, c, d, e and 2 more"
        );
    }

    #[test]
    fn who_refuses_or_is_no_pod_has_no_policy_in_the_way() {
        for report in [
            unanswered(Some("a"), HandshakeError::ConnectionRefused),
            unanswered(Some("gone"), HandshakeError::ConnectTimeout),
            unanswered(None, HandshakeError::ConnectTimeout),
        ] {
            assert!(!are_asked_for(std::slice::from_ref(&report), &[pod()]));
            let message = told(&report, &["default-deny"]);
            assert!(message.ends_with("no answer"), "{message}");
        }
    }
}
