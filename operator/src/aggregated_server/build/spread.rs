//! Keeps the pods of a workload apart, by node and by zone, where that is possible.
//!
//! By pod anti-affinity, since of topologySpreadConstraints the scheduler counts only nodes that have the labels of all of them
//! (kube-scheduler's PodTopologySpread, `requireAllTopologies`): in a cluster without zones, pods would not be spread over nodes either.

use k8s_openapi::{
    api::core::v1::{Affinity, PodAffinityTerm, PodAntiAffinity, WeightedPodAffinityTerm},
    apimachinery::pkg::apis::meta::v1::LabelSelector,
};
use serde_json::Value;

use crate::aggregated_server::names::Names;

const NODE: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";
/// Pods of one ReplicaSet are told apart from those that they replace.
const REPLICA_SET: &str = "pod-template-hash";

/// That a pod rather goes where none of `names`' pods is.
#[must_use]
pub(super) fn apart(names: &Names) -> Affinity {
    let term = |key: &str| WeightedPodAffinityTerm {
        weight: 100,
        pod_affinity_term: PodAffinityTerm {
            topology_key: key.to_owned(),
            label_selector: Some(LabelSelector {
                match_labels: Some(names.selector()),
                ..LabelSelector::default()
            }),
            match_label_keys: Some(vec![REPLICA_SET.to_owned()]),
            ..PodAffinityTerm::default()
        },
    };
    Affinity {
        pod_anti_affinity: Some(PodAntiAffinity {
            preferred_during_scheduling_ignored_during_execution: Some(vec![term(NODE), term(ZONE)]),
            ..PodAntiAffinity::default()
        }),
        ..Affinity::default()
    }
}

/// Whether a user's template says itself where the pods go, as seen from one another.
#[must_use]
pub(super) fn is_given(template: Option<&Value>) -> bool {
    let Some(spec) = template.map(|template| &template["spec"]) else {
        return false;
    };
    !spec["topologySpreadConstraints"].is_null() || !spec["affinity"]["podAntiAffinity"].is_null()
}
