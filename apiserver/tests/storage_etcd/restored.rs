//! An etcd that comes back from an older backup: its data directory as it was before.

use std::sync::Arc;

use annex_apiserver::storage::cache::{Cache, Options as CacheOptions};
use annex_apiserver::storage::conformance::{LONG, key, object, prefix};
use annex_apiserver::storage::etcd::EtcdStore;
use annex_apiserver::storage::{Entry, Event, List, ReadAt, Revision, Storage, StorageError, Watch};
use futures::StreamExt as _;

use crate::options;
use crate::process::{Etcd, eventually};

async fn create(store: &Arc<dyn Storage>, name: &str) -> Entry {
    store
        .create(&key("default", name), object(name, 1))
        .await
        .unwrap()
}

async fn names(store: &Arc<dyn Storage>, at: ReadAt) -> Result<Vec<String>, StorageError> {
    let list = List {
        prefix: prefix(),
        after: None,
        limit: None,
        at,
    };
    let page = store.list(&list).await?;
    Ok(page
        .entries
        .iter()
        .map(|entry| entry.key().name().to_owned())
        .collect())
}

/// How a watch ends that is read to its end.
async fn end(watch: &mut Watch) -> Option<StorageError> {
    tokio::time::timeout(LONG, async {
        loop {
            match watch.next().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(error),
                None => return None,
            }
        }
    })
    .await
    .expect("the watch ends")
}

/// Keeps `a`, loses `lost-0` to `lost-9` after `seen` has seen them. Returns the last revision that is lost.
async fn lose(etcd: &mut Etcd, store: &Arc<dyn Storage>, seen: impl AsyncFnOnce()) -> Revision {
    create(store, "a").await;
    etcd.kill().await;
    let backup = etcd.backup();
    etcd.restart().await;
    eventually("etcd answers", async || store.current_revision().await.ok()).await;
    let mut last = Revision::ZERO;
    for number in 0..10 {
        last = create(store, &format!("lost-{number}")).await.revision();
    }
    seen().await;
    etcd.kill().await;
    etcd.restore(&backup);
    last
}

#[tokio::test]
async fn a_cache_over_a_restored_etcd_ends_its_watches_and_holds_what_is_there() {
    let mut etcd = Etcd::start().await;
    let backend: Arc<dyn Storage> = EtcdStore::connect(options(&etcd)).await.unwrap();
    let cached: Arc<dyn Storage> = {
        let cache = Cache::start(backend.clone(), prefix(), CacheOptions::default());
        cache.wait_ready().await;
        cache
    };
    let start = backend.current_revision().await.unwrap();
    let mut watch = cached.watch(&prefix(), start).await.unwrap();
    let last = lose(&mut etcd, &backend, async || {
        eventually("the cache holds all", async || {
            let listed = names(&cached, ReadAt::Any).await.ok()?;
            (listed.len() == 11).then_some(())
        })
        .await;
    })
    .await;
    etcd.restart().await;

    let ended = end(&mut watch).await;
    assert!(matches!(ended, Some(StorageError::Compacted { .. })), "{ended:?}");
    let listed = eventually("consistent reads are answered", async || {
        names(&cached, ReadAt::Latest).await.ok()
    })
    .await;
    assert_eq!(listed, ["a"], "a consistent read tells nothing that is lost");
    assert_eq!(
        names(&cached, ReadAt::Any).await.unwrap(),
        ["a"],
        "the cache was filled again"
    );
    assert!(
        cached.is_future(last).await.unwrap(),
        "what was lost is known as such"
    );

    // What is written now takes the revisions that were lost; from a new list, all of it is told.
    let now = backend.current_revision().await.unwrap();
    let mut watch = cached.watch(&prefix(), now).await.unwrap();
    let created = create(&backend, "new").await;
    assert!(created.revision() <= last);
    loop {
        let batch = tokio::time::timeout(LONG, watch.next())
            .await
            .unwrap()
            .unwrap()
            .unwrap();
        if let Some(Event::Changed(change)) = batch.iter().find(|event| matches!(event, Event::Changed(_))) {
            assert_eq!(change.entry(), &created);
            break;
        }
    }
}

#[tokio::test]
async fn a_store_that_sees_its_etcd_go_back_ends_watches_and_refuses_what_came_before() {
    let mut etcd = Etcd::start().await;
    let store: Arc<dyn Storage> = EtcdStore::connect(options(&etcd)).await.unwrap();
    let start = store.current_revision().await.unwrap();
    assert_eq!(store.history(), 0);
    let last = lose(&mut etcd, &store, async || {}).await;
    etcd.restart().await;
    // A watch of a revision that etcd does not know any more: it would be silent.
    let mut silent = eventually("a watch begins", async || store.watch(&prefix(), last).await.ok()).await;
    let now = store.current_revision().await.unwrap();
    assert!(now < last, "{now} {last}");
    assert_eq!(store.history(), 1);
    let ended = end(&mut silent).await;
    assert!(
        matches!(ended, Some(StorageError::Compacted { requested, .. }) if requested == last),
        "{ended:?}"
    );
    let refused = store.watch(&prefix(), start).await.err();
    assert!(
        matches!(refused, Some(StorageError::Compacted { .. })),
        "{refused:?}"
    );
    let refused = names(&store, ReadAt::Exact(start)).await;
    assert!(
        matches!(refused, Err(StorageError::Compacted { .. })),
        "{refused:?}"
    );

    // A restart that loses nothing is none of this.
    etcd.kill().await;
    etcd.restart().await;
    eventually("etcd answers", async || store.current_revision().await.ok()).await;
    assert_eq!(store.history(), 1);
    assert_eq!(names(&store, ReadAt::Latest).await.unwrap(), ["a"]);
}
