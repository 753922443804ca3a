//! What is done with an etcd whose answers to requests for progress cannot be trusted.

mod fake;

use std::sync::Arc;
use std::time::Duration;

use fake::Fake;

use super::{EtcdStore, Options};
use crate::storage::cache::{Cache, Options as CacheOptions};
use crate::storage::conformance::{LONG, key, object, prefix};
use crate::storage::{List, ReadAt, Storage};

fn options(urls: Vec<String>) -> Options {
    Options {
        endpoints: urls,
        prefix: "/registry/wardle.example.com".into(),
        ca_file: None,
        certificate_file: None,
        key_file: None,
        credentials: None,
        compaction_interval: Duration::ZERO,
    }
}

async fn store(urls: Vec<String>) -> Arc<EtcdStore> {
    EtcdStore::connect(options(urls)).await.unwrap()
}

/// Readiness and metrics tell of them; how they are started again is tested where that is done.
#[tokio::test]
async fn what_an_etcd_store_does_in_the_background_is_known_by_name() {
    let told = async |compaction_interval| {
        let urls = vec!["http://127.0.0.1:1".to_owned()];
        let store = EtcdStore::connect(Options {
            compaction_interval,
            ..options(urls)
        });
        let tasks = store.await.unwrap().background();
        assert!(tasks.iter().all(|task| task.failure().is_none()));
        tasks
            .iter()
            .map(|task| task.name().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(told(LONG).await, ["etcd-versions", "etcd-compactor"]);
    assert_eq!(told(Duration::ZERO).await, ["etcd-versions"], "others compact");
}

/// A cache that would wait for a revision for longer than any test.
async fn cached(store: &Arc<EtcdStore>) -> Arc<Cache> {
    let options = CacheOptions {
        wait: 10 * LONG,
        ..CacheOptions::default()
    };
    let cache = Cache::start(store.clone(), prefix(), options);
    cache.wait_ready().await;
    cache
}

async fn names(storage: &Arc<Cache>, at: ReadAt) -> Vec<String> {
    let list = List {
        prefix: prefix(),
        after: None,
        limit: None,
        at,
    };
    let page = tokio::time::timeout(LONG, storage.list(&list))
        .await
        .expect("nobody waits for progress that does not come")
        .unwrap();
    page.entries
        .iter()
        .map(|entry| entry.key().name().to_owned())
        .collect()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let waited = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        tokio::time::timeout(LONG, waited).await.is_ok(),
        "waited in vain: {what}"
    );
}

/// The store is read while events are held back, as they are by an etcd under load. An old one answers requests for
/// progress all the same.
async fn consistent_reads_of(version: &'static str) -> (Vec<String>, Fake) {
    let (fake, url) = Fake::start(version).await;
    let store = store(vec![url]).await;
    let cache = cached(&store).await;
    fake.hold();
    let written = store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    let mut found = names(&cache, ReadAt::Latest).await;
    found.extend(names(&cache, ReadAt::NotOlderThan(written.revision())).await);
    store.request_progress().await.unwrap();
    fake.release();
    until("the event comes in the end", || cache.stats().objects == 1).await;
    (found, fake)
}

#[tokio::test]
async fn consistent_reads_go_to_an_old_etcd_itself_which_is_never_asked_for_progress() {
    for version in ["3.4.23", "3.5.12", "3.4.30"] {
        let (found, fake) = consistent_reads_of(version).await;
        assert_eq!(found, ["a", "a"], "{version}");
        assert_eq!(fake.asked(), 0, "{version}");
    }
}

#[tokio::test]
async fn the_cache_asks_a_newer_etcd_for_progress() {
    let (fake, url) = Fake::start("3.5.13").await;
    let store = store(vec![url]).await;
    let cache = cached(&store).await;
    assert!(store.answers_progress());
    let elsewhere = "/wardle.example.com/fischers/b";
    let elsewhere = crate::storage::Key::parse(elsewhere).unwrap();
    store.create(&elsewhere, object("b", 1)).await.unwrap();
    assert!(names(&cache, ReadAt::Latest).await.is_empty());
    assert!(fake.asked() > 0);
}

#[tokio::test]
async fn one_old_member_is_enough_and_an_upgrade_is_noticed() {
    let (_new, new_url) = Fake::start("3.6.16").await;
    let (old, old_url) = Fake::start("3.5.9").await;
    let store = store(vec![new_url, old_url]).await;
    store.client.visit().await;
    assert!(!store.answers_progress());
    old.upgrade("3.5.21");
    let waited = async {
        while !store.answers_progress() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            store.client.visit().await;
        }
    };
    assert!(
        tokio::time::timeout(LONG, waited).await.is_ok(),
        "the new version is known"
    );
    old.upgrade("3.5.10");
    let waited = async {
        while store.answers_progress() {
            tokio::time::sleep(Duration::from_millis(50)).await;
            store.client.visit().await;
        }
    };
    assert!(
        tokio::time::timeout(LONG, waited).await.is_ok(),
        "so is the old one, put back"
    );
}
