//! Delete and deletecollection.

use serde_json::json;

use super::fixture::*;
use crate::admission::Operation;
use crate::registry::{Deleted, Listed};
use crate::request::Verb;
use crate::request::options::{DeleteOptions, ListOptions};
use crate::status::ApiError;

fn gone(deleted: &Deleted) -> bool {
    matches!(deleted, Deleted::Gone(_))
}

#[tokio::test]
async fn an_object_without_finalizers_is_gone_at_once() {
    let shop = shop();
    let object = shop.stock(paint("a", "red")).await;
    let deleted = shop.delete("a", "").await.unwrap();
    assert!(gone(&deleted));
    assert_eq!(shop.v1(deleted.entry()).uid(), object.uid());
    assert_eq!(
        deleted.entry().revision(),
        shop.revision().await,
        "with the deletion's revision"
    );
    assert_eq!(refused(shop.get("a").await).code, 404);
    assert_eq!(refused(shop.delete("a", "").await).code, 404);
}

#[tokio::test]
async fn an_object_with_finalizers_is_marked_and_lives_on() {
    let shop = shop();
    let object = shop
        .stock(with(paint("a", "red"), "finalizers", json!(["x/a"])))
        .await;
    let deleted = shop.delete("a", "").await.unwrap();
    assert!(!gone(&deleted));
    let marked = shop.get("a").await.unwrap();
    assert_eq!(shop.v1(deleted.entry()), marked);
    assert_ne!(marked.deletion_timestamp(), "");
    assert_eq!(marked.metadata().unwrap()["deletionGracePeriodSeconds"], 0);
    assert_eq!(marked.generation(), object.generation() + 1);

    let before = shop.revision().await;
    let again = shop.delete("a", "").await.unwrap();
    assert_eq!(shop.v1(again.entry()), marked, "a second delete changes nothing");
    assert_eq!(shop.revision().await, before);
}

#[tokio::test]
async fn the_propagation_policy_becomes_a_finalizer() {
    let shop = shop();
    for (name, query, finalizers) in [
        ("a", "propagationPolicy=Foreground", vec!["foregroundDeletion"]),
        ("b", "propagationPolicy=Orphan", vec!["orphan"]),
        ("c", "orphanDependents=true", vec!["orphan"]),
    ] {
        shop.stock(paint(name, "red")).await;
        assert!(!gone(&shop.delete(name, query).await.unwrap()), "{query}");
        assert_eq!(shop.get(name).await.unwrap().finalizers(), finalizers, "{query}");
    }
    let again = shop.delete("a", "propagationPolicy=Orphan").await.unwrap();
    assert_eq!(
        shop.v1(again.entry()).finalizers(),
        ["orphan"],
        "the policy may change"
    );
    assert!(gone(
        &shop.delete("b", "propagationPolicy=Background").await.unwrap()
    ));
    assert!(gone(&shop.delete("c", "orphanDependents=false").await.unwrap()));
}

#[tokio::test]
async fn preconditions_must_hold() {
    let shop = shop();
    let object = shop.stock(paint("a", "red")).await;
    let status = refused(shop.delete("a", "uid=x").await);
    assert_eq!((status.code, status.reason.as_str()), (409, "Conflict"));
    assert_eq!(
        status.message,
        format!(
            "Operation cannot be fulfilled on Paint.test.example.com \"a\": the UID in the precondition (x) does not \
             match the UID in record ({}). The object might have been deleted and then recreated",
            object.uid()
        )
    );
    let status = refused(shop.delete("a", "resourceVersion=1").await);
    assert_eq!(status.code, 409);
    assert!(
        status.message.ends_with("The object might have been modified"),
        "{}",
        status.message
    );
    let query = format!(
        "uid={}&resourceVersion={}",
        object.uid(),
        object.resource_version()
    );
    assert!(gone(&shop.delete("a", &query).await.unwrap()));
}

#[tokio::test]
async fn a_dry_run_deletes_nothing() {
    let shop = shop();
    let plain = shop.stock(paint("a", "red")).await;
    shop.stock(with(paint("b", "red"), "finalizers", json!(["x/a"])))
        .await;
    let before = shop.revision().await;
    let deleted = shop.delete("a", DRY_RUN).await.unwrap();
    assert!(gone(&deleted));
    assert_eq!(shop.v1(deleted.entry()), plain);
    let marked = shop.delete("b", DRY_RUN).await.unwrap();
    assert!(!gone(&marked));
    assert_ne!(shop.v1(marked.entry()).deletion_timestamp(), "");
    refused(shop.delete("a", "dryRun=All&uid=x").await);
    assert_eq!(shop.revision().await, before);
    assert_eq!(shop.get("b").await.unwrap().deletion_timestamp(), "");
}

#[tokio::test]
async fn admission_may_keep_an_object() {
    let shop = shop();
    let value = r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{"name":"refused"}}"#;
    shop.smuggle("refused", value).await;
    assert_eq!(refused(shop.delete("refused", "").await).code, 403);
    shop.get("refused").await.unwrap();
    assert_eq!(
        *shop.gate.asked.lock().unwrap(),
        [(Operation::Delete, "refused".to_owned(), false)]
    );
}

impl Shop {
    async fn delete_collection(&self, list: &str, delete: &str) -> Result<Listed, ApiError> {
        let (list, options) = (
            ListOptions::parse(list).unwrap(),
            DeleteOptions::parse(delete).unwrap(),
        );
        let request = request(Verb::DeleteCollection, "v1", "");
        self.registry.delete_collection(&request, &list, &options).await
    }

    pub(super) async fn left(&self) -> usize {
        self.registry
            .list("v1", "", &ListOptions::default())
            .await
            .unwrap()
            .entries
            .len()
    }
}

async fn stocked() -> Shop {
    let shop = shop();
    for number in 0..30 {
        let label = if number % 3 == 0 { "yes" } else { "no" };
        shop.stock(with(
            paint(&format!("p{number:02}"), "red"),
            "labels",
            json!({"third": label}),
        ))
        .await;
    }
    shop.create_in("attic", paint("a", "red"), "").await.unwrap();
    shop
}

#[tokio::test]
async fn a_collection_is_deleted_in_its_namespace() {
    let shop = stocked().await;
    let deleted = shop.delete_collection("", "").await.unwrap();
    assert_eq!((deleted.entries.len(), deleted.continue_token.as_str()), (30, ""));
    assert_eq!(shop.left().await, 1);
}

#[tokio::test]
async fn list_options_say_which_and_how_many() {
    let shop = stocked().await;
    let deleted = shop
        .delete_collection("labelSelector=third%3Dyes", "")
        .await
        .unwrap();
    assert_eq!(deleted.entries.len(), 10);
    let deleted = shop.delete_collection("limit=7", "").await.unwrap();
    assert_eq!((deleted.entries.len(), deleted.remaining), (7, Some(13)));
    assert_eq!(shop.left().await, 14);
    shop.delete_collection("fieldSelector=metadata.name%3Dp28", "")
        .await
        .unwrap();
    assert_eq!(shop.left().await, 13);
}

#[tokio::test]
async fn delete_options_hold_for_each_object_of_a_collection() {
    let shop = stocked().await;
    shop.delete_collection("", DRY_RUN).await.unwrap();
    assert_eq!(shop.left().await, 31);
    shop.delete_collection("limit=2", "propagationPolicy=Foreground")
        .await
        .unwrap();
    assert_eq!(
        shop.get("p00").await.unwrap().finalizers(),
        ["foregroundDeletion"]
    );
    assert_eq!(refused(shop.delete_collection("", "uid=x").await).code, 409);
    assert_eq!(shop.left().await, 31);
}

#[tokio::test]
async fn one_object_that_may_not_go_ends_it() {
    let shop = stocked().await;
    let value = r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{"name":"refused"}}"#;
    shop.smuggle("refused", value).await;
    assert_eq!(refused(shop.delete_collection("", "").await).code, 403);
    shop.get("refused").await.unwrap();
}
