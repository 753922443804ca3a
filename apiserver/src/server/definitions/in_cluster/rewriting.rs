//! Writes objects that are stored in an older version again, in the storage version, so that the older one can be dropped: what a storage
//! version migration does. All replicas do so; each write says which state it is about. Where it is cut off it begins again, and passes by
//! what is done.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt as _, stream};
use serde::Serialize;

use super::InCluster;
use super::standing::{Serving, Standing};
use crate::registry::Registry;
use crate::server::installer::Installer;
use crate::server::stored_versions;
use crate::storage::{List, Prefix, ReadAt, Storage, StorageError};

/// Objects that are read at once.
const PAGE: usize = 500;
/// Objects that are written at once.
const AT_ONCE: usize = 4;
/// How long it leaves the storage to others between two pages.
const PAUSE: Duration = Duration::from_millis(50);
/// When it is tried again where objects could not be written.
const AGAIN: Duration = Duration::from_secs(300);

/// How far it is, by the names of definitions.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<BTreeMap<String, Rewritten>>);

/// How far it is with the objects of one definition.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Rewritten {
    /// How many were looked at.
    done: u64,
    /// Of how many.
    of: u64,
}

impl Progress {
    /// That of a definition whose objects are being written.
    pub(super) fn of(&self, name: &str) -> Option<Rewritten> {
        self.lock().get(name).copied()
    }

    fn set(&self, name: &str, rewritten: Option<Rewritten>) {
        match rewritten {
            Some(rewritten) => drop(self.lock().insert(name.to_owned(), rewritten)),
            None => drop(self.lock().remove(name)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Rewritten>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes objects again, for ever.
pub(super) async fn rewrite(definitions: Arc<InCluster>, installer: Arc<Installer>) {
    let mut standings = definitions.standings.subscribe();
    loop {
        let now = standings.borrow_and_update().clone();
        let mut is_left = false;
        for standing in now.iter().flat_map(|standings| standings.values()) {
            let Some(serving) = &standing.serving else {
                continue;
            };
            if !is_due(standing, serving) {
                continue;
            }
            let Some(storage) = installer.storage().await else {
                return;
            };
            let Some(registry) = installer.registry(&standing.group_resource()) else {
                continue;
            };
            let name = &standing.seen.name;
            let done = rewrite_of(&definitions, name, serving, &registry, &*storage).await;
            definitions.rewriting.set(name, None);
            if let Err(error) = &done {
                tracing::warn!(definition = name, %error, "objects cannot be written again in the storage version");
            }
            is_left |= !matches!(done, Ok(true));
        }
        let again = async {
            match is_left {
                true => tokio::time::sleep(AGAIN).await,
                false => std::future::pending().await,
            }
        };
        tokio::select! {
            () = again => {}
            changed = standings.changed() => if changed.is_err() { return },
        }
    }
}

/// Whether objects may be stored in another version than the storage version.
fn is_due(standing: &Standing, serving: &Serving) -> bool {
    let storage_version = &serving.resource.storage_version;
    standing
        .stored_versions
        .iter()
        .any(|version| version != storage_version)
}

/// Writes the objects of one definition again. Whether none is left.
async fn rewrite_of(
    definitions: &InCluster,
    name: &str,
    serving: &Serving,
    registry: &Registry,
    storage: &dyn Storage,
) -> Result<bool, StorageError> {
    let resource = &serving.resource;
    let Ok(prefix) = Prefix::resource(&resource.group, &resource.names.plural) else {
        return Ok(true);
    };
    let of = registry.count_stored().await?;
    let mut list = List {
        prefix,
        after: None,
        limit: Some(PAGE),
        at: ReadAt::Latest,
    };
    let (mut done, mut written) = (0, 0_u64);
    loop {
        definitions.rewriting.set(name, Some(Rewritten { done, of }));
        let page = storage.list(&list).await?;
        list.after = page.entries.last().map(|entry| entry.key().to_string());
        done += page.entries.len() as u64;
        let answers = stream::iter(page.entries)
            .map(|entry| async move {
                let rewritten = registry.rewrite(&entry).await;
                if let Err(error) = &rewritten {
                    tracing::warn!(key = %entry.key(), %error, "an object cannot be written again in the storage version");
                }
                rewritten.unwrap_or_default()
            })
            .buffer_unordered(AT_ONCE);
        written += answers
            .filter(|written| std::future::ready(*written))
            .count()
            .await as u64;
        if page.remaining == 0 || list.after.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    let stored = stored_versions::settle(storage, resource).await?;
    let is_done = stored.iter().all(|version| *version == resource.storage_version);
    tracing::info!(definition = name, written, stored_versions = ?stored, "objects were written again in the storage version");
    definitions.standings.send_if_modified(|standings| {
        let Some(standings) = standings else {
            return false;
        };
        let is_same = |standing: &Standing| {
            let serving = standing.serving.as_ref();
            serving.is_some_and(|serving| Arc::ptr_eq(&serving.resource, resource))
        };
        match Arc::make_mut(standings).get_mut(name) {
            Some(standing) if is_same(standing) && standing.stored_versions != stored => {
                standing.stored_versions = stored;
                true
            }
            _ => false,
        }
    });
    Ok(is_done)
}
