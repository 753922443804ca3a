use futures::FutureExt as _;
use serde_json::{Value, json};

use super::super::testing::{BETA, FLUNDERS, TestServer};
use crate::resource::Policy;

#[tokio::test]
async fn an_object_is_answered_with_its_version_and_length() {
    let server = TestServer::new();
    let created = server.create("a").await;
    let reply = server.get(&format!("{FLUNDERS}/a")).await;
    assert_eq!((reply.code, reply.json()), (200, created.clone()));
    assert_eq!(created["spec"], json!({"reference": "x"}));
    assert_eq!(created["status"], json!({}));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(
        reply.header("content-length"),
        Some(reply.body.len().to_string().as_str())
    );

    let beta = server.get(&format!("{BETA}/a")).await.json();
    assert_eq!(beta["apiVersion"], "wardle.example.com/v1beta1");
    assert_eq!(beta["spec"], json!({"flunderReference": "x"}));
    assert_eq!(beta["metadata"], created["metadata"]);

    let head = server.send("HEAD", &format!("{FLUNDERS}/a"), &[], "").await;
    assert_eq!(head.code, 405, "as the Go server answers it");
}

#[tokio::test]
async fn an_object_that_is_not_there_is_named() {
    let reply = TestServer::new().get(&format!("{FLUNDERS}/a")).await;
    assert_eq!(
        reply.json(),
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
            "message": "flunders.wardle.example.com \"a\" not found",
            "details": {"name": "a", "group": "wardle.example.com", "kind": "flunders"},
        })
    );
}

#[tokio::test]
async fn a_list_holds_what_was_created_in_pages() {
    let server = TestServer::new();
    let empty = server.get(FLUNDERS).await.json();
    assert_eq!(
        (&empty["kind"], &empty["items"]),
        (&json!("FlunderList"), &json!([]))
    );
    for name in ["a", "b", "c"] {
        server.create(name).await;
    }
    let list = server.get(FLUNDERS).await;
    assert_eq!(
        list.header("content-length"),
        Some(list.body.len().to_string().as_str())
    );
    let list = list.json();
    assert_eq!(list["apiVersion"], "wardle.example.com/v1alpha1");
    assert_eq!(names(&list), ["a", "b", "c"]);
    assert_eq!(list["items"][0]["kind"], "Flunder");
    assert_eq!(
        list["metadata"],
        json!({"resourceVersion": list["items"][2]["metadata"]["resourceVersion"]})
    );
    let page = server.get(&format!("{FLUNDERS}?limit=2")).await.json();
    assert_eq!(names(&page), ["a", "b"]);
    assert_eq!(page["metadata"]["remainingItemCount"], 1);
    let token = page["metadata"]["continue"].as_str().unwrap();
    let rest = server
        .get(&format!("{FLUNDERS}?limit=2&continue={token}"))
        .await
        .json();
    assert_eq!(names(&rest), ["c"]);
    assert_eq!(
        rest["metadata"],
        json!({"resourceVersion": page["metadata"]["resourceVersion"]})
    );
    assert_eq!(
        names(
            &server
                .get(&format!("{FLUNDERS}?fieldSelector=metadata.name%3Db"))
                .await
                .json()
        ),
        ["b"]
    );
}

#[tokio::test]
async fn items_of_go_s_typed_lists_have_no_type_of_their_own() {
    let server = TestServer::with(Policy {
        bare_items: true,
        ..Policy::default()
    });
    server.create("a").await;
    for path in [FLUNDERS, BETA] {
        let list = server.get(path).await;
        assert_eq!(
            list.header("content-length"),
            Some(list.body.len().to_string().as_str())
        );
        let item = list.json()["items"][0].clone();
        assert_eq!(item["metadata"]["name"], "a");
        assert!(item["metadata"]["resourceVersion"].is_string());
        assert!(item["kind"].is_null() && item["apiVersion"].is_null(), "{item}");
    }
}

#[tokio::test]
async fn lists_of_unstructured_objects_always_have_a_continue() {
    let of = async |unstructured| {
        let server = TestServer::with(Policy {
            unstructured,
            ..Policy::default()
        });
        server.create("a").await;
        server.get(FLUNDERS).await.json()["metadata"]["continue"].clone()
    };
    assert_eq!(of(true).await, "");
    assert!(of(false).await.is_null());
}

#[tokio::test]
async fn large_lists_are_compressed_for_those_who_ask() {
    let server = TestServer::new();
    for number in 0..40 {
        let mut object = super::super::testing::flunder(&format!("n{number:03}"));
        object["spec"]["reference"] = "x".repeat(5_000).into();
        assert_eq!(server.post(FLUNDERS, &object).await.code, 201);
    }
    let plain = server.get(FLUNDERS).await;
    let gzip = [("accept-encoding", "gzip")];
    let compressed = server.send("GET", FLUNDERS, &gzip, "").await;
    assert_eq!(compressed.header("content-encoding"), Some("gzip"));
    assert_eq!(compressed.header("vary"), Some("Accept-Encoding"));
    assert_eq!(compressed.header("content-length"), None);
    let mut text = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&compressed.body[..]), &mut text).unwrap();
    assert!(text == plain.body);
    let small = server
        .send("GET", &format!("{FLUNDERS}?limit=20"), &gzip, "")
        .await;
    assert_eq!(small.header("content-encoding"), None);
    assert_eq!(names(&small.json()).len(), 20);
}

#[tokio::test]
async fn options_are_refused_in_kubernetes_words() {
    let server = TestServer::new();
    for name in ["a", "b"] {
        server.create(name).await;
    }
    let page = server.get(&format!("{FLUNDERS}?limit=1")).await.json();
    let token = page["metadata"]["continue"].as_str().unwrap();
    let with_both = format!("?resourceVersion=1&continue={token}");
    for (query, code, message) in [
        (
            "/a?export=true",
            400,
            "the export parameter, deprecated since v1.14, is no longer supported",
        ),
        (
            "?fieldSelector=spec.x%3D1",
            400,
            "\"spec.x\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"",
        ),
        (
            &with_both,
            400,
            "specifying resource version is not allowed when using continue",
        ),
    ] {
        assert_eq!(
            server.get(&format!("{FLUNDERS}{query}")).await.error(),
            (code, message.into())
        );
    }
}

pub(super) fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_that_drops_most_of_what_it_reads_lets_others_have_their_turn() {
    let uri = format!("{FLUNDERS}?labelSelector=a%3Db");
    for (count, is_made_at_once) in [(3, true), (1_100, false)] {
        let server = TestServer::new();
        for number in 0..count {
            server.create(&format!("a{number}")).await;
        }
        let mut listed = Box::pin(server.get(&uri));
        let at_once = (&mut listed).now_or_never();
        assert_eq!(at_once.is_some(), is_made_at_once, "{count} objects");
        let reply = match at_once {
            Some(reply) => reply,
            None => listed.await,
        };
        assert_eq!(reply.json()["items"], serde_json::json!([]));
    }
}
