//! Plugins around the rules on objects: what they change, what they see, and what they refuse.

use serde_json::{Value, json};

use super::fixture::*;
use crate::admission::Operation;
use crate::object::Object;
use crate::registry::Current;
use crate::request::Verb;
use crate::request::options::{CreateOptions, DeleteOptions, ListOptions, UpdateOptions};
use crate::resource::{Policy, Scope};
use crate::storage::Storage as _;

fn color(object: &Object) -> &Value {
    &object.0["spec"]["color"]
}

fn paint_it(color: &'static str) -> impl Fn(&mut Object) + Send {
    move |object| object.0["spec"]["color"] = color.into()
}

fn labelled(object: &mut Object) {
    object
        .metadata_mut()
        .insert("labels".into(), json!({"by": "plugin"}));
}

/// A shop that knows the fields of its paints, so that they have managers.
fn shop_with_fields() -> Shop {
    let spec =
        json!({"type": "object", "properties": {"color": {"type": "string"}, "size": {"type": "integer"}}});
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    shop_of(Scope::Namespaced, Policy::default(), &schema)
}

/// What validating admission was asked since the last time.
fn validated(shop: &Shop) -> Vec<(Operation, String, Option<Value>)> {
    std::mem::take(&mut *shop.gate.validated.lock().unwrap())
}

#[tokio::test]
async fn what_a_plugin_changes_is_stored_prepared_and_validated() {
    let shop = shop();
    shop.gate.change(paint_it("blue"));
    let created = shop.stock(paint("a", "red")).await;
    assert_eq!(color(&created), "blue");
    let mut changed = created.clone();
    changed.0["spec"]["color"] = "green".into();
    let updated = shop.put(changed).await.unwrap();
    assert_eq!(
        shop.v1(&updated.entry),
        created,
        "nothing is left of the change, so nothing is written"
    );
    shop.gate
        .change(|object| drop(object.0.insert("status".into(), 1.into())));
    let created = shop.stock(paint("b", "red")).await;
    assert_eq!(created.0.get("status"), None, "what is prepared comes later");
    shop.gate.change(paint_it("invisible"));
    assert_eq!(refused(shop.create(paint("c", "red")).await).code, 422);
    assert_eq!(refused(shop.put(created).await).code, 422);
    assert_eq!(refused(shop.get("c").await).code, 404);
}

#[tokio::test]
async fn what_a_plugin_takes_away_is_defaulted_when_it_is_read() {
    let shop = shop();
    shop.gate
        .change(|object| drop(object.0["spec"].as_object_mut().unwrap().remove("size")));
    let size = |object: &Object| object.0["spec"]["size"].clone();
    let created = shop.create(paint("a", "red")).await.unwrap();
    assert_eq!(size(&shop.v1(&created.entry)), 1);
    let mut object = shop.get("a").await.unwrap();
    assert_eq!(size(&object), 1);
    shop.gate
        .change(|object| drop(object.0.insert("extra".into(), 1.into())));
    paint_it("blue")(&mut object);
    let updated = shop.put(object).await.unwrap();
    assert_eq!(updated.entry.schema(), None);
    assert_eq!(size(&shop.v1(&updated.entry)), 1);
}

#[tokio::test]
async fn what_a_plugin_changes_is_managed_by_nobody() {
    let spec =
        json!({"type": "object", "properties": {"color": {"type": "string"}, "size": {"type": "integer"}}});
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    let shop = shop_of(Scope::Namespaced, Policy::default(), &schema);
    shop.gate.change(|object| {
        paint_it("blue")(object);
        labelled(object);
    });
    let created = shop
        .create_in("shop", paint("a", "red"), "fieldManager=me")
        .await
        .unwrap();
    let created = shop.v1(&created.entry);
    let managers = &created.metadata().unwrap()["managedFields"];
    assert_eq!(managers.as_array().unwrap().len(), 1);
    assert_eq!(
        managers[0]["fieldsV1"],
        json!({"f:spec": {".": {}, "f:color": {}, "f:size": {}}}),
        "as before admission: the color, which was sent, and no label"
    );
    assert_eq!((color(&created), created.labels().len()), (&json!("blue"), 1));
}

#[tokio::test]
async fn managed_fields_that_nobody_understands_are_those_of_before() {
    let shop = shop_with_fields();
    shop.gate.change(|object| {
        let broken = json!([{"manager": "x", "operation": "Update", "fieldsType": "FieldsV9"}]);
        object.metadata_mut().insert("managedFields".into(), broken);
    });
    let created = shop
        .create_in("shop", paint("a", "red"), "fieldManager=me")
        .await
        .unwrap();
    let created = shop.v1(&created.entry);
    assert_eq!(created.metadata().unwrap()["managedFields"][0]["manager"], "me");
    let warnings = shop.warnings.lock().unwrap().clone();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].starts_with(
            ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated \
             mutating admission controller; please fix your requests: "
        ),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn owners_that_a_plugin_adds_twice_are_kept_once() {
    let shop = shop();
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"});
    let twice = json!([owner, owner]);
    shop.gate.change(move |object| {
        object
            .metadata_mut()
            .insert("ownerReferences".into(), twice.clone());
    });
    let mut object = shop.stock(paint("a", "red")).await;
    paint_it("blue")(&mut object);
    let updated = shop.put(object).await.unwrap();
    assert_eq!(
        shop.v1(&updated.entry).metadata().unwrap()["ownerReferences"],
        json!([owner])
    );
    let warnings = shop.warnings.lock().unwrap().clone();
    assert_eq!(warnings.len(), 2);
    for warning in warnings {
        assert!(
            warning.contains("duplicate entries after mutating admission happens;"),
            "{warning}"
        );
    }
}

#[tokio::test]
async fn a_plugin_moves_no_object_and_makes_no_other_kind_of_it() {
    let shop = shop();
    shop.gate.change(|object| object.set_meta("namespace", "attic"));
    let status = refused(shop.create(paint("a", "red")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            400,
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    );
    shop.gate.change(|object| object.set_type("v7", "Brush"));
    let created = shop.stock(paint("a", "red")).await;
    assert_eq!(
        (created.api_version(), created.kind()),
        ("test.example.com/v1", "Paint")
    );
    shop.gate.change(|object| object.set_meta("name", "b"));
    assert_eq!(refused(shop.put(created).await).code, 422, "the name stays");
}

#[tokio::test]
async fn the_last_word_is_about_what_would_be_stored() {
    let shop = shop();
    refused(shop.create(paint("a", "invisible")).await);
    assert_eq!(validated(&shop), [], "what is invalid is not shown");
    shop.gate.change(paint_it("rejected"));
    let status = refused(shop.create(paint("a", "red")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (403, r#"paints.test.example.com "a" is forbidden: not this color"#)
    );
    assert_eq!(
        validated(&shop),
        [(Operation::Create, "a".to_owned(), Some("rejected".into()))]
    );
    assert_eq!(shop.left().await, 0);
    shop.gate.change(|_| ());
    let mut generated = paint("", "red");
    generated.set_meta("generateName", "a-");
    let created = shop.stock(generated).await;
    assert_eq!(
        validated(&shop),
        [(Operation::Create, created.name().to_owned(), Some("red".into()))],
        "the name is generated"
    );
    let mut changed = created.clone();
    changed.0["spec"]["color"] = "rejected".into();
    assert_eq!(refused(shop.put(changed).await).code, 403);
    assert_eq!(shop.get(created.name()).await.unwrap(), created);
}

#[tokio::test]
async fn a_dry_run_asks_plugins_and_says_so() {
    let shop = shop();
    shop.create_in("shop", paint("a", "red"), DRY_RUN).await.unwrap();
    assert_eq!(
        *shop.gate.asked.lock().unwrap(),
        [(Operation::Create, "a".to_owned(), true)]
    );
    assert_eq!(validated(&shop).len(), 1);
    assert_eq!(
        refused(shop.create_in("shop", paint("a", "rejected"), DRY_RUN).await).code,
        403
    );
    assert_eq!(shop.left().await, 0);
}

#[tokio::test]
async fn each_attempt_of_an_update_asks_again_with_the_newer_object() {
    let shop = shop();
    let first = shop.create(paint("a", "red")).await.unwrap().entry;
    validated(&shop);
    let newer = String::from_utf8(first.value().to_vec())
        .unwrap()
        .replace("red", "green");
    let mut attempts = 0;
    let store = &shop.store;
    let mut change = |current: Option<Current<'_>>| {
        attempts += 1;
        if attempts == 1 {
            let write = store.update(first.key(), first.revision(), newer.clone().into());
            futures::executor::block_on(write).unwrap();
        }
        let mut object = current.map(|current| current.object.clone()).unwrap();
        labelled(&mut object);
        Ok(object)
    };
    let patch = request(Verb::Patch, "v1", "a");
    shop.registry
        .update(&patch, &mut change, &UpdateOptions::default(), &mut Vec::new())
        .await
        .unwrap();
    let asked = |color: &str| (Operation::Update, "a".to_owned(), Some(color.into()));
    assert_eq!(validated(&shop), [asked("red"), asked("green")]);
}

#[tokio::test]
async fn plugins_see_objects_of_every_version_in_the_hub() {
    let shop = shop();
    shop.gate.change(|object| {
        assert_eq!(object.api_version(), "test.example.com/v1");
        paint_it("blue")(object);
    });
    let sent = object(json!({
        "apiVersion": format!("{GROUP}/v2"), "kind": "Paint", "metadata": {"name": "a"}, "spec": {"colour": "red"},
    }));
    let create = request(Verb::Create, "v2", "");
    let created = shop
        .registry
        .create(&create, sent, &CreateOptions::default(), &mut Vec::new())
        .await
        .unwrap();
    assert_eq!(color(&shop.v1(&created.entry)), "blue");
    assert_eq!(validated(&shop)[0].2, Some("blue".into()));
}

#[tokio::test]
async fn the_deletion_of_a_collection_is_admitted_object_by_object() {
    let shop = shop();
    for name in ["a", "b"] {
        shop.stock(paint(name, "red")).await;
    }
    validated(&shop);
    let delete = request(Verb::DeleteCollection, "v1", "");
    shop.registry
        .delete_collection(&delete, &ListOptions::default(), &DeleteOptions::default())
        .await
        .unwrap();
    let asked = (Operation::Delete, String::new(), None);
    assert_eq!(validated(&shop), [asked.clone(), asked]);
}

#[tokio::test]
async fn what_an_apply_creates_is_admitted_as_a_creation() {
    let shop = shop();
    let mut change = |current: Option<Current<'_>>| {
        assert!(current.is_none());
        Ok(paint("refused", "red"))
    };
    let options = UpdateOptions {
        may_create: true,
        ..UpdateOptions::default()
    };
    let apply = request(Verb::Patch, "v1", "refused");
    let applied = shop
        .registry
        .update(&apply, &mut change, &options, &mut Vec::new())
        .await;
    let status = refused(applied);
    assert_eq!(
        status.message,
        r#"paints.test.example.com "refused" is forbidden: not this one"#
    );
    assert_eq!(
        *shop.gate.asked.lock().unwrap(),
        [(Operation::Create, "refused".to_owned(), false)]
    );
}

/// As Go adds warnings: what plugins change comes before the strategy, and what they validate after it.
#[tokio::test]
async fn warnings_are_in_the_order_in_which_they_arise() {
    let shop = shop();
    let warned = || std::mem::take(&mut *shop.warnings.lock().unwrap());
    let all = ["it is admitted", "mauve fades", "it is validated"];
    let created = shop.stock(paint("warned", "mauve")).await;
    assert_eq!(warned(), all);
    shop.put(with(created, "labels", json!({"a": "b"})))
        .await
        .unwrap();
    assert_eq!(warned(), all);
    let refused = shop.patch("warned", |object| object.0["spec"]["color"] = "rejected".into());
    refused.await.unwrap_err();
    assert_eq!(warned(), ["it is admitted", "it is validated"]);
}
