//! Files of older formats.

use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::{Database, ReadableDatabase, TableDefinition};

use crate::storage::conformance::{Mirror, Watcher, key, object, prefix};
use crate::storage::embedded::{EmbeddedStore, Options};
use crate::storage::{Change, Key, List, ReadAt, Revision, Storage};

const META: TableDefinition<'static, &str, u64> = TableDefinition::new("meta");

/// Writes a store as version 0.1 did.
struct FirstFormat {
    meta: TableDefinition<'static, &'static str, u64>,
    index: TableDefinition<'static, &'static [u8], u64>,
    log: TableDefinition<'static, u64, &'static [u8]>,
    database: Database,
    last: u64,
}

impl FirstFormat {
    const START: u64 = 1_000_000;

    fn new(directory: &Path) -> Self {
        let database = Database::create(directory.join("annex.redb")).unwrap();
        let store = Self {
            meta: META,
            index: TableDefinition::new("index"),
            log: TableDefinition::new("log"),
            database,
            last: Self::START,
        };
        let transaction = store.database.begin_write().unwrap();
        {
            let mut meta = transaction.open_table(store.meta).unwrap();
            meta.insert("format", 1).unwrap();
            for name in ["compacted", "swept"] {
                meta.insert(name, Self::START).unwrap();
            }
            meta.insert("reserved", Self::START + (1 << 20)).unwrap();
            transaction.open_table(store.index).unwrap();
            transaction.open_table(store.log).unwrap();
        }
        transaction.commit().unwrap();
        store
    }

    /// A write (or, without a value, a deletion) of `key` over the revision `previous`; its own, and the bytes of its
    /// record.
    fn write(&mut self, key: &Key, previous: u64, value: Option<&[u8]>) -> (u64, u64) {
        self.last += 1;
        let mut checked = vec![u8::from(value.is_some())];
        checked.extend(previous.to_be_bytes());
        checked.extend(u32::try_from(key.as_str().len()).unwrap().to_be_bytes());
        checked.extend(key.as_str().as_bytes());
        checked.extend(value.unwrap_or_default());
        let mut sum = crc32fast::Hasher::new();
        sum.update(&self.last.to_be_bytes());
        sum.update(&checked);
        let record = [&sum.finalize().to_be_bytes()[..], &checked].concat();

        let index = [key.as_str().as_bytes(), &[0], &self.last.to_be_bytes()].concat();
        let mut sum = crc32fast::Hasher::new();
        sum.update(&index);
        sum.update(&checked[..1]);
        let mark = u64::from(sum.finalize()) << 8 | u64::from(checked[0]);

        let transaction = self.database.begin_write().unwrap();
        transaction
            .open_table(self.log)
            .unwrap()
            .insert(self.last, record.as_slice())
            .unwrap();
        transaction
            .open_table(self.index)
            .unwrap()
            .insert(index.as_slice(), mark)
            .unwrap();
        transaction.commit().unwrap();
        (self.last, record.len() as u64)
    }
}

fn number(directory: &Path, name: &str) -> u64 {
    let database = Database::open(directory.join("annex.redb")).unwrap();
    let read = database.begin_read().unwrap();
    read.open_table(META).unwrap().get(name).unwrap().unwrap().value()
}

#[tokio::test]
async fn a_store_of_the_first_format_is_taken_over_with_its_history() {
    let directory = tempfile::tempdir().unwrap();
    let mut old = FirstFormat::new(directory.path());
    let (kept, gone, back) = (
        key("default", "kept"),
        key("default", "gone"),
        key("default", "back"),
    );
    let value = |key: &Key, number| object(key.name(), number);
    let mut history = 0;
    let (mut last, mut bytes) = old.write(&kept, 0, Some(&value(&kept, 0)));
    for number in 1..10 {
        history += bytes;
        (last, bytes) = old.write(&kept, last, Some(&value(&kept, number)));
    }
    for key in [&gone, &back] {
        let (created, bytes) = old.write(key, 0, Some(&value(key, 1)));
        history += bytes;
        let (_, bytes) = old.write(key, created, None);
        history += bytes;
    }
    old.write(&back, 0, Some(&value(&back, 2)));
    drop(old);

    let options = Options::new(directory.path());
    let store = EmbeddedStore::open(&options).unwrap();
    let list = List {
        prefix: prefix(),
        after: None,
        limit: None,
        at: ReadAt::Latest,
    };
    let page = store.list(&list).await.unwrap();
    let there: Vec<(&Key, Bytes, u64)> = page
        .entries
        .iter()
        .map(|entry| (entry.key(), entry.value().clone(), entry.revision().get()))
        .collect();
    let start = FirstFormat::START;
    assert_eq!(
        there,
        [
            (&back, value(&back, 2), start + 15),
            (&kept, value(&kept, 9), start + 10)
        ]
    );
    assert!(page.entries.iter().all(|entry| entry.schema().is_none()));
    drop(store);
    assert_eq!(number(directory.path(), "format"), 2);
    assert_eq!(number(directory.path(), "history"), history);

    // What it says of the past, and what is written now, is one history.
    let store = EmbeddedStore::open(&options).unwrap();
    let schema = NonZeroU64::new(77).unwrap();
    let entry = &page.entries[1];
    let updated = store
        .update_canonical(&kept, entry.revision(), value(&kept, 10), schema)
        .await
        .unwrap();
    let shared: Arc<dyn Storage> = store.clone();
    let mut mirror = Mirror::default();
    let mut watcher = Watcher::new(&shared, Revision::new(start)).await;
    let changes = watcher.up_to(&shared, updated.revision()).await;
    changes.iter().for_each(|change| mirror.follow(change));
    assert_eq!(mirror, Mirror::of(&store.list(&list).await.unwrap().entries));
    let told = changes.last().map(Change::entry).unwrap();
    assert_eq!((told, told.schema()), (&updated, Some(schema)));
    drop((watcher, shared, store));

    let store = EmbeddedStore::open(&options).unwrap();
    let read = store.get(&kept, ReadAt::Latest).await.unwrap().entry.unwrap();
    assert_eq!((&read, read.schema()), (&updated, Some(schema)));
    let created = store.create(&gone, value(&gone, 5)).await.unwrap();
    assert_eq!(created.schema(), None);
}
