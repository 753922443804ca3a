//! The last good state of each definition, in the server's own storage: what is served again after a restart although the definition in
//! the cluster has become wrong, and by what its objects are stored.

use std::sync::Arc;

use serde_json::Value;

use super::seen::Seen;
use super::standing::group_resource;
use crate::definition::Definition;
use crate::request::GroupResource;
use crate::server::definitions::OWN_GROUP;
use crate::storage::{Key, KeyError, List, Prefix, ReadAt, Storage, StorageError};

/// Where they lie.
const PLURAL: &str = "aggregatedresourcedefinitions";
/// How often one is written again where another replica was faster.
const ATTEMPTS: usize = 5;

/// A definition as it was served.
pub(super) struct Kept {
    pub(super) uid: String,
    pub(super) generation: i64,
    pub(super) definition: Arc<Definition>,
}

/// What is kept by this name. What cannot be read is as if it were not there.
///
/// # Errors
/// The storage's.
pub(super) async fn read(storage: &dyn Storage, name: &str) -> Result<Option<Kept>, StorageError> {
    let Ok(key) = key(name) else {
        return Ok(None);
    };
    let entry = storage.get(&key, ReadAt::Latest).await?.entry;
    Ok(entry.and_then(|entry| kept(entry.value())))
}

/// Keeps a definition, unless a newer generation of it is kept.
///
/// # Errors
/// The storage's.
pub(super) async fn write(storage: &dyn Storage, seen: &Seen) -> Result<(), StorageError> {
    let Ok(key) = key(&seen.name) else {
        return Ok(());
    };
    for _ in 0..ATTEMPTS {
        let entry = storage.get(&key, ReadAt::Latest).await?.entry;
        let kept = entry.as_ref().and_then(|entry| state(entry.value()));
        if kept.is_some_and(|(uid, generation)| uid == seen.uid && generation >= seen.generation) {
            return Ok(());
        }
        let value = seen.document.clone();
        let written = match &entry {
            None => storage.create(&key, value).await,
            Some(entry) => storage.update(&key, entry.revision(), value).await,
        };
        match written {
            Ok(_) => return Ok(()),
            Err(StorageError::AlreadyExists { .. } | StorageError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Forgets a definition that is gone, unless objects of it are stored still: by it they were stored.
///
/// # Errors
/// The storage's.
pub(super) async fn forget(
    storage: &dyn Storage,
    name: &str,
    resource: &GroupResource,
) -> Result<(), StorageError> {
    let Ok(key) = key(name) else {
        return Ok(());
    };
    if has_objects(storage, resource).await? {
        return Ok(());
    }
    let Some(entry) = storage.get(&key, ReadAt::Latest).await?.entry else {
        return Ok(());
    };
    match storage.delete(&key, entry.revision()).await {
        Ok(_) | Err(StorageError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What is kept by this name, where objects are stored by it still.
///
/// # Errors
/// The storage's.
pub(super) async fn with_objects(storage: &dyn Storage, name: &str) -> Result<Option<Kept>, StorageError> {
    let Some(kept) = read(storage, name).await? else {
        return Ok(None);
    };
    let has_objects = has_objects(storage, &group_resource(name)).await?;
    Ok(has_objects.then_some(kept))
}

/// Whether objects of a resource are stored.
///
/// # Errors
/// The storage's.
pub(super) async fn has_objects(
    storage: &dyn Storage,
    resource: &GroupResource,
) -> Result<bool, StorageError> {
    let Ok(prefix) = Prefix::resource(&resource.group, &resource.resource) else {
        return Ok(false);
    };
    let list = List {
        prefix,
        after: None,
        limit: Some(1),
        at: ReadAt::Latest,
    };
    Ok(!storage.list(&list).await?.entries.is_empty())
}

fn key(name: &str) -> Result<Key, KeyError> {
    Prefix::resource(OWN_GROUP, PLURAL)?.key(name)
}

fn kept(value: &[u8]) -> Option<Kept> {
    let (uid, generation) = state(value)?;
    let definition = Definition::decode(serde_json::from_slice(value).ok()?).ok()?;
    Some(Kept {
        uid,
        generation,
        definition: Arc::new(definition),
    })
}

/// The uid and the generation of what is kept.
fn state(value: &[u8]) -> Option<(String, i64)> {
    let document: Value = serde_json::from_slice(value).ok()?;
    let metadata = &document["metadata"];
    Some((
        metadata["uid"].as_str()?.to_owned(),
        metadata["generation"].as_i64()?,
    ))
}
