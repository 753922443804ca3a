//! Create.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::fixture::*;
use crate::admission::Operation;
use crate::registry::tests::fixture::refused;
use crate::request::Verb;
use crate::request::options::CreateOptions;
use crate::resource::{ObjectNames, Policy, Scope};
use crate::storage::Revision;

#[tokio::test]
async fn a_new_object_gets_what_the_server_decides() {
    let shop = shop();
    let forged = json!({
        "name": "a", "uid": "mine", "creationTimestamp": "2000-01-01T00:00:00Z", "selfLink": "/x", "generation": 7,
        "deletionTimestamp": "2000-01-01T00:00:00Z", "deletionGracePeriodSeconds": 3,
        "managedFields": [{"manager": "me"}], "labels": {"kept": "yes"},
    });
    let mut sent = paint("a", "red");
    sent.0.insert("metadata".into(), forged);
    sent.0.insert("status".into(), json!({"dry": true}));
    let found = shop.stock(sent).await;
    let metadata = found.metadata().unwrap();
    let fields: Vec<&String> = metadata.keys().collect();
    assert_eq!(
        fields,
        [
            "creationTimestamp",
            "generation",
            "labels",
            "name",
            "namespace",
            "resourceVersion",
            "uid"
        ]
    );
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["namespace"], "shop");
    assert_ne!(metadata["uid"], "mine");
    assert_eq!(
        found.meta("creationTimestamp").len(),
        "2026-01-01T00:00:00Z".len()
    );
    assert!(found.meta("creationTimestamp") > "2020");
    assert_eq!(found.resource_version(), shop.revision().await.to_string());
    assert!(!found.0.contains_key("status"), "prepare_for_create has its say");
    assert_eq!(shop.get("a").await.unwrap(), found);
}

#[tokio::test]
async fn the_store_holds_what_go_would_store() {
    let shop = shop();
    let entry = shop.create(paint("a", "red")).await.unwrap().entry;
    let text = String::from_utf8(entry.value().to_vec()).unwrap();
    let head = r#"{"kind":"Paint","apiVersion":"test.example.com/v1","metadata":{"creationTimestamp":""#;
    assert!(text.starts_with(head), "{text}");
    assert!(
        text.ends_with("\"spec\":{\"color\":\"red\",\"size\":1}}\n"),
        "{text}"
    );
    assert!(!text.contains("resourceVersion"), "{text}");
    assert_eq!(entry.key().as_str(), "/test.example.com/paints/shop/a");
}

#[tokio::test]
async fn another_version_is_stored_in_the_storage_version() {
    let shop = shop();
    let sent = object(json!({
        "apiVersion": "test.example.com/v2", "kind": "Paint",
        "metadata": {"name": "a"}, "spec": {"colour": "red"},
    }));
    let request = request(Verb::Create, "v2", "");
    let created = shop
        .registry
        .create(&request, sent, &CreateOptions::default(), &mut Vec::new())
        .await
        .unwrap();
    assert_eq!(shop.v1(&created.entry).0["spec"]["color"], "red");
    let bytes = shop.registry.encode(&created.entry, "v2").unwrap();
    let seen: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(seen["apiVersion"], "test.example.com/v2");
    assert_eq!(
        seen["spec"],
        json!({"colour": "red", "size": 1}),
        "defaulted when it is read"
    );
    assert_eq!(
        seen["metadata"]["resourceVersion"],
        created.entry.revision().to_string()
    );
}

#[tokio::test]
async fn a_name_is_generated_and_generated_anew_where_it_is_taken() {
    let shop = shop();
    let mut unnamed = with(paint("", "red"), "generateName", "p-");
    unnamed.metadata_mut().remove("name");
    let mut names = Vec::new();
    for _ in 0..20 {
        names.push(shop.stock(unnamed.clone()).await.name().to_owned());
    }
    assert!(
        names.iter().all(|name| name.starts_with("p-") && name.len() == 7),
        "{names:?}"
    );
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 20);

    let taken = refused(
        shop.create(with(paint(&names[0], "red"), "generateName", "p-"))
            .await,
    );
    assert_eq!(taken.code, 409);
    assert_eq!(taken.reason, "AlreadyExists");
    assert!(
        taken
            .message
            .ends_with("already exists, the server was not able to generate a unique name for the object"),
        "{}",
        taken.message
    );
    assert_eq!(taken.details.unwrap().retry_after_seconds, 1);
}

#[tokio::test]
async fn an_object_without_a_name_is_invalid() {
    let status = refused(shop().create(with(paint("a", "red"), "name", "")).await);
    assert_eq!(status.code, 422);
    assert_eq!(
        status.message,
        "Paint.test.example.com \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
}

#[tokio::test]
async fn a_taken_name_is_told_and_that_its_object_is_leaving() {
    let shop = shop();
    shop.stock(with(paint("a", "red"), "finalizers", json!(["x/y"])))
        .await;
    let taken = "paints.test.example.com \"a\" already exists";
    let status = refused(shop.create(paint("a", "blue")).await);
    assert_eq!((status.code, status.message.as_str()), (409, taken));
    let details = status.details.unwrap();
    assert_eq!((details.name.as_str(), details.kind.as_str()), ("a", "paints"));

    shop.delete("a", "").await.unwrap();
    let status = refused(shop.create(paint("a", "blue")).await);
    assert_eq!(status.message, format!("object is being deleted: {taken}"));
    let status = refused(shop.create_in("shop", paint("a", "blue"), DRY_RUN).await);
    assert_eq!(status.message, format!("object is being deleted: {taken}"));
}

#[tokio::test]
async fn an_object_goes_into_the_namespace_of_its_request_or_nowhere() {
    let shop = shop();
    let status = refused(shop.create(with(paint("a", "red"), "namespace", "other")).await);
    assert_eq!(status.code, 400);
    assert_eq!(
        status.message,
        "the namespace of the provided object does not match the namespace sent on the request"
    );
    let cluster = shop_with(Scope::Cluster, Policy::default());
    let created = cluster
        .create_in("", with(paint("a", "red"), "namespace", "other"), "")
        .await
        .unwrap();
    assert_eq!(cluster.v1(&created.entry).namespace(), "");
    assert_eq!(created.entry.key().as_str(), "/test.example.com/paints/a");
}

#[tokio::test]
async fn a_resource_version_on_a_new_object_is_refused() {
    let status = refused(
        shop()
            .create(with(paint("a", "red"), "resourceVersion", "10"))
            .await,
    );
    assert_eq!(status.code, 500);
    assert_eq!(
        status.message,
        "resourceVersion should not be set on objects to be created"
    );
    shop()
        .create(with(paint("a", "red"), "resourceVersion", "0"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_dry_run_does_everything_but_store() {
    let shop = shop();
    let before = shop.revision().await;
    let created = shop
        .create_in("shop", paint("a", "mauve"), DRY_RUN)
        .await
        .unwrap();
    assert_eq!(created.entry.revision(), Revision::ZERO);
    let seen = shop.v1(&created.entry);
    assert_eq!(seen.resource_version(), "");
    assert_ne!(seen.uid(), "");
    assert_eq!(*shop.warnings.lock().unwrap(), ["mauve fades"]);
    assert_eq!(shop.revision().await, before);
    assert_eq!(refused(shop.get("a").await).code, 404);
    assert_eq!(
        *shop.gate.asked.lock().unwrap(),
        [(Operation::Create, "a".to_owned(), true)]
    );

    refused(shop.create_in("shop", paint("a", "invisible"), DRY_RUN).await);
    shop.stock(paint("a", "red")).await;
    assert_eq!(
        refused(shop.create_in("shop", paint("a", "red"), DRY_RUN).await).code,
        409
    );
}

#[tokio::test]
async fn admission_has_the_first_word() {
    let shop = shop();
    let status = refused(shop.create(paint("refused", "invisible")).await);
    assert_eq!(
        (status.code, status.message.as_str()),
        (
            403,
            "paints.test.example.com \"refused\" is forbidden: not this one"
        )
    );
    assert_eq!(refused(shop.get("refused").await).code, 404);
    let mut generated = paint("", "red");
    generated.set_meta("generateName", "a-");
    shop.create(generated).await.unwrap();
    let asked = shop.gate.asked.lock().unwrap().clone();
    assert_eq!(
        asked.last(),
        Some(&(Operation::Create, String::new(), false)),
        "before a name is generated"
    );
}

#[tokio::test]
async fn owners_that_stand_twice_are_kept_once() {
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1"});
    let sent = with(paint("a", "mauve"), "ownerReferences", json!([owner, owner]));
    let shop = shop();
    let created = shop.create(sent).await.unwrap();
    assert_eq!(
        shop.v1(&created.entry).metadata().unwrap()["ownerReferences"],
        json!([owner])
    );
    let warned = shop.warnings.lock().unwrap().clone();
    assert_eq!(warned.len(), 2);
    assert!(warned[0].contains("duplicate UID(s) observed: 1"));
}

#[tokio::test]
async fn a_write_that_fails_warns_as_well() {
    let shop = shop();
    shop.stock(paint("a", "red")).await;
    assert_eq!(refused(shop.create(paint("a", "mauve")).await).code, 409);
    let stale = with(paint("a", "mauve"), "resourceVersion", "1");
    assert_eq!(refused(shop.put(stale).await).code, 409);
    assert_eq!(
        *shop.warnings.lock().unwrap(),
        ["mauve fades"],
        "the PUT came to nothing before"
    );
}

#[tokio::test]
async fn a_resource_without_generations_stores_what_it_was_sent() {
    let policy = Policy {
        generation: false,
        ..Policy::default()
    };
    let shop = shop_with(Scope::Namespaced, policy);
    assert_eq!(shop.stock(paint("a", "red")).await.generation(), 0);
}

#[tokio::test]
async fn metadata_of_another_type_is_a_bad_request() {
    let status = refused(
        shop()
            .create(with(paint("a", "red"), "labels", json!({"a": 1})))
            .await,
    );
    assert_eq!(status.code, 400, "{}", status.message);
}

#[tokio::test]
async fn a_value_that_is_too_large_is_refused_with_the_limit_by_name_and_nothing_is_written() {
    let shop = shop();
    let mut large = paint("a", "red");
    large.0.insert("blob".into(), "x".repeat(3 << 20).into());
    let status = refused(shop.create(large.clone()).await);
    let (code, reason) = (status.code, status.reason.as_str());
    assert_eq!(
        (code, reason),
        (413, "RequestEntityTooLarge"),
        "{}",
        status.message
    );
    let (size, limit) = status.message.split_once(" bytes as it is stored, ").unwrap();
    assert!(
        size.starts_with("Request entity too large: the object has 31"),
        "{size}"
    );
    assert_eq!(limit, "limit is 1572864 (the store's largest value)");
    assert_eq!(shop.left().await, 0);
}

#[tokio::test]
async fn who_has_a_rule_for_names_is_told_all_that_is_wrong_at_once() {
    let labels = json!({"name": "Not_dns", "labels": {"a b": "c"}});
    let mut sent = paint("a", "invisible");
    sent.0.insert("metadata".into(), labels);
    let fields_of = async |names| {
        let policy = Policy {
            object_names: names,
            ..Policy::default()
        };
        let shop = shop_with(Scope::Namespaced, policy);
        let status = shop.create(sent.clone()).await.unwrap_err().status();
        let causes = status.details.unwrap().causes;
        causes.into_iter().map(|cause| cause.field).collect::<Vec<_>>()
    };
    assert_eq!(
        fields_of(ObjectNames::DnsSubdomain).await,
        ["metadata.name", "metadata.labels", "spec.color"]
    );
    // Elsewhere the kind's own errors come alone.
    assert_eq!(fields_of(ObjectNames::PathSegment).await, ["spec.color"]);
}

#[tokio::test]
async fn creates_are_counted_from_the_question_whether_they_are_refused_until_they_are_stored() {
    let shop = shop();
    shop.stock(paint("before", "red")).await;
    let creates = shop.registry.rules().creates.clone();
    let are_over = Arc::new(Mutex::new(Vec::new()));
    let (seen, during) = (are_over.clone(), creates.clone());
    shop.gate.change(move |_| {
        // The definition is deleted while a plugin looks at the object.
        during.refuse(true);
        seen.lock().unwrap().push(during.are_over());
    });
    shop.stock(paint("during", "red")).await;
    assert!(creates.are_over());
    let status = refused(shop.create(paint("after", "red")).await);
    assert_eq!(status.code, 403);
    assert!(creates.are_over());
    assert_eq!(*are_over.lock().unwrap(), [false]);
}
