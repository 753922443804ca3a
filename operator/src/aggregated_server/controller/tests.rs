use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::FutureExt as _;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::*;
use crate::{
    aggregated_server::{
        prober::question::Answer as Answered,
        testing::{deps, prober},
    },
    fake_client::{Answer, Request, fake_client},
    fake_cluster::entry,
    pki::testing as pki,
    probe::tls::{HandshakeError, Served},
};

const SERVERS: &str = "/apis/annex.dev/v1alpha1/aggregatedservers";
/// Only a test that fails waits for it.
const LONG: Duration = Duration::from_secs(120);

fn server(name: &str, surge: Value) -> Value {
    json!({
        "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer",
        "metadata": { "name": name, "uid": name, "generation": 1, "resourceVersion": "1" },
        "spec": {
            "namespace": name,
            "apis": [{ "group": "wardle.example.com", "version": name }],
            "workload": { "image": "x", "strategy": { "rollingUpdate": { "maxSurge": surge } } },
        },
    })
}

/// Two servers, of which the one that comes first does not decode, and nothing else.
#[derive(Clone, Default)]
struct Cluster {
    writes: Arc<Mutex<Vec<(String, Value)>>>,
    fails: Arc<Mutex<Option<String>>>,
}

impl Cluster {
    fn answer(&self, request: Request) -> Answer {
        let Request { method, path, .. } = &request;
        if method != "GET" {
            let mut writes = self.writes.lock().unwrap();
            writes.push((format!("{method} {path}"), request.body.clone()));
            return Answer::ok(request.body);
        }
        let servers = [server("bad", json!(3_000_000_000_u64)), server("good", json!(1))];
        if self.fails.lock().unwrap().as_ref() == Some(path) {
            return Answer::status(500, "InternalError");
        }
        if request.watch {
            return Answer::Never;
        }
        let named = servers
            .iter()
            .find(|server| *path == format!("{SERVERS}/{}", server["metadata"]["name"].as_str().unwrap()));
        if let Some(server) = named {
            return Answer::ok(server.clone());
        }
        // An object is named as its server or its namespace; what ends in a plural is a list.
        if ["/good", "/good-ca", "/good-serving-cert"]
            .iter()
            .any(|name| path.ends_with(name))
            || path.contains("/apiservices/")
        {
            return Answer::status(404, "NotFound");
        }
        let items = if path == SERVERS {
            json!(servers)
        } else {
            json!([])
        };
        Answer::ok(
            json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "1" }, "items": items }),
        )
    }

    fn status_of(&self, name: &str) -> Option<Value> {
        let writes = self.writes.lock().unwrap();
        let path = format!("PUT {SERVERS}/{name}/status");
        writes
            .iter()
            .find(|(what, _)| *what == path)
            .map(|(_, body)| body["status"].clone())
    }

    fn start(&self) -> (Watches, Metrics, watch::Sender<bool>, tokio::task::JoinHandle<()>) {
        let cluster = self.clone();
        let of_watches = self.clone();
        let (mut deps, stop) = deps(fake_client(move |request| {
            assert!(!request.watch, "{request:?}");
            cluster.answer(request)
        }));
        deps.watch_client = fake_client(move |request| {
            // A list without a name, or a watch.
            assert_eq!(request.method, "GET");
            assert!(!request.path.starts_with(&format!("{SERVERS}/")), "{request:?}");
            of_watches.answer(request)
        });
        let (watches, metrics) = (deps.watches.clone(), deps.metrics.clone());
        (watches, metrics, stop, tokio::spawn(run_with(deps, prober())))
    }
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let reached = tokio::time::timeout(LONG, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(reached.await.is_ok(), "{what} does not come");
}

fn reason(status: &Value, type_: &str) -> Value {
    let conditions = status["conditions"].as_array().unwrap();
    let condition = conditions.iter().find(|condition| condition["type"] == type_);
    json!([condition.unwrap()["status"], condition.unwrap()["reason"]])
}

#[tokio::test]
async fn a_server_that_does_not_decode_is_told_of_and_stops_no_other() {
    let cluster = Cluster::default();
    let (_, metrics, stop, task) = cluster.start();
    until("both statuses", || {
        cluster.status_of("bad").is_some() && cluster.status_of("good").is_some()
    })
    .await;
    let bad = cluster.status_of("bad").unwrap();
    assert_eq!(reason(&bad, "Ready"), json!(["False", "Invalid"]));
    assert_eq!(reason(&bad, "Degraded"), json!(["True", "Invalid"]));
    assert_eq!(reason(&bad, "Available"), json!(["Unknown", "NotObserved"]));
    let message = bad["conditions"][0]["message"].as_str().unwrap();
    assert!(
        message.starts_with(
            "spec.workload.strategy.rollingUpdate.maxSurge: invalid value: integer `3000000000`"
        ),
        "{message}"
    );
    let good = cluster.status_of("good").unwrap();
    assert_eq!(reason(&good, "Ready"), json!(["False", "NamespaceNotFound"]));
    // An Event, the status, and nothing of its children.
    let of_bad: Vec<String> = {
        let writes = cluster.writes.lock().unwrap();
        let concerns = |(what, body): &&(String, Value)| {
            what.contains("/bad")
                || body["regarding"]["name"] == "bad"
                || body["metadata"]["namespace"] == "bad"
        };
        writes
            .iter()
            .filter(concerns)
            .map(|(what, _)| what.clone())
            .collect()
    };
    assert_eq!(
        of_bad,
        [
            "POST /apis/events.k8s.io/v1/namespaces/default/events".to_owned(),
            format!("PUT {SERVERS}/bad/status"),
        ]
    );
    let samples = metrics.encode().unwrap();
    assert!(
        samples.contains("annex_aggregatedserver_invalid{name=\"bad\"} 1\n"),
        "{samples}"
    );
    assert!(
        !samples.contains("annex_aggregatedserver_invalid{name=\"good\"}"),
        "{samples}"
    );
    stop.send(true).unwrap();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_reconcile_that_hangs_gives_its_worker_back() {
    let context = crate::aggregated_server::testing::context(fake_client(|_| Answer::Never));
    let server = serde_json::from_value::<ListedServer>(server("good", json!(1))).unwrap();
    let error = reconcile(Arc::new(server), Arc::new(context)).await.unwrap_err();
    assert_eq!(error.to_string(), "it took longer than 90 s");
}

const DEAD: usize = 8;

/// What there is of servers that somebody else runs, each behind a Service with one endpoint.
fn run_by_others(stored: &Mutex<BTreeMap<String, Value>>, request: Request) -> Answer {
    let Request { method, path, .. } = &request;
    if method != "GET" {
        let mut body = request.body.clone();
        // Of a server, whose watch tells nothing, one that its list did not have.
        let written = if path.ends_with("/status") { "2" } else { "1" };
        body["metadata"]["resourceVersion"] = json!(written);
        body["metadata"]["managedFields"] = json!([entry("Apply", &request.body)]);
        let name = body["metadata"]["name"].as_str().unwrap_or_default();
        let path = if method == "POST" {
            format!("{path}/{name}")
        } else {
            path.clone()
        };
        stored.lock().unwrap().insert(path, body.clone());
        return Answer::ok(body);
    }
    if request.watch {
        return Answer::Never;
    }
    if let Some(object) = stored.lock().unwrap().get(path) {
        return Answer::ok(object.clone());
    }
    let number = path
        .rsplit('/')
        .find_map(|part| part.strip_prefix('s')?.parse::<u8>().ok());
    let server = |number| {
        json!({
            "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer",
            "metadata": { "name": format!("s{number}"), "uid": format!("s{number}"), "generation": 1, "resourceVersion": "1" },
            "spec": {
                "namespace": format!("s{number}"),
                "apis": [{ "group": format!("s{number}.example.com"), "version": "v1" }],
                "service": { "name": "api", "port": 443 },
            },
        })
    };
    let servers = 0..=DEAD;
    let endpoints = |number| {
        json!([{
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": { "name": "api-1" },
            "addressType": "IPv4", "ports": [{ "name": "https", "port": 8443 }],
            "endpoints": [{ "addresses": [format!("10.0.0.{number}")], "conditions": { "ready": true } }],
        }])
    };
    let list = |items: Value| {
        Answer::ok(
            json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "1" }, "items": items }),
        )
    };
    match (number, path.rsplit('/').next()) {
        (_, Some("aggregatedservers")) => list(json!(servers.map(server).collect::<Vec<_>>())),
        (Some(number), Some("api")) => Answer::ok(json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": "api", "namespace": format!("s{number}") },
            "spec": { "clusterIP": "10.96.0.1", "ports": [{ "name": "https", "port": 443 }] },
        })),
        (Some(number), Some("endpointslices")) => list(endpoints(number)),
        (Some(number), Some(_)) if path.starts_with(&format!("{SERVERS}/")) => {
            let mut server = server(usize::from(number));
            let written = stored.lock().unwrap().get(&format!("{path}/status")).cloned();
            if let Some(written) = written {
                server["metadata"]["resourceVersion"] = written["metadata"]["resourceVersion"].clone();
                server["status"] = written["status"].clone();
            }
            Answer::ok(server)
        }
        (Some(number), Some(name)) if name == format!("s{number}") => Answer::ok(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name },
        })),
        (_, Some(plural)) if plural.ends_with('s') && plural != "status" => list(json!([])),
        _ => Answer::status(404, "NotFound"),
    }
}

/// The packets of eight servers are dropped; there is one worker; the ninth has its pass all the same.
#[tokio::test(start_paused = true)]
async fn servers_that_do_not_answer_keep_no_other_from_its_pass() {
    let ended = Arc::new(AtomicUsize::new(0));
    let ends = Arc::clone(&ended);
    let healthy = format!("10.0.0.{DEAD}");
    let presented = pki::leaf(&pki::authority(&[pki::NAME])).certificate;
    let prober = Prober::new(Arc::new(move |address, _| {
        let (ends, dead) = (Arc::clone(&ends), address.ip().to_string() != healthy);
        let leaf = presented.clone();
        async move {
            if dead {
                tokio::time::sleep(Duration::from_secs(5)).await;
                ends.fetch_add(1, Ordering::SeqCst);
            }
            Answered {
                handshake: if dead {
                    Err(HandshakeError::ConnectTimeout)
                } else {
                    Ok(Served {
                        chain: vec![leaf.der.clone()],
                        leaf,
                    })
                },
                at: tokio::time::Instant::now(),
                discovery: Default::default(),
                readyz: None,
                timed_out: dead,
            }
        }
        .boxed()
    }));
    let statuses = Arc::new(Mutex::new(Vec::new()));
    let (written, deads) = (Arc::clone(&statuses), Arc::clone(&ended));
    let stored = Arc::new(Mutex::default());
    let (deps, stop) = deps(fake_client(move |request| {
        if request.method != "GET" && request.path.ends_with("/status") {
            let name = request.path.rsplit('/').nth(1).unwrap().to_owned();
            let told = request.body["status"].clone();
            written
                .lock()
                .unwrap()
                .push((name, told, deads.load(Ordering::SeqCst)));
        }
        run_by_others(&stored, request)
    }));
    let task = tokio::spawn(run_with(deps, prober));
    let told = |name: &str, type_: &str, reason_: &str| {
        let statuses = statuses.lock().unwrap();
        statuses
            .iter()
            .find(|(of, status, _)| of == name && reason(status, type_)[1] == reason_)
            .map(|(_, _, deads)| *deads)
    };
    let ninth = format!("s{DEAD}");
    until("the ninth's status", || {
        told(&ninth, "CertificatesReady", "CANotTrusted").is_some()
    })
    .await;
    assert_eq!(
        told(&ninth, "CertificatesReady", "CANotTrusted"),
        Some(0),
        "it waited for the dead"
    );
    // Of the others nothing is said before it is known.
    for number in 0..DEAD {
        let name = format!("s{number}");
        until("a dead one's status", || {
            told(&name, "Available", "ConnectionTimeout").is_some()
        })
        .await;
        let statuses = statuses.lock().unwrap();
        let mut of = statuses.iter().filter(|(of, _, _)| *of == name);
        assert_eq!(
            reason(&of.next().unwrap().1, "Available"),
            json!(["Unknown", "NotObserved"])
        );
        assert_eq!(
            reason(&of.next().unwrap().1, "Available"),
            json!(["False", "ConnectionTimeout"])
        );
    }
    stop.send(true).unwrap();
    task.await.unwrap();
}

#[tokio::test]
async fn a_list_that_fails_is_counted_and_keeps_the_process_from_being_ready() {
    let cluster = Cluster::default();
    *cluster.fails.lock().unwrap() = Some(SERVERS.to_owned());
    let (watches, metrics, stop, task) = cluster.start();
    let counted = "annex_watch_errors_total{kind=\"AggregatedServer\"} ";
    until("a counted error", || metrics.encode().unwrap().contains(counted)).await;
    until("every other list", || {
        watches.failure().as_deref() == Some("not listed yet: AggregatedServer")
    })
    .await;
    *cluster.fails.lock().unwrap() = None;
    until("the list", || watches.failure().is_none()).await;
    stop.send(true).unwrap();
    task.await.unwrap();
}
