//! Installs resources in a server: those of the program at its start, those of definitions whenever these change. Go: `InstallAPIGroup` of
//! `server/genericapiserver.go`, and `crdHandler` of apiextensions' `customresource_handler.go`.
//!
//! What is served is made whole and swapped whole. A resource that is as it was keeps its registry and its watch cache; one that is
//! described anew keeps its watch cache, its watches end, and any other request that is under way goes on with the description that it
//! began with.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::documents::Documents;
use super::served::Served;
use super::start::StartError;
use super::storage::Stores;
use crate::admission::Admission;
use crate::endpoint::{Endpoint, Endpoints};
use crate::openapi;
use crate::registry::{Registry, RegistryError, Rules};
use crate::request::GroupResource;
use crate::resource::Resource;
use crate::rest::Rest;
use crate::storage::cache::Cache;

/// How long the caches of new resources may take before these are served all the same.
const FILL: Duration = Duration::from_secs(10);

/// What resources are installed with.
pub(super) struct Parts {
    /// What is served, which is swapped.
    pub(super) served: Arc<ArcSwap<Served>>,
    /// What is asked about writes.
    pub(super) admission: Arc<dyn Admission>,
    /// What OpenAPI documents are called.
    pub(super) info: openapi::Info,
    /// Paths that are served beside resources.
    pub(super) paths: Vec<String>,
    /// `HOST:PORT`, for clients.
    pub(super) address: String,
    /// The program's own resources.
    pub(super) own: Vec<Arc<Resource>>,
}

/// Installs resources, one set after the other.
pub(super) struct Installer {
    parts: Parts,
    state: Mutex<State>,
}

struct State {
    /// `None`: the server has ended.
    stores: Option<Stores>,
    installed: HashMap<GroupResource, Installed>,
}

/// A resource that is served.
struct Installed {
    resource: Arc<Resource>,
    endpoint: Endpoint,
}

impl Installer {
    /// Nothing is installed yet.
    pub(super) fn new(parts: Parts, stores: Stores) -> Self {
        Self {
            parts,
            state: Mutex::new(State {
                stores: Some(stores),
                installed: HashMap::new(),
            }),
        }
    }

    /// Serves exactly the program's own resources and `declared`, from when it returns on.
    ///
    /// # Errors
    /// A resource cannot be served: then what was served is served still.
    pub(super) async fn install(&self, declared: &[Arc<Resource>]) -> Result<(), StartError> {
        let resources: Vec<_> = self.parts.own.iter().chain(declared).cloned().collect();
        check_names(&resources)?;
        let mut state = self.state.lock().await;
        let State { stores, installed } = &mut *state;
        let Some(stores) = stores else {
            return Ok(());
        };
        let is_first = installed.is_empty();
        let mut new = HashMap::new();
        for resource in &resources {
            let name = resource.group_resource();
            let is_new = installed
                .get(&name)
                .is_none_or(|installed| !Arc::ptr_eq(&installed.resource, resource));
            if is_new {
                let endpoint = self.endpoint(stores, resource).await?;
                let resource = resource.clone();
                new.insert(name, Installed { resource, endpoint });
            }
        }
        if !is_first {
            // A server that is ready stays so.
            let caches: Vec<_> = new.keys().filter_map(|name| stores.cache(name)).collect();
            let filled = join_all(caches.iter().map(|cache| cache.wait_ready()));
            let _ = timeout(FILL, filled).await;
        }
        let mut retired: Vec<Installed> = Vec::new();
        for (name, new) in new {
            retired.extend(installed.insert(name, new));
        }
        let served: HashSet<GroupResource> = resources
            .iter()
            .map(|resource| resource.group_resource())
            .collect();
        let names: Vec<GroupResource> = installed.keys().cloned().collect();
        let gone = names.iter().filter(|name| !served.contains(name));
        retired.extend(gone.filter_map(|name| installed.remove(name)));
        stores.retain(&served);
        self.swap(stores, installed, &resources);
        for Installed { endpoint, .. } in retired {
            if let Endpoint::Stored(registry) = endpoint {
                registry.retire();
            }
        }
        Ok(())
    }

    async fn endpoint(&self, stores: &mut Stores, resource: &Arc<Resource>) -> Result<Endpoint, StartError> {
        let admission = self.parts.admission.clone();
        Ok(match resource.rest {
            Rest::Computed(_) => {
                let rules = Rules::new(resource.clone(), admission);
                Endpoint::Computed(rules.map_err(RegistryError::from)?)
            }
            Rest::Stored => {
                let storage = stores.open(resource).await?;
                Endpoint::Stored(Arc::new(Registry::new(resource.clone(), storage, admission)?))
            }
        })
    }

    fn swap(
        &self,
        stores: &Stores,
        installed: &HashMap<GroupResource, Installed>,
        resources: &[Arc<Resource>],
    ) {
        let Parts {
            served,
            info,
            paths,
            address,
            ..
        } = &self.parts;
        let endpoints = installed.values().map(|installed| installed.endpoint.clone());
        let endpoints: Endpoints = served.load().endpoints.replaced(endpoints, true);
        served.store(Arc::new(Served {
            endpoints,
            documents: Arc::new(Documents::new(resources, info, paths, address)),
            caches: stores.weak_caches(),
        }));
    }

    /// The caches of what is installed.
    pub(super) async fn caches(&self) -> Vec<Arc<Cache>> {
        let state = self.state.lock().await;
        let stores = state.stores.iter();
        stores.flat_map(Stores::caches).cloned().collect()
    }

    /// Waits until every cache is filled.
    pub(super) async fn ready(&self) {
        for cache in self.caches().await {
            cache.wait_ready().await;
        }
    }

    /// Takes everything back, and closes the storage, which waits for the last write.
    pub(super) async fn close(&self) {
        let stores = {
            let mut state = self.state.lock().await;
            state.installed.clear();
            state.stores.take()
        };
        // A connection that is still open keeps what is served, and must not keep the storage.
        let closed = self.parts.served.load().closed();
        self.parts.served.store(Arc::new(closed));
        if let Some(stores) = stores {
            stores.close().await;
        }
    }
}

/// # Errors
/// Two resources have one name.
pub(super) fn check_names(resources: &[Arc<Resource>]) -> Result<(), StartError> {
    let mut names: Vec<_> = resources
        .iter()
        .map(|resource| resource.group_resource())
        .collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(StartError::Resources(format!("{} is described twice", pair[0]))),
        None => Ok(()),
    }
}
