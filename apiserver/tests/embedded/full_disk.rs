//! A disk that is full: a small file system in memory, for this test alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use annex_apiserver::storage::conformance::{Mirror, Watcher, key, object, prefix};
use annex_apiserver::storage::embedded::{EmbeddedStore, Options};
use annex_apiserver::storage::{Entry, List, ReadAt, Storage, StorageError};
use bytes::Bytes;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// A mounted file system, which goes with this.
#[derive(Debug)]
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`: this user may not mount.
    fn new(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        match mount(
            Some("tmpfs"),
            directory.path(),
            Some("tmpfs"),
            MsFlags::empty(),
            Some(options.as_str()),
        ) {
            Ok(()) => Some(Self(directory)),
            Err(nix::errno::Errno::EPERM) => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = umount2(self.0.path(), MntFlags::MNT_DETACH);
    }
}

fn large(name: &str, number: u64) -> Bytes {
    let mut value = object(name, number).to_vec();
    value.splice(1..1, std::iter::repeat_n(b' ', 50_000));
    value.into()
}

async fn all(store: &Arc<dyn Storage>) -> Vec<Entry> {
    let list = List {
        prefix: prefix(),
        after: None,
        limit: None,
        at: ReadAt::Latest,
    };
    store.list(&list).await.unwrap().entries
}

/// Creates objects until there is no space; what was created.
async fn fill(store: &Arc<dyn Storage>, from: u64) -> Vec<Entry> {
    let mut created = Vec::new();
    for number in from..from + 10_000 {
        let name = format!("n-{number:05}");
        match store.create(&key("default", &name), large(&name, number)).await {
            Ok(entry) => created.push(entry),
            Err(StorageError::NoSpace(_)) => return created,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the disk is not full after {} objects", created.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_serves_reads_and_recovers() {
    let Some(disk) = SmallDisk::new("24m") else {
        eprintln!("only root can mount a small disk");
        return;
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 12 << 20]).unwrap();
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    let start = store.current_revision().await.unwrap();
    let mut watcher = Watcher::new(&store, start).await;
    let mut created = fill(&store, 0).await;
    assert!(created.len() > 10);

    // Full, and asked again and again.
    for number in 0..5 {
        let name = format!("refused-{number}");
        let refused = store.create(&key("default", &name), large(&name, number)).await;
        assert!(matches!(refused, Err(StorageError::NoSpace(_))), "{refused:?}");
        assert_eq!(all(&store).await, created);
        let read = store.get(created[0].key(), ReadAt::Latest).await.unwrap();
        assert_eq!(read.entry.as_ref(), created.first());
    }
    store.check().await.unwrap();
    let mut mirror = Mirror::default();
    let current = store.current_revision().await.unwrap();
    for change in watcher.up_to(&store, current).await {
        mirror.follow(&change);
    }
    assert_eq!(mirror, Mirror::of(&created));

    // It opens while it is full.
    drop((watcher, store));
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    assert_eq!(all(&store).await, created);
    let refused = store.create(&key("default", "z"), large("z", 1)).await;
    assert!(matches!(refused, Err(StorageError::NoSpace(_))), "{refused:?}");

    // Somebody makes room.
    fs::remove_file(&ballast).unwrap();
    let more = fill(&store, 10_000).await;
    assert!(more.len() > 10);
    created.extend(more);
    assert_eq!(all(&store).await, created);
    drop(store);
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    assert_eq!(all(&store).await, created);
}

/// Nobody makes room but the store's own users: they delete, and what they delete is forgotten.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_takes_deletions_and_recovers_by_them() {
    let Some(disk) = SmallDisk::new("8m") else {
        eprintln!("only root can mount a small disk");
        return;
    };
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    let created = fill(&store, 0).await;
    for entry in &created[..created.len() / 2] {
        store.delete(entry.key(), entry.revision()).await.unwrap();
    }
    assert_eq!(all(&store).await, created[created.len() / 2..]);
    let current = store.current_revision().await.unwrap();
    store.compact(current).await.unwrap();
    // What is compacted is removed bit by bit, and so there is room again.
    let wanted = created.len() / 4;
    let mut kept = created[created.len() / 2..].to_vec();
    let room = async {
        for number in 0..wanted as u64 {
            let name = format!("z-{number:05}");
            kept.push(create_in_time(&store, &name, number).await);
        }
    };
    tokio::time::timeout(Duration::from_secs(60), room).await.unwrap();
    assert_eq!(all(&store).await, kept);

    // Nor is a restart in want of room the end of it.
    drop(store);
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    for entry in &kept[..kept.len() / 2] {
        store.delete(entry.key(), entry.revision()).await.unwrap();
    }
    let current = store.current_revision().await.unwrap();
    store.compact(current).await.unwrap();
    let again = create_in_time(&store, "after-the-restart", 1);
    tokio::time::timeout(Duration::from_secs(60), again)
        .await
        .unwrap();
}

/// Creates an object as soon as there is room for it.
async fn create_in_time(store: &Arc<dyn Storage>, name: &str, number: u64) -> Entry {
    loop {
        match store.create(&key("default", name), large(name, number)).await {
            Ok(entry) => return entry,
            Err(StorageError::NoSpace(_)) => tokio::time::sleep(Duration::from_millis(20)).await,
            Err(error) => panic!("{error}"),
        }
    }
}
