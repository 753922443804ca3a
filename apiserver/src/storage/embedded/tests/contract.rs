//! The contract of every store, on files.

use crate::storage::conformance::{Fresh, key, object};
use crate::storage::embedded::{EmbeddedStore, Options};
use crate::storage::{Revision, Storage};

async fn fresh() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let mut options = Options::new(directory.path());
    options.object_bytes = 3 << 19;
    let store = EmbeddedStore::open(&options).unwrap();
    Fresh::new(store, directory)
}

crate::storage_conformance!(fresh);

/// A store that was written, copied and restored: it goes on behind all that was given after the copy.
async fn restored() -> (tempfile::TempDir, std::sync::Arc<EmbeddedStore>) {
    let directory = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path());
    let store = EmbeddedStore::open(&options).unwrap();
    let kept = store
        .create(&key("default", "kept"), object("kept", 0))
        .await
        .unwrap();
    drop(store);
    std::fs::copy(
        directory.path().join("annex.redb"),
        copy.path().join("annex.redb"),
    )
    .unwrap();
    let store = EmbeddedStore::open(&options).unwrap();
    let mut lost = Revision::ZERO;
    for number in 0..10 {
        let name = format!("lost-{number}");
        lost = store
            .create(&key("default", &name), object(&name, number))
            .await
            .unwrap()
            .revision();
    }
    drop(store);
    let store = EmbeddedStore::open(&Options::new(copy.path())).unwrap();
    assert_eq!(store.current_revision().await.unwrap(), kept.revision());
    assert!(
        store.skipped().is_some_and(|skipped| skipped.contains(&lost)),
        "{lost}"
    );
    store
        .delete(&key("default", "kept"), kept.revision())
        .await
        .unwrap();
    drop(store);
    // Once more: what is left out lies behind a deletion, of which nothing is left in lists.
    let store = EmbeddedStore::open(&Options::new(copy.path())).unwrap();
    (copy, store)
}

#[tokio::test]
async fn a_restored_store_knows_which_revisions_are_not_its_own() {
    let (_files, store) = restored().await;
    assert!(store.skipped().is_some());
    let store: std::sync::Arc<dyn Storage> = store;
    crate::storage::conformance::what_was_left_out_is_no_revision_of_this_store(&store).await;
}

#[tokio::test]
async fn a_cache_over_a_restored_store_knows_them_too() {
    use crate::storage::cache::{Cache, Options};
    use crate::storage::conformance::prefix;
    let (_files, store) = restored().await;
    let cache = Cache::start(store, prefix(), Options::default());
    cache.wait_ready().await;
    let store: std::sync::Arc<dyn Storage> = cache;
    crate::storage::conformance::what_was_left_out_is_no_revision_of_this_store(&store).await;
}

/// What a client knew of the lost history is refused also when the store was opened once more meanwhile.
#[tokio::test]
async fn a_lost_history_stays_lost_through_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options::new(directory.path());
    let store = EmbeddedStore::open(&options).unwrap();
    store.create(&key("default", "a"), object("a", 0)).await.unwrap();
    drop(store);
    let store = EmbeddedStore::open(&options).unwrap();
    let lost = *store.skipped().unwrap().start();
    let own = store.create(&key("default", "b"), object("b", 0)).await.unwrap();
    drop(store);
    let store = EmbeddedStore::open(&options).unwrap();
    assert!(!store.skipped().unwrap().contains(&lost));
    let watch = store.watch(&crate::storage::conformance::prefix(), lost).await;
    assert!(matches!(
        watch.err(),
        Some(crate::storage::StorageError::Compacted { requested, oldest })
            if requested == lost && oldest == own.revision()
    ));
    let watch = store
        .watch(&crate::storage::conformance::prefix(), own.revision())
        .await;
    assert!(watch.is_ok());
}
