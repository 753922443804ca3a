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
use kube::core::ObjectMeta;

use super::{defaults::Chosen, metadata, storage};
use crate::aggregated_server::names::Names;

/// The StatefulSet around `template`, which has the defaults `chosen`, and whose claim asks for `size`: that of `embedded`, or, as long as the volume has not
/// followed, what the claim was made with.
#[must_use]
pub fn stateful_set(
    names: &Names,
    embedded: &EmbeddedStorage,
    size: &Quantity,
    chosen: &Chosen,
    template: PodTemplateSpec,
) -> StatefulSet {
    let class = embedded.storage_class_name.as_deref();
    StatefulSet {
        metadata: ObjectMeta {
            annotations: Some(chosen.annotations()),
            ..metadata(&names.server, Some(&names.namespace), names)
        },
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

#[cfg(test)]
mod tests {
    use annex_crds::v1alpha1::AggregatedServer;
    use serde_json::{Value, json};

    use super::*;
    use crate::aggregated_server::{
        build::{
            defaults::{Chosen, Images},
            pod::pod_template,
        },
        storage::StorageBackend,
        testing::{embedded_server, names},
    };

    fn built(server: &AggregatedServer) -> Value {
        let store = StorageBackend::of(server, None).unwrap();
        let workload = server.spec.workload.as_ref().unwrap();
        let chosen = Chosen::of(workload, Images::default(), None, &[]);
        let template = pod_template(server, workload, &names(), &store, None, chosen.defaults).unwrap();
        let embedded = store.embedded().unwrap();
        let set = stateful_set(&names(), embedded, &embedded.size, &chosen, template);
        serde_json::to_value(set).unwrap()["spec"].clone()
    }

    #[test]
    fn it_has_one_pod_and_one_volume() {
        let mut server = embedded_server();
        let embedded = server.spec.storage.as_mut().unwrap().embedded.as_mut().unwrap();
        embedded.storage_class_name = Some("fast".into());
        let spec = built(&server);
        assert_eq!(spec["replicas"], 1);
        assert_eq!(spec["serviceName"], "wardle");
        let claim = &spec["volumeClaimTemplates"][0];
        assert_eq!(claim["metadata"]["name"], "annex-data");
        assert_eq!(claim["metadata"]["labels"], json!(names().labels()));
        assert_eq!(
            claim["spec"],
            json!({
                "accessModes": ["ReadWriteOnce"],
                "resources": { "requests": { "storage": "1Gi" } },
                "storageClassName": "fast",
            })
        );
        let server = &spec["template"]["spec"]["containers"][0];
        assert_eq!(
            server["volumeMounts"][1],
            json!({ "name": "annex-data", "mountPath": "/var/lib/annex" })
        );
        assert!(
            server["args"]
                .as_array()
                .unwrap()
                .contains(&json!("--data-dir=/var/lib/annex"))
        );
    }

    #[test]
    fn the_volume_is_the_pods_groups_and_the_template_may_name_another() {
        let mut server = embedded_server();
        let group = |server: &AggregatedServer| {
            built(server)["template"]["spec"]["securityContext"]["fsGroup"].clone()
        };
        assert_eq!(group(&server), 65532);
        let template = json!({ "spec": { "securityContext": { "fsGroup": 1000 } } });
        server.spec.workload.as_mut().unwrap().template = Some(template);
        assert_eq!(group(&server), 1000);
    }

    #[test]
    fn what_becomes_of_the_volume_is_told_to_the_statefulset() {
        let mut server = embedded_server();
        for (on_delete, expected) in [(OnDelete::Retain, "Retain"), (OnDelete::Delete, "Delete")] {
            let storage = server.spec.storage.as_mut().unwrap();
            storage.embedded.as_mut().unwrap().on_delete = on_delete;
            assert_eq!(
                built(&server)["persistentVolumeClaimRetentionPolicy"],
                json!({ "whenDeleted": expected, "whenScaled": "Retain" })
            );
        }
    }
}
