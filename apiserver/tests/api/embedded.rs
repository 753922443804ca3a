//! A server whose objects lie in a directory.

use annex_apiserver::config::Backend;
use annex_apiserver::storage::embedded::Options;

use crate::fixture::{THINGS, serve_with, thing};

/// What a request may carry is stored: the limit is the store's own, and its refusal names the flag that sets it.
#[tokio::test]
async fn objects_of_up_to_three_megabytes_are_stored_and_larger_ones_are_413() {
    let directory = tempfile::tempdir().unwrap();
    let with = |object_bytes: usize| {
        let mut options = Options::new(directory.path().join("data"));
        options.object_bytes = object_bytes;
        options
    };
    let served = serve_with(|config| config.storage.backend = Backend::Embedded(with(4 << 20))).await;
    let mut client = served.client().await;
    for (name, bytes) in [("one", 1_500_000), ("three", 3_000_000)] {
        let mut large = thing(name);
        large["text"] = "x".repeat(bytes).into();
        let created = client.post(THINGS, &large).await;
        assert_eq!(
            created.code,
            201,
            "{}",
            &created.body[..created.body.len().min(500)]
        );
        let read = client.get(&format!("{THINGS}/{name}")).await;
        assert_eq!(read.json()["text"], large["text"]);
    }
    drop(client);
    served.running.shutdown().await;

    let served = serve_with(|config| config.storage.backend = Backend::Embedded(with(1000))).await;
    let mut client = served.client().await;
    let mut large = thing("four");
    large["text"] = "x".repeat(2000).into();
    let refused = client.post(THINGS, &large).await;
    assert_eq!(refused.code, 413);
    let message = refused.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("limit is 1000 (--data-dir-object-bytes)") && !message.contains("etcd"),
        "{message}"
    );
    assert_eq!(client.get(&format!("{THINGS}/four")).await.code, 404);
    assert_eq!(
        client.get(&format!("{THINGS}/three")).await.code,
        200,
        "what is there stays"
    );
}
