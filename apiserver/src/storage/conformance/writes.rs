//! Clauses of single writes.

use std::pin::pin;
use std::sync::Arc;

use futures::poll;
use tokio::task::yield_now;

use super::support::{Mirror, Watcher, conflict, create, delete, get, key, list, object, padded, update};
use crate::storage::{ReadAt, Storage, StorageError};

pub async fn a_created_object_is_read_back(storage: &Arc<dyn Storage>) {
    let before = storage.current_revision().await.unwrap();
    let created = create(storage, "default", "a", 1).await;
    assert_eq!(created.key(), &key("default", "a"));
    assert_eq!(created.value(), &object("a", 1));
    assert!(created.revision() > before);

    let read = storage.get(created.key(), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry, Some(created.clone()));
    assert!(read.revision >= created.revision());
    assert!(storage.current_revision().await.unwrap() >= created.revision());
}

pub async fn an_existing_key_is_not_created_again(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let again = storage.create(created.key(), object("a", 2)).await;
    assert!(
        matches!(&again, Err(StorageError::AlreadyExists { key }) if key == created.key()),
        "{again:?}"
    );
    assert_eq!(get(storage, created.key()).await, Some(created));
}

pub async fn an_update_replaces_the_value(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let updated = update(storage, &created, 2).await;
    assert!(updated.revision() > created.revision());
    assert_eq!(updated.value(), &object("a", 2));
    assert_eq!(get(storage, created.key()).await, Some(updated));
}

pub async fn an_update_of_a_changed_object_is_a_conflict(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let updated = update(storage, &created, 2).await;
    let stale = storage
        .update(created.key(), created.revision(), object("a", 3))
        .await;
    assert_eq!(conflict(stale), Some(updated.clone()));
    let ahead = storage
        .update(created.key(), updated.revision().next(), object("a", 3))
        .await;
    assert_eq!(conflict(ahead), Some(updated.clone()));
    assert_eq!(get(storage, created.key()).await, Some(updated));
}

pub async fn an_update_of_nothing_is_a_conflict(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let missing = key("default", "missing");
    let refused = storage
        .update(&missing, created.revision(), object("missing", 2))
        .await;
    assert_eq!(conflict(refused), None);
    assert_eq!(get(storage, &missing).await, None);

    delete(storage, &created).await;
    let refused = storage
        .update(created.key(), created.revision(), object("a", 2))
        .await;
    assert_eq!(conflict(refused), None);
    assert_eq!(get(storage, created.key()).await, None);
}

pub async fn a_deletion_returns_the_last_value_with_its_own_revision(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let updated = update(storage, &created, 2).await;
    let deleted = delete(storage, &updated).await;
    assert_eq!(deleted.key(), created.key());
    assert_eq!(deleted.value(), updated.value());
    assert!(deleted.revision() > updated.revision());

    let read = storage.get(created.key(), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry, None);
    assert!(read.revision >= deleted.revision());
}

pub async fn a_deletion_of_a_changed_object_is_a_conflict(storage: &Arc<dyn Storage>) {
    let created = create(storage, "default", "a", 1).await;
    let updated = update(storage, &created, 2).await;
    let stale = storage.delete(created.key(), created.revision()).await;
    assert_eq!(conflict(stale), Some(updated.clone()));
    assert_eq!(get(storage, created.key()).await, Some(updated.clone()));

    let deleted = delete(storage, &updated).await;
    let again = storage.delete(created.key(), updated.revision()).await;
    assert_eq!(conflict(again), None);
    let again = storage.delete(created.key(), deleted.revision()).await;
    assert_eq!(conflict(again), None);
}

pub async fn an_object_created_again_is_another_one(storage: &Arc<dyn Storage>) {
    let first = create(storage, "default", "a", 1).await;
    let deleted = delete(storage, &first).await;
    let second = create(storage, "default", "a", 1).await;
    assert!(second.revision() > deleted.revision());
    let stale = storage.delete(first.key(), first.revision()).await;
    assert_eq!(conflict(stale), Some(second.clone()));
    assert_eq!(get(storage, first.key()).await, Some(second));
}

pub async fn every_write_has_a_larger_revision(storage: &Arc<dyn Storage>) {
    let mut last = storage.current_revision().await.unwrap();
    for round in 0..5 {
        let mut written = Vec::new();
        for name in ["a", "b", "c"] {
            let created = create(storage, "default", name, round).await;
            let updated = update(storage, &created, round + 1).await;
            written.extend([created.revision(), updated.revision()]);
            written.push(delete(storage, &updated).await.revision());
        }
        for revision in written {
            assert!(revision > last, "{revision} after {last}");
            last = revision;
        }
    }
}

/// A store takes at least 1 MiB, and refuses 2 MiB, as etcd's limit of 1.5 MiB for a request does.
pub async fn a_value_that_is_too_large_is_refused(storage: &Arc<dyn Storage>) {
    let large = padded("large", 1, 1 << 20);
    let created = storage
        .create(&key("default", "large"), large.clone())
        .await
        .unwrap();
    assert_eq!(get(storage, created.key()).await.unwrap().value(), &large);

    let too_large = padded("large", 2, 2 << 20);
    let size = too_large.len();
    let refused = [
        storage.create(&key("default", "b"), too_large.clone()).await,
        storage.update(created.key(), created.revision(), too_large).await,
    ];
    for result in refused {
        assert!(
            matches!(&result, Err(StorageError::ValueTooLarge { size: told, limit })
                if *told == size
                    && !limit.setting.is_empty()
                    && limit.bytes.is_none_or(|bytes| bytes < size && bytes > large.len())),
            "{result:?}"
        );
    }
    let page = list(storage, ReadAt::Latest).await;
    assert_eq!(page.entries, [created]);
    create(storage, "default", "b", 1).await;
}

pub async fn a_dropped_write_took_place_or_did_not(storage: &Arc<dyn Storage>) {
    let start = storage.current_revision().await.unwrap();
    let mut watcher = Watcher::new(storage, start).await;
    for index in 0..60_u64 {
        let name = format!("dropped-{index}");
        let key = key("default", &name);
        let mut write = pin!(storage.create(&key, object(&name, index)));
        for _ in 0..index % 6 {
            if poll!(write.as_mut()).is_ready() {
                break;
            }
            yield_now().await;
        }
    }
    // One that is under way still may land behind this one, but not behind the changes to each key below.
    create(storage, "default", "last", 0).await;
    for index in 0..60_u64 {
        let name = format!("dropped-{index}");
        match storage.create(&key("default", &name), object(&name, 1000)).await {
            Ok(_) => {}
            Err(StorageError::AlreadyExists { .. }) => {
                let there = get(storage, &key("default", &name)).await.unwrap();
                assert_eq!(there.value(), &object(&name, index));
            }
            Err(error) => panic!("{error}"),
        }
    }
    let page = list(storage, ReadAt::Latest).await;
    assert_eq!(page.entries.len(), 61);
    let mut mirror = Mirror::default();
    let changes = watcher.up_to(storage, page.revision).await;
    changes.iter().for_each(|change| mirror.follow(change));
    assert_eq!(changes.len(), 61);
    assert_eq!(mirror, Mirror::of(&page.entries));
}
