//! The disk fails now and then, and works again: the store goes on in the same process.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::time::{sleep, timeout};

use super::disk::{Disk, Fault};
use super::model::{Auditor, Outcome, Writer};
use crate::storage::conformance::{LONG, Mirror, Watcher, key, object, prefix};
use crate::storage::{List, ReadAt, Revision, Storage, StorageError};

const START: Revision = Revision::new(1000);

/// Asks again as long as the store cannot open its database, which is left alone for a while when that fails.
async fn answered<T, F>(mut ask: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, StorageError>>,
{
    let asked = async {
        loop {
            match ask().await {
                Err(StorageError::Unavailable(_)) => sleep(Duration::from_millis(5)).await,
                answer => return answer.unwrap(),
            }
        }
    };
    timeout(LONG, asked).await.expect("the database is opened again")
}

/// Writes through failures; what became of a failed write is read back at once, as a client does.
async fn write_on(store: &Arc<dyn Storage>, mut writer: Writer, rounds: u32) -> Writer {
    for _ in 0..rounds {
        let Outcome::Failed(error) = writer.write(&**store).await else {
            continue;
        };
        let (key, _) = writer.unknown.clone().unwrap();
        match error {
            // Space lacked: nothing was written.
            StorageError::NoSpace(_) => writer.unknown = None,
            StorageError::Unavailable(_) => {}
            error => panic!("{error}"),
        }
        let entry = answered(|| store.get(&key, ReadAt::Latest)).await.entry;
        writer.compare_one(&key, entry.as_ref());
    }
    writer
}

/// All there is.
fn all() -> List {
    List {
        prefix: prefix(),
        after: None,
        limit: None,
        at: ReadAt::Latest,
    }
}

/// Lists, and watches from there, as a client does whose watch was told that history is gone.
async fn read_again(store: &Arc<dyn Storage>) -> (Mirror, Watcher) {
    loop {
        let list = all();
        let page = answered(|| store.list(&list)).await;
        match store.watch(&prefix(), page.revision).await {
            Ok(watch) => {
                let watcher = Watcher::on(watch, page.revision);
                return (Mirror::of(&page.entries), watcher);
            }
            Err(StorageError::Compacted { .. } | StorageError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

async fn live_through_failures(seed: u64, error: ErrorKind) -> usize {
    live_through_failures_of(&Disk::new(seed, START), seed, error).await
}

async fn live_through_failures_of(disk: &Disk, seed: u64, error: ErrorKind) -> usize {
    let mut random = SmallRng::seed_from_u64(seed);
    let space_lacks = error == ErrorKind::StorageFull;
    let store: Arc<dyn Storage> = disk.open(START).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let watcher = {
        let mut watcher = Watcher::new(&store, START).await;
        let (store, done) = (store.clone(), done.clone());
        tokio::spawn(async move {
            let mut mirror = Mirror::default();
            loop {
                let last = done.load(Ordering::Acquire);
                let current = answered(|| store.current_revision()).await;
                match watcher.try_up_to(&store, current).await {
                    Ok(changes) => changes.iter().for_each(|change| mirror.follow(change)),
                    // History was given up for its room: all is read again.
                    Err(StorageError::Compacted { .. }) if space_lacks => {
                        (mirror, watcher) = read_again(&store).await;
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                }
                if last {
                    return mirror;
                }
            }
        })
    };
    let tasks: Vec<_> = (0..4)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { write_on(&store, Writer::new(number, seed), 60).await })
        })
        .collect();
    let mut faults = 0;
    while !tasks.iter().all(tokio::task::JoinHandle::is_finished) {
        disk.plan(Some(Fault {
            after: random.random_range(0..40),
            error: Some(error),
        }));
        faults += 1;
        sleep(Duration::from_millis(2)).await;
    }
    disk.plan(None);
    let mut writers = Vec::new();
    for task in tasks {
        writers.push(task.await.unwrap());
    }
    done.store(true, Ordering::Release);
    let mirror = watcher.await.unwrap();
    let list = all();
    let page = answered(|| store.list(&list)).await;
    assert_eq!(mirror, Mirror::of(&page.entries), "what the watch told of");
    let mut auditor = Auditor::new(START);
    match store.watch(&prefix(), START).await {
        Ok(_) => auditor.audit(&store, &mut writers).await,
        Err(StorageError::Compacted { .. }) if space_lacks => {
            Auditor::audit_values(&store, &mut writers).await;
        }
        Err(error) => panic!("{error}"),
    }
    drop(store);
    disk.power_cycle();
    let store: Arc<dyn Storage> = disk.open(START).unwrap();
    let again = store.list(&list).await.unwrap();
    assert_eq!(again.entries, page.entries, "what was acknowledged is durable");
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_lives_through_errors_of_its_disk() {
    for seed in 0..6 {
        assert!(live_through_failures(seed, ErrorKind::Other).await > 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_lives_through_a_disk_that_is_full_now_and_then() {
    for seed in 0..6 {
        assert!(live_through_failures(seed, ErrorKind::StorageFull).await > 0);
    }
}

/// The writer panics in the middle of a transaction, of which nobody knows then whether it took place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_lives_through_panics_of_its_writer() {
    for seed in 0..3 {
        let disk = Disk::new(seed, START);
        disk.make_writers_panic();
        assert!(live_through_failures_of(&disk, seed, ErrorKind::StorageFull).await > 0);
    }
}

/// Whoever is told that it is not known whether a write took place reads, and believes what it finds.
#[tokio::test]
async fn what_is_read_after_a_panic_of_the_writer_stays() {
    let mut landed = 0;
    for seed in 0..8 {
        // Until the fault would come after the transaction.
        for after in 0.. {
            let disk = Disk::new(seed, START);
            let store = disk.open(START).unwrap();
            store.create(&key("default", "a"), object("a", 1)).await.unwrap();
            disk.make_writers_panic();
            disk.plan(Some(Fault {
                after,
                error: Some(ErrorKind::StorageFull),
            }));
            let key = key("default", "b");
            let failed = store.create(&key, object("b", 1)).await;
            if failed.is_ok() {
                break;
            }
            let found = store.get(&key, ReadAt::Latest).await.unwrap().entry;
            // The writer answers this when it goes on.
            store.check().await.unwrap();
            let stays = store.get(&key, ReadAt::Latest).await.unwrap().entry;
            assert_eq!(found, stays, "seed {seed}, after {after}");
            landed += u32::from(stays.is_some());
        }
    }
    assert!(landed > 0, "no transaction took place of those that failed");
}

#[tokio::test]
async fn a_writer_that_panics_is_started_again_and_says_so() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    let task = store.background().pop().unwrap();
    assert_eq!((task.restarts(), task.failure()), (0, None));
    disk.make_writers_panic();
    disk.plan(Some(Fault {
        after: 0,
        error: Some(ErrorKind::StorageFull),
    }));
    let failed = store.create(&key("default", "b"), object("b", 1)).await;
    assert!(
        matches!(&failed, Err(StorageError::Unavailable(why)) if why.to_string().contains("writer failed")),
        "{failed:?}"
    );
    store.create(&key("default", "c"), object("c", 2)).await.unwrap();
    store.check().await.unwrap();
    assert_eq!((task.restarts(), task.failure()), (1, None));
    let watch = store.watch(&prefix(), START).await;
    assert!(watch.is_ok());
}

#[tokio::test]
async fn a_write_that_fails_for_space_is_told_so_and_the_next_one_goes_well() {
    let disk = Disk::new(1, START);
    let store = disk.open(START).unwrap();
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    disk.plan(Some(Fault {
        after: 0,
        error: Some(ErrorKind::StorageFull),
    }));
    let refused = store.create(&key("default", "b"), object("b", 1)).await;
    assert!(matches!(refused, Err(StorageError::NoSpace(_))), "{refused:?}");
    store.create(&key("default", "b"), object("b", 2)).await.unwrap();
}
