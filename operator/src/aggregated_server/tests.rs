mod first_start;

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::{
    aggregated_server::testing::{context, server},
    fake_client::{Answer, fake_client},
};

const SERVER: &str = "/apis/annex.dev/v1alpha1/aggregatedservers/wardle";

/// One that a pass has gone over.
fn listed(version: &str) -> Arc<ListedServer> {
    let mut server = json!(server());
    server["status"] = json!({ "observedGeneration": 3 });
    server["metadata"]["resourceVersion"] = version.into();
    Arc::new(serde_json::from_value(server).unwrap())
}

/// What reaches an API server that has the AggregatedServer alone, at version 8, and answers all else with `code`.
struct Asked {
    ctx: Arc<Context>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Asked {
    fn of_cluster(code: u16) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        let client = fake_client(move |request| {
            seen.lock()
                .unwrap()
                .push(format!("{} {}", request.method, request.path));
            let mut server: Value = json!(server());
            server["metadata"]["resourceVersion"] = "8".into();
            match (request.method.as_str(), request.path.as_str()) {
                ("GET", SERVER) => Answer::ok(server),
                ("PUT", path) if path.starts_with(SERVER) => Answer::ok(server),
                ("POST", path) if path.ends_with("/events") => Answer::ok(request.body),
                _ => Answer::status(
                    code,
                    if code == 404 {
                        "NotFound"
                    } else {
                        "ServiceUnavailable"
                    },
                ),
            }
        });
        Self {
            ctx: Arc::new(context(client)),
            requests,
        }
    }

    /// What a reconcile asks for.
    async fn reconcile(&self, version: &str) -> Vec<String> {
        let server = listed(version);
        if let Err(error) = reconcile(Arc::clone(&server), Arc::clone(&self.ctx)).await {
            error_policy(server, &error, Arc::clone(&self.ctx));
        }
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn has(requests: &[String], request: &str) -> bool {
    requests.iter().any(|asked| asked == request)
}

/// An API server that is restarted is no news about any server.
#[tokio::test(start_paused = true)]
async fn reads_that_fail_change_no_condition_for_a_minute() {
    let asked = Asked::of_cluster(503);
    let told = format!("PUT {SERVER}/status");
    for _ in 0..6 {
        let requests = asked.reconcile("7").await;
        assert!(!requests.is_empty() && !has(&requests, &told), "{requests:?}");
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    let requests = asked.reconcile("7").await;
    assert!(has(&requests, &told), "{requests:?}");
}

/// The watch's copy of a server is as good as a read, unless it is older than what was written last.
#[tokio::test]
async fn a_server_is_read_only_where_its_copy_is_too_old() {
    let asked = Asked::of_cluster(404);
    let read = format!("GET {SERVER}");
    let written = format!("PUT {SERVER}/status");
    let requests = asked.reconcile("7").await;
    assert!(!has(&requests, &read) && has(&requests, &written), "{requests:?}");
    let requests = asked.reconcile("7").await;
    assert!(has(&requests, &read), "version 8 was written: {requests:?}");
    let requests = asked.reconcile("8").await;
    assert!(!has(&requests, &read), "{requests:?}");
}

/// What the API server does not take for a minute is told, beside all else that the pass has found.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_not_taken_is_told_after_a_minute_beside_the_rest() {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    let client = fake_client(move |request| {
        if request.method != "GET" {
            seen.lock()
                .unwrap()
                .push((request.path.clone(), request.body.clone()));
        }
        let is_list = matches!(
            request.path.rsplit('/').next(),
            Some("apiservices" | "customresourcedefinitions" | "endpointslices" | "pods")
        );
        match request.method.as_str() {
            "GET" if is_list => Answer::ok(json!({ "metadata": {}, "items": [] })),
            "GET" if request.path == SERVER => Answer::ok(json!(server())),
            "GET" if request.path == "/api/v1/namespaces/wardle" => {
                Answer::ok(json!({ "metadata": { "name": "wardle", "uid": "n" } }))
            }
            "GET" => Answer::status(404, "NotFound"),
            _ if request.path.contains("/secrets") || request.path.ends_with("/status") => {
                Answer::ok(request.body)
            }
            _ if request.path.contains("/events") => Answer::ok(request.body),
            _ => Answer::status(500, "InternalError"),
        }
    });
    let ctx = Arc::new(context(client));
    let told = || {
        let mut requests = requests.lock().unwrap();
        let status = requests
            .iter()
            .rev()
            .find(|(path, _)| *path == format!("{SERVER}/status"));
        let status = status.map(|(_, body)| body["status"].clone());
        requests.clear();
        status
    };
    for _ in 0..6 {
        assert!(reconcile(listed("7"), Arc::clone(&ctx)).await.is_err());
        assert_eq!(told(), None);
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    assert!(reconcile(listed("7"), Arc::clone(&ctx)).await.is_err());
    let status = told().expect("a status");
    let reason = |type_: &str| {
        let conditions = status["conditions"].as_array().unwrap();
        let condition = conditions.iter().find(|condition| condition["type"] == type_);
        condition.unwrap()["reason"].clone()
    };
    assert_eq!(reason("Degraded"), "ApplyFailed");
    assert_eq!(reason("Available"), "NoReadyEndpoints");
}

/// A status that cannot be written cannot say so itself.
#[tokio::test(start_paused = true)]
async fn a_status_that_is_refused_is_told_by_an_event() {
    let events = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&events);
    let client = fake_client(move |request| {
        if request.path.ends_with("/events") {
            let event = (request.body["reason"].clone(), request.body["note"].clone());
            seen.lock().unwrap().push(event);
            return Answer::ok(request.body);
        }
        match request.path.as_str() {
            path if path.ends_with("/status") => Answer::status(403, "Forbidden"),
            _ => Answer::status(404, "NotFound"),
        }
    });
    let ctx = Arc::new(context(client));
    let failed = || {
        let mut events = events.lock().unwrap();
        let failed = events.iter().filter(|(reason, _)| reason == "ReconcileFailed");
        let failed = failed.cloned().collect::<Vec<_>>();
        events.clear();
        failed
    };
    for _ in 0..6 {
        assert!(reconcile(listed("7"), Arc::clone(&ctx)).await.is_err());
        assert_eq!(failed(), []);
        tokio::time::advance(Duration::from_secs(10)).await;
    }
    assert!(reconcile(listed("7"), Arc::clone(&ctx)).await.is_err());
    let failed = failed();
    assert_eq!(failed.len(), 1);
    let note = failed[0].1.as_str().unwrap();
    assert!(note.starts_with("failed to write the status: "), "{note}");
}

/// It was deleted while it was reconciled.
#[tokio::test]
async fn a_server_that_is_gone_leaves_nothing_behind() {
    let asked = Asked::of_cluster(404);
    asked.reconcile("7").await;
    let series = || {
        let text = asked.ctx.metrics.encode().unwrap();
        text.lines()
            .filter(|line| line.contains("name=\"wardle\""))
            .count()
    };
    assert!((1..=30).contains(&series()), "{}", series());
    let mut gone = json!(server());
    gone["metadata"]["name"] = "gone".into();
    gone["metadata"]["uid"] = "1d0c".into();
    gone["metadata"]["resourceVersion"] = "7".into();
    let gone: Arc<ListedServer> = Arc::new(serde_json::from_value(gone).unwrap());
    let _ = reconcile(gone, Arc::clone(&asked.ctx)).await;
    let text = asked.ctx.metrics.encode().unwrap();
    assert!(!text.contains("name=\"gone\""), "{text}");
    assert_eq!(asked.ctx.memory("1d0c").least_version, None);
}
