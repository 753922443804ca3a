//! What an author adds to a server: checks, metrics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use annex_apiserver::config::Config;
use annex_apiserver::prometheus_client::collector::Collector;
use annex_apiserver::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use annex_apiserver::prometheus_client::metrics::MetricType;
use annex_apiserver::prometheus_client::metrics::counter::Counter;
use annex_apiserver::prometheus_client::metrics::gauge::ConstGauge;
use annex_apiserver::resource::typed;
use annex_apiserver::server::{Builder, Server};

use crate::fixture::{Thing, serve, serve_built};

fn builder() -> Builder {
    Server::builder("extended").resource(typed::resource::<Thing>().build())
}

/// Why a server does not start.
async fn fault(builder: Builder) -> String {
    let directory = tempfile::tempdir().unwrap();
    let started = builder.build().start(Config::for_tests(directory.path())).await;
    started.err().unwrap().to_string()
}

fn panics() -> Result<(), String> {
    panic!("it fails on purpose")
}

#[tokio::test]
async fn checks_of_the_authors_own_are_asked_as_the_librarys_are() {
    let is_well = Arc::new(AtomicBool::new(false));
    let asked = is_well.clone();
    let server = builder()
        .readiness_check("upstream/queue", move || {
            let is_well = asked.load(Ordering::SeqCst);
            async move { if is_well { Ok(()) } else { Err("the queue is away") } }
        })
        .health_check("panics", || async { panics() })
        .build();
    let served = serve_built(server, |_| {}).await;
    let mut client = served.client().await;
    let sick = client.get("/readyz?exclude=panics").await;
    assert_eq!(sick.code, 500);
    assert!(
        sick.body.contains("[-]upstream/queue failed: reason withheld"),
        "{}",
        sick.body
    );
    let why = client.get("/readyz/upstream/queue").await;
    assert_eq!(why.body, "internal server error: the queue is away\n");
    let excluded = client.get("/readyz?exclude=upstream/queue&exclude=panics").await;
    assert_eq!((excluded.code, excluded.body.as_str()), (200, "ok"));
    assert_eq!(client.get("/livez/upstream/queue").await.code, 404);
    let panicked = client.get("/livez/panics").await;
    assert_eq!(
        (panicked.code, panicked.body.as_str()),
        (500, "internal server error: the check panicked\n")
    );
    is_well.store(true, Ordering::SeqCst);
    assert_eq!(client.get("/readyz?exclude=panics").await.code, 200);
    let paths = client.get("/").await.json();
    let paths = paths["paths"].as_array().unwrap();
    assert!(paths.contains(&"/readyz/upstream/queue".into()), "{paths:?}");
}

#[tokio::test]
async fn checks_whose_names_do_not_fit_keep_a_server_from_starting() {
    let named = |name: &str| builder().readiness_check(name, || async { Ok::<(), String>(()) });
    for name in ["", "a b", "/a", "a/", "a?b", "ä"] {
        let said = fault(named(name)).await;
        assert!(
            said.starts_with(&format!("health check {name:?} cannot be used: a name")),
            "{said}"
        );
    }
    for name in ["ping", "shutdown", "poststarthook/storage-readiness"] {
        let expected = format!("health check {name:?} cannot be used: it is there twice");
        assert_eq!(fault(named(name)).await, expected);
    }
}

/// Tells of one metric.
#[derive(Debug)]
struct Queue(&'static str);

impl Collector for Queue {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let queued = encoder.encode_descriptor(self.0, "What waits", None, MetricType::Gauge)?;
        ConstGauge::new(7_i64).encode(queued)
    }
}

#[tokio::test]
async fn metrics_of_the_authors_own_are_shown_behind_the_librarys() {
    let sent: Counter = Counter::default();
    let server = builder()
        .metric("extended_sent", "What was sent", sent.clone())
        .collector(Queue("extended_queued"))
        .build();
    let served = serve_built(server, |_| {}).await;
    let mut client = served.client().await;
    sent.inc_by(3);
    let metrics = client.get("/metrics").await.body;
    for line in [
        "extended_sent_total 3\n",
        "extended_queued 7\n",
        "annex_background_task_restarts_total{",
    ] {
        assert!(metrics.contains(line), "{line}\n{metrics}");
    }
    assert!(metrics.ends_with("# EOF\n") && metrics.matches("# EOF").count() == 1);
}

#[tokio::test]
async fn metrics_whose_names_do_not_fit_keep_a_server_from_starting() {
    let counter = || Counter::<u64>::default();
    for (server, said) in [
        (
            builder().metric("7up", "", counter()),
            "\"7up\" cannot be used: a name consists",
        ),
        (
            builder().metric("apiserver_x", "", counter()),
            "are the library's",
        ),
        (
            builder().collector(Queue("annex_x")),
            "\"annex_x\" cannot be used: names that begin",
        ),
        (
            builder()
                .metric("x", "", counter())
                .metric("x_total", "", counter()),
            "\"x_total\" cannot be used: it is there twice",
        ),
        (
            builder()
                .metric("queued", "", counter())
                .collector(Queue("queued")),
            "\"queued\" cannot be used: it is there twice",
        ),
    ] {
        let fault = fault(server).await;
        assert!(fault.contains(said), "{fault}");
    }
}

#[tokio::test]
async fn the_librarys_own_metrics_have_the_names_that_are_reserved_for_it() {
    let served = serve().await;
    let mut client = served.client().await;
    client.get("/readyz").await;
    let metrics = client.get("/metrics").await.body;
    let names: Vec<_> = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .collect();
    assert!(names.len() > 10, "{metrics}");
    for name in names {
        assert!(
            name.starts_with("apiserver_") || name.starts_with("annex_"),
            "{name}"
        );
    }
}
