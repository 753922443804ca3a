//! Get, and what a client sees of what is stored.

use serde_json::{Value, json};

use super::fixture::*;
use crate::request::options::GetOptions;
use crate::resource::{Policy, Scope};

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let status = refused(shop().get("a").await);
    assert_eq!(
        (status.code, status.reason.as_str(), status.message.as_str()),
        (404, "NotFound", "paints.test.example.com \"a\" not found")
    );
}

#[tokio::test]
async fn a_name_that_is_none_is_a_bad_request() {
    let shop = shop();
    let get = async |namespace: &str, name: &str| {
        let status = refused(shop.registry.get(namespace, name, &GetOptions::default()).await);
        assert_eq!(status.code, 400);
        status.message
    };
    assert_eq!(
        get("shop", "a%b").await,
        "Name parameter invalid: \"a%b\": may not contain '%'"
    );
    assert_eq!(
        get("shop", "..").await,
        "Name parameter invalid: \"..\": may not be '..'"
    );
    assert_eq!(get("", "a").await, "Namespace parameter required.");
    assert_eq!(get("shop", "").await, "Name parameter required.");
    get("a/b", "a").await;
}

#[tokio::test]
async fn a_get_waits_for_a_revision_only_so_long() {
    let shop = shop();
    let found = shop.stock(paint("a", "red")).await;
    let get = async |version: &str| {
        let options = GetOptions {
            resource_version: version.into(),
        };
        shop.registry.get("shop", "a", &options).await
    };
    get("0").await.unwrap();
    get(found.resource_version()).await.unwrap();
    tokio::time::pause();
    let current = shop.revision().await;
    let status = refused(get(&current.next().to_string()).await);
    assert_eq!(status.code, 504);
    assert_eq!(
        status.message,
        format!(
            "Timeout: Too large resource version: {}, current: {current}",
            current.next()
        )
    );
    assert_eq!(
        status.details.unwrap().causes[0].reason,
        "ResourceVersionTooLarge"
    );
    assert_eq!(refused(get("x").await).code, 500);
}

#[tokio::test]
async fn the_storage_version_is_sent_as_it_is_stored() {
    let shop = shop();
    let stored = r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{"name":"a"},"spec":{"odd" : 1,  "size":1 }}"#;
    let entry = shop.smuggle("a", &format!("{stored}\n")).await;
    let rv = format!(r#""metadata":{{"resourceVersion":"{}","#, entry.revision());
    let sent = shop.registry.encode(&entry, "v1").unwrap();
    assert_eq!(sent, stored.replacen(r#""metadata":{"#, &rv, 1));
    let pieces = shop.registry.pieces(&entry, "v1").unwrap();
    assert_eq!(pieces.parts().concat(), sent);
    assert_eq!(pieces.parts()[0].as_ptr(), entry.value().as_ptr(), "not copied");
}

#[tokio::test]
async fn a_value_with_other_order_or_spaces_is_read_all_the_same() {
    let shop = shop();
    for (name, value) in [
        (
            "a",
            r#"{"metadata":{"name":"a"},"apiVersion":"test.example.com/v1","kind":"Paint","spec":{"color":"red"}}"#,
        ),
        (
            "b",
            r#"{"kind":"Paint","apiVersion":"test.example.com/v2","metadata":{"name":"a"},"spec":{"colour":"red"}}"#,
        ),
    ] {
        let entry = shop.smuggle(name, value).await;
        let seen = shop.v1(&entry);
        assert_eq!(seen.resource_version(), entry.revision().to_string());
        assert_eq!(seen.0["spec"]["color"], "red", "{name}");
        assert_eq!(seen.api_version(), "test.example.com/v1");
    }
    let empty = shop
        .smuggle(
            "c",
            r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{}}"#,
        )
        .await;
    assert_eq!(shop.v1(&empty).resource_version(), empty.revision().to_string());
}

#[tokio::test]
async fn another_version_is_converted_once() {
    let shop = shop();
    let entry = shop.create(paint("a", "red")).await.unwrap().entry;
    let first = shop.registry.encode(&entry, "v2").unwrap();
    let second = shop.registry.encode(&entry, "v2").unwrap();
    assert_eq!(first.as_ptr(), second.as_ptr());
    let seen: Value = serde_json::from_slice(&first).unwrap();
    assert_eq!(seen["spec"], json!({"colour": "red", "size": 1}));
}

#[tokio::test]
async fn what_cannot_be_read_is_an_internal_error() {
    let shop = shop();
    for (name, value) in [
        ("a", "garbage"),
        ("b", r#"{"kind":"Paint","apiVersion":"other/v1","metadata":{}}"#),
    ] {
        let entry = shop.smuggle(name, value).await;
        let status = shop.registry.encode(&entry, "v1").unwrap_err().status();
        assert_eq!(
            (status.code, status.reason.as_str()),
            (500, "InternalError"),
            "{name}"
        );
        assert!(
            status
                .message
                .contains("unable to decode /test.example.com/paints/shop/"),
            "{}",
            status.message
        );
    }
}

#[tokio::test]
async fn cluster_scoped_objects_have_no_namespace() {
    let cluster = shop_with(Scope::Cluster, Policy::default());
    cluster.create_in("", paint("a", "red"), "").await.unwrap();
    cluster
        .registry
        .get("", "a", &GetOptions::default())
        .await
        .unwrap();
}
