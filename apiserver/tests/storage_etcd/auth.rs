//! An etcd that asks for a name and password.

use annex_apiserver::storage::conformance::{Watcher, key, object};
use annex_apiserver::storage::etcd::{Credentials, EtcdStore};
use annex_apiserver::storage::{ReadAt, Storage, StorageError};
use serde_json::json;

use crate::process::{Etcd, eventually};
use crate::{gateway, options};

#[tokio::test]
async fn a_name_and_password_are_shown_and_tokens_renewed() {
    let mut etcd = Etcd::start().await;
    let root = gateway::enable_authentication(&etcd, "annex", "the first").await;
    let directory = tempfile::tempdir().unwrap();
    let password_file = directory.path().join("password");
    std::fs::write(&password_file, "the first\n").unwrap();
    let mut options = options(&etcd);

    let nobody = EtcdStore::connect(options.clone()).await.unwrap();
    let at = key("default", "a");
    let refused = nobody.get(&at, ReadAt::Latest).await.unwrap_err();
    assert!(matches!(refused, StorageError::Unavailable(_)), "{refused}");

    options.credentials = Some(Credentials {
        user: "annex".into(),
        password_file: password_file.clone(),
    });
    let store: std::sync::Arc<dyn Storage> = EtcdStore::connect(options).await.unwrap();
    let created = store.create(&at, object("a", 1)).await.unwrap();
    let mut watcher = Watcher::new(&store, created.revision()).await;
    let updated = store
        .update(&at, created.revision(), object("a", 2))
        .await
        .unwrap();
    assert_eq!(watcher.changes(1).await[0].entry(), &updated);

    // The store of users changes, so that what the token says is old.
    let body = json!({"name": "somebody-else", "password": "else"});
    gateway::call(&etcd, "auth/user/add", &body, Some(&root)).await;
    store
        .update(&at, updated.revision(), object("a", 3))
        .await
        .unwrap();

    // A restart forgets all tokens; the password changed meanwhile, in etcd and in its file.
    let body = json!({"name": "annex", "password": "the second"});
    gateway::call(&etcd, "auth/user/changepw", &body, Some(&root)).await;
    std::fs::write(&password_file, "the second\n").unwrap();
    etcd.kill().await;
    etcd.restart().await;
    let found = eventually("the store reads with a new token", async || {
        store.get(&at, ReadAt::Latest).await.ok()
    })
    .await;
    assert_eq!(found.entry.unwrap().value(), &object("a", 3));
}
