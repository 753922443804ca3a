//! The store of a server, and a cache for each resource in front of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use super::start::StartError;
use super::stored_versions;
use crate::background::BackgroundTask;
use crate::config::{self, Backend};
use crate::request::GroupResource;
use crate::resource::Resource;
use crate::storage::cache::{self, Cache, HistoryBudget};
use crate::storage::embedded::EmbeddedStore;
use crate::storage::memory::MemoryStore;
use crate::storage::{Prefix, Storage};

/// How long the last users of a store may take to let it go, and how often it is looked.
const LAST_USERS: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(2);

/// The store of a server, and a cache for each resource in front of it.
pub(super) struct Stores {
    backend: Arc<dyn Storage>,
    /// How caches are made; `None`: there are none.
    options: Option<cache::Options>,
    caches: BTreeMap<GroupResource, Arc<Cache>>,
}

/// Opens the store. The histories of caches hold so many bytes together.
pub(super) async fn open(config: &config::Storage, history_bytes: usize) -> Result<Stores, StartError> {
    let options = config.watch_cache.then(|| cache::Options {
        history_budget: HistoryBudget::new(history_bytes),
        ..cache::Options::default()
    });
    Ok(Stores {
        backend: backend(&config.backend).await?,
        options,
        caches: BTreeMap::new(),
    })
}

async fn backend(backend: &Backend) -> Result<Arc<dyn Storage>, StartError> {
    match backend {
        Backend::Memory => Ok(Arc::new(MemoryStore::new())),
        Backend::Embedded(options) => {
            let options = options.clone();
            // It reads the disk.
            let opened = tokio::task::spawn_blocking(move || EmbeddedStore::open(&options)).await;
            let store = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
            Ok(store)
        }
        #[cfg(feature = "etcd")]
        Backend::Etcd(options) => Ok(crate::storage::etcd::EtcdStore::connect(options.clone()).await?),
    }
}

impl Stores {
    /// The store for the objects of `resource`. Its cache begins to fill, if it does not exist yet.
    ///
    /// # Errors
    /// Objects are stored in a version that the resource does not have, or its name cannot stand in a key.
    pub(super) async fn open(&mut self, resource: &Resource) -> Result<Arc<dyn Storage>, StartError> {
        stored_versions::check(&*self.backend, resource).await?;
        let name = resource.group_resource();
        let Some(options) = &self.options else {
            return Ok(self.backend.clone());
        };
        if let Some(cache) = self.caches.get(&name) {
            return Ok(cache.clone());
        }
        let prefix = Prefix::resource(&resource.group, &resource.names.plural)?;
        let cache = Cache::start(self.backend.clone(), prefix, options.clone());
        self.caches.insert(name, cache.clone());
        Ok(cache)
    }

    /// Lets the caches go of all resources but these.
    pub(super) fn retain(&mut self, resources: &HashSet<GroupResource>) {
        self.caches.retain(|name, _| resources.contains(name));
    }

    /// The cache of a resource.
    pub(super) fn cache(&self, resource: &GroupResource) -> Option<Arc<Cache>> {
        self.caches.get(resource).cloned()
    }

    pub(super) fn backend(&self) -> &Arc<dyn Storage> {
        &self.backend
    }

    pub(super) fn caches(&self) -> impl Iterator<Item = &Arc<Cache>> {
        self.caches.values()
    }

    /// The caches of these resources, for who must not keep the storage open.
    pub(super) fn weak_caches_of(
        &self,
        resources: &HashSet<GroupResource>,
    ) -> Vec<(GroupResource, Weak<Cache>)> {
        let caches = self.caches.iter().filter(|(name, _)| resources.contains(name));
        caches
            .map(|(resource, cache)| (resource.clone(), Arc::downgrade(cache)))
            .collect()
    }

    /// What goes on in the background, but for the caches.
    pub(super) fn background(&self) -> Vec<BackgroundTask> {
        self.backend.background().into_iter().collect()
    }

    /// Closes the store, which waits for the last write. A user of it that does not end in time keeps it open.
    pub(super) async fn close(self) {
        let Self { backend, caches, .. } = self;
        drop(caches);
        let unused = async {
            // What follows the store is ended by its cache, and gone a little later.
            while Arc::strong_count(&backend) > 1 {
                tokio::time::sleep(LOOK).await;
            }
        };
        if tokio::time::timeout(LAST_USERS, unused).await.is_err() {
            tracing::warn!("the storage is still in use, and stays open until the process ends");
        }
        // Its destructor joins a thread.
        let _ = tokio::task::spawn_blocking(move || drop(backend)).await;
    }

    /// Registers what is known of the backend.
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register_collector(Box::new(AnswersProgress(Arc::downgrade(&self.backend))));
    }
}

/// Whether the store answers requests for progress, as a metric. It does not keep the store open.
#[derive(Debug)]
struct AnswersProgress(Weak<dyn Storage>);

impl Collector for AnswersProgress {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Some(backend) = self.0.upgrade() else {
            return Ok(());
        };
        let gauge = ConstGauge::new(u64::from(backend.answers_progress()));
        gauge.encode(encoder.encode_descriptor(
            "apiserver_storage_request_watch_progress",
            "Whether the storage answers requests for watch progress; 0: consistent reads go to it, not to the watch cache",
            None,
            MetricType::Gauge,
        )?)
    }
}
