//! Reading a server's own stored objects. Go: the listers of a shared informer factory, which sample-apiserver hands to its plugins
//! by `pkg/admission/wardleinitializer`, and `WaitForReady` of `pkg/admission/handler.go`.
//!
//! A lister reads the watch cache, so it lags behind the store as an informer does. What it has decoded is kept with the cached
//! object, within a budget: what does not fit is decoded anew each time. It does not keep the storage open.

use std::any::type_name;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::object::EncodingKey;
use crate::offload::{self, Turns};
use crate::registry::Registry;
use crate::request::GroupResource;
use crate::request::options::{GetOptions, ListOptions};
use crate::request::selector::LabelSelector;
use crate::status::ApiError;
use crate::storage::Entry;

/// How long a request waits for a lister at most, and how often it looks; the numbers are k8s.io/apiserver's.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(100);

type Find = Box<dyn Fn(&GroupResource) -> Option<Arc<Registry>> + Send + Sync>;

/// The registries of a server, from when it has started on.
#[derive(Clone, Default)]
pub(crate) struct Registries(Arc<OnceLock<(Find, Kept)>>);

impl Registries {
    /// The server has started: its registries are found by `find`, which must not keep them alive. Only the first call counts.
    pub(crate) fn started(
        &self,
        kept: Kept,
        find: impl Fn(&GroupResource) -> Option<Arc<Registry>> + Send + Sync + 'static,
    ) {
        let _ = self.0.set((Box::new(find), kept));
    }
}

/// The memory for what listers have decoded, which is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept(Arc<Semaphore>);

impl Kept {
    /// The unit that is counted: permits of a semaphore are fewer than bytes.
    const UNIT: usize = 64;

    /// So many bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let units = (bytes / Self::UNIT).min(Semaphore::MAX_PERMITS);
        Self(Arc::new(Semaphore::new(units)))
    }

    /// Room for an object that takes so many bytes decoded, if there is.
    fn room(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(bytes.div_ceil(Self::UNIT)).ok()?;
        Arc::clone(&self.0).try_acquire_many_owned(units).ok()
    }
}

/// A decoded object and the room that it takes, which is free when its entry is gone.
struct Held<T> {
    object: Arc<T>,
    _room: OwnedSemaphorePermit,
}

/// Reads the stored objects of one resource as `T`. Made by [`Builder::lister`](crate::server::Builder::lister) before the server
/// starts. Cheap to clone.
pub struct Lister<T> {
    registries: Registries,
    resource: GroupResource,
    version: String,
    decode: fn(Bytes) -> Result<T, serde_json::Error>,
}

impl<T> Clone for Lister<T> {
    fn clone(&self) -> Self {
        Self {
            registries: self.registries.clone(),
            resource: self.resource.clone(),
            version: self.version.clone(),
            decode: self.decode,
        }
    }
}

impl<T> fmt::Debug for Lister<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lister")
            .field("resource", &self.resource)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Lister<T> {
    /// Of `resource` in `version`, whose JSON `decode` reads.
    pub(crate) fn new(
        registries: Registries,
        resource: GroupResource,
        version: String,
        decode: fn(Bytes) -> Result<T, serde_json::Error>,
    ) -> Self {
        Self {
            registries,
            resource,
            version,
            decode,
        }
    }

    /// Whether it can answer: the server has started, and the watch cache is filled.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.source().is_some_and(|(registry, _)| registry.is_ready())
    }

    /// Waits until it can answer, 10 s at most; whether it can then. A plugin that cannot go on without says so:
    /// [`Attributes::not_ready`](super::Attributes::not_ready).
    pub async fn wait_for_ready(&self) -> bool {
        let end = Instant::now() + PATIENCE;
        while !self.is_ready() {
            if Instant::now() >= end {
                return false;
            }
            sleep(LOOK).await;
        }
        true
    }

    /// The object of this name; `namespace` is empty for resources of the cluster. `None`: there is none.
    ///
    /// # Errors
    /// 429 before it is ready; 500: the object cannot be read; the store's.
    pub async fn get(&self, namespace: &str, name: &str) -> Result<Option<Arc<T>>, ApiError> {
        let (registry, kept) = self.source().ok_or_else(not_ready)?;
        let options = GetOptions {
            resource_version: "0".into(),
        };
        match registry.get(namespace, name, &options).await {
            Ok(entry) => self.object(&registry, kept, &entry).await.map(Some),
            Err(ApiError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The objects of a namespace, or of all where it is empty, that `selector` selects. All of them are in memory as long as the caller
    /// keeps them: who looks for something among many asks [`find`](Self::find).
    ///
    /// # Errors
    /// 429 before it is ready; 500: one of the objects cannot be read; the store's.
    pub async fn list(&self, namespace: &str, selector: &LabelSelector) -> Result<Vec<Arc<T>>, ApiError> {
        let mut objects = Vec::new();
        self.find::<()>(namespace, selector, |object| {
            objects.push(object.clone());
            None
        })
        .await?;
        Ok(objects)
    }

    /// The first thing that `found` finds in an object of a namespace, or of all where it is empty, that `selector` selects. What has not
    /// been kept decoded is decoded for the moment, one object after the other.
    ///
    /// # Errors
    /// 429 before it is ready; 500: one of the objects cannot be read; the store's.
    pub async fn find<F>(
        &self,
        namespace: &str,
        selector: &LabelSelector,
        mut found: impl FnMut(&Arc<T>) -> Option<F> + Send,
    ) -> Result<Option<F>, ApiError> {
        let (registry, kept) = self.source().ok_or_else(not_ready)?;
        let options = ListOptions {
            label_selector: selector.clone(),
            resource_version: "0".into(),
            ..ListOptions::default()
        };
        let listed = registry.list(&self.version, namespace, &options).await?;
        let mut turns = Turns::default();
        for entry in &listed.entries {
            turns.take(entry.value().len()).await;
            if let Some(found) = found(&self.object(&registry, kept, entry).await?) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn source(&self) -> Option<(Arc<Registry>, &Kept)> {
        let (find, kept) = self.registries.0.get()?;
        Some((find(&self.resource)?, kept))
    }

    /// What an entry holds, decoded once where there is room to keep it.
    async fn object(&self, registry: &Registry, kept: &Kept, entry: &Entry) -> Result<Arc<T>, ApiError> {
        let key = self.key(registry);
        let cache = &entry.facts().encodings;
        if let Some(held) = cache.decoded::<Held<T>>(key) {
            return Ok(held.object.clone());
        }
        let weight = offload::expect_work(entry.value()).await;
        let json = registry.encode(&registry.entry_in(entry, &self.version).await?, &self.version)?;
        let decoded = (self.decode)(json)
            .map_err(|error| ApiError::Internal(format!("unable to decode {}: {error}", entry.key())))?;
        let object = Arc::new(decoded);
        if let Some(room) = kept.room(weight) {
            let held = Held {
                object: object.clone(),
                _room: room,
            };
            cache.keep_decoded(key, Arc::new(held));
        }
        Ok(object)
    }

    /// What tells it from other decodings of the same object.
    fn key(&self, registry: &Registry) -> EncodingKey {
        let mut hasher = DefaultHasher::new();
        ("decoded", type_name::<T>(), &self.version).hash(&mut hasher);
        let version = registry.resource().version(&self.version);
        version
            .map(|version| version.schema.fingerprint)
            .hash(&mut hasher);
        hasher.finish()
    }
}

fn not_ready() -> ApiError {
    ApiError::TooManyRequests {
        message: "storage is (re)initializing".into(),
        retry_after: 1,
    }
}

#[cfg(test)]
mod tests;
