//! What becomes of history.

use std::time::Duration;

use futures::StreamExt;
use redb::{ReadableDatabase, ReadableTableMetadata};
use tokio::time::{sleep, timeout};

use super::disk::Disk;
use crate::storage::conformance::{key, object, prefix};
use crate::storage::embedded::format::{INDEX, LOG};
use crate::storage::{Entry, ReadAt, Revision, Storage, StorageError};

const START: Revision = Revision::new(1000);
const LONG: Duration = Duration::from_secs(60);

/// Writes and deletes a lot, of which one object is left.
async fn churn(store: &dyn Storage) -> Entry {
    let mut kept = store
        .create(&key("default", "kept"), object("kept", 0))
        .await
        .unwrap();
    for number in 1..400 {
        let name = format!("gone-{}", number % 7);
        let gone = store
            .create(&key("default", &name), object(&name, number))
            .await
            .unwrap();
        store.delete(gone.key(), gone.revision()).await.unwrap();
        let value = object("kept", number);
        kept = store.update(kept.key(), kept.revision(), value).await.unwrap();
    }
    kept
}

/// How many records and keys the disk holds.
fn count(disk: &Disk) -> (u64, u64) {
    let database = disk.database().unwrap();
    let read = database.begin_read().unwrap();
    let log = read.open_table(LOG).unwrap().len().unwrap();
    (log, read.open_table(INDEX).unwrap().len().unwrap())
}

#[tokio::test]
async fn what_is_compacted_is_removed_from_the_disk() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    let kept = churn(&*store).await;
    store.compact(kept.revision()).await.unwrap();
    drop(store);
    assert!(count(&disk).0 > 1, "it takes a while");
    let removed = async {
        // It goes on where it stopped, whenever the store is open.
        while count(&disk) != (1, 1) {
            let store = disk.open(START).unwrap();
            sleep(Duration::from_millis(20)).await;
            drop(store);
        }
    };
    timeout(LONG, removed).await.unwrap();
    let store = disk.open(START).unwrap();
    let read = store.get(kept.key(), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry, Some(kept));
}

#[tokio::test]
async fn what_is_compacted_is_removed_while_others_write() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    let mut kept = churn(&*store).await;
    store.compact(kept.revision()).await.unwrap();
    for number in 0..400 {
        let value = object("kept", number);
        kept = store.update(kept.key(), kept.revision(), value).await.unwrap();
    }
    drop(store);
    // The newer history stays, and little else.
    let (records, keys) = count(&disk);
    assert!(
        (400..=410).contains(&records) && records == keys,
        "{records} records, {keys} keys"
    );
}

#[tokio::test]
async fn a_store_forgets_old_history_by_itself() {
    let disk = Disk::new(1, START);
    let store = disk.open_for(START, Duration::from_millis(100)).unwrap();
    let kept = churn(&*store).await;
    let at = ReadAt::Exact(START.next());
    let forgotten = async {
        while store.get(kept.key(), at).await.is_ok() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LONG, forgotten).await.unwrap();
    let old = store.get(kept.key(), at).await;
    assert!(matches!(old, Err(StorageError::Compacted { .. })), "{old:?}");
    let read = store.get(kept.key(), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry, Some(kept));
}

#[tokio::test]
async fn a_store_keeps_history_as_long_as_it_should() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    let kept = churn(&*store).await;
    sleep(Duration::from_millis(300)).await;
    let read = store.get(kept.key(), ReadAt::Exact(START.next())).await.unwrap();
    assert_eq!(read.entry.unwrap().value(), &object("kept", 0));
}

#[tokio::test]
async fn a_watch_ends_when_the_store_is_closed() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    let mut watch = store.watch(&prefix(), START).await.unwrap();
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    drop(store);
    let told = async { while watch.next().await.is_some() {} };
    timeout(LONG, told).await.unwrap();
}
