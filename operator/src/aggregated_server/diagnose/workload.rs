//! What is wrong with the workload that Annex runs. Pure.

use std::time::Duration;

use annex_crds::v1alpha1::{Reason, Workload};
use jiff::Timestamp;
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::Pod,
};
use kube::ResourceExt as _;

use crate::aggregated_server::{
    build::arguments::{conflicting_port, conflicting_storage},
    finding::Finding,
    live::LiveWorkload,
    storage::StorageBackend,
};

/// A pod that has not ended so long after it should have is held back by its node.
const OVERDUE: Duration = Duration::from_secs(30);
/// A StatefulSet without a pod for so long cannot make it: between two pods there is a moment without one.
const PODLESS: Duration = Duration::from_secs(15);

/// What a workload with one pod and a volume cannot spare its clients.
pub const SHORT_OUTAGE: &str =
    "storage is embedded: each restart or drain of the server's only pod is a short outage";

/// Where the arguments contradict the rest of spec.
#[must_use]
pub fn arguments(workload: &Workload, store: Option<&StorageBackend<'_>>) -> Vec<Finding> {
    let port = conflicting_port(workload).map(|named| {
        Finding::new(
            Reason::PortFlagMismatch,
            format!(
                "the arguments say --secure-port={named}, but workload.port is {}",
                workload.port
            ),
        )
    });
    let storage = store.map_or_else(Vec::new, |store| conflicting_storage(workload, store));
    let storage = storage
        .into_iter()
        .map(|conflict| Finding::new(Reason::StorageFlagMismatch, conflict));
    port.into_iter().chain(storage).collect()
}

/// What a workload itself says of why it makes no progress. A StatefulSet says nothing: see [`podless`] and [`overdue`].
#[must_use]
pub fn blocked(live: &LiveWorkload) -> Vec<Finding> {
    let LiveWorkload::Deployment(deployment) = live else {
        return Vec::new();
    };
    let conditions = deployment
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let blocked = conditions.into_iter().flatten().filter(|condition| {
        matches!(
            (condition.type_.as_deref(), condition.status.as_deref()),
            (Some("ReplicaFailure"), Some("True")) | (Some("Progressing"), Some("False"))
        )
    });
    blocked
        .map(|condition| {
            let message = condition.message.as_deref().unwrap_or_default();
            let reason = condition.reason.as_deref().unwrap_or_default();
            Finding::new(Reason::RolloutBlocked, format!("{reason}: {message}"))
        })
        .collect()
}

/// A StatefulSet that has had no pod `since` then: only its Events say why.
#[must_use]
pub fn podless(set: &StatefulSet, since: Timestamp, now: Timestamp) -> Option<Finding> {
    let long = now.duration_since(since).unsigned_abs() >= PODLESS;
    let (namespace, name) = (set.namespace().unwrap_or_default(), set.name_any());
    long.then(|| {
        Finding::new(
            Reason::RolloutBlocked,
            format!(
                "the StatefulSet makes no pod; its Events say why: kubectl -n {namespace} describe statefulset {name}"
            ),
        )
    })
}

/// A pod that does not end keeps a StatefulSet from making the next one: two of them would write to one volume.
#[must_use]
pub fn overdue(pods: &[Pod], now: Timestamp) -> Vec<Finding> {
    // The time of deletion is when its grace is over.
    let due = |pod: &Pod| Some(pod.metadata.deletion_timestamp.as_ref()?.0);
    let late = |due: &Timestamp| {
        Duration::try_from(now.duration_since(*due)).is_ok_and(|overdue| overdue >= OVERDUE)
    };
    let late_pods = pods
        .iter()
        .filter_map(|pod| due(pod).filter(late).map(|due| (pod, due)));
    late_pods
        .map(|(pod, due)| {
            let node = pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref());
            let message = format!(
                "pod {} should have ended by {due}, and no other begins before; node {} does not say that it has: bring the node \
                 back, or delete it if it is gone for good",
                pod.name_any(),
                node.unwrap_or("(none)")
            );
            Finding::new(Reason::RolloutBlocked, message)
        })
        .collect()
}

/// Whether pods are being made or replaced, in words.
#[must_use]
pub fn rolling_out(live: &LiveWorkload) -> Option<String> {
    if live.metadata().deletion_timestamp.is_some() {
        return Some("the workload is being deleted, and will be made again".to_owned());
    }
    let rollout = match live {
        LiveWorkload::Deployment(live) => of_deployment(live),
        LiveWorkload::StatefulSet(live) => of_stateful_set(live),
    };
    let Rollout {
        seen,
        wanted,
        total,
        updated,
        available,
    } = rollout;
    let rolling = !seen || updated < wanted || available < wanted || total > updated;
    let short_outage = match live {
        LiveWorkload::Deployment(_) => String::new(),
        LiveWorkload::StatefulSet(_) => format!("; {SHORT_OUTAGE}"),
    };
    rolling.then(|| format!("{updated} of {wanted} pod(s) updated, {available} available{short_outage}"))
}

/// How far the pods of a workload are.
struct Rollout {
    /// Its controller has seen its newest generation.
    seen: bool,
    wanted: i32,
    total: i32,
    updated: i32,
    available: i32,
}

fn of_deployment(live: &Deployment) -> Rollout {
    let status = live.status.clone().unwrap_or_default();
    Rollout {
        seen: status.observed_generation >= live.metadata.generation,
        wanted: live.spec.replicas.unwrap_or(1),
        total: status.replicas.unwrap_or(0),
        updated: status.updated_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
    }
}

fn of_stateful_set(live: &StatefulSet) -> Rollout {
    let status = live.status.clone().unwrap_or_default();
    Rollout {
        seen: status.observed_generation >= live.metadata.generation,
        wanted: live.spec.replicas.unwrap_or(1),
        total: status.replicas,
        updated: status.updated_replicas.unwrap_or(0),
        available: status.available_replicas.unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aggregated_server::testing::{embedded_server, server};

    fn reasons(findings: &[Finding]) -> Vec<Reason> {
        findings.iter().map(|finding| finding.reason).collect()
    }

    #[test]
    fn a_deployment_that_cannot_make_its_pods_is_named() {
        let deployment: Deployment = serde_saphyr::from_str(
            "
metadata: { generation: 2 }
spec: { replicas: 2, selector: {}, template: {} }
status:
  observedGeneration: 2
  conditions:
  - { type: Available, status: 'False' }
  - { type: ReplicaFailure, status: 'True', reason: FailedCreate, message: 'violates PodSecurity' }
",
        )
        .unwrap();
        let live = LiveWorkload::Deployment(Box::new(deployment));
        let found = blocked(&live);
        assert_eq!(reasons(&found), [Reason::RolloutBlocked]);
        assert_eq!(found[0].message, "FailedCreate: violates PodSecurity");
        assert_eq!(
            rolling_out(&live).as_deref(),
            Some("0 of 2 pod(s) updated, 0 available")
        );
    }

    fn set(status: &str) -> StatefulSet {
        serde_saphyr::from_str(&format!(
            "
metadata: {{ name: wardle, namespace: wardle, generation: 2 }}
spec: {{ replicas: 1, selector: {{}}, template: {{}} }}
status: {status}"
        ))
        .unwrap()
    }

    #[test]
    fn a_rollout_of_one_pod_and_its_volume_is_told_as_an_outage() {
        let rolling = |status: &str| rolling_out(&LiveWorkload::StatefulSet(Box::new(set(status))));
        let done = "{ observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1, readyReplicas: 1 }";
        assert_eq!(rolling(done), None);
        for under_way in [
            "{ observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 }",
            "{ observedGeneration: 2, replicas: 1, updatedReplicas: 0, availableReplicas: 1 }",
            "{ observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 0 }",
            "{ observedGeneration: 2, replicas: 0 }",
        ] {
            let told = rolling(under_way).unwrap();
            assert!(
                told.ends_with("only pod is a short outage"),
                "{under_way}: {told}"
            );
        }
    }

    #[test]
    fn a_statefulset_without_a_pod_is_named_after_a_moment() {
        let set = set("{ replicas: 0 }");
        let since = Timestamp::from_second(1000).unwrap();
        let at = |second| podless(&set, since, Timestamp::from_second(second).unwrap());
        assert_eq!(at(1014), None);
        let found = at(1015).unwrap();
        assert_eq!(found.reason, Reason::RolloutBlocked);
        assert!(
            found
                .message
                .ends_with("kubectl -n wardle describe statefulset wardle"),
            "{found:?}"
        );
    }

    #[test]
    fn a_pod_that_its_node_does_not_end_is_named() {
        let pod: Pod = serde_saphyr::from_str(
            "
metadata: { name: wardle-0, deletionTimestamp: 2026-11-22T18:10:00Z }
spec: { nodeName: n1, containers: [] }",
        )
        .unwrap();
        let pods = [pod, Pod::default()];
        let at = |time: &str| overdue(&pods, time.parse().unwrap());
        // Its grace is not over yet.
        assert_eq!(at("2026-11-22T18:09:00Z"), []);
        assert_eq!(at("2026-11-22T18:10:29Z"), []);
        let found = at("2026-11-22T18:10:30Z");
        assert_eq!(reasons(&found), [Reason::RolloutBlocked]);
        assert!(
            found[0].message.starts_with("pod wardle-0 should have ended by"),
            "{found:?}"
        );
        assert!(found[0].message.contains("node n1"), "{found:?}");
    }

    #[test]
    fn arguments_that_contradict_spec_are_named() {
        let mut workload = server().spec.workload.unwrap();
        workload.args = vec!["--secure-port=1".into(), "--data-dir=/tmp".into()];
        let server = embedded_server();
        let store = StorageBackend::of(&server, None).unwrap();
        assert_eq!(
            reasons(&arguments(&workload, Some(&store))),
            [Reason::PortFlagMismatch, Reason::StorageFlagMismatch]
        );
        assert_eq!(reasons(&arguments(&workload, None)), [Reason::PortFlagMismatch]);
    }
}
