//! Objects as they are kept: without what no pass reads, and as JSON, which takes a fraction of what the types do. Most of an object
//! is managedFields and the pods' template; most of what is left in the types are fields that are not set.

use std::{marker::PhantomData, sync::Arc};

use annex_crds::{
    DEFAULTS_REVISION_ANNOTATION, DEFINITIONS_ANNOTATION, SERVER_IMAGE_ANNOTATION, TRIAL_ANNOTATION,
    WORKLOAD_PODS_ANNOTATION, v1alpha1::AggregatedServer,
};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{Pod, PodSpec, PodTemplateSpec, Service},
        discovery::v1::EndpointSlice,
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Resource, ResourceExt as _, core::ObjectMeta};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Map;

use crate::{
    aggregated_server::build::{SERVING_ANNOTATION, pod::LEAF_ANNOTATION},
    applier::{HELM_ANNOTATIONS, Known},
    decode::{Guarded, Managed, ObjectMetadata, Undecodable},
};

/// An object as it is kept.
#[derive(Debug)]
pub struct Kept<K> {
    /// The object.
    pub object: K,
    /// What is known of it.
    pub known: Arc<Known>,
    /// Its name.
    pub name: Box<str>,
}

/// An object as a watch brings it, which is made smaller on arrival.
pub trait Reduce {
    /// What is kept of it.
    type Kept;

    /// Drops what nobody reads.
    fn reduce(self) -> Self::Kept;
}

impl<K> Kept<K> {
    /// What is to be kept of `object`.
    pub fn of<T: Reduce<Kept = K> + Resource>(object: Managed<T>) -> Self {
        let Managed { object, own, .. } = object.with_managers();
        Self {
            known: Arc::new(Known::new(object.meta(), own)),
            name: object.meta().name.as_deref().unwrap_or_default().into(),
            object: object.reduce(),
        }
    }
}

/// Of a ConfigMap the record of a serving Secret is kept, of other kinds nothing.
impl Reduce for ObjectMetadata {
    type Kept = Option<Box<str>>;

    fn reduce(mut self) -> Self::Kept {
        let record = self.annotations_mut().remove(SERVING_ANNOTATION);
        record.map(String::into_boxed_str)
    }
}

/// An object of kind `K` as JSON, or what is known of one that does not decode.
#[derive(Debug)]
pub struct Compact<K> {
    json: Result<Box<[u8]>, Box<Undecodable>>,
    kind: PhantomData<fn() -> K>,
}

impl<K: DeserializeOwned> Compact<K> {
    /// The object.
    #[must_use]
    pub fn get(&self) -> Guarded<K> {
        let json = self.json.as_ref().map_err(Clone::clone);
        Guarded(json.and_then(|json| serde_json::from_slice(json).map_err(undecodable)))
    }
}

/// What was decoded once is encoded and decoded again; that does not fail.
fn undecodable(error: serde_json::Error) -> Box<Undecodable> {
    Box::new(Undecodable {
        metadata: ObjectMeta::default(),
        spec: Map::new(),
        status: Map::new(),
        field: "(object)".to_owned(),
        why: error.to_string(),
    })
}

impl<K: Strip + Serialize> Reduce for Guarded<K> {
    type Kept = Compact<K>;

    fn reduce(self) -> Self::Kept {
        let json = match self.0 {
            Ok(mut object) => {
                if !K::KEEPS_MANAGERS {
                    object.meta_mut().managed_fields = None;
                }
                object.strip();
                serde_json::to_vec(&object)
                    .map(Vec::into_boxed_slice)
                    .map_err(undecodable)
            }
            // Who is told of it needs to know the field, and why.
            Err(mut undecodable) => {
                undecodable.spec.clear();
                undecodable.status.clear();
                Err(undecodable)
            }
        };
        Compact {
            json,
            kind: PhantomData,
        }
    }
}

/// A kind of which not everything is read.
pub trait Strip: Resource {
    /// Whether it has to be said who has written one that is not ours.
    const KEEPS_MANAGERS: bool = false;

    /// Drops the rest.
    fn strip(&mut self);
}

/// The annotations that are read of a workload and its pods.
const RECORDED: [&str; 3] = [
    DEFAULTS_REVISION_ANNOTATION,
    WORKLOAD_PODS_ANNOTATION,
    SERVER_IMAGE_ANNOTATION,
];

fn drop_annotations(metadata: &mut ObjectMeta, but: &[&str]) {
    if let Some(annotations) = &mut metadata.annotations {
        annotations.retain(|key, _| but.contains(&key.as_str()));
    }
}

fn strip_template(template: &mut PodTemplateSpec) {
    template.spec = template.spec.take().map(|spec| PodSpec {
        service_account_name: spec.service_account_name,
        ..PodSpec::default()
    });
    if let Some(metadata) = &mut template.metadata {
        metadata.labels = None;
        let read = [
            LEAF_ANNOTATION,
            DEFAULTS_REVISION_ANNOTATION,
            SERVER_IMAGE_ANNOTATION,
        ];
        drop_annotations(metadata, &read);
    }
}

impl Strip for Deployment {
    fn strip(&mut self) {
        drop_annotations(&mut self.metadata, &RECORDED);
        self.spec.strategy = None;
        strip_template(&mut self.spec.template);
    }
}

impl Strip for StatefulSet {
    fn strip(&mut self) {
        drop_annotations(&mut self.metadata, &RECORDED);
        strip_template(&mut self.spec.template);
    }
}

impl Strip for Pod {
    fn strip(&mut self) {
        drop_annotations(&mut self.metadata, &RECORDED);
        self.spec = self.spec.take().map(|spec| PodSpec {
            node_name: spec.node_name,
            service_account_name: spec.service_account_name,
            ..PodSpec::default()
        });
        let Some(status) = &mut self.status else { return };
        if let Some(conditions) = &mut status.conditions {
            conditions.retain(|condition| condition.type_ == "PodScheduled");
        }
        let statuses = [
            &mut status.container_statuses,
            &mut status.init_container_statuses,
        ];
        for container in statuses.into_iter().flatten().flatten() {
            container.allocated_resources = None;
            container.allocated_resources_status = None;
            container.resources = None;
            container.volume_mounts = None;
        }
    }
}

impl Strip for Service {
    fn strip(&mut self) {
        drop_annotations(&mut self.metadata, &[]);
        self.status = None;
    }
}

impl Strip for EndpointSlice {
    fn strip(&mut self) {
        drop_annotations(&mut self.metadata, &[]);
    }
}

impl Strip for APIService {
    const KEEPS_MANAGERS: bool = true;

    fn strip(&mut self) {
        let [namespace, name] = HELM_ANNOTATIONS;
        let read = [TRIAL_ANNOTATION, DEFINITIONS_ANNOTATION, namespace, name];
        drop_annotations(&mut self.metadata, &read);
        let kind = AggregatedServer::kind(&());
        let is_of_a_server = self.owner_references().iter().any(|owner| owner.kind == kind);
        if let Some(spec) = &mut self.spec
            && !is_of_a_server
        {
            spec.ca_bundle = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::aggregated_server::live::LiveWorkload;

    /// Which defaults a workload has is recorded there alone: a copy without that would be of another revision.
    #[test]
    fn the_revision_of_defaults_is_kept_and_no_other_annotation() {
        let annotations =
            json!({ DEFAULTS_REVISION_ANNOTATION: "2", WORKLOAD_PODS_ANNOTATION: "abc", "other": "x" });
        let recorded = json!({ DEFAULTS_REVISION_ANNOTATION: "2", WORKLOAD_PODS_ANNOTATION: "abc" });
        let metadata = json!({ "name": "n", "annotations": annotations });
        fn kept<K: Strip + Serialize + DeserializeOwned>(object: serde_json::Value) -> serde_json::Value {
            let object: Guarded<K> = serde_json::from_value(object).unwrap();
            json!(object.reduce().get().0.unwrap())["metadata"]["annotations"].take()
        }
        let workload = json!({ "metadata": metadata, "spec": { "selector": {}, "template": {} } });
        assert_eq!(kept::<Deployment>(workload.clone()), recorded);
        assert_eq!(kept::<StatefulSet>(workload), recorded);
        assert_eq!(kept::<Pod>(json!({ "metadata": metadata })), recorded);
        assert_eq!(kept::<Service>(json!({ "metadata": metadata })), json!({}));
    }

    /// A copy says of the pods what is read of a workload.
    #[test]
    fn the_template_keeps_who_its_pods_are_and_what_they_were_rolled_for() {
        let annotations = json!({ DEFAULTS_REVISION_ANNOTATION: "2", LEAF_ANNOTATION: "leaf", "other": "x" });
        let containers = json!([{ "name": "server", "image": "x" }]);
        let workload = json!({
            "metadata": { "name": "n" },
            "spec": { "selector": {}, "template": {
                "metadata": { "annotations": annotations },
                "spec": { "serviceAccountName": "mine", "containers": containers },
            } },
        });
        let deployment: Guarded<Deployment> = serde_json::from_value(workload.clone()).unwrap();
        let set: Guarded<StatefulSet> = serde_json::from_value(workload).unwrap();
        let copies = [
            LiveWorkload::Deployment(Box::new(deployment.reduce().get().0.unwrap())),
            LiveWorkload::StatefulSet(Box::new(set.reduce().get().0.unwrap())),
        ];
        for copy in copies {
            assert_eq!(
                (copy.service_account(), copy.leaf()),
                (Some("mine"), Some("leaf"))
            );
            let recorded = copy.pods_annotation(DEFAULTS_REVISION_ANNOTATION);
            assert_eq!(recorded, Some("2"));
            assert_eq!(copy.pods_annotation("other"), None);
        }
    }
}
