//! Clauses of writers beside each other.

use std::sync::Arc;

use futures::future::join_all;
use tokio::task::JoinHandle;

use super::support::{create, get, key, list, number, object};
use crate::storage::{Entry, Key, ReadAt, Revision, Storage, StorageError};

pub(super) async fn all<T>(tasks: Vec<JoinHandle<T>>) -> Vec<T> {
    join_all(tasks)
        .await
        .into_iter()
        .map(|result| result.unwrap())
        .collect()
}

/// Writes the key's number plus one over it, however often others come first.
pub(super) async fn increment(storage: &Arc<dyn Storage>, key: &Key, mut current: Entry) -> Entry {
    loop {
        let value = object(key.name(), number(&current) + 1);
        match storage.update(key, current.revision(), value).await {
            Ok(entry) => return entry,
            Err(StorageError::Conflict {
                current: Some(entry), ..
            }) => {
                assert_ne!(
                    entry.revision(),
                    current.revision(),
                    "a conflict is with something else"
                );
                current = entry;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

pub async fn one_of_many_creations_wins(storage: &Arc<dyn Storage>) {
    for round in 0..10 {
        let name = format!("contested-{round}");
        let tasks = (0..16_u64).map(|writer| {
            let (storage, name) = (storage.clone(), name.clone());
            tokio::spawn(async move {
                storage
                    .create(&key("default", &name), object(&name, writer))
                    .await
            })
        });
        let mut won = Vec::new();
        for result in all(tasks.collect()).await {
            match result {
                Ok(entry) => won.push(entry),
                Err(StorageError::AlreadyExists { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won.len(), 1);
        assert_eq!(get(storage, &key("default", &name)).await.as_ref(), won.first());
    }
}

pub async fn concurrent_increments_are_all_counted(storage: &Arc<dyn Storage>) {
    let first = create(storage, "default", "counter", 0).await;
    let tasks = (0..8).map(|_| {
        let (storage, first) = (storage.clone(), first.clone());
        tokio::spawn(async move {
            let mut current = first;
            let mut written: Vec<Revision> = Vec::new();
            for _ in 0..25 {
                let key = current.key().clone();
                current = increment(&storage, &key, current).await;
                written.push(current.revision());
            }
            written
        })
    });
    let mut written = all(tasks.collect()).await.concat();
    let last = get(storage, first.key()).await.unwrap();
    assert_eq!(number(&last), 200);
    written.sort_unstable();
    assert_eq!(written.last(), Some(&last.revision()));
    written.dedup();
    assert_eq!(written.len(), 200, "no revision is used twice");
}

pub async fn acknowledged_writes_are_read_at_once(storage: &Arc<dyn Storage>) {
    let tasks = (0..8_u64).map(|writer| {
        let storage = storage.clone();
        tokio::spawn(async move {
            let mut entry = create(&storage, &format!("ns-{writer}"), "own", 0).await;
            for _ in 0..25 {
                let key = entry.key().clone();
                entry = increment(&storage, &key, entry).await;
                let read = storage.get(&key, ReadAt::Latest).await.unwrap();
                assert_eq!(read.entry.as_ref(), Some(&entry));
                assert!(read.revision >= entry.revision());
                let page = list(&storage, ReadAt::Latest).await;
                assert!(page.entries.contains(&entry));
                assert!(storage.current_revision().await.unwrap() >= page.revision);
            }
        })
    });
    all(tasks.collect()).await;
}
