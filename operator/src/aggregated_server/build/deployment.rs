//! The Deployment of a workload.

use annex_crds::v1alpha1::{Strategy, StrategyType, Workload};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString},
};
use kube::core::ObjectMeta;

use super::{defaults::Chosen, metadata};
use crate::aggregated_server::names::Names;

/// The fields that are an autoscaler's where the AggregatedServer does not give them.
pub const LEFT_TO_OTHERS: &[&[&str]] = &[&["spec", "replicas"]];

/// The Deployment around `template`, which has the defaults `chosen`.
#[must_use]
pub fn deployment(
    names: &Names,
    workload: &Workload,
    chosen: &Chosen,
    template: PodTemplateSpec,
) -> Deployment {
    Deployment {
        metadata: ObjectMeta {
            annotations: Some(chosen.annotations()),
            ..metadata(&names.server, Some(&names.namespace), names)
        },
        spec: DeploymentSpec {
            // Absent, it is left to whoever scales, see `LEFT_TO_OTHERS`.
            replicas: workload.replicas,
            selector: LabelSelector {
                match_labels: Some(names.selector()),
                ..LabelSelector::default()
            },
            min_ready_seconds: chosen.defaults.min_ready_seconds,
            strategy: Some(strategy(workload.strategy.as_ref())),
            template,
            ..DeploymentSpec::default()
        },
        ..Deployment::default()
    }
}

/// By default a new pod is there before an old one goes: the aggregator has no second server to turn to.
fn strategy(given: Option<&Strategy>) -> DeploymentStrategy {
    let default = RollingUpdateDeployment {
        max_unavailable: Some(IntOrString::Int(0)),
        max_surge: Some(IntOrString::Int(1)),
    };
    match given {
        Some(Strategy {
            type_: StrategyType::Recreate,
            ..
        }) => DeploymentStrategy {
            type_: Some("Recreate".into()),
            rolling_update: None,
        },
        Some(Strategy {
            type_: StrategyType::RollingUpdate,
            rolling_update: Some(given),
        }) => DeploymentStrategy {
            type_: Some("RollingUpdate".into()),
            rolling_update: Some(RollingUpdateDeployment {
                max_unavailable: given.max_unavailable.clone().or(default.max_unavailable),
                max_surge: given.max_surge.clone().or(default.max_surge),
            }),
        },
        _ => DeploymentStrategy {
            type_: Some("RollingUpdate".into()),
            rolling_update: Some(default),
        },
    }
}
