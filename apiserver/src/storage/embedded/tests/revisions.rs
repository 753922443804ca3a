//! Where revisions come from.

use super::disk::Disk;
use crate::storage::conformance::{key, object};
use crate::storage::{Revision, Storage};

const START: Revision = Revision::new(1_000_000_000);

#[tokio::test]
async fn a_new_store_begins_at_its_clock() {
    let directory = tempfile::tempdir().unwrap();
    let before = crate::storage::limits::starting_revision();
    let store = super::super::EmbeddedStore::open(&super::super::Options::new(directory.path())).unwrap();
    let start = store.current_revision().await.unwrap();
    assert!(start >= before);
    let created = store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    assert!(created.revision() > start);
    assert!(created.revision().get() < 1 << 53);
}

#[tokio::test]
async fn a_clock_that_went_back_takes_no_revision_back() {
    let disk = Disk::new(1, START);
    let mut last = START;
    for clock in [START, Revision::new(1), Revision::ZERO, Revision::new(5)] {
        let store = disk.open(clock).unwrap();
        assert!(store.current_revision().await.unwrap() >= last);
        let name = format!("at-{clock}-{last}");
        let created = store
            .create(&key("default", &name), object("a", 1))
            .await
            .unwrap();
        assert!(created.revision() > last);
        last = created.revision();
    }
}

#[tokio::test]
async fn a_store_that_is_opened_again_stays_where_it_was_until_it_is_written() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    let created = store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    drop(store);
    let ahead = Revision::new(START.get() * 2);
    let store = disk.open(ahead).unwrap();
    assert_eq!(store.current_revision().await.unwrap(), created.revision());
    let next = store.create(&key("default", "b"), object("b", 1)).await.unwrap();
    assert!(next.revision() > ahead);
}

#[tokio::test]
async fn revisions_that_a_crash_took_with_it_are_not_given_again() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    let first = store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    disk.power_cycle();
    drop(store);
    let store = disk.open(Revision::ZERO).unwrap();
    let second = store.create(&key("default", "b"), object("b", 1)).await.unwrap();
    // As many as may have been given to writes that nobody was told of.
    assert!(second.revision().get() - first.revision().get() > 1000);
}
