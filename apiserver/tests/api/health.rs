//! What is wrong, and what is counted.

use crate::fixture::serve;

#[tokio::test]
async fn each_check_is_listed_and_can_be_asked_alone() {
    let served = serve().await;
    let mut client = served.client().await;
    assert_eq!(
        client.get("/readyz?verbose").await.body,
        "[+]ping ok\n[+]log ok\n[+]etcd ok\n[+]etcd-readiness ok\n[+]informer-sync ok\n\
         [+]poststarthook/storage-readiness ok\n[+]background-tasks ok\n[+]shutdown ok\nreadyz check passed\n"
    );
    let one = client.get("/readyz/poststarthook/storage-readiness").await;
    assert_eq!((one.code, one.body.as_str()), (200, "ok"));
    assert_eq!(client.get("/livez/shutdown").await.code, 404);
    assert_eq!(client.get("/healthz/").await.code, 404);
}

#[tokio::test]
async fn version_and_metrics_are_there() {
    let served = serve().await;
    let mut client = served.client().await;
    let version = client.get("/version").await.json();
    assert!(
        version["gitVersion"].as_str().unwrap().starts_with('v'),
        "{version}"
    );
    let metrics = client.get("/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for name in [
        "apiserver_request_total{code=\"200\"",
        "apiserver_current_inflight_requests{request_kind=\"mutating\"} 0",
        "annex_background_task_restarts_total{task=\"serving-certificates\"} 0",
        "annex_background_task_restarts_total{task=\"watch-cache/test.example.com/things\"} 0",
        "apiserver_storage_objects{group=\"test.example.com\",resource=\"things\"} 0",
    ] {
        assert!(metrics.body.contains(name), "{name}\n{}", metrics.body);
    }
    assert_eq!(client.ask("DELETE", "/metrics", &[], None).await.code, 405);
}
