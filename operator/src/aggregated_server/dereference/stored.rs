//! What watches have brought. What they do not bring, or have not, is read live: a Service that a server names, its slices and its
//! pods carry no label of ours; and what is missing here may be there without our label, or too new.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::{
    api::{
        core::v1::{Pod, Service},
        discovery::v1::EndpointSlice,
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use super::{
    NamespaceState, ReadError, Reader, ServingSecret, Source, Surroundings,
    requests::{decodable, decoded},
};
use crate::{
    aggregated_server::{
        certificates::{Authority, ServingRecord},
        endpoints::{self, Origin},
        informers::{
            group_index,
            kept::{Compact, Kept},
            server_index,
        },
        live::{LiveWorkload, is_embedded},
        validate::SERVICE_PORT,
    },
    applier::{Known, Ownership},
    decode::Guarded,
};

/// The label by which an EndpointSlice tells its Service (discovery.k8s.io/v1, LabelServiceName).
const SERVICE_NAME_LABEL: &str = "kubernetes.io/service-name";

impl Reader<'_> {
    /// Everything as far as watches have brought it.
    pub(super) async fn stored(&self, serving: ServingSecret) -> Result<Surroundings, ReadError> {
        let requests = self.requests();
        // Before the authority's Secret, as live reads are.
        let (api_services, known_api_services) = self.stored_api_services()?;
        let config_map = match self.stored_config_map() {
            Some(known) => Some(known),
            None => requests.config_map().await?,
        };
        let service = match self.stored_service()? {
            Some(service) => Some(service),
            None => requests.service().await?,
        };
        let authority = self.stored_authority();
        // Neither says anything without its authority.
        let (serving, record) = match serving {
            ServingSecret::Remembered(remembered) if authority.is_some() => (Some(remembered), None),
            ServingSecret::Recorded if authority.is_some() => (None, self.recorded()),
            _ => (None, None),
        };
        let is_known = serving.is_some() || record.is_some();
        let (namespace, authority_secret, serving_secret, workload, claim, storage_secret, crds) = tokio::try_join!(
            self.namespace(),
            unless(authority.is_some(), requests.authority_secret()),
            unless(is_known, requests.serving_secret()),
            self.workload(),
            requests.claim(),
            requests.storage_secret(),
            self.crds(),
        )?;
        let (endpoint_slices, pods) = self.endpoints_and_pods(service.as_ref()).await?;
        Ok(Surroundings {
            config_map,
            authority,
            serving,
            record,
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
            ..Surroundings::of(Source::Stored, namespace)
        })
    }

    /// Every APIService of a claimed group, the claimed versions and what else the group has, and those of this server.
    #[expect(clippy::type_complexity, reason = "the two halves of one reading")]
    pub(super) fn stored_api_services(
        &self,
    ) -> Result<(BTreeMap<String, APIService>, BTreeMap<String, Arc<Known>>), ReadError> {
        let store = &self.informers.api_services;
        let of_server = store.indexed(&server_index(&self.names.server));
        let of_server = of_server.into_iter().filter(|service| {
            Ownership::of(&service.known.owners, &self.names.owner_reference()) != Ownership::Foreign
        });
        let claims = self.server.spec.apis.iter();
        let of_groups = claims.flat_map(|claim| store.indexed(&group_index(&claim.group)));
        let (mut services, mut known) = (BTreeMap::new(), BTreeMap::new());
        for service in of_server.chain(of_groups) {
            let name = service.name.to_string();
            if known.insert(name.clone(), Arc::clone(&service.known)).is_none() {
                let object = decoded(service.object.get(), "APIService", &name)?;
                services.insert(name, object);
            }
        }
        Ok((services, known))
    }

    fn stored_config_map(&self) -> Option<Arc<Known>> {
        let store = &self.informers.config_maps;
        let kept = store.get(&self.names.namespace, &self.names.config_map())?;
        Some(Arc::clone(&kept.known))
    }

    /// `None` where it is not there, or not as it should be: what that means is found out by a read.
    fn stored_authority(&self) -> Option<Arc<Authority>> {
        let store = &self.informers.authorities;
        let kept = store.get(&self.names.operator_namespace, &self.names.ca_secret())?;
        let ours = Ownership::of(&kept.known.owners, &self.names.owner_reference()) == Ownership::Ours;
        let authority = kept.object.as_ref().ok();
        authority.filter(|_| ours && !kept.known.deleting).cloned()
    }

    /// What the ConfigMap of the bundle says of the serving Secret.
    fn recorded(&self) -> Option<ServingRecord> {
        let store = &self.informers.config_maps;
        let kept = store.get(&self.names.namespace, &self.names.config_map())?;
        let ours = Ownership::of(&kept.known.owners, &self.names.owner_reference()) == Ownership::Ours;
        kept.object
            .as_deref()
            .filter(|_| ours)
            .and_then(ServingRecord::parse)
    }

    fn stored_service(&self) -> Result<Option<Service>, ReadError> {
        let kept = self
            .informers
            .services
            .get(&self.names.namespace, &self.names.service);
        // One that the server names may be another server's, and need not lead to what carries our label.
        let kept = kept.filter(|_| self.server.spec.service.is_none());
        kept.map(|kept| object(&kept, "the Service")).transpose()
    }

    pub(super) async fn namespace(&self) -> Result<NamespaceState, ReadError> {
        match self.informers.namespaces.get("", &self.names.namespace) {
            Some(namespace) if namespace.known.deleting => Ok(NamespaceState::Terminating),
            Some(_) => Ok(NamespaceState::Active),
            None => self.requests().namespace().await,
        }
    }

    async fn workload(&self) -> Result<Option<LiveWorkload>, ReadError> {
        let (namespace, name) = (&self.names.namespace, &self.names.server);
        if self.server.spec.workload.is_none() {
            return Ok(None);
        }
        let stored = if is_embedded(self.server) {
            let kept = self.informers.stateful_sets.get(namespace, name);
            let live = kept.map(|kept| object(&kept, "the StatefulSet")).transpose()?;
            live.map(Box::new).map(LiveWorkload::StatefulSet)
        } else {
            let kept = self.informers.deployments.get(namespace, name);
            let live = kept.map(|kept| object(&kept, "the Deployment")).transpose()?;
            live.map(Box::new).map(LiveWorkload::Deployment)
        };
        match stored {
            Some(workload) => Ok(Some(workload)),
            None => self.requests().workload().await,
        }
    }

    pub(super) async fn endpoints_and_pods(
        &self,
        service: Option<&Service>,
    ) -> Result<(Vec<EndpointSlice>, Vec<Pod>), ReadError> {
        let requests = self.requests();
        // Those of a Service that the server names carry no label of ours.
        let slices = if self.server.spec.service.is_some() {
            requests.endpoint_slices().await?
        } else {
            self.stored_endpoint_slices()?
        };
        if self.server.spec.workload.is_none() {
            return Ok((slices, requests.pods(service).await?));
        }
        let pods = self.stored_pods();
        // A slice may have come before the pod that it is of, which would be taken for somebody else's.
        let port = self
            .server
            .spec
            .service
            .as_ref()
            .map_or(SERVICE_PORT, |service| service.port);
        let endpoints = endpoints::resolve(service, &slices, port, Some(&pods));
        let are_backends = |endpoint: &endpoints::Endpoint| endpoint.origin == Origin::Backend;
        if endpoints.list.iter().all(are_backends) {
            return Ok((slices, pods));
        }
        Ok((slices, requests.pods(service).await?))
    }

    fn stored_endpoint_slices(&self) -> Result<Vec<EndpointSlice>, ReadError> {
        let slices = self.of_server(
            &self
                .informers
                .endpoint_slices
                .indexed(&server_index(&self.names.server)),
        );
        let slices = slices
            .into_iter()
            .filter(|slice| slice.labels().get(SERVICE_NAME_LABEL) == Some(&self.names.service));
        let each = slices.map(|slice| {
            let name = slice.name_any();
            decoded(slice, "EndpointSlice", &name)
        });
        each.collect()
    }

    fn stored_pods(&self) -> Vec<Pod> {
        decodable(self.of_server(&self.informers.pods.indexed(&server_index(&self.names.server))))
    }

    /// Those in the server's namespace: a label may stand anywhere.
    fn of_server<K>(&self, kept: &[Arc<Kept<Compact<K>>>]) -> Vec<Guarded<K>>
    where
        K: Resource<DynamicType = ()> + DeserializeOwned,
    {
        let objects = kept.iter().map(|kept| kept.object.get());
        objects
            .filter(|object| object.namespace().as_ref() == Some(&self.names.namespace))
            .collect()
    }
}

/// What `read` gives, unless that is not to be asked for.
async fn unless<T>(
    not: bool,
    read: impl Future<Output = Result<Option<T>, ReadError>>,
) -> Result<Option<T>, ReadError> {
    if not { Ok(None) } else { read.await }
}

fn object<K: DeserializeOwned>(kept: &Kept<Compact<K>>, what: &'static str) -> Result<K, ReadError> {
    decoded(kept.object.get(), what, &kept.name)
}
