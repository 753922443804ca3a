//! A server that has nothing yet. Of what it is to have nothing is asked for but the APIServices: an authority that one of them
//! publishes is followed, and a watch may be late.

use super::{ReadError, Reader, Source, Surroundings};
use crate::{aggregated_server::informers::server_index, applier::Ownership};

impl Reader<'_> {
    /// What there is around a server of which nothing is known to be there; `None` where something is.
    pub(super) async fn new_server(&self) -> Result<Option<Surroundings>, ReadError> {
        if self.has_something() {
            return Ok(None);
        }
        let requests = self.requests();
        let (api_services, known_api_services) = self.live_api_services().await?;
        let ours = |service| self.names.ownership(service) != Ownership::Foreign;
        if api_services.values().any(ours) {
            return Ok(None);
        }
        // One that it names is somebody else's, and carries no label of ours.
        let named = self.server.spec.service.is_some();
        let service = if named { requests.service().await? } else { None };
        let (namespace, claim, storage_secret, crds) = tokio::try_join!(
            self.namespace(),
            requests.claim(),
            requests.storage_secret(),
            self.crds(),
        )?;
        let (endpoint_slices, pods) = self.endpoints_and_pods(service.as_ref()).await?;
        Ok(Some(Surroundings {
            claim,
            storage_secret,
            service,
            endpoint_slices,
            pods,
            api_services,
            known_api_services,
            crds,
            ..Surroundings::of(Source::New, namespace)
        }))
    }

    /// Whether watches know of anything that a server of this name has, or had.
    fn has_something(&self) -> bool {
        let (informers, names) = (self.informers, self.names);
        let (namespace, server) = (&names.namespace, &names.server);
        let (authority, config_map) = (names.ca_secret(), names.config_map());
        let index = server_index(server);
        let things = [
            informers
                .authorities
                .get(&names.operator_namespace, &authority)
                .is_some(),
            informers.config_maps.get(namespace, &config_map).is_some(),
            informers.services.get(namespace, &names.service).is_some(),
            informers.deployments.get(namespace, server).is_some(),
            informers.stateful_sets.get(namespace, server).is_some(),
            !informers.pods.indexed(&index).is_empty(),
            !informers.endpoint_slices.indexed(&index).is_empty(),
        ];
        things.contains(&true)
    }
}
