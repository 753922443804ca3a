//! One process has the store.

use annex_apiserver::storage::conformance::{key, object};
use annex_apiserver::storage::embedded::{EmbeddedStore, OpenError, Options};
use annex_apiserver::storage::{ReadAt, Storage};
use std::process::Command;

const DIRECTORY: &str = "ANNEX_TEST_SECOND_DIRECTORY";

/// The second process; does nothing where it is not started as one.
#[test]
fn the_second_process() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let refused = EmbeddedStore::open(&Options::new(&directory));
    let Err(OpenError::InUse { directory: told }) = &refused else {
        panic!("{refused:?}");
    };
    assert_eq!(told.as_os_str(), directory);
}

#[tokio::test]
async fn a_second_process_is_refused_and_harms_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    let created = store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    let second = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "ownership::the_second_process"])
        .env(DIRECTORY, directory.path())
        .output()
        .unwrap();
    assert!(
        second.status.success(),
        "{}",
        String::from_utf8_lossy(&second.stdout)
    );
    let again = EmbeddedStore::open(&Options::new(directory.path()));
    assert!(matches!(again, Err(OpenError::InUse { .. })), "{again:?}");

    store
        .update(created.key(), created.revision(), object("a", 2))
        .await
        .unwrap();
    drop(store);
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    let read = store.get(created.key(), ReadAt::Latest).await.unwrap();
    assert_eq!(read.entry.unwrap().value(), &object("a", 2));
}

#[tokio::test]
async fn a_store_that_was_not_made_to_the_end_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(
        directory.path().join("annex.redb.new"),
        b"redb, or the first half of it",
    )
    .unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    assert!(!directory.path().join("annex.redb.new").exists());
}

#[tokio::test]
async fn the_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("a/b");
    let store = EmbeddedStore::open(&Options::new(&directory)).unwrap();
    store.check().await.unwrap();
    let mode = |name: &str| directory.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode("annex.redb"), mode("annex.lock"), mode(".")),
        (0o600, 0o600, 0o700)
    );
}
