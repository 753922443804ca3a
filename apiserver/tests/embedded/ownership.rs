//! One process has the store.

use annex_apiserver::storage::conformance::{key, object};
use annex_apiserver::storage::embedded::{EmbeddedStore, OpenError, Options};
use annex_apiserver::storage::{ReadAt, Storage};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
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
    fs::write(
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

fn open_to_all(path: &Path) {
    let mode = if path.is_dir() { 0o777 } else { 0o666 };
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn assert_untrusted(directory: &Path, what: &Path, why: &str) {
    match EmbeddedStore::open(&Options::new(directory)) {
        Err(OpenError::Untrusted { path, reason }) => {
            assert_eq!(path, what);
            assert!(reason.contains(why), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_others_may_write_to_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    open_to_all(directory.path());
    assert_untrusted(
        directory.path(),
        directory.path(),
        "everybody may write to it (mode 0777)",
    );
    assert!(!directory.path().join("annex.redb").exists());

    let directory = tempfile::tempdir().unwrap();
    drop(EmbeddedStore::open(&Options::new(directory.path())).unwrap());
    let file = directory.path().join("annex.redb");
    open_to_all(&file);
    assert_untrusted(directory.path(), &file, "everybody may write to it (mode 0666)");
}

#[tokio::test]
async fn what_belongs_to_somebody_else_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    if std::os::unix::fs::chown(directory.path(), Some(12_345), None).is_err() {
        eprintln!("only root can give something away");
        return;
    }
    assert_untrusted(directory.path(), directory.path(), "it belongs to user 12345");
}

/// Where a link leads is somebody else's affair: it is neither followed nor written to.
#[tokio::test]
async fn no_link_is_followed() {
    let elsewhere = tempfile::tempdir().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("target");
    symlink(&target, directory.path().join("annex.spare")).unwrap();
    let store = EmbeddedStore::open(&Options::new(directory.path())).unwrap();
    store.create(&key("default", "a"), object("a", 1)).await.unwrap();
    drop(store);
    assert!(!target.exists(), "what the link names was not made");
    fs::write(&target, "precious").unwrap();
    for name in ["annex.spare", "annex.lock", "annex.redb"] {
        let link = directory.path().join(name);
        fs::remove_file(&link).unwrap();
        symlink(&target, &link).unwrap();
        let opened = EmbeddedStore::open(&Options::new(directory.path()));
        assert_eq!(opened.is_ok(), name == "annex.spare", "{name}: {opened:?}");
        drop(opened);
        if name != "annex.spare" {
            fs::remove_file(&link).unwrap();
        }
    }
    assert_eq!(fs::read(&target).unwrap(), b"precious");
}
