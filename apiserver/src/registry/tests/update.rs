//! Update and patch.

use serde_json::json;

use super::fixture::*;
use crate::admission::Operation;
use crate::object::Object;
use crate::registry::Current;
use crate::request::Verb;
use crate::request::options::UpdateOptions;
use crate::resource::{Policy, Scope};
use crate::storage::Storage as _;

fn dry() -> UpdateOptions {
    UpdateOptions::parse(DRY_RUN).unwrap()
}

fn color(object: &Object) -> &str {
    object.0["spec"]["color"].as_str().unwrap()
}

fn set_color(object: &mut Object, color: &str) {
    object.0["spec"]["color"] = color.into();
}

#[tokio::test]
async fn a_change_is_stored_and_counted() {
    let shop = shop();
    let mut object = shop.stock(paint("a", "red")).await;
    set_color(&mut object, "blue");
    let updated = shop.put(object.clone()).await.unwrap();
    assert!(!updated.created && !updated.deleted);
    let found = shop.get("a").await.unwrap();
    assert_eq!(color(&found), "blue");
    assert_eq!(found.generation(), 2);
    assert_eq!(found.resource_version(), updated.entry.revision().to_string());
    assert!(found.resource_version() > object.resource_version());

    let labelled = shop.put(with(found, "labels", json!({"a": "b"}))).await.unwrap();
    assert_eq!(
        shop.v1(&labelled.entry).generation(),
        2,
        "metadata is not counted"
    );
}

#[tokio::test]
async fn what_names_the_object_stays_whatever_is_sent() {
    let shop = shop();
    let object = shop.stock(paint("a", "red")).await;
    let mut sent = object.clone();
    set_color(&mut sent, "blue");
    for field in ["uid", "creationTimestamp", "generation", "namespace"] {
        sent.metadata_mut().remove(field);
    }
    let sent = with(
        with(sent, "creationTimestamp", "2000-01-01T00:00:00Z"),
        "generation",
        99,
    );
    let found = shop.v1(&shop.put(sent).await.unwrap().entry);
    for field in ["uid", "creationTimestamp", "namespace"] {
        assert_eq!(found.meta(field), object.meta(field), "{field}");
    }
    assert_eq!(found.generation(), 2);
}

#[tokio::test]
async fn an_old_resource_version_conflicts() {
    let shop = shop();
    let mut object = shop.stock(paint("a", "red")).await;
    let old = object.clone();
    set_color(&mut object, "blue");
    shop.put(object).await.unwrap();
    let status = refused(shop.put(old.clone()).await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        "Operation cannot be fulfilled on paints.test.example.com \"a\": the object has been modified; please apply \
         your changes to the latest version and try again"
    );
    let status = refused(shop.patch("a", |object| *object = old.clone()).await);
    assert_eq!(
        status.code, 409,
        "a resourceVersion in a patch is a precondition too"
    );
    let status = refused(shop.put(with(old, "resourceVersion", "x")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (500, r#"strconv.ParseUint: parsing "x": invalid syntax"#)
    );
}

#[tokio::test]
async fn a_put_without_a_resource_version_is_for_those_who_may() {
    let strict = shop();
    strict.stock(paint("a", "red")).await;
    let status = refused(strict.put(paint("a", "blue")).await);
    assert_eq!(status.code, 422);
    assert_eq!(
        status.message,
        "paints.test.example.com \"a\" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an \
         update"
    );
    let policy = Policy {
        allow_unconditional_update: true,
        ..Policy::default()
    };
    let free = shop_with(Scope::Namespaced, policy);
    free.stock(paint("a", "red")).await;
    let updated = free.put(paint("a", "blue")).await.unwrap();
    assert_eq!(color(&free.v1(&updated.entry)), "blue");
}

#[tokio::test]
async fn another_uid_means_another_object() {
    let shop = shop();
    let object = shop.stock(paint("a", "red")).await;
    let status = refused(shop.put(with(object.clone(), "uid", "x")).await);
    assert_eq!(status.code, 409);
    let message = format!(
        "Precondition failed: UID in precondition: x, UID in object meta: {}",
        object.uid()
    );
    assert!(status.message.ends_with(&message), "{}", status.message);
    let status = refused(shop.patch("a", |object| object.set_meta("uid", "x")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            422,
            "Paint.test.example.com \"a\" is invalid: metadata.uid: Invalid value: \"x\": field is immutable"
        )
    );
}

#[tokio::test]
async fn an_update_is_of_the_object_that_the_url_names() {
    let shop = shop();
    shop.stock(paint("a", "red")).await;
    let status = refused(shop.patch("a", |object| object.set_meta("name", "b")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            400,
            "the name of the object (b) does not match the name on the URL (a)"
        )
    );
    let status = refused(
        shop.patch("a", |object| object.set_meta("namespace", "attic"))
            .await,
    );
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            400,
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    );
    let status = refused(shop.patch("a", |object| object.set_meta("name", "")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            400,
            "the name of the object (a based on URL) was undeterminable: name must be provided"
        )
    );
    assert_eq!(refused(shop.patch("b", |_| ()).await).code, 404);
    assert_eq!(refused(shop.put(paint("b", "red")).await).code, 404);
}

#[tokio::test]
async fn nothing_changed_writes_nothing() {
    let shop = shop();
    let object = shop.stock(paint("a", "red")).await;
    let before = shop.revision().await;
    let updated = shop.put(object.clone()).await.unwrap();
    assert_eq!(shop.v1(&updated.entry), object);
    shop.patch("a", |_| ()).await.unwrap();
    shop.patch("a", |object| object.set_meta("resourceVersion", ""))
        .await
        .unwrap_err();
    assert_eq!(shop.revision().await, before);
}

#[tokio::test]
async fn what_another_server_wrote_in_another_order_is_unchanged_too() {
    let shop = shop();
    let entry = shop
        .smuggle(
            "a",
            "{\"kind\":\"Paint\",\"apiVersion\":\"test.example.com/v1\",\"metadata\":{\"name\":\"a\",\"namespace\":\"shop\",\
             \"uid\":\"u\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\"},\"spec\":{\"size\":1,\"color\":\"red\"}}\n",
        )
        .await;
    let updated = shop.patch("a", |_| ()).await.unwrap();
    assert_eq!(updated.entry, entry);
    let updated = shop.patch("a", |object| set_color(object, "tan")).await.unwrap();
    assert!(updated.entry.revision() > entry.revision());
}

#[tokio::test]
async fn invalid_changes_are_refused_with_all_that_is_wrong() {
    let shop = shop();
    shop.stock(paint("a", "red")).await;
    let status = refused(
        shop.patch("a", |object| {
            object.0["spec"]["size"] = 2.into();
            object.metadata_mut().insert("labels".into(), json!({"a": "-"}));
        })
        .await,
    );
    assert_eq!(status.code, 422);
    let details = status.details.unwrap();
    let fields: Vec<&str> = details.causes.iter().map(|cause| cause.field.as_str()).collect();
    assert_eq!(
        fields,
        ["metadata.labels", "metadata.labels", "spec.size"],
        "as Go, which looks twice"
    );
    assert_eq!(
        status.message.matches("metadata.labels").count(),
        1,
        "{}",
        status.message
    );
}

#[tokio::test]
async fn writers_without_a_resource_version_all_land() {
    let shop = shop();
    shop.stock(paint("a", "red")).await;
    let patches = (0..20).map(|number| {
        let shop = &shop;
        async move {
            let label = format!("l{number}");
            shop.patch("a", |object| {
                let labels = object.metadata_mut().entry("labels").or_insert_with(|| json!({}));
                labels[&label] = "x".into();
            })
            .await
        }
    });
    for updated in futures::future::join_all(patches).await {
        updated.unwrap();
    }
    assert_eq!(shop.get("a").await.unwrap().labels().len(), 20);
}

#[tokio::test]
async fn an_attempt_that_came_too_late_is_made_again_on_the_newer_object() {
    let shop = shop();
    let first = shop.create(paint("a", "red")).await.unwrap().entry;
    let mut seen = Vec::new();
    let (store, registry) = (&shop.store, &shop.registry);
    let newer = String::from_utf8(first.value().to_vec())
        .unwrap()
        .replace("red", "green");
    let mut change = |current: Option<Current<'_>>| {
        let mut object = current.map(|current| current.object.clone()).unwrap();
        seen.push(color(&object).to_owned());
        if seen.len() == 1 {
            let write = store.update(first.key(), first.revision(), newer.clone().into());
            futures::executor::block_on(write).unwrap();
        }
        object.set_meta("resourceVersion", current.unwrap().object.resource_version());
        object.metadata_mut().insert("labels".into(), json!({"a": "b"}));
        Ok(object)
    };
    let request = request(Verb::Patch, "v1", "a");
    let updated = registry
        .update(&request, &mut change, &UpdateOptions::default(), &mut Vec::new())
        .await
        .unwrap();
    assert_eq!(color(&shop.v1(&updated.entry)), "green");
    assert_eq!(seen, ["red", "green"]);
}

#[tokio::test]
async fn a_patch_of_another_version_sees_that_version() {
    let shop = shop();
    shop.stock(paint("a", "red")).await;
    let mut change = |current: Option<Current<'_>>| {
        let mut object = current.map(|current| current.object.clone()).unwrap();
        assert_eq!(object.api_version(), "test.example.com/v2");
        assert_eq!(object.0["spec"]["colour"], "red");
        object.0["spec"]["colour"] = "blue".into();
        Ok(object)
    };
    let request = request(Verb::Patch, "v2", "a");
    shop.registry
        .update(&request, &mut change, &UpdateOptions::default(), &mut Vec::new())
        .await
        .unwrap();
    assert_eq!(color(&shop.get("a").await.unwrap()), "blue");
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let shop = shop();
    let mut object = shop.stock(paint("a", "red")).await;
    let before = shop.revision().await;
    set_color(&mut object, "blue");
    let updated = shop.put_with(object.clone(), dry()).await.unwrap();
    let seen = shop.v1(&updated.entry);
    assert_eq!((color(&seen), seen.generation()), ("blue", 2));
    assert_eq!(seen.resource_version(), object.resource_version());
    assert_eq!(color(&shop.get("a").await.unwrap()), "red");
    set_color(&mut object, "invisible");
    refused(shop.put_with(object, dry()).await);
    assert_eq!(shop.revision().await, before);
}

#[tokio::test]
async fn admission_sees_both_objects_and_may_refuse() {
    let shop = shop();
    shop.smuggle(
        "refused",
        r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{"name":"refused","namespace":"shop","uid":"u"}}"#,
    )
    .await;
    let label = |object: &mut Object| {
        object.metadata_mut().insert("labels".into(), json!({"a": "b"}));
    };
    assert_eq!(refused(shop.patch("refused", label).await).code, 403);
    assert_eq!(
        *shop.gate.asked.lock().unwrap(),
        [(Operation::Update, "refused".to_owned(), false)]
    );
}

#[tokio::test]
async fn a_put_creates_only_where_the_resource_and_the_client_may() {
    let policy = Policy {
        allow_create_on_update: true,
        ..Policy::default()
    };
    let shop = shop_with(Scope::Namespaced, policy);
    let may = UpdateOptions {
        may_create: true,
        ..UpdateOptions::default()
    };
    assert_eq!(refused(shop.put(paint("a", "red")).await).code, 404);
    let status = refused(
        shop.put_with(with(paint("a", "red"), "uid", "x"), may.clone())
            .await,
    );
    assert_eq!(status.code, 409);
    let created = shop.put_with(paint("a", "red"), may.clone()).await.unwrap();
    assert!(created.created);
    assert_ne!(shop.v1(&created.entry).uid(), "");
    let strict = super::fixture::shop();
    assert_eq!(refused(strict.put_with(paint("a", "red"), may).await).code, 404);
}

#[tokio::test]
async fn an_object_without_managers_has_none_after_an_update() {
    let shop = shop();
    shop.stock(paint("a", "red")).await;
    shop.patch("a", |object| {
        object
            .metadata_mut()
            .insert("managedFields".into(), json!([{"manager": "me"}]));
        object.metadata_mut().insert("labels".into(), json!({"a": "b"}));
    })
    .await
    .unwrap();
    let object = shop.get("a").await.unwrap();
    assert!(!object.metadata().unwrap().contains_key("managedFields"));
}
