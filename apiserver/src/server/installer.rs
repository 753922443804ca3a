//! Installs resources in a server: those of the program at its start, those of definitions whenever these change. Go: `InstallAPIGroup` of
//! `server/genericapiserver.go`, and `crdHandler` of apiextensions' `customresource_handler.go`.
//!
//! What is served is made whole and swapped whole. A resource that is as it was keeps its registry and its watch cache; one that is
//! described anew keeps its watch cache, its watches end, and any other request that is under way goes on with the description that it
//! began with. What takes a processor for long, such as documents of thousands of resources, is made beside the threads that answer.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as SyncMutex, PoisonError, Weak};
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
use crate::endpoint::Endpoint;
use crate::openapi;
use crate::registry::{Creates, Registry, RegistryError, Rules};
use crate::request::GroupResource;
use crate::resource::Resource;
use crate::rest::Rest;
use crate::storage::Storage;
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
    parts: Arc<Parts>,
    state: Mutex<State>,
    /// Creates that are under way, as long as somebody may create or wants to know.
    creates: SyncMutex<HashMap<GroupResource, Weak<Creates>>>,
}

struct State {
    /// `None`: the server has ended.
    stores: Option<Stores>,
    installed: HashMap<GroupResource, Installed>,
    /// What was opened for a set that could not be installed: the next one may have it too.
    opened: HashMap<GroupResource, Installed>,
    /// Whether a set was installed, be it an empty one.
    has_begun: bool,
}

/// A resource that is served.
#[derive(Clone)]
struct Installed {
    resource: Arc<Resource>,
    endpoint: Endpoint,
}

/// A resource that cannot be served.
#[derive(Debug)]
pub(super) struct NotInstalled {
    /// Which.
    pub(super) resource: Arc<Resource>,
    /// Why not.
    pub(super) error: StartError,
}

impl Installer {
    /// Nothing is installed yet.
    pub(super) fn new(parts: Parts, stores: Stores) -> Self {
        Self {
            parts: Arc::new(parts),
            state: Mutex::new(State {
                stores: Some(stores),
                installed: HashMap::new(),
                opened: HashMap::new(),
                has_begun: false,
            }),
            creates: SyncMutex::default(),
        }
    }

    /// Serves exactly the program's own resources and `declared`, from when it returns on. `is_complete`: no more are to come at first.
    ///
    /// # Errors
    /// Resources that cannot be served, all of them: then what was served is served still.
    pub(super) async fn install(
        &self,
        declared: &[Arc<Resource>],
        is_complete: bool,
    ) -> Result<(), Vec<NotInstalled>> {
        let resources: Vec<_> = self.parts.own.iter().chain(declared).cloned().collect();
        check_twice(&resources)?;
        let mut state = self.state.lock().await;
        let State {
            stores,
            installed,
            opened,
            has_begun,
        } = &mut *state;
        let Some(stores) = stores else {
            return Ok(());
        };
        let is_of = |known: &HashMap<GroupResource, Installed>, resource: &Arc<Resource>| {
            let found = known.get(&resource.group_resource())?;
            Arc::ptr_eq(&found.resource, resource).then(|| found.clone())
        };
        let (mut next, mut new) = (HashMap::new(), HashMap::new());
        let mut failed = Vec::new();
        for resource in &resources {
            let name = resource.group_resource();
            if let Some(installed) = is_of(installed, resource) {
                next.insert(name, installed);
                continue;
            }
            if let Some(opened) = is_of(opened, resource) {
                new.insert(name, opened);
                continue;
            }
            let resource = resource.clone();
            match self.endpoint(stores, &resource).await {
                Ok(endpoint) => drop(new.insert(name, Installed { resource, endpoint })),
                Err(error) => failed.push(NotInstalled { resource, error }),
            }
        }
        if !failed.is_empty() {
            *opened = new;
            return Err(failed);
        }
        if *has_begun {
            // A server that is ready stays so.
            let caches: Vec<_> = new.keys().filter_map(|name| stores.cache(name)).collect();
            let filled = join_all(caches.iter().map(|cache| cache.wait_ready()));
            let _ = timeout(FILL, filled).await;
        }
        next.extend(new);
        let names: HashSet<GroupResource> = next.keys().cloned().collect();
        let caches = stores.weak_caches_of(&names);
        let made = self.served(caches, &next, resources, is_complete).await;
        // From here on nothing waits: it is taken over whole.
        self.parts.served.store(Arc::new(made));
        stores.retain(&names);
        *has_begun = true;
        opened.clear();
        for (name, before) in std::mem::replace(installed, next) {
            let is_kept = is_of(installed, &before.resource).is_some();
            if let (false, Endpoint::Stored(registry)) = (is_kept, before.endpoint) {
                tracing::debug!(resource = %name, "its watches end");
                registry.retire();
            }
        }
        Ok(())
    }

    async fn endpoint(&self, stores: &mut Stores, resource: &Arc<Resource>) -> Result<Endpoint, StartError> {
        let (resource, admission) = (resource.clone(), self.parts.admission.clone());
        if let Rest::Computed(_) = resource.rest {
            let rules = blocking(move || Rules::new(resource, admission)).await;
            return Ok(Endpoint::Computed(rules.map_err(RegistryError::from)?));
        }
        let storage = stores.open(&resource).await?;
        let creates = self.creates(&resource.group_resource());
        let registry = blocking(move || Registry::new(resource, storage, admission)).await?;
        Ok(Endpoint::Stored(Arc::new(registry.counting(creates))))
    }

    /// The creates of a resource of this name, whichever description of it they began with.
    pub(super) fn creates(&self, resource: &GroupResource) -> Arc<Creates> {
        let mut all = self.creates.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(creates) = all.get(resource).and_then(Weak::upgrade) {
            return creates;
        }
        all.retain(|_, creates| creates.strong_count() > 0);
        let creates = Arc::<Creates>::default();
        all.insert(resource.clone(), Arc::downgrade(&creates));
        creates
    }

    async fn served(
        &self,
        caches: Vec<(GroupResource, Weak<Cache>)>,
        installed: &HashMap<GroupResource, Installed>,
        resources: Vec<Arc<Resource>>,
        is_complete: bool,
    ) -> Served {
        let parts = self.parts.clone();
        let endpoints: Vec<Endpoint> = installed
            .values()
            .map(|installed| installed.endpoint.clone())
            .collect();
        blocking(move || {
            let Parts {
                served,
                info,
                paths,
                address,
                ..
            } = &*parts;
            Served {
                endpoints: served.load().endpoints.replaced(endpoints, is_complete),
                documents: Arc::new(Documents::new(&resources, info, paths, address)),
                caches,
            }
        })
        .await
    }

    /// The storage, which a user of it keeps open; `None`: the server has ended.
    pub(super) async fn storage(&self) -> Option<Arc<dyn Storage>> {
        let state = self.state.lock().await;
        state.stores.as_ref().map(|stores| stores.backend().clone())
    }

    /// The stored resource of this name, where it is served.
    pub(super) fn registry(&self, resource: &GroupResource) -> Option<Arc<Registry>> {
        self.parts.served.load().endpoints.registry(resource)
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
            state.opened.clear();
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

/// Does what takes a processor for long, on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

/// # Errors
/// Those that have a name which another one before them has.
fn check_twice(resources: &[Arc<Resource>]) -> Result<(), Vec<NotInstalled>> {
    let mut names = HashSet::new();
    let twice = resources
        .iter()
        .filter(|resource| !names.insert(resource.group_resource()));
    let twice: Vec<_> = twice
        .map(|resource| NotInstalled {
            error: described_twice(resource),
            resource: resource.clone(),
        })
        .collect();
    if twice.is_empty() { Ok(()) } else { Err(twice) }
}

fn described_twice(resource: &Resource) -> StartError {
    StartError::Resources(format!("{} is described twice", resource.group_resource()))
}

/// # Errors
/// Two resources have one name.
pub(super) fn check_names(resources: &[Arc<Resource>]) -> Result<(), StartError> {
    let first = check_twice(resources)
        .err()
        .and_then(|twice| twice.into_iter().next());
    first.map_or(Ok(()), |twice| Err(twice.error))
}
