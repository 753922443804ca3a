//! A file that is not as it was written is named, and left as it is.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use annex_apiserver::storage::cache::{Cache, Options as CacheOptions};
use annex_apiserver::storage::conformance::{Watcher, key, number, object, prefix};
use annex_apiserver::storage::embedded::{EmbeddedStore, OpenError, Options};
use annex_apiserver::storage::{Change, Entry, Event, List, Page, ReadAt, Storage, StorageError};
use redb::{Database, TableDefinition};

const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");

/// A store with some objects, closed; its file.
async fn filled(directory: &Path) -> PathBuf {
    let store = EmbeddedStore::open(&Options::new(directory)).unwrap();
    for index in 0..200 {
        let name = format!("n-{index}");
        store
            .create(&key("default", &name), object(&name, index))
            .await
            .unwrap();
    }
    drop(store);
    directory.join("annex.redb")
}

async fn everything(store: &dyn Storage) -> Result<Page, StorageError> {
    let list = List {
        prefix: prefix(),
        after: None,
        limit: None,
        at: ReadAt::Latest,
    };
    store.list(&list).await
}

/// The store does not open, says why with the file's name, and the file stays as it is.
fn assert_damaged(file: &Path) {
    let before = fs::read(file).unwrap();
    let refused = EmbeddedStore::open(&Options::new(file.parent().unwrap()));
    let Err(error @ OpenError::Damaged { .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(error.to_string().contains("annex.redb is damaged"), "{error}");
    assert!(fs::read(file).unwrap() == before, "the file is left as it is");
}

#[tokio::test]
async fn an_emptied_file_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    fs::write(&file, b"").unwrap();
    assert_damaged(&file);
}

#[tokio::test]
async fn a_file_of_something_else_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    for content in [&b"x"[..], &[0; 4096], &b"hello\n".repeat(100_000)] {
        fs::write(&file, content).unwrap();
        assert_damaged(&file);
    }
}

#[tokio::test]
async fn a_file_that_was_cut_off_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    let whole = fs::read(&file).unwrap();
    for part in [1, 100, 511, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..part]).unwrap();
        assert_damaged(&file);
    }
    fs::write(&file, whole).unwrap();
    assert!(EmbeddedStore::open(&Options::new(directory.path())).is_ok());
}

#[tokio::test]
async fn a_file_without_its_tables_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    for table in ["log", "index", "meta"] {
        let database = Database::open(&file).unwrap();
        let write = database.begin_write().unwrap();
        let handle = write
            .list_tables()
            .unwrap()
            .find(|found| redb::TableHandle::name(found) == table)
            .unwrap();
        write.delete_table(handle).unwrap();
        write.commit().unwrap();
        drop(database);
        let refused = EmbeddedStore::open(&Options::new(directory.path()));
        assert!(matches!(refused, Err(OpenError::Damaged { .. })), "{refused:?}");
        fs::remove_file(&file).unwrap();
        filled(directory.path()).await;
    }
}

#[tokio::test]
async fn a_file_of_a_later_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    let database = Database::open(&file).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(META).unwrap().insert("format", 3).unwrap();
    write.commit().unwrap();
    drop(database);
    let refused = EmbeddedStore::open(&Options::new(directory.path()));
    assert!(
        matches!(
            refused,
            Err(OpenError::Format {
                found: 3,
                known: 2,
                ..
            })
        ),
        "{refused:?}"
    );
}

/// Changes of single bytes all over the file. Most are in pages that hold nothing; of the others each is named, and no
/// object is ever served that was not written.
#[tokio::test]
async fn a_changed_byte_is_named_or_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    let whole = fs::read(&file).unwrap();
    let (mut named, mut harmless) = (0, 0);
    for at in (0..whole.len()).step_by(whole.len() / 150) {
        fs::write(&file, &whole).unwrap();
        let handle = fs::OpenOptions::new().write(true).open(&file).unwrap();
        handle.write_all_at(&[whole[at] ^ 0x55], at as u64).unwrap();
        let result = match EmbeddedStore::open(&Options::new(directory.path())) {
            Ok(store) => everything(&*store).await,
            Err(OpenError::Damaged { path, .. }) => {
                assert_eq!(path, file);
                named += 1;
                continue;
            }
            Err(error) => panic!("byte {at}: {error}"),
        };
        match result {
            Ok(page) => {
                assert_eq!(page.entries.len(), 200, "byte {at}");
                if let Some(damaged) = page.entries.iter().find(|entry| entry.damage().is_some()) {
                    assert!(damaged.value().is_empty());
                    named += 1;
                    continue;
                }
                for entry in &page.entries {
                    let number = number(entry);
                    assert_eq!(entry.key(), &key("default", &format!("n-{number}")), "byte {at}");
                    assert_eq!(entry.value(), &object(entry.key().name(), number), "byte {at}");
                }
                harmless += 1;
            }
            Err(StorageError::Corrupt(reason)) => {
                assert!(reason.contains("annex.redb"), "{reason}");
                named += 1;
            }
            Err(error) => panic!("byte {at}: {error}"),
        }
    }
    assert!(named > 0 && harmless > 0, "{named} named, {harmless} harmless");
}

/// Changes a byte of every place in the file where these bytes stand.
fn damage(file: &Path, bytes: &[u8]) {
    let whole = fs::read(file).unwrap();
    let handle = fs::OpenOptions::new().write(true).open(file).unwrap();
    let places: Vec<usize> = (0..whole.len() - bytes.len())
        .filter(|at| whole[*at..].starts_with(bytes))
        .collect();
    assert!(!places.is_empty());
    for at in places {
        let last = at + bytes.len() - 1;
        handle.write_all_at(&[whole[last] ^ 0x01], last as u64).unwrap();
    }
}

fn open(file: &Path) -> Arc<EmbeddedStore> {
    EmbeddedStore::open(&Options::new(file.parent().unwrap())).unwrap()
}

fn is_named<T: std::fmt::Debug>(result: Result<T, StorageError>, entry: &Entry) {
    match result {
        Err(StorageError::Unreadable { key, .. }) => assert_eq!(key, entry.key().as_str()),
        other => panic!("{other:?}"),
    }
}

/// One object's record is damaged: it is there, told as what cannot be read, and nobody else is harmed.
#[tokio::test]
async fn a_damaged_object_is_neither_absent_nor_in_the_way_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    damage(&file, &object("n-77", 77));
    for round in 0..3 {
        let store = open(&file);
        let page = everything(&*store).await.unwrap();
        let damaged: Vec<&Entry> = page
            .entries
            .iter()
            .filter(|entry| entry.damage().is_some())
            .collect();
        let [entry] = damaged[..] else {
            panic!("{damaged:?}")
        };
        assert_eq!(entry.key(), &key("default", "n-77"));
        assert!(entry.damage().unwrap().contains("not as it was written"));
        let read = store.get(entry.key(), ReadAt::Latest).await.unwrap().entry;
        assert_eq!(read.as_ref(), Some(entry));

        let value = object("n-77", 1);
        let exists = store.create(entry.key(), value.clone()).await;
        assert!(matches!(exists, Err(StorageError::AlreadyExists { .. })));
        is_named(store.update(entry.key(), entry.revision(), value).await, entry);
        is_named(store.delete(entry.key(), entry.revision()).await, entry);
        let other = store.get(&key("default", "n-1"), ReadAt::Latest).await.unwrap();
        let other = other.entry.unwrap();
        store
            .update(other.key(), other.revision(), object("n-1", 1000 + round))
            .await
            .unwrap();
    }
    // It goes when somebody says so.
    let store = open(&file);
    let damaged = store.get(&key("default", "n-77"), ReadAt::Latest).await.unwrap();
    let damaged = damaged.entry.unwrap();
    let start = store.current_revision().await.unwrap();
    store
        .delete_unread(damaged.key(), damaged.revision())
        .await
        .unwrap();
    assert_eq!(everything(&*store).await.unwrap().entries.len(), 199);
    let again = store.create(damaged.key(), object("n-77", 5)).await.unwrap();
    // Nobody can be told what was deleted: who was there before begins again.
    let mut watch = store.watch(&prefix(), start).await.unwrap();
    let told = futures::StreamExt::next(&mut watch).await.unwrap();
    assert!(matches!(told, Err(StorageError::Compacted { .. })), "{told:?}");
    assert!(store.watch(&prefix(), again.revision()).await.is_ok());
}

#[tokio::test]
async fn a_cache_is_filled_beside_a_damaged_object_and_its_watches_end_when_that_goes() {
    let directory = tempfile::tempdir().unwrap();
    let file = filled(directory.path()).await;
    damage(&file, &object("n-77", 77));
    let cache = Cache::start(open(&file), prefix(), CacheOptions::default());
    cache.wait_ready().await;
    let page = everything(&*cache).await.unwrap();
    assert_eq!(page.entries.len(), 200);
    let damaged = page.entries.iter().find(|entry| entry.damage().is_some());
    let damaged = damaged.unwrap().clone();
    assert_eq!(damaged.key(), &key("default", "n-77"));
    let mut watch = cache.watch(&prefix(), page.revision).await.unwrap();
    let created = cache.create(&key("default", "z"), object("z", 1)).await.unwrap();
    let deleted = cache.delete_unread(damaged.key(), damaged.revision()).await;
    assert!(deleted.unwrap().damage().is_some());
    let mut told = Vec::new();
    let end = loop {
        match futures::StreamExt::next(&mut watch).await.unwrap() {
            Ok(events) => told.extend(events.into_iter().filter_map(|event| match event {
                Event::Changed(change) => Some(change.entry().clone()),
                Event::Progress(_) => None,
            })),
            Err(end) => break end,
        }
    };
    assert_eq!(told, [created]);
    assert!(matches!(end, StorageError::Compacted { .. }), "{end:?}");
    let page = everything(&*cache).await.unwrap();
    assert!(page.entries.iter().all(|entry| entry.damage().is_none()));
    assert_eq!(page.entries.len(), 200);
}

/// A record of what was is damaged: who passes it begins again, and all others go on, through its compaction too.
#[tokio::test]
async fn a_damaged_part_of_the_history_ends_the_watches_that_pass_it_and_no_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    let start = store.current_revision().await.unwrap();
    let mut entries = vec![
        store
            .create(&key("default", "a"), object("a", 5000))
            .await
            .unwrap(),
    ];
    for number in 5001..5100 {
        let last = entries.last().unwrap();
        let value = object("a", number);
        entries.push(store.update(last.key(), last.revision(), value).await.unwrap());
    }
    drop(store);
    let file = directory.path().join("annex.redb");
    damage(&file, &object("a", 5050));

    let store: Arc<dyn Storage> = open(&file);
    let mut watcher = Watcher::new(&store, start).await;
    let mut told = Vec::new();
    let end = loop {
        match watcher.batch().await.unwrap() {
            Ok(events) => told.extend(events.into_iter().filter_map(|event| match event {
                Event::Changed(change) => Some(change.entry().clone()),
                Event::Progress(_) => None,
            })),
            Err(end) => break end,
        }
    };
    assert_eq!(told, entries[..50]);
    assert!(
        matches!(end, StorageError::Compacted { oldest, .. } if oldest == entries[50].revision()),
        "{end:?}"
    );
    // The change after it needs what was there before.
    let mut watcher = Watcher::new(&store, entries[50].revision()).await;
    assert!(matches!(
        watcher.batch().await,
        Some(Err(StorageError::Compacted { .. }))
    ));
    let mut watcher = Watcher::new(&store, entries[51].revision()).await;
    let changes = watcher.up_to(&store, entries[99].revision()).await;
    let told: Vec<&Entry> = changes.iter().map(Change::entry).collect();
    assert_eq!(told, entries[52..].iter().collect::<Vec<_>>());
    let damaged = store
        .get(entries[0].key(), ReadAt::Exact(entries[50].revision()))
        .await;
    assert!(damaged.unwrap().entry.unwrap().damage().is_some());

    // It is compacted while others write, now and after restarts.
    drop((watcher, store));
    let mut last = entries.pop().unwrap();
    for round in 0..3 {
        let store = open(&file);
        store.compact(last.revision()).await.unwrap();
        for number in 0..200 {
            let name = format!("s-{round}-{number}");
            let stranger = key("strangers", &name);
            store.create(&stranger, object(&name, number)).await.unwrap();
            let value = object("a", number);
            last = store.update(last.key(), last.revision(), value).await.unwrap();
        }
    }
    let store = open(&file);
    let page = everything(&*store).await.unwrap();
    assert!(page.entries.iter().all(|entry| entry.damage().is_none()));
    assert_eq!(page.entries.len(), 601);
}
