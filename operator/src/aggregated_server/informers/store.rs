//! The objects of one kind as its watch has told, as the indexer of an informer of Go: by namespace and name, and by index.
//!
//! What a write or a read answered is taken too, where it is newer than what the watch has told, so that a pass sees what the
//! one before has written. Versions of one kind are numbers that grow; an object that a list does not have is gone, and a list
//! counts whatever was known before: after a restore of etcd versions begin anew.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use kube::{Resource, core::ObjectMeta, runtime::watcher};
use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::Value;
use tokio::sync::watch;

use super::kept::{Kept, Reduce};
use crate::{applier::Known, decode::Managed};

/// Which object, among those of a kind: `NAMESPACE/NAME`; of a kind without namespaces, `/NAME`. Shared by what holds it.
type Key = Arc<str>;

fn key(namespace: &str, name: &str) -> Key {
    format!("{namespace}/{name}").into()
}

fn key_of(metadata: &ObjectMeta) -> Key {
    key(
        metadata.namespace.as_deref().unwrap_or_default(),
        metadata.name.as_deref().unwrap_or_default(),
    )
}

/// Whether what watches `namespace` (`""`: all) tells of it.
fn is_in(key: &Key, namespace: &str) -> bool {
    namespace.is_empty() || key.split_once('/').is_some_and(|(own, _)| own == namespace)
}

fn name(key: &Key) -> String {
    key.split_once('/').map_or("", |(_, name)| name).to_owned()
}

/// An object that has changed, or is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its name.
    pub name: String,
    /// What it is indexed by.
    pub indexes: Vec<Box<str>>,
}

/// What objects are found by beside their names.
pub type Index = fn(&ObjectMeta) -> Vec<Box<str>>;

/// The objects of one kind that arrive as `T`. Clones share them.
pub struct Store<T: Reduce>(Arc<Shared<T::Kept>>);

struct Shared<K> {
    index: Index,
    state: RwLock<State<K>>,
    listed: watch::Sender<Listed>,
}

/// What was listed once as a whole, by what lists it: a namespace, or all (`""`).
#[derive(Debug, Default)]
pub struct Listed(BTreeSet<Box<str>>);

impl Listed {
    /// Whether everything in `namespace` was; that is empty of a kind without.
    #[must_use]
    pub fn has(&self, namespace: &str) -> bool {
        self.0.contains("") || self.0.contains(namespace)
    }

    /// Says whether that is news.
    pub(super) fn add(&mut self, namespace: &str) -> bool {
        self.0.insert(namespace.into())
    }
}

struct State<K> {
    objects: HashMap<Key, Indexed<K>>,
    /// Few for each index, in order.
    indexes: HashMap<Box<str>, Vec<Key>>,
    /// By what they watch: a namespace, or all (`""`).
    watched: HashMap<Box<str>, Watched>,
}

/// What one watch has told.
#[derive(Default)]
struct Watched {
    /// The newest version since its list.
    newest: u64,
    /// While it lists: what has come so far.
    listing: HashSet<Key>,
}

struct Indexed<K> {
    object: Arc<Kept<K>>,
    indexes: Vec<Box<str>>,
}

impl<T: Reduce> Clone for Store<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Reduce + Resource> Store<T> {
    /// An empty one, nothing of which counts before it was listed ([`Store::listing`]).
    #[must_use]
    pub fn new(index: Index) -> Self {
        Self(Arc::new(Shared {
            index,
            state: RwLock::new(State {
                objects: HashMap::new(),
                indexes: HashMap::new(),
                watched: HashMap::new(),
            }),
            listed: watch::Sender::default(),
        }))
    }

    /// What was listed.
    #[must_use]
    pub fn listing(&self) -> &watch::Sender<Listed> {
        &self.0.listed
    }

    /// The object; `namespace` is empty of a kind without.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Kept<T::Kept>>> {
        let state = self.read();
        state
            .objects
            .get(&key(namespace, name))
            .map(|indexed| Arc::clone(&indexed.object))
    }

    /// The objects with this index, by namespace and name.
    #[must_use]
    pub fn indexed(&self, index: &str) -> Vec<Arc<Kept<T::Kept>>> {
        let state = self.read();
        let keys = state.indexes.get(index).into_iter().flatten();
        keys.filter_map(|key| state.objects.get(key))
            .map(|indexed| Arc::clone(&indexed.object))
            .collect()
    }

    /// Takes what the watch of everything tells; returns what has changed by it.
    pub fn observe(&self, event: watcher::Event<Managed<T>>) -> Vec<Touched> {
        self.observe_in("", event)
    }

    /// The same of the watch of `namespace`.
    pub fn observe_in(&self, namespace: &str, event: watcher::Event<Managed<T>>) -> Vec<Touched> {
        match event {
            watcher::Event::Init => {
                let mut state = self.write();
                let watched = state.watched_mut(namespace);
                watched.newest = 0;
                watched.listing.clear();
                Vec::new()
            }
            watcher::Event::InitApply(object) => {
                let key = key_of(object.meta());
                let (mut state, object) = (self.write(), self.indexed_object(object));
                state.watched_mut(namespace).listing.insert(key.clone());
                state.told(namespace, key, object).into_iter().collect()
            }
            watcher::Event::Apply(object) => {
                let key = key_of(object.meta());
                let (mut state, object) = (self.write(), self.indexed_object(object));
                let known = state.objects.get(&key);
                if known.is_some_and(|known| known.object.known.version() > object.object.known.version()) {
                    return Vec::new();
                }
                state.told(namespace, key, object).into_iter().collect()
            }
            watcher::Event::Delete(object) => {
                let (key, known) = (key_of(object.meta()), Known::new(object.meta(), None));
                let mut state = self.write();
                let watched = state.watched_mut(namespace);
                watched.newest = watched.newest.max(known.version().unwrap_or(0));
                let newer = state.objects.get(&key);
                if newer.is_some_and(|newer| newer.object.known.version() > known.version()) {
                    return Vec::new();
                }
                state.remove(&key).into_iter().collect()
            }
            watcher::Event::InitDone => {
                let mut state = self.write();
                let listing = std::mem::take(&mut state.watched_mut(namespace).listing);
                let gone: Vec<Key> = state
                    .objects
                    .keys()
                    .filter(|key| is_in(key, namespace) && !listing.contains(*key))
                    .cloned()
                    .collect();
                let touched = gone.iter().filter_map(|key| state.remove(key)).collect();
                drop(state);
                self.0.listed.send_if_modified(|listed| listed.add(namespace));
                touched
            }
        }
    }

    fn indexed_object(&self, object: Managed<T>) -> Indexed<T::Kept> {
        Indexed {
            indexes: (self.0.index)(object.meta()),
            object: Arc::new(Kept::of(object)),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, State<T::Kept>> {
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<T::Kept>> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K> State<K> {
    fn watched_mut(&mut self, namespace: &str) -> &mut Watched {
        self.watched.entry(namespace.into()).or_default()
    }

    /// The newest version that the watch has told which would tell of this object.
    fn newest(&self, key: &Key) -> u64 {
        let told = self.watched.iter().filter(|(namespace, _)| is_in(key, namespace));
        told.map(|(_, watched)| watched.newest).max().unwrap_or(0)
    }

    /// Takes what the watch of `namespace` told of an object, whatever was known before.
    fn told(&mut self, namespace: &str, key: Key, object: Indexed<K>) -> Option<Touched> {
        let version = object.object.known.version().unwrap_or(0);
        let watched = self.watched_mut(namespace);
        watched.newest = watched.newest.max(version);
        self.put(key, object)
    }

    /// `None` where it is what was known already.
    fn put(&mut self, key: Key, mut object: Indexed<K>) -> Option<Touched> {
        let mut is_news = true;
        if let Some(before) = self.objects.get(&key) {
            let (known, before) = (&object.object.known, &before.object.known);
            is_news = known.version().is_none()
                || (&known.uid, &known.resource_version) != (&before.uid, &before.resource_version);
            if let Some(kept) = Arc::get_mut(&mut object.object)
                && let Some(known) = Arc::get_mut(&mut kept.known)
            {
                known.succeed(before);
            }
        }
        let touched = Touched {
            name: name(&key),
            indexes: object.indexes.clone(),
        };
        let moved = self.remove(&key);
        for index in &object.indexes {
            let keys = self
                .indexes
                .entry(index.clone())
                .or_insert_with(|| Vec::with_capacity(1));
            let place = keys.partition_point(|other| *other < key);
            keys.insert(place, Arc::clone(&key));
        }
        self.objects.insert(key, object);
        let moved = moved.filter(|moved| moved.indexes != touched.indexes);
        is_news.then(|| Touched {
            // Whom it has left is concerned too.
            indexes: moved
                .into_iter()
                .flat_map(|moved| moved.indexes)
                .chain(touched.indexes)
                .collect(),
            name: touched.name,
        })
    }

    fn remove(&mut self, key: &Key) -> Option<Touched> {
        let removed = self.objects.remove(key)?;
        for index in &removed.indexes {
            if let Some(keys) = self.indexes.get_mut(index) {
                keys.retain(|other| other != key);
                if keys.is_empty() {
                    self.indexes.remove(index);
                }
            }
        }
        Some(Touched {
            name: name(key),
            indexes: removed.indexes,
        })
    }
}

/// What the applier may know of the objects of a kind, and tells of them.
pub trait Children: Send + Sync {
    /// What is known of an object; `None` before its namespace was listed.
    fn known(&self, namespace: &str, name: &str) -> Option<Arc<Known>>;
    /// Takes an object as the API server has just answered it.
    fn answered(&self, live: &Value);
    /// Takes note that the object with this uid was deleted.
    fn deleted(&self, namespace: &str, name: &str, uid: &str);
}

impl<T> Children for Store<T>
where
    T: Reduce + Resource + DeserializeOwned,
    T::Kept: Send + Sync,
{
    fn known(&self, namespace: &str, name: &str) -> Option<Arc<Known>> {
        let listed = self.listing().borrow().has(namespace);
        let kept = self.get(namespace, name).filter(|_| listed)?;
        Some(Arc::clone(&kept.known))
    }

    fn answered(&self, live: &Value) {
        // What does not decode comes with the watch.
        let Ok(object) = Managed::<T>::deserialize(live) else {
            return;
        };
        let key = key_of(object.meta());
        let object = self.indexed_object(object);
        // What the watch does not select it does not tell the end of either.
        if object.indexes.is_empty() {
            return;
        }
        let version = object.object.known.version();
        let mut state = self.write();
        let is_newer = match state.objects.get(&key) {
            Some(known) => version >= known.object.known.version(),
            // The watch has told of it, and of its end.
            None => version > Some(state.newest(&key)),
        };
        if is_newer {
            state.put(key, object);
        }
    }

    fn deleted(&self, namespace: &str, name: &str, uid: &str) {
        let key = key(namespace, name);
        let mut state = self.write();
        if state
            .objects
            .get(&key)
            .is_some_and(|known| *known.object.known.uid == *uid)
        {
            state.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests;
