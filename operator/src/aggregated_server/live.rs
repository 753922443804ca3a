//! The workload as it is.

use annex_crds::v1alpha1::AggregatedServer;
use k8s_openapi::api::{
    apps::v1::{Deployment, StatefulSet},
    core::v1::PodTemplateSpec,
};
use kube::core::ObjectMeta;

use super::build::pod::LEAF_ANNOTATION;

/// The workload as it is: of the one kind or the other, which never changes for a server.
#[derive(Clone, Debug, PartialEq)]
pub enum LiveWorkload {
    /// As most are.
    Deployment(Box<Deployment>),
    /// Where storage is embedded.
    StatefulSet(Box<StatefulSet>),
}

impl LiveWorkload {
    /// The kind of `server`'s workload.
    #[must_use]
    pub fn kind(server: &AggregatedServer) -> &'static str {
        if is_embedded(server) {
            "StatefulSet"
        } else {
            "Deployment"
        }
    }

    /// Its metadata.
    #[must_use]
    pub fn metadata(&self) -> &ObjectMeta {
        match self {
            Self::Deployment(live) => &live.metadata,
            Self::StatefulSet(live) => &live.metadata,
        }
    }

    /// How many pods it should have, where it says so.
    #[must_use]
    pub fn replicas(&self) -> Option<i32> {
        match self {
            Self::Deployment(live) => live.spec.replicas,
            Self::StatefulSet(live) => live.spec.replicas,
        }
    }

    /// What its pods are to run as.
    #[must_use]
    pub fn service_account(&self) -> Option<&str> {
        self.template().spec.as_ref()?.service_account_name.as_deref()
    }

    /// The fingerprint of the serving certificate that its pods were last rolled for.
    #[must_use]
    pub fn leaf(&self) -> Option<&str> {
        self.pods_annotation(LEAF_ANNOTATION)
    }

    /// What the annotation `name` of its pods is to be.
    #[must_use]
    pub fn pods_annotation(&self, name: &str) -> Option<&str> {
        let annotations = self.template().metadata.as_ref()?.annotations.as_ref()?;
        annotations.get(name).map(String::as_str)
    }

    fn template(&self) -> &PodTemplateSpec {
        match self {
            Self::Deployment(live) => &live.spec.template,
            Self::StatefulSet(live) => &live.spec.template,
        }
    }

    /// The StatefulSet, where it is one.
    #[must_use]
    pub fn stateful_set(&self) -> Option<&StatefulSet> {
        match self {
            Self::Deployment(_) => None,
            Self::StatefulSet(live) => Some(live),
        }
    }
}

/// Whether `server` stores on a volume of its own.
#[must_use]
pub fn is_embedded(server: &AggregatedServer) -> bool {
    let storage = server.spec.storage.as_ref();
    storage.is_some_and(|storage| storage.embedded.is_some())
}
