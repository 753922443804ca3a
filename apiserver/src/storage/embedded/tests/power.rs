//! The power goes, at any moment, again and again.

use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::disk::{Disk, Fault};
use super::model::{Auditor, Outcome, Writer};
use crate::storage::conformance::{key, object};
use crate::storage::{Revision, Storage};

const START: Revision = Revision::new(1000);

/// Writers write until the power is gone.
async fn write_until_dark(store: &Arc<dyn Storage>, writers: Vec<Writer>) -> Vec<Writer> {
    let tasks: Vec<_> = writers
        .into_iter()
        .map(|mut writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..200 {
                    if let Outcome::Failed(_) = writer.write(&*store).await {
                        break;
                    }
                }
                writer
            })
        })
        .collect();
    let mut back = Vec::new();
    for task in tasks {
        back.push(task.await.unwrap());
    }
    back
}

async fn lose_power_again_and_again(seed: u64, rounds: u32) {
    let mut random = SmallRng::seed_from_u64(seed);
    let disk = Disk::new(seed, START);
    let mut writers: Vec<_> = (0..4).map(|number| Writer::new(number, seed)).collect();
    let mut auditor = Auditor::new(START);
    for _ in 0..rounds {
        // The clock may go anywhere, and the store is none the worse for it.
        let clock = Revision::new(random.random_range(0..10_000_000));
        // The fault may strike while the store opens.
        disk.plan(Some(Fault {
            after: random.random_range(0..150),
            error: None,
        }));
        if let Ok(store) = disk.open(clock) {
            let store: Arc<dyn Storage> = store;
            if random.random_range(0..4) == 0 {
                // The power may be gone already.
                let _ = store.compact(auditor.revision).await;
            }
            writers = write_until_dark(&store, writers).await;
        }
        disk.power_cycle();

        let store: Arc<dyn Storage> = disk.open(clock).unwrap();
        auditor.audit(&store, &mut writers).await;
        drop(store);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_with_the_power() {
    for seed in 0..10 {
        lose_power_again_and_again(seed, 40).await;
    }
}

/// What the other tests rely on: this disk does lose what was not synced.
#[tokio::test]
async fn the_disk_of_these_tests_loses_what_was_not_synced() {
    let disk = Disk::new(7, START);
    let store = disk.open(START).unwrap();
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    disk.plan(Some(Fault {
        after: 0,
        error: None,
    }));
    assert!(store.create(&key("default", "b"), object("b", 1)).await.is_err());
    drop(store);
    disk.power_cycle();
    let store = disk.open(START).unwrap();
    let read = |name| {
        let (store, key) = (store.clone(), key("default", name));
        async move {
            store
                .get(&key, crate::storage::ReadAt::Latest)
                .await
                .unwrap()
                .entry
        }
    };
    assert!(read("a").await.is_some());
    assert!(read("b").await.is_none());
}
