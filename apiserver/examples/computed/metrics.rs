//! The resource metrics API (`metrics.k8s.io`), kept in memory: of this server's own pod, and of its node.

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};

use annex_apiserver::prelude::*;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NodeMetrics {
    pub(crate) metadata: ObjectMeta,
    pub(crate) timestamp: Time,
    pub(crate) window: String,
    pub(crate) usage: Usage,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PodMetrics {
    pub(crate) metadata: ObjectMeta,
    pub(crate) timestamp: Time,
    pub(crate) window: String,
    pub(crate) containers: Vec<Container>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) usage: Usage,
}

/// By resource: `cpu`, `memory`.
pub(crate) type Usage = BTreeMap<String, Quantity>;

kind!(NodeMetrics: "metrics.k8s.io", "v1beta1", "nodes", Cluster);
kind!(PodMetrics: "metrics.k8s.io", "v1beta1", "pods", Namespaced);

/// What was measured last.
#[derive(Default)]
pub(crate) struct Samples {
    pub(crate) nodes: Vec<NodeMetrics>,
    pub(crate) pods: Vec<PodMetrics>,
}

pub(crate) type Shared = Arc<RwLock<Samples>>;

pub(crate) fn nodes(samples: &Shared) -> Result<Resource, DescriptionError> {
    typed::resource::<NodeMetrics>()
        .computed(verbs(samples, |samples| &samples.nodes))
        .build()
}

pub(crate) fn pods(samples: &Shared) -> Result<Resource, DescriptionError> {
    typed::resource::<PodMetrics>()
        .computed(verbs(samples, |samples| &samples.pods))
        .build()
}

fn verbs<T: Kind + Clone>(samples: &Shared, of: fn(&Samples) -> &Vec<T>) -> Verbs<T> {
    let all = move |samples: &Shared| {
        samples
            .read()
            .map(|samples| of(&samples).clone())
            .unwrap_or_default()
    };
    let (one, many) = (samples.clone(), samples.clone());
    Verbs::new()
        .get(move |context| {
            let is_it = |object: &T| {
                object.meta().name.as_ref() == Some(&context.name)
                    && object.meta().namespace.as_deref().unwrap_or_default() == context.namespace
            };
            std::future::ready(Ok(all(&one).into_iter().find(is_it)))
        })
        .list(move |_, _| std::future::ready(Ok(all(&many))))
}
