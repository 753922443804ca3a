//! Updates of objects in deletion.

use serde_json::json;

use super::fixture::*;
use super::watch::shown_events;
use crate::object::Object;
use crate::registry::Current;
use crate::request::Verb;
use crate::request::options::{ListOptions, UpdateOptions};

#[tokio::test]
async fn an_update_that_takes_the_last_finalizer_deletes() {
    let shop = shop();
    shop.stock(with(paint("a", "red"), "finalizers", json!(["x/a", "x/b"])))
        .await;
    let query = format!("watch=1&resourceVersion={}", shop.revision().await);
    let options = ListOptions::parse(&query).unwrap();
    let mut watch = shop.registry.watch("v1", "shop", &options).await.unwrap();
    shop.delete("a", "").await.unwrap();
    let kept = shop
        .patch("a", |object| {
            object.metadata_mut().insert("finalizers".into(), json!(["x/b"]));
        })
        .await
        .unwrap();
    assert!(!kept.deleted);
    let strip = |object: &mut Object| {
        object.metadata_mut().remove("finalizers");
    };
    let mut change = |current: Option<Current<'_>>| {
        let mut object = current.map(|current| current.object.clone()).unwrap();
        strip(&mut object);
        Ok(object)
    };
    let dry = UpdateOptions::parse(DRY_RUN).unwrap();
    let patch = request(Verb::Patch, "v1", "a");
    let dried = shop
        .registry
        .update(&patch, &mut change, &dry, &mut Vec::new())
        .await
        .unwrap();
    assert!(dried.deleted);
    shop.get("a").await.unwrap();
    let gone = shop.patch("a", strip).await.unwrap();
    assert!(gone.deleted && !gone.created);
    assert_eq!(shop.v1(&gone.entry).finalizers(), Vec::<&str>::new());
    assert_eq!(refused(shop.get("a").await).code, 404);

    let told = shown_events(&mut watch, 3).await;
    assert_eq!(told, ["MODIFIED a", "MODIFIED a", "DELETED a"]);
}

#[tokio::test]
async fn an_object_in_deletion_takes_no_new_finalizers_and_keeps_its_mark() {
    let shop = shop();
    shop.stock(with(paint("a", "red"), "finalizers", json!(["x/a"])))
        .await;
    shop.delete("a", "").await.unwrap();
    let add = |object: &mut Object| {
        object
            .metadata_mut()
            .insert("finalizers".into(), json!(["x/a", "x/b"]));
    };
    let status = refused(shop.patch("a", add).await);
    assert!(
        status
            .message
            .contains("no new finalizers can be added if the object is being deleted")
    );
    shop.patch("a", |object| {
        object.metadata_mut().remove("deletionTimestamp");
        object.metadata_mut().remove("deletionGracePeriodSeconds");
        object.0["spec"]["color"] = "blue".into();
    })
    .await
    .unwrap();
    let found = shop.get("a").await.unwrap();
    assert_ne!(found.deletion_timestamp(), "");
    assert_eq!(found.metadata().unwrap()["deletionGracePeriodSeconds"], 0);
    assert_eq!(found.0["spec"]["color"], "blue");
}

#[tokio::test]
async fn a_mark_of_deletion_is_not_a_clients_to_set() {
    let shop = shop();
    shop.stock(with(paint("a", "red"), "finalizers", json!(["x/a"])))
        .await;
    let set = |object: &mut Object| object.set_meta("deletionTimestamp", "2026-01-01T00:00:00Z");
    let status = refused(shop.patch("a", set).await);
    assert!(
        status
            .message
            .contains("metadata.deletionTimestamp: Invalid value"),
        "{}",
        status.message
    );
}
