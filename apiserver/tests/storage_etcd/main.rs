//! etcd as a storage backend, with the real etcd: the program that `ANNEX_ETCD` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod auth;
mod failover;
mod gateway;
mod process;
mod restored;
mod tls;

use std::time::Duration;

use annex_apiserver::storage::conformance::{Fresh, key, object};
use annex_apiserver::storage::etcd::{EtcdStore, Options};
use annex_apiserver::storage::{List, ReadAt, Storage as _, StorageError};
use process::Etcd;

async fn fresh() -> Fresh {
    let etcd = Etcd::start().await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    Fresh::new(store, etcd)
}

fn options(etcd: &Etcd) -> Options {
    Options {
        endpoints: vec![etcd.url()],
        prefix: "/registry/wardle.example.com".into(),
        ca_file: None,
        certificate_file: None,
        key_file: None,
        credentials: None,
        compaction_interval: Duration::ZERO,
    }
}

annex_apiserver::storage_conformance!(fresh);

#[tokio::test]
async fn objects_lie_where_the_go_server_looks_for_them() {
    let etcd = Etcd::start().await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    let at = key("default", "a");
    let value = object("a", 1);
    store.create(&at, value.clone()).await.unwrap();
    let found = gateway::get(
        &etcd,
        "/registry/wardle.example.com/wardle.example.com/flunders/default/a",
    )
    .await;
    assert_eq!(found.unwrap().as_bytes(), value);
}

#[tokio::test]
async fn an_etcd_that_is_away_is_unavailable_and_comes_back() {
    let mut etcd = Etcd::start().await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    let at = key("default", "a");
    store.create(&at, object("a", 1)).await.unwrap();
    etcd.kill().await;
    let error = store.get(&at, ReadAt::Latest).await.unwrap_err();
    assert!(matches!(error, StorageError::Unavailable(_)), "{error}");
    assert!(store.check().await.is_err());
    etcd.restart().await;
    let found = process::eventually("the store reads again", async || {
        store.get(&at, ReadAt::Latest).await.ok()
    })
    .await;
    assert_eq!(found.entry.unwrap().value(), &object("a", 1));
}

#[tokio::test]
async fn servers_that_share_an_etcd_compact_it_together() {
    let etcd = Etcd::start().await;
    let mut options = options(&etcd);
    options.compaction_interval = Duration::from_millis(300);
    let first = EtcdStore::connect(options.clone()).await.unwrap();
    let _second = EtcdStore::connect(options).await.unwrap();
    let entry = first.create(&key("default", "a"), object("a", 1)).await.unwrap();
    let mut newest = entry.revision();
    let compacted = process::eventually("the first revision is compacted away", async || {
        newest = first
            .update(entry.key(), newest, object("a", newest.get()))
            .await
            .unwrap()
            .revision();
        let read = first.get(entry.key(), ReadAt::Exact(entry.revision())).await;
        matches!(read, Err(StorageError::Compacted { .. })).then_some(read)
    })
    .await;
    let Err(StorageError::Compacted { requested, oldest }) = compacted else {
        panic!("{compacted:?}");
    };
    assert_eq!(requested, entry.revision());
    assert!(oldest > requested && oldest <= newest, "{oldest}");
    assert_eq!(
        first
            .get(entry.key(), ReadAt::Latest)
            .await
            .unwrap()
            .entry
            .unwrap()
            .revision(),
        newest
    );
}

#[tokio::test]
async fn what_is_too_large_is_refused_with_the_name_of_the_limit_and_leaves_nothing_behind() {
    let etcd = Etcd::start().await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    // Refused by etcd, by gRPC before it, and by this client.
    for size in [(3 << 19) + 1, 3 << 20, 17 << 20] {
        let at = key("default", "large");
        let refused = store.create(&at, vec![b'x'; size].into()).await;
        assert!(
            matches!(refused, Err(StorageError::ValueTooLarge { size: told, limit })
                if told == size && limit.setting.contains("--max-request-bytes")),
            "{size}: {refused:?}"
        );
        assert_eq!(store.get(&at, ReadAt::Latest).await.unwrap().entry, None);
    }
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
}

#[tokio::test]
async fn an_etcd_that_is_set_to_take_more_takes_more() {
    let etcd = Etcd::start_with(vec!["--max-request-bytes=10485760".into()]).await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    let at = key("default", "large");
    let value = bytes::Bytes::from(vec![b'x'; 3 << 20]);
    store.create(&at, value.clone()).await.unwrap();
    let found = store.get(&at, ReadAt::Latest).await.unwrap();
    assert_eq!(found.entry.unwrap().value(), &value);
}

#[tokio::test]
async fn a_list_of_large_objects_is_read_in_messages_that_are_bounded() {
    let etcd = Etcd::start().await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    // More than one message may have.
    let value = bytes::Bytes::from(vec![b'x'; 1 << 20]);
    for number in 0..70 {
        store
            .create(&key("default", &format!("large-{number:02}")), value.clone())
            .await
            .unwrap();
    }
    let listed = store
        .list(&List {
            prefix: annex_apiserver::storage::conformance::prefix(),
            after: None,
            limit: None,
            at: ReadAt::Latest,
        })
        .await
        .unwrap();
    assert_eq!((listed.entries.len(), listed.remaining), (70, 0));
}
