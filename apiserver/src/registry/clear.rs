//! The end of all objects of a resource whose definition is deleted. Go: `deleteInstances` of apiextensions'
//! `pkg/controller/finalizer/crd_finalizer.go`.
//!
//! As there, nobody is asked: the objects go with what describes them. It looks at metadata alone, so that what no schema fits goes too;
//! what cannot be read stays, for its finalizers cannot be known.
//! Several may be at it at the same time: each write says which state it is about, and who comes late finds it done.

use bytes::Bytes;
use futures::{StreamExt as _, stream};

use super::metadata;
use crate::object::Object;
use crate::request::options::DeleteOptions;
use crate::storage::{Entry, List, Prefix, ReadAt, Storage, StorageError};

/// Objects that are read at once.
const PAGE: usize = 500;
/// Objects that are deleted at once.
const AT_ONCE: usize = 16;

/// What became of the objects of a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cleared {
    /// How many are gone, or are marked now.
    pub(crate) done: u64,
    /// How many are still there: they wait for their finalizers, or cannot be deleted. `None`: not all were looked at.
    pub(crate) left: Option<u64>,
}

/// What became of one.
enum Fate {
    Gone,
    Marked,
    /// It was marked before, and waits for its finalizers.
    Waits,
    Failed,
}

/// Deletes the objects in `prefix` once over, or marks those that have finalizers. `may_delete` is asked for each page, after it was listed:
/// where it says yes, of what is there still, each state that is listed was written before. What comes later has another revision, and
/// is not touched, however long it takes until the page is deleted.
///
/// # Errors
/// The storage does not list them. What it does not delete is logged, and left.
pub(crate) async fn clear<F>(
    storage: &dyn Storage,
    prefix: &Prefix,
    may_delete: impl Fn() -> F + Send + Sync,
) -> Result<Cleared, StorageError>
where
    F: Future<Output = bool> + Send,
{
    let (mut done, mut left) = (0, 0);
    let mut list = List {
        prefix: prefix.clone(),
        after: None,
        limit: Some(PAGE),
        at: ReadAt::Latest,
    };
    loop {
        let page = storage.list(&list).await?;
        list.after = page.entries.last().map(|entry| entry.key().to_string());
        if !page.entries.is_empty() && !may_delete().await {
            return Ok(Cleared { done, left: None });
        }
        let mut fates = stream::iter(page.entries)
            .map(|entry| async move { delete(storage, &entry).await })
            .buffer_unordered(AT_ONCE);
        while let Some(fate) = fates.next().await {
            done += u64::from(matches!(fate, Fate::Gone | Fate::Marked));
            left += u64::from(!matches!(fate, Fate::Gone));
        }
        if page.remaining == 0 || list.after.is_none() {
            let left = Some(left);
            return Ok(Cleared { done, left });
        }
    }
}

async fn delete(storage: &dyn Storage, entry: &Entry) -> Fate {
    let done = match marked(entry) {
        Ok(Mark::None) => storage
            .delete(entry.key(), entry.revision())
            .await
            .map(|_| Fate::Gone),
        Ok(Mark::Is) => return Fate::Waits,
        Ok(Mark::New(value)) => storage
            .update(entry.key(), entry.revision(), value)
            .await
            .map(|_| Fate::Marked),
        Err(error) => Err(StorageError::Unreadable {
            key: entry.key().to_string(),
            reason: entry.damage().map_or_else(|| error.to_string(), str::to_owned),
        }),
    };
    match done {
        Ok(fate) => fate,
        // Somebody else was faster.
        Err(StorageError::Conflict { current: None, .. }) => Fate::Gone,
        Err(StorageError::Conflict { .. }) => Fate::Waits,
        Err(error) => {
            tracing::warn!(key = %entry.key(), %error, "an object of a deleted definition cannot be deleted");
            Fate::Failed
        }
    }
}

/// Whether an object must be marked as to be deleted.
enum Mark {
    /// It has no finalizers.
    None,
    /// It is marked.
    Is,
    /// It must be, by this value.
    New(Bytes),
}

fn marked(entry: &Entry) -> Result<Mark, serde_json::Error> {
    let mut object = Object(serde_json::from_slice(entry.value())?);
    let finalizers = metadata::finalizers_for(&object.finalizers(), &DeleteOptions::default());
    if finalizers.is_empty() {
        return Ok(Mark::None);
    }
    if !object.deletion_timestamp().is_empty() {
        return Ok(Mark::Is);
    }
    metadata::mark_as_deleting(&mut object, finalizers, &metadata::now());
    let mut value = serde_json::to_vec(&object.0)?;
    value.push(b'\n');
    Ok(Mark::New(value.into()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use serde_json::{Value, json};
    use std::future::ready;

    use super::*;
    use crate::storage::Key;
    use crate::storage::memory::MemoryStore;

    fn prefix() -> Prefix {
        Prefix::resource("example.com", "lamps").unwrap()
    }

    fn key(name: &str) -> Key {
        prefix().child("default").unwrap().key(name).unwrap()
    }

    async fn create(store: &MemoryStore, name: &str, finalizers: &[&str]) {
        let lamp = json!({
            "kind": "Lamp", "apiVersion": "example.com/v1",
            "metadata": {"name": name, "namespace": "default", "finalizers": finalizers, "generation": 1},
        });
        store.create(&key(name), lamp.to_string().into()).await.unwrap();
    }

    #[tokio::test]
    async fn objects_go_and_finalizers_are_honoured() {
        let store = MemoryStore::new();
        for number in 0..PAGE + 20 {
            create(&store, &format!("a-{number}"), &[]).await;
        }
        create(&store, "held", &["example.com/mine"]).await;
        store.create(&key("broken"), "{".into()).await.unwrap();
        let other = Key::parse("/example.com/others/default/a").unwrap();
        store.create(&other, "{}".into()).await.unwrap();
        let cleared = clear(&store, &prefix(), || ready(true)).await.unwrap();
        let done = PAGE as u64 + 21;
        assert_eq!(
            cleared,
            Cleared { done, left: Some(2) },
            "one waits, and one cannot be read"
        );
        let held = store
            .get(&key("held"), ReadAt::Latest)
            .await
            .unwrap()
            .entry
            .unwrap();
        let value: Value = serde_json::from_slice(held.value()).unwrap();
        assert!(value["metadata"]["deletionTimestamp"].is_string(), "{value}");
        assert_eq!(value["metadata"]["generation"], 2);
        assert_eq!(value["metadata"]["finalizers"], json!(["example.com/mine"]));
        assert!(store.get(&other, ReadAt::Latest).await.unwrap().entry.is_some());
        // What waits is not written again.
        let before = store.current_revision().await.unwrap();
        let again = clear(&store, &prefix(), || ready(true)).await.unwrap();
        assert_eq!(
            again,
            Cleared {
                done: 0,
                left: Some(2)
            }
        );
        assert_eq!(store.current_revision().await.unwrap(), before);
    }

    #[tokio::test]
    async fn it_ends_between_two_pages_where_it_may_not_go_on() {
        let store = MemoryStore::new();
        for number in 0..PAGE * 2 {
            create(&store, &format!("a-{number}"), &[]).await;
        }
        let asked = AtomicUsize::new(0);
        let once = || ready(asked.fetch_add(1, Ordering::SeqCst) == 0);
        let cleared = clear(&store, &prefix(), once).await.unwrap();
        assert_eq!(
            cleared,
            Cleared {
                done: PAGE as u64,
                left: None
            }
        );
    }

    #[tokio::test]
    async fn what_is_written_once_it_may_delete_stays() {
        let store = MemoryStore::new();
        create(&store, "a", &[]).await;
        create(&store, "b", &[]).await;
        // While it asks, and after the answer, the next definition of this name has come.
        let asked = || async {
            let before = store.get(&key("a"), ReadAt::Latest).await.unwrap().entry.unwrap();
            store.delete(&key("a"), before.revision()).await.unwrap();
            create(&store, "a", &[]).await;
            create(&store, "c", &[]).await;
            true
        };
        let cleared = clear(&store, &prefix(), asked).await.unwrap();
        assert_eq!(cleared.done, 1);
        for (name, is_there) in [("a", true), ("b", false), ("c", true)] {
            let found = store.get(&key(name), ReadAt::Latest).await.unwrap().entry;
            assert_eq!(found.is_some(), is_there, "{name}");
        }
    }
}
