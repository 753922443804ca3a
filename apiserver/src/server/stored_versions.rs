//! In which versions a resource's objects are stored, as `status.storedVersions` of a CustomResourceDefinition: a
//! version in which objects are stored cannot be dropped, since nobody could read them any more.
//!
//! What was ever stored is noted in the storage itself, beside the objects, and which versions there were. Where the note is missing, or
//! names a version that is there no more, the objects are looked at: a note may be too good, where a server with an older description
//! wrote an object after it was settled.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::start::StartError;
use crate::resource::Resource;
use crate::storage::{Entry, Key, KeyError, List, Prefix, ReadAt, Storage, StorageError};

/// Where the notes lie.
const GROUP: &str = "annex.dev";
const PLURAL: &str = "storedversions";
/// Objects that are looked at together.
const PAGE: usize = 1000;
/// How often the note is written again where another server was faster.
const ATTEMPTS: usize = 5;

/// A note, in the form of an object.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    kind: String,
    api_version: String,
    metadata: Metadata,
    stored_versions: BTreeSet<String>,
    /// All versions that the resource had.
    #[serde(default)]
    versions: BTreeSet<String>,
}

/// What a note says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Noted {
    stored: BTreeSet<String>,
    versions: BTreeSet<String>,
}

#[derive(Debug, Deserialize, Serialize)]
struct Metadata {
    name: String,
}

/// Why a resource cannot be served on this storage.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Notes the storage version of `resource`, unless objects are stored in a version that it does not serve.
///
/// # Errors
/// [`StartError::StoredVersion`]. That the storage does not answer is none: it may come later, and then a LIST says what
/// is wrong.
pub(super) async fn check(storage: &dyn Storage, resource: &Resource) -> Result<(), StartError> {
    match note(storage, resource).await {
        Ok(()) => Ok(()),
        Err(Refusal::Start(error)) => Err(error),
        Err(Refusal::Storage(error)) => {
            tracing::warn!(
                resource = %resource.group_resource(),
                %error,
                "in which versions objects are stored is not known"
            );
            Ok(())
        }
    }
}

async fn note(storage: &dyn Storage, resource: &Resource) -> Result<(), Refusal> {
    let key = key_of(resource).map_err(StartError::from)?;
    let is_dropped = |version: &String| resource.any_version(version).is_none();
    for _ in 0..ATTEMPTS {
        let entry = storage.get(&key, ReadAt::Latest).await?.entry;
        let noted = entry.as_ref().and_then(noted_in);
        let mut stored = match &noted {
            Some(noted) => noted.stored.clone(),
            None => found(storage, resource).await?.into_keys().collect(),
        };
        let known = noted.iter().flat_map(|noted| &noted.versions);
        if known.chain(&stored).any(is_dropped) {
            let found = found(storage, resource).await?;
            if let Some((version, example)) = found.into_iter().find(|(version, _)| is_dropped(version)) {
                return Err(StartError::StoredVersion {
                    resource: resource.group_resource(),
                    version,
                    example: example.to_string(),
                }
                .into());
            }
            stored.retain(|version| !is_dropped(version));
        }
        stored.insert(resource.storage_version.clone());
        let versions = versions_of(resource);
        if write(storage, &key, entry.as_ref(), Noted { stored, versions }).await? {
            return Ok(());
        }
    }
    Ok(())
}

/// The versions in which objects of `resource` may be stored.
///
/// # Errors
/// The storage's.
pub(super) async fn noted(
    storage: &dyn Storage,
    resource: &Resource,
) -> Result<BTreeSet<String>, StorageError> {
    let Ok(key) = key_of(resource) else {
        return Ok(BTreeSet::new());
    };
    let entry = storage.get(&key, ReadAt::Latest).await?.entry;
    Ok(entry
        .as_ref()
        .and_then(noted_in)
        .map(|noted| noted.stored)
        .unwrap_or_default())
}

/// Looks in which versions objects of `resource` are stored, and notes these and the storage version alone.
///
/// # Errors
/// The storage's.
pub(super) async fn settle(
    storage: &dyn Storage,
    resource: &Resource,
) -> Result<BTreeSet<String>, StorageError> {
    let Ok(key) = key_of(resource) else {
        return Ok(BTreeSet::new());
    };
    let entry = storage.get(&key, ReadAt::Latest).await?.entry;
    let found = match found(storage, resource).await {
        Ok(found) => found,
        Err(Refusal::Storage(error)) => return Err(error),
        Err(Refusal::Start(_)) => return Ok(BTreeSet::new()),
    };
    let mut stored: BTreeSet<String> = found.into_keys().collect();
    stored.insert(resource.storage_version.clone());
    let versions = versions_of(resource);
    let note = Noted { stored, versions };
    // Where somebody else was faster, theirs stands.
    let is_written = write(storage, &key, entry.as_ref(), note.clone()).await?;
    if is_written {
        return Ok(note.stored);
    }
    noted(storage, resource).await
}

fn versions_of(resource: &Resource) -> BTreeSet<String> {
    let versions = resource.versions.iter().chain(&resource.unserved);
    versions.map(|version| version.name.clone()).collect()
}

/// Writes a note over what was read, unless it says the same. Whether it stands.
async fn write(
    storage: &dyn Storage,
    key: &Key,
    before: Option<&Entry>,
    note: Noted,
) -> Result<bool, StorageError> {
    if before.and_then(noted_in).as_ref() == Some(&note) {
        return Ok(true);
    }
    let value = value_of(key, note)?;
    let written = match before {
        None => storage.create(key, value).await,
        Some(before) => storage.update(key, before.revision(), value).await,
    };
    match written {
        Ok(_) => Ok(true),
        Err(StorageError::AlreadyExists { .. } | StorageError::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

fn key_of(resource: &Resource) -> Result<Key, KeyError> {
    Prefix::resource(GROUP, PLURAL)?.key(&resource.group_resource().to_string())
}

fn noted_in(entry: &Entry) -> Option<Noted> {
    let note: Note = serde_json::from_slice(entry.value()).ok()?;
    Some(Noted {
        stored: note.stored_versions,
        versions: note.versions,
    })
}

fn value_of(key: &Key, noted: Noted) -> Result<Bytes, StorageError> {
    let note = Note {
        kind: "StoredVersions".into(),
        api_version: format!("{GROUP}/v1alpha1"),
        metadata: Metadata {
            name: key.name().to_owned(),
        },
        stored_versions: noted.stored,
        versions: noted.versions,
    };
    let value = serde_json::to_vec(&note).map_err(|error| StorageError::Unreadable {
        key: key.to_string(),
        reason: error.to_string(),
    })?;
    Ok(value.into())
}

/// The versions in which objects of a resource are stored, each with one of them. What cannot be read says nothing.
async fn found(storage: &dyn Storage, resource: &Resource) -> Result<BTreeMap<String, Key>, Refusal> {
    let prefix = Prefix::resource(&resource.group, &resource.names.plural).map_err(StartError::from)?;
    let mut found = BTreeMap::new();
    let mut list = List {
        prefix,
        after: None,
        limit: Some(PAGE),
        at: ReadAt::Latest,
    };
    loop {
        let page = storage.list(&list).await?;
        for entry in &page.entries {
            if let Some(version) = version_of(entry, &resource.group)
                && !found.contains_key(version)
            {
                found.insert(version.to_owned(), entry.key().clone());
            }
        }
        list.after = page.entries.last().map(|entry| entry.key().to_string());
        list.at = ReadAt::Exact(page.revision);
        if page.remaining == 0 || list.after.is_none() {
            return Ok(found);
        }
    }
}

/// The version that an object of this group is stored in.
fn version_of<'a>(entry: &'a Entry, group: &str) -> Option<&'a str> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Versioned<'a> {
        api_version: &'a str,
    }
    let versioned: Versioned<'_> = serde_json::from_slice(entry.value()).ok()?;
    versioned.api_version.strip_prefix(group)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use schemars::JsonSchema;

    use super::*;
    use crate::resource::typed;
    use crate::storage::memory::MemoryStore;

    macro_rules! lamp {
        ($module:ident, $version:literal) => {
            mod $module {
                use super::*;

                #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
                pub(super) struct Lamp {
                    pub(super) metadata: ObjectMeta,
                }

                crate::kind!(Lamp: "example.com", $version, "lamps", Namespaced);
            }
        };
    }

    lamp!(v1, "v1");
    lamp!(v2, "v2");

    impl From<v1::Lamp> for v2::Lamp {
        fn from(v1::Lamp { metadata }: v1::Lamp) -> Self {
            Self { metadata }
        }
    }

    impl From<v2::Lamp> for v1::Lamp {
        fn from(v2::Lamp { metadata }: v2::Lamp) -> Self {
            Self { metadata }
        }
    }

    fn old() -> Resource {
        typed::resource::<v1::Lamp>().build().unwrap()
    }

    fn new() -> Resource {
        typed::resource::<v2::Lamp>().build().unwrap()
    }

    fn both() -> Resource {
        typed::resource::<v2::Lamp>()
            .version::<v1::Lamp>()
            .build()
            .unwrap()
    }

    fn key(name: &str) -> Key {
        Key::parse(&format!("/example.com/lamps/default/{name}")).unwrap()
    }

    fn lamp(version: &str, name: &str) -> Bytes {
        let api_version = format!("example.com/{version}");
        format!(r#"{{"kind":"Lamp","apiVersion":"{api_version}","metadata":{{"name":"{name}"}}}}"#).into()
    }

    async fn noted(store: &MemoryStore) -> Vec<String> {
        let noted = super::noted(store, &old()).await.unwrap();
        noted.into_iter().collect()
    }

    fn is_refused(result: Result<(), StartError>) {
        let error = result.unwrap_err().to_string();
        let expected = "objects of lamps.example.com are stored as v1, which is not served (such as \
                        /example.com/lamps/default/b): serve v1 too";
        assert!(error.starts_with(expected), "{error}");
    }

    #[tokio::test]
    async fn a_version_is_dropped_only_when_nothing_is_stored_in_it() {
        let store = MemoryStore::new();
        check(&store, &old()).await.unwrap();
        assert_eq!(noted(&store).await, ["v1"]);
        store.create(&key("a"), lamp("v2", "a")).await.unwrap();
        let stored = store.create(&key("b"), lamp("v1", "b")).await.unwrap();
        is_refused(check(&store, &new()).await);
        check(&store, &both()).await.unwrap();
        assert_eq!(noted(&store).await, ["v1", "v2"]);
        is_refused(check(&store, &new()).await);

        store
            .update(&key("b"), stored.revision(), lamp("v2", "b"))
            .await
            .unwrap();
        let before = store.current_revision().await.unwrap();
        check(&store, &both()).await.unwrap();
        assert_eq!(
            before,
            store.current_revision().await.unwrap(),
            "nothing new is noted"
        );
        check(&store, &new()).await.unwrap();
        assert_eq!(noted(&store).await, ["v2"]);
    }

    #[tokio::test]
    async fn a_storage_without_a_note_is_looked_through() {
        let store = MemoryStore::new();
        for number in 0..PAGE + 10 {
            let name = format!("a-{number}");
            store.create(&key(&name), lamp("v2", &name)).await.unwrap();
        }
        store.create(&key("broken"), "{".into()).await.unwrap();
        check(&store, &new()).await.unwrap();
        let store = MemoryStore::new();
        store.create(&key("a"), lamp("v2", "a")).await.unwrap();
        store.create(&key("b"), lamp("v1", "b")).await.unwrap();
        is_refused(check(&store, &new()).await);
    }

    #[tokio::test]
    async fn what_was_settled_shrinks_and_a_dropped_version_is_looked_for_all_the_same() {
        let store = MemoryStore::new();
        check(&store, &old()).await.unwrap();
        let stored = store.create(&key("a"), lamp("v1", "a")).await.unwrap();
        check(&store, &both()).await.unwrap();
        let settled = settle(&store, &both()).await.unwrap();
        assert_eq!(Vec::from_iter(settled), ["v1", "v2"]);
        store
            .update(&key("a"), stored.revision(), lamp("v2", "a"))
            .await
            .unwrap();
        let settled = settle(&store, &both()).await.unwrap();
        assert_eq!(Vec::from_iter(settled), ["v2"]);
        assert_eq!(noted(&store).await, ["v2"]);
        // A server that did not know the new description yet.
        store.create(&key("b"), lamp("v1", "b")).await.unwrap();
        is_refused(check(&store, &new()).await);
    }
}
