//! What is stored by others: by a program with other defaults, or damaged.

use serde_json::json;

use super::fixture::*;
use crate::request::Verb;
use crate::request::options::{CreateOptions, GetOptions, ListOptions};
use crate::storage::{Entry, Storage as _};

/// A paint as a program stored it that knew of no default.
fn old(name: &str) -> String {
    format!(
        r#"{{"kind":"Paint","apiVersion":"{GROUP}/v1","metadata":{{"name":"{name}","namespace":"shop","uid":"u"}},"spec":{{"color":"red"}}}}"#
    )
}

fn text(shop: &Shop, entry: &Entry, version: &str) -> String {
    let bytes = shop.registry.encode(entry, version).unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn defaults_are_seen_in_every_version_whoever_stored_the_object() {
    let shop = shop();
    let stored = shop.smuggle("a", &old("a")).await;
    let options = GetOptions::default();
    let read = shop.registry.get("shop", "a", &options).await.unwrap();
    let listed = shop
        .registry
        .list("v1", "shop", &ListOptions::default())
        .await
        .unwrap();
    for entry in [&stored, &read, &listed.entries[0]] {
        for version in ["v1", "v2"] {
            let text = text(&shop, entry, version);
            assert!(text.contains(r#""size":1"#), "{text}");
            let revision = format!(r#""resourceVersion":"{}""#, stored.revision());
            assert!(text.contains(&revision), "{text}");
        }
    }
    // Twice the same bytes, made once.
    let pieces = |version| shop.registry.pieces(&read, version).unwrap();
    let at = |version| pieces(version).parts()[0].as_ptr();
    assert_eq!(at("v1"), at("v1"));
    assert_eq!(at("v2"), at("v2"));
}

#[tokio::test]
async fn what_is_complete_is_looked_at_once_and_goes_out_as_it_is_stored() {
    let shop = shop();
    let whole = old("a").replace(r#""color":"red""#, r#""size":3,"color":"red""#);
    let stored = shop.smuggle("a", &whole).await;
    assert_eq!(stored.schema(), None);
    let sent = text(&shop, &stored, "v1");
    let revision = format!(r#""resourceVersion":"{}","#, stored.revision());
    assert_eq!(
        sent.replace(&revision, ""),
        whole,
        "its fields stay in their order"
    );
    let schema = stored.schema().expect("it was looked at");

    // What is written here needs no look.
    let created = shop.create(paint("b", "red")).await.unwrap().entry;
    assert_eq!(created.schema(), Some(schema));
    let (mut request, key) = (shop.get("b").await.unwrap(), created.key());
    request.0["spec"]["color"] = "blue".into();
    let updated = shop.put(request).await.unwrap().entry;
    assert_eq!((updated.key(), updated.schema()), (key, Some(schema)));
}

#[tokio::test]
async fn what_is_stored_in_another_order_is_not_written_again_where_nothing_changes() {
    let shop = shop();
    let whole = old("a").replace(r#""color":"red""#, r#""size":3,"color":"red""#) + "\n";
    let stored = shop.smuggle("a", &whole).await;
    for is_known in [false, true] {
        assert_eq!(stored.schema().is_some(), is_known);
        let updated = shop.patch("a", |_| ()).await.unwrap().entry;
        assert_eq!(updated.revision(), stored.revision());
        text(&shop, &stored, "v1");
    }
    // As long, and another.
    let updated = shop
        .patch("a", |object| object.0["spec"]["color"] = "tan".into())
        .await;
    assert!(updated.unwrap().entry.revision() > stored.revision());
}

/// Only the storage version's own defaults make a stored object complete.
#[tokio::test]
async fn defaults_of_the_storage_version_are_seen_whatever_version_wrote_the_object() {
    let shop = shop();
    let sent = object(json!({
        "apiVersion": format!("{GROUP}/v2"), "kind": "Paint",
        "metadata": {"name": "a"}, "spec": {"colour": "red"},
    }));
    let request = request(Verb::Create, "v2", "");
    let created = shop
        .registry
        .create(&request, sent, &CreateOptions::default(), &mut Vec::new())
        .await
        .unwrap();
    for version in ["v1", "v2"] {
        let text = text(&shop, &created.entry, version);
        assert!(text.contains(r#""size":1"#), "{text}");
    }
}

#[tokio::test]
async fn an_update_stores_what_was_defaulted() {
    let shop = shop();
    shop.smuggle("a", &old("a")).await;
    let updated = shop
        .patch("a", |object| drop(object.0.remove("x")))
        .await
        .unwrap();
    let stored = String::from_utf8(updated.entry.value().to_vec()).unwrap();
    assert!(stored.contains(r#""size":1"#), "{stored}");
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error_that_names_it_in_every_version() {
    let shop = shop();
    let cut = &old("a")[..old("a").len() - 5];
    let cut = shop.smuggle("a", cut).await;
    let lost = Entry::unreadable(cut.key().clone(), cut.revision(), "it is gone");
    for entry in [cut, lost] {
        for version in ["v1", "v2"] {
            let status = shop.registry.encode(&entry, version).unwrap_err().status();
            assert_eq!((status.code, status.reason.as_str()), (500, "InternalError"));
            let key = format!("/{GROUP}/paints/shop/a");
            assert!(status.message.contains(&key), "{}", status.message);
        }
    }
    let query = "labelSelector=color%3Dblue";
    let listed = shop
        .registry
        .list("v1", "shop", &ListOptions::parse(query).unwrap())
        .await
        .unwrap();
    assert_eq!(listed.entries.len(), 1, "it is not left out");
    assert_eq!(refused(shop.delete("a", "").await).code, 500);
    assert!(shop.store.check().await.is_ok());
}

#[tokio::test]
async fn what_was_stored_in_another_version_is_written_in_the_storage_version() {
    let (shop, _) = waiting_shop();
    let value = |version: &str| {
        format!(
            r#"{{"kind":"Paint","apiVersion":"{GROUP}/{version}","metadata":{{"name":"a","namespace":"shop","uid":"u"}},"spec":{{"size":1}}}}{}"#,
            "\n"
        )
    };
    let entry = shop.smuggle("a", &value("v2")).await;
    for version in ["v2", "v1"] {
        let seen = shop.registry.entry_in(&entry, version).await.unwrap();
        shop.registry.encode(&seen, version).unwrap();
    }
    let current = shop
        .registry
        .get("shop", "a", &GetOptions::default())
        .await
        .unwrap();
    let seen = shop.registry.entry_in(&current, "v1").await.unwrap();
    // The same bytes but for the version.
    let updated = shop.put(shop.v1(&seen)).await.unwrap();
    assert_eq!(updated.entry.value(), value("v1").as_bytes());
}
