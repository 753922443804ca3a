//! A file that is not as it was written is named, and left as it is.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use annex_apiserver::storage::conformance::{key, object, prefix};
use annex_apiserver::storage::embedded::{EmbeddedStore, OpenError, Options};
use annex_apiserver::storage::{List, Page, ReadAt, Storage, StorageError};
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

async fn everything(store: &EmbeddedStore) -> Result<Page, StorageError> {
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
    write.open_table(META).unwrap().insert("format", 2).unwrap();
    write.commit().unwrap();
    drop(database);
    let refused = EmbeddedStore::open(&Options::new(directory.path()));
    assert!(
        matches!(
            refused,
            Err(OpenError::Format {
                found: 2,
                known: 1,
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
            Ok(store) => everything(&store).await,
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
                for entry in &page.entries {
                    let number = annex_apiserver::storage::conformance::number(entry);
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
