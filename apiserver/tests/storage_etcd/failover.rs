//! Members that go away, and come back.

use std::sync::Arc;

use annex_apiserver::storage::conformance::{key, object};
use annex_apiserver::storage::etcd::EtcdStore;
use annex_apiserver::storage::{ReadAt, Storage as _};
use nix::sys::signal::Signal;

use crate::options;
use crate::process::{Etcd, free_ports};

/// Stores that know of more members than the one that answers.
async fn with_endpoints(etcd: &Etcd, others: &[String]) -> Vec<Arc<EtcdStore>> {
    let mut stores = Vec::new();
    // The first member is chosen by chance.
    for _ in 0..8 {
        let mut options = options(etcd);
        options.endpoints.extend_from_slice(others);
        stores.push(EtcdStore::connect(options).await.unwrap());
    }
    stores
}

#[tokio::test]
async fn a_member_that_is_not_there_is_passed_over_by_reads_and_writes() {
    let etcd = Etcd::start().await;
    let nobody = free_ports().map(|port| format!("http://127.0.0.1:{port}"));
    for (number, store) in with_endpoints(&etcd, &nobody).await.iter().enumerate() {
        let at = key("default", &format!("a-{number}"));
        store.create(&at, object("a", 1)).await.unwrap();
        assert!(store.get(&at, ReadAt::Latest).await.unwrap().entry.is_some());
        store.check().await.unwrap();
    }
}

#[tokio::test]
async fn a_member_that_hangs_holds_no_read_up_for_longer_than_its_share() {
    let etcd = Etcd::start().await;
    let hanging = Etcd::start().await;
    let stores = with_endpoints(&etcd, &[hanging.url()]).await;
    hanging.signal(Signal::SIGSTOP);
    futures::future::join_all(stores.iter().map(async |store| {
        // Whichever was asked first, the other one answers in time; and is asked first from then on.
        store.get(&key("default", "a"), ReadAt::Latest).await.unwrap();
        store.check().await.unwrap();
    }))
    .await;
    hanging.signal(Signal::SIGCONT);
}
