//! List: selectors, pages, and how fresh they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::fixture::*;
use crate::registry::Listed;
use crate::request::options::ListOptions;
use crate::status::ApiError;
use crate::storage::{Revision, Storage as _};

impl Shop {
    async fn list(&self, namespace: &str, query: &str) -> Result<Listed, ApiError> {
        let options = ListOptions::parse(query).unwrap();
        self.registry.list("v2", namespace, &options).await
    }

    /// The names that a list finds.
    async fn names(&self, query: &str) -> String {
        names(&self.list("shop", query).await.expect(query))
    }
}

fn names(listed: &Listed) -> String {
    let names: Vec<&str> = listed.entries.iter().map(|entry| entry.key().name()).collect();
    names.join(" ")
}

/// Paints a to e, of which b and d are blue and labelled so; a is in another namespace too.
async fn stocked() -> Shop {
    let shop = shop();
    for (name, color) in [
        ("e", "red"),
        ("a", "red"),
        ("d", "blue"),
        ("c", "red"),
        ("b", "blue"),
    ] {
        shop.stock(with(paint(name, color), "labels", json!({"color": color})))
            .await;
    }
    shop.create_in("attic", paint("a", "red"), "").await.unwrap();
    shop
}

#[tokio::test]
async fn objects_come_in_the_order_of_their_keys() {
    let shop = stocked().await;
    assert_eq!(shop.names("").await, "a b c d e");
    assert_eq!(names(&shop.list("", "").await.unwrap()), "a a b c d e");
    let empty = shop.list("nowhere", "").await.unwrap();
    assert!(empty.entries.is_empty() && empty.revision == shop.revision().await);
}

#[tokio::test]
async fn a_field_is_selected_by_what_the_request_s_version_calls_it() {
    let shop = stocked().await;
    let options = ListOptions::parse("fieldSelector=spec.colour%3Dblue").unwrap();
    let listed = shop.registry.list("v2", "shop", &options).await.unwrap();
    assert_eq!(names(&listed), "b d");
    let status = refused(shop.registry.list("v1", "shop", &options).await);
    assert_eq!(status.code, 400);
    assert_eq!(
        status.message,
        r#""spec.colour" is not a known field selector: only "metadata.name", "metadata.namespace""#
    );
}

#[tokio::test]
async fn selectors_select() {
    let shop = stocked().await;
    assert_eq!(shop.names("labelSelector=color%3Dblue").await, "b d");
    assert_eq!(shop.names("labelSelector=color%21%3Dblue").await, "a c e");
    assert_eq!(shop.names("fieldSelector=metadata.name%3Dc").await, "c");
    assert_eq!(shop.names("fieldSelector=metadata.name%21%3Dc").await, "a b d e");
    assert_eq!(
        shop.names("fieldSelector=metadata.name%3Da,metadata.name%3Db")
            .await,
        ""
    );
    assert_eq!(
        shop.names("fieldSelector=metadata.name%3Dc&labelSelector=color%3Dblue")
            .await,
        ""
    );
    assert_eq!(shop.names("fieldSelector=metadata.namespace%3Dattic").await, "");
    assert_eq!(shop.names("fieldSelector=metadata.name%3Da%25b").await, "");
    assert_eq!(shop.names("fieldSelector=spec.colour%3Dblue").await, "b d");
    assert_eq!(
        shop.names("fieldSelector=spec.colour%3Dblue,metadata.name!%3Db")
            .await,
        "d"
    );
    let attic = shop
        .list("", "fieldSelector=metadata.namespace%3Dattic")
        .await
        .unwrap();
    assert_eq!((names(&attic).as_str(), attic.entries.len()), ("a", 1));
    let both = shop.list("", "fieldSelector=metadata.name%3Da").await.unwrap();
    assert_eq!(both.entries.len(), 2);
    let one = "fieldSelector=metadata.name%3Da,metadata.namespace%3Dattic";
    assert_eq!(
        shop.list("", one).await.unwrap().entries[0].key().as_str(),
        "/test.example.com/paints/attic/a"
    );
}

#[tokio::test]
async fn a_field_that_is_not_known_is_a_bad_request() {
    let status = refused(shop().list("shop", "fieldSelector=spec.smell%3Dx").await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (400, "field label not supported: spec.smell")
    );
}

#[tokio::test]
async fn pages_are_of_one_moment() {
    let shop = stocked().await;
    let first = shop.list("shop", "limit=2").await.unwrap();
    assert_eq!((names(&first).as_str(), first.remaining), ("a b", Some(3)));
    shop.delete("c", "").await.unwrap();
    shop.stock(paint("cc", "red")).await;
    let query = format!("limit=2&continue={}", first.continue_token);
    let second = shop.list("shop", &query).await.unwrap();
    assert_eq!((names(&second).as_str(), second.remaining), ("c d", Some(1)));
    assert_eq!(second.revision, first.revision);
    let query = format!("continue={}&resourceVersion=0", second.continue_token);
    let last = shop.list("shop", &query).await.unwrap();
    assert_eq!((names(&last).as_str(), last.remaining), ("e", None));
    assert_eq!(
        (last.continue_token.as_str(), last.revision),
        ("", first.revision)
    );
    assert_eq!(shop.names("").await, "a b cc d e");
}

#[tokio::test]
async fn a_filtered_page_is_filled_and_does_not_count_the_rest() {
    let shop = shop();
    for number in 0..50 {
        let label = if number % 10 == 9 { "yes" } else { "no" };
        shop.stock(with(
            paint(&format!("p{number:02}"), "red"),
            "labels",
            json!({"tenth": label}),
        ))
        .await;
    }
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let query = format!("labelSelector=tenth%3Dyes&limit=2&continue={token}");
        let page = shop.list("shop", &query).await.unwrap();
        assert_eq!(page.remaining, None);
        found.push(names(&page));
        token = page.continue_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(found, ["p09 p19", "p29 p39", "p49"]);
}

#[tokio::test]
async fn all_namespaces_are_paged_through() {
    let shop = stocked().await;
    let first = shop.list("", "limit=1").await.unwrap();
    assert_eq!(
        first.entries[0].key().as_str(),
        "/test.example.com/paints/attic/a"
    );
    let token = URL_SAFE_NO_PAD.decode(&first.continue_token).unwrap();
    let expected = format!(
        r#"{{"v":"meta.k8s.io/v1","rv":{},"start":"attic/a\u0000"}}"#,
        first.revision
    );
    assert_eq!(String::from_utf8(token).unwrap(), expected);
    let rest = shop
        .list("", &format!("continue={}", first.continue_token))
        .await
        .unwrap();
    assert_eq!(names(&rest), "a b c d e");
}

#[tokio::test]
async fn a_list_is_as_old_as_it_was_asked_to_be() {
    let shop = stocked().await;
    let then = shop.revision().await;
    shop.delete("a", "").await.unwrap();
    assert_eq!(
        shop.names(&format!("resourceVersion={then}&resourceVersionMatch=Exact"))
            .await,
        "a b c d e"
    );
    assert_eq!(
        shop.names(&format!("resourceVersion={then}&limit=2")).await,
        "a b",
        "exact, as it once was"
    );
    assert_eq!(shop.names(&format!("resourceVersion={then}")).await, "b c d e");
    assert_eq!(
        shop.names("resourceVersion=0&limit=2").await,
        "b c d e",
        "a limit counts only in the store"
    );
    let exact = format!("resourceVersion={then}&resourceVersionMatch=Exact&fieldSelector=metadata.name%3Da");
    assert_eq!(shop.names(&exact).await, "a");
    let future = format!(
        "resourceVersion={}&resourceVersionMatch=Exact",
        shop.revision().await.next()
    );
    let status = refused(shop.list("shop", &future).await);
    assert_eq!(status.code, 504);
    assert_eq!(status.details.unwrap().retry_after_seconds, 1);
}

#[tokio::test]
async fn a_compacted_list_expires_and_its_pages_may_go_on_at_the_newest_revision() {
    let shop = stocked().await;
    let first = shop.list("shop", "limit=2").await.unwrap();
    let then = first.revision;
    shop.stock(paint("cc", "red")).await;
    shop.store.compact(shop.revision().await).await.unwrap();
    let exact = format!("resourceVersion={then}&resourceVersionMatch=Exact");
    let status = refused(shop.list("shop", &exact).await);
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    assert_eq!(
        status.message,
        "The resourceVersion for the provided list is too old."
    );

    let status = refused(
        shop.list("shop", &format!("limit=2&continue={}", first.continue_token))
            .await,
    );
    assert_eq!((status.code, status.reason.as_str()), (410, "Expired"));
    assert!(
        status
            .message
            .starts_with("The provided continue parameter is too old to display a consistent list")
    );
    let query = format!("limit=2&continue={}", status.metadata.continue_token);
    let second = shop.list("shop", &query).await.unwrap();
    assert_eq!(names(&second), "c cc");
    assert!(second.revision > then);
    let query = format!("limit=2&continue={}", second.continue_token);
    let third = shop.list("shop", &query).await.unwrap();
    assert_eq!((names(&third).as_str(), third.revision), ("d e", second.revision));
}

#[tokio::test]
async fn a_token_does_not_go_with_a_resource_version() {
    let shop = stocked().await;
    let first = shop.list("shop", "limit=2").await.unwrap();
    let query = format!(
        "continue={}&resourceVersion={}",
        first.continue_token, first.revision
    );
    let status = refused(shop.list("shop", &query).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            400,
            "specifying resource version is not allowed when using continue"
        )
    );
    let status = refused(shop.list("shop", "continue=x%24").await);
    assert!(
        status.message.starts_with("invalid continue token: "),
        "{}",
        status.message
    );
    assert_eq!(refused(shop.list("shop", "resourceVersion=x").await).code, 400);
}

#[tokio::test]
async fn an_empty_store_has_a_revision() {
    assert!(shop().list("shop", "").await.unwrap().revision > Revision::ZERO);
}
