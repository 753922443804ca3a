//! A disk that is full: a small file system in memory, for this test alone.

use std::fs;
use std::path::Path;
use std::sync::Arc;

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
        let options = format!("size={size},mode=0700");
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
    padded(name, number, 50_000)
}

fn padded(name: &str, number: u64, padding: usize) -> Bytes {
    let mut value = object(name, number).to_vec();
    value.splice(1..1, std::iter::repeat_n(b' ', padding));
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

/// Nobody makes room but the store's own users: they delete, and what they delete is given up for its room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_store_takes_deletions_and_recovers_by_them() {
    let Some(disk) = SmallDisk::new("8m") else {
        eprintln!("only root can mount a small disk");
        return;
    };
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    let created = fill(&store, 0).await;
    let (gone, kept) = created.split_at(created.len() / 2);
    for entry in gone {
        store.delete(entry.key(), entry.revision()).await.unwrap();
    }
    assert_eq!(all(&store).await, kept);
    // Nobody compacts: the history of what was deleted goes by itself.
    let mut kept = kept.to_vec();
    for number in 0..created.len() as u64 / 4 {
        let name = format!("z-{number:05}");
        let value = large(&name, number);
        kept.push(store.create(&key("default", &name), value).await.unwrap());
    }
    assert_eq!(all(&store).await, kept);

    // Nor is a restart in want of room the end of it.
    drop(store);
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    fill(&store, 20_000).await;
    for entry in &kept[..kept.len() / 2] {
        store.delete(entry.key(), entry.revision()).await.unwrap();
    }
    let value = large("after", 1);
    store
        .create(&key("default", "after-the-restart"), value)
        .await
        .unwrap();
}

/// A small volume under constant updates runs for ever: the history gives way, and nobody is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constant_updates_do_not_fill_a_small_disk_with_history() {
    update_on_a_small_disk("64m", 4 << 20, 200 << 20).await;
}

/// The same where the objects take much of the volume.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn constant_updates_go_on_where_little_room_is_left() {
    update_on_a_small_disk("32m", 9 << 20, 60 << 20).await;
}

/// Updates objects that take `live` bytes together, over and over, until `written` bytes were written.
async fn update_on_a_small_disk(size: &str, live: usize, written: usize) {
    const WRITERS: usize = 8;
    let Some(disk) = SmallDisk::new(size) else {
        eprintln!("only root can mount a small disk");
        return;
    };
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    let bytes = |number: u64| 500 + usize::try_from(number % 3).unwrap() * 1500;
    let objects = live / 2000;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut entries = Vec::new();
                for number in 0..(objects / WRITERS) as u64 {
                    let name = format!("n-{number:05}");
                    let key = key(&format!("ns-{writer}"), &name);
                    entries.push(store.create(&key, padded(&name, 0, 2000)).await.unwrap());
                }
                let (mut total, mut number) = (0, 0);
                while total < written / WRITERS {
                    for entry in &mut entries {
                        number += 1;
                        let value = padded(entry.key().name(), number, bytes(number));
                        total += value.len();
                        *entry = store.update(entry.key(), entry.revision(), value).await.unwrap();
                    }
                }
                entries
            })
        })
        .collect();
    let mut expected = Vec::new();
    for writer in writers {
        expected.extend(writer.await.unwrap());
    }
    expected.sort_by(|a, b| a.key().cmp(b.key()));
    assert_eq!(all(&store).await, expected);
    // It is whole, and goes on, after a restart too.
    drop(store);
    let store: Arc<dyn Storage> = EmbeddedStore::open(&Options::new(disk.path())).unwrap();
    assert_eq!(all(&store).await, expected);
    let entry = &expected[0];
    let updated = store
        .update(entry.key(), entry.revision(), padded(entry.key().name(), 1, 100))
        .await
        .unwrap();
    store.delete(entry.key(), updated.revision()).await.unwrap();
}
