//! Reads of the API server.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use annex_crds::v1alpha1::AggregatedServer;
use k8s_openapi::{
    NamespaceResourceScope,
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, Pod, Secret, Service},
        discovery::v1::EndpointSlice,
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ApiResource, ListParams},
    core::Selector,
};
use serde::de::DeserializeOwned;

use super::{NamespaceState, ReadError, Reader, Source, Surroundings};
use crate::{
    aggregated_server::{
        informers::{group_index, server_index},
        live::{LiveWorkload, is_embedded},
        names::{self, Names},
    },
    applier::Known,
    decode::{Guarded, Managed, ObjectMetadata, Undecodable},
};

/// What is asked of the API server about one server.
pub(super) struct Requests<'a> {
    pub(super) client: &'a Client,
    pub(super) server: &'a AggregatedServer,
    pub(super) names: &'a Names,
}

impl Reader<'_> {
    /// The serving Secret as it is now.
    ///
    /// # Errors
    /// The API server did not answer.
    pub async fn serving_secret(&self) -> Result<Option<Secret>, ReadError> {
        self.requests().serving_secret().await
    }

    /// Everything as it is now.
    pub(super) async fn live(&self) -> Result<Surroundings, ReadError> {
        let requests = self.requests();
        // What is published derives from the authority's Secret, and is written only over the versions that are read here. Since
        // they are read first, one who has read a newer Secret and published it, such as the other operator in a hand-over, has
        // changed them, and what this pass made of the older Secret is refused, however late it comes.
        let (service, (api_services, known_api_services), config_map) = tokio::try_join!(
            requests.service(),
            self.live_api_services(),
            requests.config_map(),
        )?;
        let (
            namespace,
            authority_secret,
            serving_secret,
            workload,
            claim,
            storage_secret,
            (endpoint_slices, pods),
            crds,
        ) = tokio::try_join!(
            requests.namespace(),
            requests.authority_secret(),
            requests.serving_secret(),
            requests.workload(),
            requests.claim(),
            requests.storage_secret(),
            requests.endpoints_and_pods(service.as_ref()),
            self.crds(),
        )?;
        Ok(Surroundings {
            config_map,
            authority_secret,
            serving_secret,
            workload,
            claim,
            storage_secret,
            service,
            endpoint_slices,
            pods,
            api_services,
            known_api_services,
            crds,
            ..Surroundings::of(Source::Live, namespace)
        })
    }

    /// Those of the server, and those that it claims, as they are; what else their groups have, as watches have brought it.
    pub(super) async fn live_api_services(
        &self,
    ) -> Result<(BTreeMap<String, APIService>, BTreeMap<String, Arc<Known>>), ReadError> {
        let (mut services, mut known) = self.stored_api_services()?;
        let of_server = self
            .informers
            .api_services
            .indexed(&server_index(&self.names.server));
        let claimed = self.server.spec.apis.iter().map(|claim| claim.api_service_name());
        let names: std::collections::BTreeSet<String> = of_server
            .iter()
            .map(|service| service.name.to_string())
            .chain(claimed)
            .collect();
        let api = Api::<Managed<Guarded<APIService>>>::all(self.client.clone());
        for name in names {
            services.remove(&name);
            known.remove(&name);
            let what = "APIService";
            let read = api.get_opt(&name).await;
            let read = read.map_err(|source| ReadError::Request { what, source })?;
            let Some(read) = read else { continue };
            // Whose it is has to be said.
            let Managed { object, own, .. } = read.with_managers();
            known.insert(name.clone(), Arc::new(Known::new(object.meta(), own)));
            services.insert(name.clone(), decoded(object, what, &name)?);
        }
        Ok((services, known))
    }

    /// The CustomResourceDefinitions that serve a claimed group-version. A CRD's name ends in its group, so that their
    /// metadata is enough to tell which few are to be read, once for each of their versions.
    pub(super) async fn crds(&self) -> Result<BTreeMap<String, String>, ReadError> {
        let mut groups: Vec<&str> = self.server.spec.apis.iter().map(|claim| &*claim.group).collect();
        groups.sort_unstable();
        groups.dedup();
        let mut served = BTreeMap::new();
        for crd in groups
            .into_iter()
            .flat_map(|group| self.informers.crds.indexed(&group_index(group)))
        {
            let cache = &self.informers.crd_versions;
            let group_versions = match cache.get(&crd.name, &crd.known) {
                Some(group_versions) => group_versions,
                None => {
                    let api = Api::all(self.client.clone());
                    let read = get::<CustomResourceDefinition>(api, &crd.name, "CustomResourceDefinition");
                    let Some(read) = read.await? else { continue };
                    let versions = read.spec.versions.iter().filter(|version| version.served);
                    let group_versions: Vec<String> = versions
                        .map(|version| format!("{}/{}", read.spec.group, version.name))
                        .collect();
                    // What is newer than what the watch has told is read again with that.
                    if read.metadata.resource_version.as_deref() == Some(&*crd.known.resource_version) {
                        let is_there = |name: &str| self.informers.crds.get("", name).is_some();
                        cache.keep(&crd.name, &crd.known, group_versions.clone(), is_there);
                    }
                    group_versions
                }
            };
            served.extend(
                group_versions
                    .into_iter()
                    .map(|version| (version, crd.name.to_string())),
            );
        }
        Ok(served)
    }
}

impl Requests<'_> {
    fn namespaced<K>(&self) -> Api<Guarded<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.names.namespace)
    }

    pub(super) async fn namespace(&self) -> Result<NamespaceState, ReadError> {
        let api = Api::all(self.client.clone());
        let namespace: Option<Namespace> = get(api, &self.names.namespace, "the namespace").await?;
        Ok(match namespace {
            None => NamespaceState::Missing,
            Some(namespace) if namespace.metadata.deletion_timestamp.is_some() => NamespaceState::Terminating,
            Some(_) => NamespaceState::Active,
        })
    }

    pub(super) async fn service(&self) -> Result<Option<Service>, ReadError> {
        get(self.namespaced(), &self.names.service, "the Service").await
    }

    pub(super) async fn config_map(&self) -> Result<Option<Arc<Known>>, ReadError> {
        let what = "the ConfigMap of the bundle";
        let resource = ApiResource::erase::<ConfigMap>(&());
        let api: Api<Managed<ObjectMetadata>> =
            Api::namespaced_with(self.client.clone(), &self.names.namespace, &resource);
        let read = api.get_opt(&self.names.config_map()).await;
        let read = read.map_err(|source| ReadError::Request { what, source })?;
        Ok(read.map(|Managed { object, own, .. }| Arc::new(Known::new(object.meta(), own))))
    }

    pub(super) async fn authority_secret(&self) -> Result<Option<Secret>, ReadError> {
        let api = Api::namespaced(self.client.clone(), &self.names.operator_namespace);
        get(api, &self.names.ca_secret(), "the authority's Secret").await
    }

    pub(super) async fn serving_secret(&self) -> Result<Option<Secret>, ReadError> {
        get(
            self.namespaced(),
            &self.names.serving_secret,
            "the serving Secret",
        )
        .await
    }

    pub(super) async fn workload(&self) -> Result<Option<LiveWorkload>, ReadError> {
        if self.server.spec.workload.is_none() {
            return Ok(None);
        }
        let name = &self.names.server;
        if is_embedded(self.server) {
            let live: Option<StatefulSet> = get(self.namespaced(), name, "the StatefulSet").await?;
            return Ok(live.map(Box::new).map(LiveWorkload::StatefulSet));
        }
        let live: Option<Deployment> = get(self.namespaced(), name, "the Deployment").await?;
        Ok(live.map(Box::new).map(LiveWorkload::Deployment))
    }

    pub(super) async fn claim(&self) -> Result<Option<PersistentVolumeClaim>, ReadError> {
        if !is_embedded(self.server) {
            return Ok(None);
        }
        let name = names::claim(&self.names.server);
        get(self.namespaced(), &name, "the volume's claim").await
    }

    pub(super) async fn storage_secret(&self) -> Result<Option<Secret>, ReadError> {
        let storage = self.server.spec.storage.as_ref();
        let etcd = storage.and_then(|storage| storage.etcd.as_ref());
        let Some(name) = etcd.and_then(|etcd| etcd.secret_name.as_ref()) else {
            return Ok(None);
        };
        get(self.namespaced(), name, "the Secret of storage.etcd").await
    }

    /// One after the other: pods that were read later have every address that a slice got from them.
    pub(super) async fn endpoints_and_pods(
        &self,
        service: Option<&Service>,
    ) -> Result<(Vec<EndpointSlice>, Vec<Pod>), ReadError> {
        let slices = self.endpoint_slices().await?;
        Ok((slices, self.pods(service).await?))
    }

    pub(super) async fn endpoint_slices(&self) -> Result<Vec<EndpointSlice>, ReadError> {
        let of_service =
            ListParams::default().labels(&format!("kubernetes.io/service-name={}", self.names.service));
        let what = "EndpointSlice";
        let list = self.namespaced::<EndpointSlice>().list(&of_service).await;
        let list = list.map_err(|source| ReadError::Request { what, source })?;
        // None may be left out: an endpoint that nobody asked could still serve what is about to be dropped.
        let each = list.items.into_iter().map(|slice| {
            let name = slice.name_any();
            decoded(slice, what, &name)
        });
        each.collect()
    }

    /// Those of the workload, or, where Annex runs none, those that the Service selects.
    pub(super) async fn pods(&self, service: Option<&Service>) -> Result<Vec<Pod>, ReadError> {
        let selected = || service.and_then(|service| service.spec.as_ref()?.selector.clone());
        let selector = match &self.server.spec.workload {
            Some(_) => self.names.selector(),
            None => selected().unwrap_or_default(),
        };
        if selector.is_empty() {
            return Ok(Vec::new());
        }
        let selected = ListParams::default().labels_from(&Selector::from_iter(selector));
        let list = self.namespaced::<Pod>().list(&selected).await;
        list.map(|list| decodable(list.items))
            .map_err(|source| ReadError::Request { what: "pods", source })
    }
}

async fn get<K>(api: Api<Guarded<K>>, name: &str, what: &'static str) -> Result<Option<K>, ReadError>
where
    K: Clone + Debug + DeserializeOwned,
{
    let read = api.get_opt(name).await;
    let read = read.map_err(|source| ReadError::Request { what, source })?;
    read.map(|object| decoded(object, what, name)).transpose()
}

/// The object, which must not be left out.
pub(super) fn decoded<K>(object: Guarded<K>, what: &'static str, name: &str) -> Result<K, ReadError> {
    let name = name.to_owned();
    let failed = |source: Box<Undecodable>| ReadError::Decode { what, name, source };
    object.0.map_err(failed)
}

/// The objects that decode. One that does not is left out, where its absence makes nothing unsafe.
pub(super) fn decodable<K: Resource<DynamicType = ()>>(
    objects: impl IntoIterator<Item = Guarded<K>>,
) -> Vec<K> {
    let each = objects.into_iter().filter_map(|Guarded(object)| match object {
        Ok(object) => Some(object),
        Err(undecodable) => {
            let (kind, name) = (K::kind(&()), undecodable.metadata.name.clone());
            tracing::warn!(%kind, name, error = %undecodable, "an object does not decode and is left out");
            None
        }
    });
    each.collect()
}
