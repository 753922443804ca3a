//! etcd as a storage backend, with the real etcd: the program that `ANNEX_ETCD` names.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what does not hold is a test that fails"
)]

mod process;

use std::time::Duration;

use annex_apiserver::storage::conformance::{Fresh, key, object};
use annex_apiserver::storage::etcd::{EtcdStore, Options};
use annex_apiserver::storage::{ReadAt, Storage as _, StorageError};
use process::{Etcd, Identities};

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
        compaction_interval: Duration::ZERO,
    }
}

annex_apiserver::storage_conformance!(fresh);

/// What lies in an etcd, read by another client than the store's.
async fn raw(etcd: &Etcd, key: &str) -> Option<String> {
    let client = etcd_client::Client::connect([etcd.url()], None).await.unwrap();
    let found = client.kv_client().get(key, None).await.unwrap();
    found.kvs().first().map(|kv| kv.value_str().unwrap().to_owned())
}

#[tokio::test]
async fn objects_lie_where_the_go_server_looks_for_them() {
    let etcd = Etcd::start().await;
    let store = EtcdStore::connect(options(&etcd)).await.unwrap();
    let at = key("default", "a");
    let value = object("a", 1);
    store.create(&at, value.clone()).await.unwrap();
    let found = raw(
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
async fn members_and_client_prove_who_they_are() {
    let identities = Identities::make();
    let etcd = Etcd::start_with_tls(&identities).await;
    let mut trusted = options(&etcd);
    trusted.ca_file = Some(identities.path("ca.crt"));
    let mut anonymous = trusted.clone();
    trusted.certificate_file = Some(identities.path("client.crt"));
    trusted.key_file = Some(identities.path("client.key"));
    let at = key("default", "a");
    let store = EtcdStore::connect(trusted.clone()).await.unwrap();
    store.create(&at, object("a", 1)).await.unwrap();

    anonymous.compaction_interval = Duration::ZERO;
    let store = EtcdStore::connect(anonymous).await.unwrap();
    let error = store.get(&at, ReadAt::Latest).await.unwrap_err();
    assert!(
        matches!(error, StorageError::Unavailable(_)),
        "no client certificate: {error}"
    );

    trusted.ca_file = Some(identities.path("other-ca.crt"));
    let store = EtcdStore::connect(trusted).await.unwrap();
    let error = store.get(&at, ReadAt::Latest).await.unwrap_err();
    assert!(
        matches!(error, StorageError::Unavailable(_)),
        "another authority: {error}"
    );
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
