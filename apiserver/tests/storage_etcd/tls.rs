//! TLS toward etcd.

use annex_apiserver::storage::conformance::{key, object};
use annex_apiserver::storage::etcd::EtcdStore;
use annex_apiserver::storage::{ReadAt, Storage as _, StorageError};

use crate::options;
use crate::process::{Etcd, Identities, eventually};

#[tokio::test]
async fn members_and_client_prove_who_they_are() {
    let identities = Identities::make();
    let etcd = Etcd::start_with_tls(&identities).await;
    let mut trusted = options(&etcd);
    trusted.ca_file = Some(identities.path("ca.crt"));
    let anonymous = trusted.clone();
    trusted.certificate_file = Some(identities.path("client.crt"));
    trusted.key_file = Some(identities.path("client.key"));
    let at = key("default", "a");
    let store = EtcdStore::connect(trusted.clone()).await.unwrap();
    store.create(&at, object("a", 1)).await.unwrap();

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
async fn renewed_files_are_used_by_the_next_connection() {
    let identities = Identities::make();
    let mut etcd = Etcd::start_with_tls(&identities).await;
    let mut options = options(&etcd);
    options.ca_file = Some(identities.path("ca.crt"));
    options.certificate_file = Some(identities.path("client.crt"));
    options.key_file = Some(identities.path("client.key"));
    let at = key("default", "a");
    let store = EtcdStore::connect(options).await.unwrap();
    store.create(&at, object("a", 1)).await.unwrap();

    // Another authority signs all; what the store read before is worth nothing to this etcd.
    etcd.kill().await;
    identities.renew();
    etcd.restart().await;
    let found = eventually("the store shows its new certificate", async || {
        store.get(&at, ReadAt::Latest).await.ok()
    })
    .await;
    assert_eq!(found.entry.unwrap().value(), &object("a", 1));

    // Files that are half written leave what was read before in use.
    etcd.kill().await;
    identities.break_key();
    etcd.restart().await;
    let found = eventually("the store goes on with what it read", async || {
        store.get(&at, ReadAt::Latest).await.ok()
    })
    .await;
    assert_eq!(found.entry.unwrap().value(), &object("a", 1));
}
