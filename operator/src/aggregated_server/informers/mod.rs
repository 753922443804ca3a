//! What watches have brought of the objects that passes read, as client-go's shared informers keep it.
//!
//! | file | what it is |
//! |---|---|
//! | [`store`] | the objects of one kind, by name and by index |
//! | [`kept`] | an object without what nobody reads |
//! | [`authority`] | Secrets of authorities, without their keys |
//! | `crd_versions` | what CustomResourceDefinitions serve, which their metadata do not say |
//!
//! Nothing counts before it was listed once. A copy may be late: what a step of a rotation depends on is read live, and so is
//! what is missing here, see `dereference`.

pub mod authority;
mod crd_versions;
pub mod kept;
pub mod store;

use std::{sync::Arc, time::Duration};

use annex_crds::{SERVER_LABEL, v1alpha1::AggregatedServer};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{Pod, Service},
        discovery::v1::EndpointSlice,
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Resource as _,
    core::{ApiResource, ObjectMeta},
};
use serde_json::Value;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use self::{
    authority::AuthoritySecret,
    crd_versions::CrdVersions,
    store::{Children, Listed, Store},
};
use crate::{
    admin::Watches,
    applier::{self, Known},
    decode::{Guarded, ObjectMetadata},
};

/// How long passes wait for the first lists.
const LISTED_WITHIN: Duration = Duration::from_secs(30);

/// What is watched.
#[derive(Clone)]
pub struct Informers {
    /// Every Namespace.
    pub namespaces: Store<ObjectMetadata>,
    /// Every APIService, by [`group_index`] and [`server_index`].
    pub api_services: Store<Guarded<APIService>>,
    /// Every CustomResourceDefinition, by [`group_index`].
    pub crds: Store<ObjectMetadata>,
    /// What they serve.
    pub crd_versions: Arc<CrdVersions>,
    /// The pods with the label of a server, by [`server_index`]; so are all that follow.
    pub pods: Store<Guarded<Pod>>,
    /// Their EndpointSlices.
    pub endpoint_slices: Store<Guarded<EndpointSlice>>,
    /// Our Services.
    pub services: Store<Guarded<Service>>,
    /// Our Deployments.
    pub deployments: Store<Guarded<Deployment>>,
    /// Our StatefulSets.
    pub stateful_sets: Store<Guarded<StatefulSet>>,
    /// Our ServiceAccounts.
    pub service_accounts: Store<ObjectMetadata>,
    /// Our ConfigMaps.
    pub config_maps: Store<ObjectMetadata>,
    /// Our PodDisruptionBudgets.
    pub budgets: Store<ObjectMetadata>,
    /// Our ClusterRoleBindings.
    pub cluster_role_bindings: Store<ObjectMetadata>,
    /// Our RoleBindings in kube-system.
    pub role_bindings: Store<ObjectMetadata>,
    /// The authorities' Secrets, in the operator's own namespace.
    pub authorities: Store<AuthoritySecret>,
    /// How the watches fare.
    pub watches: Watches,
    /// When they were begun.
    pub begun: Instant,
}

impl Default for Informers {
    fn default() -> Self {
        Self::of(Watches::default())
    }
}

impl Informers {
    /// Those that `watches` fill.
    #[must_use]
    pub fn of(watches: Watches) -> Self {
        Self {
            namespaces: Store::new(|_| Vec::new()),
            api_services: Store::new(of_api_service),
            crds: Store::new(of_crd),
            crd_versions: Arc::default(),
            pods: Store::new(of_server),
            endpoint_slices: Store::new(of_server),
            services: Store::new(of_server),
            deployments: Store::new(of_server),
            stateful_sets: Store::new(of_server),
            service_accounts: Store::new(of_server),
            config_maps: Store::new(of_server),
            budgets: Store::new(of_server),
            cluster_role_bindings: Store::new(of_server),
            role_bindings: Store::new(of_server),
            authorities: Store::new(of_server),
            watches,
            begun: Instant::now(),
        }
    }

    /// Whether everything was listed once that concerns servers in `namespace`. Waits for that as long as the process is young: what was
    /// not listed by then, such as for want of a right, is read live in each pass, and holds nobody up.
    pub async fn listed(&self, namespace: &str) -> bool {
        let all = async {
            for (_, listing) in self.listings() {
                // The sender lives as long as the store.
                let _ = listing.subscribe().wait_for(|listed| listed.has(namespace)).await;
            }
        };
        timeout_at(self.begun + LISTED_WITHIN, all).await.is_ok()
    }

    /// Whether a watch has failed for so long that what it brought, of what concerns servers in `namespace`, may be late.
    #[must_use]
    pub fn are_late(&self, namespace: &str) -> bool {
        self.watches.are_late(namespace)
    }

    fn listings(&self) -> [(&'static str, &watch::Sender<Listed>); 14] {
        [
            ("Namespace", self.namespaces.listing()),
            ("APIService", self.api_services.listing()),
            ("CustomResourceDefinition", self.crds.listing()),
            ("Pod", self.pods.listing()),
            ("EndpointSlice", self.endpoint_slices.listing()),
            ("Service", self.services.listing()),
            ("Deployment", self.deployments.listing()),
            ("StatefulSet", self.stateful_sets.listing()),
            ("ServiceAccount", self.service_accounts.listing()),
            ("ConfigMap", self.config_maps.listing()),
            ("PodDisruptionBudget", self.budgets.listing()),
            ("ClusterRoleBinding", self.cluster_role_bindings.listing()),
            ("RoleBinding", self.role_bindings.listing()),
            ("Secret", self.authorities.listing()),
        ]
    }

    /// Whether what is not known of this kind in `namespace`, empty of a kind without, is not there.
    #[must_use]
    pub fn tell_of(&self, resource: &ApiResource, namespace: &str) -> bool {
        let listed = self
            .listings()
            .into_iter()
            .find(|(kind, _)| *kind == resource.kind);
        listed.is_some_and(|(_, listed)| listed.borrow().has(namespace))
            && !self.watches.is_late(&resource.kind, namespace)
    }

    fn of_kind(&self, resource: &ApiResource) -> Option<&dyn Children> {
        Some(match resource.kind.as_str() {
            "APIService" => &self.api_services,
            "Service" => &self.services,
            "Deployment" => &self.deployments,
            "StatefulSet" => &self.stateful_sets,
            "ServiceAccount" => &self.service_accounts,
            "ConfigMap" => &self.config_maps,
            "PodDisruptionBudget" => &self.budgets,
            "ClusterRoleBinding" => &self.cluster_role_bindings,
            "RoleBinding" => &self.role_bindings,
            _ => return None,
        })
    }

    /// Every kind listed, and nothing there.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        let informers = Self::default();
        for (_, listing) in informers.listings() {
            listing.send_if_modified(|listed| listed.add(""));
        }
        informers
    }
}

impl applier::Cache for Informers {
    fn known(&self, resource: &ApiResource, namespace: &str, name: &str) -> Option<Arc<Known>> {
        let kind = self
            .of_kind(resource)
            .filter(|_| !self.watches.is_late(&resource.kind, namespace))?;
        kind.known(namespace, name)
    }

    fn answered(&self, resource: &ApiResource, live: &Value) {
        if let Some(children) = self.of_kind(resource) {
            children.answered(live);
        }
    }

    fn deleted(&self, resource: &ApiResource, namespace: &str, name: &str, uid: &str) {
        if let Some(children) = self.of_kind(resource) {
            children.deleted(namespace, name, uid);
        }
    }
}

/// The index of what belongs to API group `group`.
#[must_use]
pub fn group_index(group: &str) -> Box<str> {
    format!("group {group}").into()
}

/// The index of what belongs to AggregatedServer `name`.
#[must_use]
pub fn server_index(name: &str) -> Box<str> {
    format!("server {name}").into()
}

/// The AggregatedServer that an index tells of, if it does.
#[must_use]
pub fn server_of(index: &str) -> Option<&str> {
    index.strip_prefix("server ")
}

/// The group that an index tells of, if it does.
#[must_use]
pub fn group_of(index: &str) -> Option<&str> {
    index.strip_prefix("group ")
}

fn of_server(metadata: &ObjectMeta) -> Vec<Box<str>> {
    let labels = metadata.labels.as_ref();
    let server = labels.and_then(|labels| labels.get(SERVER_LABEL));
    server.map(|name| server_index(name)).into_iter().collect()
}

/// Both are named after their group: VERSION.GROUP, and PLURAL.GROUP.
fn of_crd(metadata: &ObjectMeta) -> Vec<Box<str>> {
    let name = metadata.name.as_deref().unwrap_or_default();
    let group = name.split_once('.').map(|(_, group)| group);
    group.map(group_index).into_iter().collect()
}

fn of_api_service(metadata: &ObjectMeta) -> Vec<Box<str>> {
    let kind = AggregatedServer::kind(&());
    let owners = metadata.owner_references.iter().flatten();
    let owners = owners
        .filter(|owner| owner.kind == kind)
        .map(|owner| server_index(&owner.name));
    let mut indexes: Vec<_> = of_crd(metadata).into_iter().chain(owners).collect();
    indexes.dedup();
    indexes
}

#[cfg(test)]
mod tests;
