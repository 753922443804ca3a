//! What the clauses share: objects to write, and a watch that checks what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use tokio::task::yield_now;
use tokio::time::timeout;

use crate::storage::{
    Change, Entry, Event, Key, List, Page, Prefix, ReadAt, Revision, Storage, StorageError, Watch,
};

/// How long a clause waits for what must come. It is reached only where a test fails.
pub const LONG: Duration = Duration::from_secs(60);

/// The range that the clauses write in.
pub fn prefix() -> Prefix {
    Prefix::resource("wardle.example.com", "flunders").unwrap()
}

/// An object's key in that range.
pub fn key(namespace: &str, name: &str) -> Key {
    prefix().child(namespace).unwrap().key(name).unwrap()
}

/// An encoded object that carries a number.
pub fn object(name: &str, number: u64) -> Bytes {
    padded(name, number, 0)
}

/// An encoded object with so many bytes of ballast.
pub(super) fn padded(name: &str, number: u64, padding: usize) -> Bytes {
    let ballast = "x".repeat(padding);
    let api = "wardle.example.com/v1alpha1";
    format!(
        r#"{{"apiVersion":"{api}","kind":"Flunder","metadata":{{"name":"{name}","labels":{{"n":"{number}"}}}},"spec":{{"reference":"{ballast}"}}}}"#
    )
    .into()
}

/// The number that an object carries.
pub fn number(entry: &Entry) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(entry.value()).unwrap();
    value["metadata"]["labels"]["n"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap()
}

/// The whole of a range.
pub(super) fn everything(at: ReadAt) -> List {
    within(prefix(), at)
}

/// The whole of this range.
pub(super) fn within(prefix: Prefix, at: ReadAt) -> List {
    List {
        prefix,
        after: None,
        limit: None,
        at,
    }
}

pub(super) async fn list(storage: &Arc<dyn Storage>, at: ReadAt) -> Page {
    storage.list(&everything(at)).await.unwrap()
}

pub(super) async fn get(storage: &Arc<dyn Storage>, key: &Key) -> Option<Entry> {
    storage.get(key, ReadAt::Latest).await.unwrap().entry
}

pub(super) async fn create(storage: &Arc<dyn Storage>, namespace: &str, name: &str, number: u64) -> Entry {
    storage
        .create(&key(namespace, name), object(name, number))
        .await
        .unwrap()
}

pub(super) async fn update(storage: &Arc<dyn Storage>, entry: &Entry, number: u64) -> Entry {
    let value = object(entry.key().name(), number);
    storage
        .update(entry.key(), entry.revision(), value)
        .await
        .unwrap()
}

pub(super) async fn delete(storage: &Arc<dyn Storage>, entry: &Entry) -> Entry {
    storage.delete(entry.key(), entry.revision()).await.unwrap()
}

/// What of a conflict is there instead.
pub(super) fn conflict<T: std::fmt::Debug>(result: Result<T, StorageError>) -> Option<Entry> {
    match result {
        Err(StorageError::Conflict { current, .. }) => current,
        other => panic!("no conflict: {other:?}"),
    }
}

/// A watch that fails the test where it is told something out of order.
pub struct Watcher {
    stream: Watch,
    reached: Revision,
}

impl Watcher {
    /// Watches all of the clauses' range.
    pub async fn new(storage: &Arc<dyn Storage>, after: Revision) -> Self {
        Self::of(storage, &prefix(), after).await
    }

    /// Watches a range.
    pub async fn of(storage: &Arc<dyn Storage>, prefix: &Prefix, after: Revision) -> Self {
        Self::on(storage.watch(prefix, after).await.unwrap(), after)
    }

    /// A watch that was begun after that revision.
    pub(crate) fn on(stream: Watch, after: Revision) -> Self {
        Self {
            stream,
            reached: after,
        }
    }

    /// How far it has been told.
    pub fn reached(&self) -> Revision {
        self.reached
    }

    /// The next batch, or the stream's end.
    pub async fn batch(&mut self) -> Option<Result<Vec<Event>, StorageError>> {
        let batch = timeout(LONG, self.stream.next())
            .await
            .expect("the watch tells something");
        if let Some(Ok(events)) = &batch {
            assert!(!events.is_empty(), "a batch tells something");
            for event in events {
                self.check(event);
            }
        }
        batch
    }

    fn check(&mut self, event: &Event) {
        match event {
            Event::Changed(change) => {
                let revision = change.revision();
                assert!(
                    revision > self.reached,
                    "{revision} is told after {}",
                    self.reached
                );
                assert_eq!(change.entry().revision(), revision);
                self.reached = revision;
            }
            Event::Progress(revision) => {
                assert!(
                    *revision >= self.reached,
                    "progress {revision} after {}",
                    self.reached
                );
                self.reached = *revision;
            }
        }
    }

    /// The next so many changes.
    pub async fn changes(&mut self, count: usize) -> Vec<Change> {
        let mut changes = Vec::new();
        while changes.len() < count {
            let batch = self.batch().await.expect("the watch goes on").unwrap();
            changes.extend(batch.into_iter().filter_map(changed));
        }
        assert_eq!(changes.len(), count, "{changes:?}");
        changes
    }

    /// All changes up to a revision that the store has reached; asks for progress while it waits.
    pub async fn up_to(&mut self, storage: &Arc<dyn Storage>, revision: Revision) -> Vec<Change> {
        self.try_up_to(storage, revision).await.unwrap()
    }

    /// The same, or the error with which the watch ends before.
    pub(crate) async fn try_up_to(
        &mut self,
        storage: &Arc<dyn Storage>,
        revision: Revision,
    ) -> Result<Vec<Change>, StorageError> {
        let mut changes = Vec::new();
        let all = async {
            // Where all is there at once, nothing below waits: without this, no timer of the runtime would run out while
            // a caller asks again and again.
            yield_now().await;
            while self.reached < revision {
                storage.request_progress().await.unwrap();
                yield_now().await;
                match timeout(Duration::from_millis(100), self.batch()).await {
                    Ok(batch) => changes.extend(batch.unwrap()?.into_iter().filter_map(changed)),
                    Err(_) => continue,
                }
            }
            Ok::<(), StorageError>(())
        };
        let told = timeout(LONG, all).await;
        told.expect("the watch reaches the revision").map(|()| changes)
    }
}

fn changed(event: Event) -> Option<Change> {
    match event {
        Event::Changed(change) => Some(change),
        Event::Progress(_) => None,
    }
}

/// What lies in a store, as a watch or a list tells it: the number and revision of each key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirror(pub BTreeMap<Key, (Revision, Bytes)>);

impl Mirror {
    /// What a list tells.
    pub fn of(entries: &[Entry]) -> Self {
        let state = |entry: &Entry| (entry.key().clone(), (entry.revision(), entry.value().clone()));
        Self(entries.iter().map(state).collect())
    }

    /// Follows a change, and checks that it tells truly what was there before.
    pub fn follow(&mut self, change: &Change) {
        let key = change.entry().key().clone();
        let told = change
            .previous()
            .map(|entry| (entry.revision(), entry.value().clone()));
        let entry = (change.revision(), change.entry().value().clone());
        if change.is_deletion() {
            let known = self.0.remove(&key);
            assert_eq!(known, told, "what was deleted at {key}");
            assert_eq!(
                known.map(|(_, value)| value),
                Some(entry.1),
                "the value of the deletion of {key}"
            );
        } else {
            assert_eq!(self.0.insert(key.clone(), entry), told, "what was at {key}");
        }
    }
}
