use std::time::{Duration, Instant};

use http::Method;

use super::*;
use crate::request::RequestInfo;

fn info(method: Method, url: &str) -> RequestInfo {
    RequestInfo::parse(&method, &url.parse().unwrap()).unwrap()
}

fn served(metrics: &Metrics, method: Method, url: &str, code: u16, bytes: usize) {
    let info = info(method, url);
    let mut record = metrics.begin(&Subject::of_resource(&info, false), Instant::now());
    record.answered(code);
    record.sent(bytes);
}

#[test]
fn requests_are_counted_under_kubernetes_names() {
    let metrics = Metrics::new(OwnMetrics::default(), |_| {});
    for code in [200, 200, 404] {
        served(
            &metrics,
            Method::GET,
            "/apis/g/v1/namespaces/ns/things/a",
            code,
            2_000,
        );
    }
    served(&metrics, Method::GET, "/apis/g/v1/namespaces/ns/things", 200, 1);
    let text = metrics.encode().unwrap();
    let labels = r#"component="apiserver",group="g",resource="things",scope="resource",subresource="",verb="GET",version="v1""#;
    for line in [
        format!("apiserver_request_total{{code=\"200\",{labels}}} 2"),
        format!("apiserver_request_total{{code=\"404\",{labels}}} 1"),
        format!("apiserver_request_duration_seconds_count{{{labels}}} 3"),
        format!("apiserver_request_sli_duration_seconds_count{{{labels}}} 3"),
        format!("apiserver_response_sizes_bucket{{le=\"1000.0\",{labels}}} 0"),
        format!("apiserver_response_sizes_sum{{{labels}}} 6000.0"),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    assert!(
        text.contains(r#"scope="namespace",subresource="",verb="LIST""#),
        "{text}"
    );
}

#[test]
fn the_service_level_indicator_is_without_the_wait_in_queues() {
    let metrics = Metrics::new(OwnMetrics::default(), |_| {});
    let info = info(Method::GET, "/apis/g/v1/namespaces/ns/things");
    let hour = Duration::from_secs(3600);
    let started = Instant::now().checked_sub(2 * hour).unwrap();
    let mut record = metrics.begin(&Subject::of_resource(&info, false), started);
    record.queued(hour);
    record.answered(200);
    drop(record);
    let text = metrics.encode().unwrap();
    let seconds = |name: &str| {
        let start = format!("apiserver_request_{name}_seconds_sum{{");
        let line = text.lines().find(|line| line.starts_with(&start)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let (all, indicator) = (seconds("duration"), seconds("sli_duration"));
    assert!(all >= 7200.0, "{all}");
    assert!((all - indicator - 3600.0).abs() < 0.001, "{all}, {indicator}");
}

#[test]
fn a_watch_is_counted_while_it_is_open() {
    let metrics = Metrics::new(OwnMetrics::default(), |_| {});
    let info = info(Method::GET, "/apis/g/v1/things?watch=1");
    let open = |value: u8| {
        let text = metrics.encode().unwrap();
        let line = format!(
            "apiserver_longrunning_requests{{component=\"apiserver\",group=\"g\",resource=\"things\",scope=\"cluster\",subresource=\"\",verb=\"WATCH\",version=\"v1\"}} {value}"
        );
        assert!(text.contains(&line), "{line}\n{text}");
    };
    let record = metrics.begin(&Subject::of_resource(&info, false), Instant::now());
    open(1);
    drop(record);
    open(0);
}

#[test]
fn a_client_that_left_early_is_not_counted() {
    let metrics = Metrics::new(OwnMetrics::default(), |_| {});
    let info = info(Method::GET, "/healthz");
    drop(metrics.begin(&Subject::of_path(&info, "/healthz"), Instant::now()));
    assert!(!metrics.encode().unwrap().contains("apiserver_request_total{"));
}
