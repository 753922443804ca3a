//! The example `controller`: a controller of kube's in its server's process, on the server's own client.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    reason = "the modules are those of the example program"
)]

#[path = "../examples/controller/essays.rs"]
mod essays;
#[path = "../examples/controller/reading_times.rs"]
mod reading_times;
#[path = "../examples/controller/server.rs"]
mod server;

use std::time::Duration;

use annex_apiserver::config::Config;
use annex_apiserver::server::Running;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::{Instant, sleep};

use essays::{Essay, EssayStatus};

/// How long a test waits for what must happen; nothing depends on how fast it does.
const PATIENCE: Duration = Duration::from_secs(60);

/// A client of the server's only user, over TLS.
async fn client(running: &Running) -> Client {
    let kubeconfig = Kubeconfig::read_from(running.kubeconfig().unwrap()).unwrap();
    let options = KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await;
    Client::try_from(config.unwrap()).unwrap()
}

/// Waits for the status; since when it says that the essay was measured.
async fn until(essays: &Api<Essay>, expected: &EssayStatus) -> Time {
    let begun = Instant::now();
    loop {
        let mut found = essays.get("on-reading").await.unwrap().status;
        let conditions = std::mem::take(&mut found.conditions);
        if found == *expected {
            let [measured] = &conditions[..] else {
                panic!("{conditions:?}");
            };
            assert_eq!(
                (measured.type_.as_str(), measured.status.as_str()),
                ("Measured", "True")
            );
            assert_eq!(measured.observed_generation, Some(expected.observed_generation));
            return measured.last_transition_time.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "{found:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_controller_fills_the_status_of_what_others_write() {
    let directory = tempfile::tempdir().unwrap();
    let flags = server::Flags {
        words_per_minute: 120,
    };
    let server = server::describe(&flags);
    let running = server.start(Config::for_tests(directory.path())).await.unwrap();
    running.ready().await;
    let client = client(&running).await;
    let essays: Api<Essay> = Api::namespaced(client.clone(), "ns");
    let essay = |text: &str| {
        let object = json!({
            "apiVersion": "controller.example.com/v1", "kind": "Essay",
            "metadata": {"name": "on-reading"}, "spec": {"text": text},
        });
        serde_json::from_value::<Essay>(object).unwrap()
    };
    essays
        .create(&PostParams::default(), &essay("four words to read"))
        .await
        .unwrap();
    let status = |observed_generation, words, reading_seconds| EssayStatus {
        observed_generation,
        words,
        reading_seconds,
        conditions: Vec::new(),
    };
    let since = until(&essays, &status(1, 4, 2)).await;
    let longer = Patch::Merge(json!({"spec": {"text": "now there are six words here"}}));
    essays
        .patch("on-reading", &PatchParams::default(), &longer)
        .await
        .unwrap();
    assert_eq!(
        until(&essays, &status(2, 6, 3)).await,
        since,
        "it is measured as before"
    );

    let text = async |path: &str| {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        client.request_text(request).await.unwrap()
    };
    assert_eq!(text("/readyz").await, "ok");
    assert_eq!(text("/readyz/reading-times").await, "ok");
    assert_eq!(text("/readyz/poststarthook/reading-times").await, "ok");
    let metrics = text("/metrics").await;
    assert!(metrics.contains("essays_statuses_written_total 2\n"), "{metrics}");
    running.shutdown().await;
}
