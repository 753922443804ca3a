//! The kinds of objects that a server is made of, and those that there are.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount};
use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::Client;
use kube::api::{Api, ApiResource, DeleteParams, DynamicObject, ListParams};

use super::{Error, fleet};
use crate::install;

/// Objects of servers, whoever made them.
const OF_SERVERS: &str = annex_crds::SERVER_LABEL;

/// A kind, and where its objects are.
pub(super) struct Kind {
    pub(super) resource: ApiResource,
    pub(super) namespaced: bool,
}

/// The children of a server that has a workload, in an order in which they can be applied: what is registered comes last.
pub(super) fn children() -> Vec<Kind> {
    vec![
        of::<ServiceAccount>(true),
        of::<Secret>(true),
        of::<ConfigMap>(true),
        of::<ClusterRoleBinding>(false),
        of::<RoleBinding>(true),
        of::<Service>(true),
        of::<Deployment>(true),
        of::<APIService>(false),
    ]
}

fn of<K: kube::Resource<DynamicType = ()>>(namespaced: bool) -> Kind {
    Kind {
        resource: ApiResource::erase::<K>(&()),
        namespaced,
    }
}

impl Kind {
    /// Its objects in all namespaces.
    pub(super) fn everywhere(&self, client: &Client) -> Api<DynamicObject> {
        Api::all_with(client.clone(), &self.resource)
    }

    /// Where objects of `namespace` are applied.
    pub(super) fn within(&self, client: &Client, namespace: Option<&str>) -> Api<DynamicObject> {
        match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &self.resource),
            None => self.everywhere(client),
        }
    }
}

/// Objects of servers.
pub(super) fn of_servers() -> ListParams {
    ListParams::default().labels(OF_SERVERS)
}

/// The kinds of which there is an object of a server, or a pod.
pub(super) async fn left(client: &Client) -> Result<Vec<String>, Error> {
    let one = of_servers().limit(1);
    let mut left = Vec::new();
    for kind in children().into_iter().chain([of::<Pod>(true)]) {
        let found = kind.everywhere(client).list_metadata(&one).await?;
        if !found.items.is_empty() {
            let more = found.metadata.remaining_item_count.unwrap_or_default();
            left.push(format!("{} × {}", more + 1, kind.resource.kind));
        }
    }
    Ok(left)
}

/// Deletes all objects of servers, what is registered first, and waits until they are gone.
pub(super) async fn delete(client: &Client, count: usize) -> Result<(), Error> {
    let mut namespaces = fleet::namespaces();
    namespaces.extend(["kube-system".to_owned(), install::NAMESPACE.to_owned()]);
    for kind in children().iter().rev() {
        if !kind.namespaced {
            delete_within(kind, client, None).await?;
            continue;
        }
        for namespace in &namespaces {
            delete_within(kind, client, Some(namespace)).await?;
        }
    }
    fleet::gone(client, count).await
}

async fn delete_within(kind: &Kind, client: &Client, namespace: Option<&str>) -> Result<(), Error> {
    kind.within(client, namespace)
        .delete_collection(&DeleteParams::background(), &of_servers())
        .await?;
    Ok(())
}
