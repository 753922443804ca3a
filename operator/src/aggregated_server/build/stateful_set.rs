//! The StatefulSet of a workload with embedded storage.

use annex_crds::v1alpha1::{EmbeddedStorage, OnDelete};
use k8s_openapi::{
    api::{
        apps::v1::{
            StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
            StatefulSetUpdateStrategy,
        },
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::{api::resource::Quantity, apis::meta::v1::LabelSelector},
};

use super::{metadata, storage};
use crate::aggregated_server::names::Names;

/// The StatefulSet around `template`, whose claim asks for `size`: that of `embedded`, or, as long as the volume has not
/// followed, what the claim was made with.
#[must_use]
pub fn stateful_set(
    names: &Names,
    embedded: &EmbeddedStorage,
    size: &Quantity,
    template: PodTemplateSpec,
) -> StatefulSet {
    let class = embedded.storage_class_name.as_deref();
    StatefulSet {
        metadata: metadata(&names.server, Some(&names.namespace), names),
        spec: StatefulSetSpec {
            // A second pod would have a second, empty volume, and answer half of the requests.
            replicas: Some(1),
            selector: LabelSelector {
                match_labels: Some(names.selector()),
                ..LabelSelector::default()
            },
            service_name: Some(names.service.clone()),
            // Ordered, a pod that never became ready would not be replaced by one that can
            // (kubernetes/kubernetes#67250). There is never more than one of its name, either way.
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("RollingUpdate".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            persistent_volume_claim_retention_policy: Some(retention(embedded.on_delete)),
            volume_claim_templates: Some(vec![storage::claim_template(names, size, class)]),
            template,
            ..StatefulSetSpec::default()
        },
        ..StatefulSet::default()
    }
}

/// With `Delete` the StatefulSet's controller makes the StatefulSet the claim's owner, so that the garbage collector takes
/// the claim with it, with or without an operator.
fn retention(on_delete: OnDelete) -> StatefulSetPersistentVolumeClaimRetentionPolicy {
    StatefulSetPersistentVolumeClaimRetentionPolicy {
        when_deleted: Some(
            match on_delete {
                OnDelete::Retain => "Retain",
                OnDelete::Delete => "Delete",
            }
            .into(),
        ),
        when_scaled: Some("Retain".into()),
    }
}
