//! The children of a server, as they should be. Pure: no client, and nothing that can fail but the template's merge.

use k8s_openapi::api::{
    core::v1::{ConfigMap, ServiceAccount},
    policy::v1::PodDisruptionBudget,
};
use kube::core::ObjectMeta;

use super::names::Names;

pub mod api_service;
pub mod arguments;
pub mod declared;
pub mod defaults;
pub mod deployment;
pub mod network;
pub mod pod;
pub mod rbac;
mod spread;
pub mod stateful_set;
pub mod storage;

/// Metadata of a child in `namespace` (`None`: cluster-scoped).
pub(super) fn metadata(name: impl Into<String>, namespace: Option<&str>, names: &Names) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: namespace.map(str::to_owned),
        labels: Some(names.labels()),
        owner_references: Some(vec![names.owner_reference()]),
        ..ObjectMeta::default()
    }
}

/// The ServiceAccount that a workload runs as.
#[must_use]
pub fn service_account(names: &Names) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(&names.server, Some(&names.namespace), names),
        ..ServiceAccount::default()
    }
}

/// Annotation of the ConfigMap: what the serving Secret holds, see `ServingRecord`.
pub const SERVING_ANNOTATION: &str = "annex.dev/serving-certificate";

/// The published bundle, for clients that talk to the server directly, with a `record` of the serving Secret.
#[must_use]
pub fn config_map(names: &Names, bundle_pem: &str, record: Option<String>) -> ConfigMap {
    let record = record.map(|record| (SERVING_ANNOTATION.to_owned(), record));
    ConfigMap {
        metadata: ObjectMeta {
            annotations: record.map(|record| [record].into()),
            ..metadata(names.config_map(), Some(&names.namespace), names)
        },
        data: Some([("ca.crt".to_owned(), bundle_pem.to_owned())].into()),
        ..ConfigMap::default()
    }
}

/// Lets a drain take one pod at a time. Only for two replicas or more: with one it would block every drain.
#[must_use]
pub fn pod_disruption_budget(names: &Names) -> PodDisruptionBudget {
    use k8s_openapi::{
        api::policy::v1::PodDisruptionBudgetSpec,
        apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
    };
    PodDisruptionBudget {
        metadata: metadata(&names.server, Some(&names.namespace), names),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(names.selector()),
                ..LabelSelector::default()
            }),
            // A pod that is not ready protects nothing.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
