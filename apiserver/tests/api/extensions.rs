//! What an author adds to a server: checks, metrics, tasks, layers, and a client of the server itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use annex_apiserver::config::Config;
use annex_apiserver::prometheus_client::collector::Collector;
use annex_apiserver::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use annex_apiserver::prometheus_client::metrics::MetricType;
use annex_apiserver::prometheus_client::metrics::counter::Counter;
use annex_apiserver::prometheus_client::metrics::gauge::ConstGauge;
use annex_apiserver::resource::typed;
use annex_apiserver::server::{BoxError, Builder, HandlerService, LayerBody, Server};

use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};

use crate::fixture::{THINGS, Thing, serve, serve_built, thing};

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

/// Things of the namespace `ns`, by a client of the server to itself.
fn things(client: kube::Client) -> kube::Api<kube::core::DynamicObject> {
    let version = kube::core::GroupVersionKind::gvk("test.example.com", "v1", "Thing");
    kube::Api::namespaced_with(client, "ns", &kube::core::ApiResource::from_gvk(&version))
}

#[tokio::test]
async fn a_server_asks_itself_without_a_socket() {
    let asking = builder();
    let loopback = asking.loopback();
    let waiting = tokio::spawn(async move { loopback.client().await });
    let served = serve_built(asking.build(), |_| {}).await;
    let client = waiting.await.unwrap().unwrap();
    let api = things(client.clone());

    // Two events of a watch, by which the bodies of answers stream.
    let added = kube::api::WatchParams::default().disable_bookmarks();
    let mut events = api.watch(&added, "0").await.unwrap().boxed();
    let object = |name: &str| serde_json::from_value(thing(name)).unwrap();
    for name in ["one", "two"] {
        let created = api.create(&Default::default(), &object(name)).await.unwrap();
        assert!(created.metadata.uid.is_some());
        let seen = match events.next().await {
            Some(Ok(kube::core::WatchEvent::Added(seen))) => seen,
            other => panic!("{other:?}"),
        };
        assert_eq!(seen.metadata.name.as_deref(), Some(name));
    }
    assert_eq!(
        served.client().await.get(THINGS).await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let refused = api.create(&Default::default(), &object("one")).await.unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 409));

    // It is exempt, and counted.
    let metrics = served.client().await.get("/metrics").await.body;
    let exempt =
        r#"apiserver_flowcontrol_dispatched_requests_total{flow_schema="exempt",priority_level="exempt"}"#;
    assert!(metrics.contains(exempt), "{metrics}");
    let watching = r#"scope="namespace",subresource="",verb="WATCH",version="v1"} 1"#;
    assert!(metrics.contains(watching), "{metrics}");

    let (ended, ()) = tokio::join!(events.next(), served.running.shutdown());
    assert!(ended.is_none(), "it ends as every watch does");
    let gone = api.get("one").await.unwrap_err();
    assert!(matches!(gone, kube::Error::Api(status) if status.code == 503));
}

#[tokio::test]
async fn what_a_server_asks_itself_is_asked_as_its_own_user_who_may_act_as_others() {
    let asking = builder();
    let loopback = asking.loopback();
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = seen.clone();
    let plugin = typed::Admission::new().mutate_create(move |request, _: Thing| {
        let user = request.user;
        let groups = user.groups.join(",");
        noted.lock().unwrap().push(format!("{} of {groups}", user.name));
        async { Ok(None) }
    });
    let served = serve_built(asking.admission("Notes", plugin).build(), |_| {}).await;
    let client = loopback.client().await.unwrap();
    let request = |user: Option<&str>, name: &str| {
        let mut request = http::Request::post(THINGS).header("content-type", "application/json");
        for (header, value) in user.into_iter().map(|user| ("impersonate-user", user)) {
            request = request.header(header, value);
        }
        request.body(thing(name).to_string().into_bytes()).unwrap()
    };
    client
        .request::<serde_json::Value>(request(None, "one"))
        .await
        .unwrap();
    let refused = client
        .request::<serde_json::Value>(request(Some("nobody"), "two"))
        .await
        .unwrap_err();
    assert!(matches!(refused, kube::Error::Api(status) if status.code == 403));
    assert_eq!(
        *seen.lock().unwrap(),
        ["system:apiserver of system:masters,system:authenticated"]
    );
    // No header of a connection's makes somebody so.
    let claims = [
        ("x-remote-user", "system:apiserver"),
        ("x-remote-group", "system:masters"),
    ];
    let mut stranger = served.stranger().await;
    assert_eq!(stranger.ask("GET", THINGS, &claims, None).await.code, 403);
}

#[tokio::test]
async fn who_waits_for_a_server_that_does_not_start_is_told() {
    let refused = builder().readiness_check("", || async { Ok::<(), String>(()) });
    let loopback = refused.loopback();
    fault(refused).await;
    assert_eq!(
        loopback.client().await.err().unwrap().to_string(),
        "the server did not start"
    );
}

#[tokio::test]
async fn a_task_has_a_client_of_the_server_until_the_end() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = builder()
        .task("writes", move |context| {
            let tell = tell.clone();
            async move {
                let api = things(context.client());
                let object = |name: &str| serde_json::from_value(thing(name)).unwrap();
                api.create(&Default::default(), &object("begun")).await?;
                let _ = tell.send("begun");
                context.stopped().await;
                // Connections are closing; the server itself still answers.
                api.create(&Default::default(), &object("ended")).await?;
                let _ = tell.send("ended");
                Ok(())
            }
        })
        .build();
    let served = serve_built(server, |_| {}).await;
    assert_eq!(told.recv().await, Some("begun"));
    let mut client = served.client().await;
    assert_eq!(client.get(&format!("{THINGS}/begun")).await.code, 200);
    assert_eq!(client.get("/readyz/poststarthook/writes").await.body, "ok");
    let metrics = client.get("/metrics").await.body;
    assert!(
        metrics.contains("annex_background_task_restarts_total{task=\"poststarthook/writes\"} 0"),
        "{metrics}"
    );
    served.running.shutdown().await;
    assert_eq!(told.recv().await, Some("ended"));
}

/// Marks what passes a layer of this name, and does what a request asks for.
fn marking(
    name: &'static str,
) -> impl tower::Layer<HandlerService, Service = Marking> + Send + Sync + 'static {
    tower::layer::layer_fn(move |inner| Marking(name, inner))
}

#[derive(Clone)]
struct Marking(&'static str, HandlerService);

impl tower::Service<http::Request<LayerBody>> for Marking {
    type Response = http::Response<LayerBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.1.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<LayerBody>) -> Self::Future {
        let asked = |header: &str| request.headers().get(header).is_some_and(|asked| asked == self.0);
        assert!(!asked("x-panic"), "it fails on purpose");
        if asked("x-fail") {
            return async { Err("it fails on purpose".into()) }.boxed();
        }
        if asked("x-answer") {
            let token = request.headers().contains_key("authorization");
            let answer = Full::from(format!("a token: {token}")).map_err(|never| match never {});
            return async { Ok(http::Response::new(LayerBody::new(answer))) }.boxed();
        }
        if asked("x-forget") {
            *request.extensions_mut() = http::Extensions::new();
        }
        let name = http::HeaderValue::from_static(self.0);
        let answered = self.1.call(request);
        async move {
            let mut answer = answered.await?;
            answer.headers_mut().append("x-passed", name);
            Ok(answer)
        }
        .boxed()
    }
}

#[tokio::test]
async fn layers_of_the_authors_own_are_around_the_chain() {
    let server = builder().layer(marking("outer")).layer(marking("inner"));
    let loopback = server.loopback();
    let served = serve_built(server.build(), |_| {}).await;
    let mut client = served.client().await;
    let passed = |answer: &crate::client::Answer| -> Vec<String> {
        let values = answer.headers.get_all("x-passed").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect()
    };
    let created = client.post(THINGS, &thing("one")).await;
    assert_eq!(
        (created.code, passed(&created)),
        (201, vec!["inner".to_owned(), "outer".to_owned()])
    );
    // They see who is not authenticated yet, and answer in the chain's stead.
    let refused = served.stranger().await.get(THINGS).await;
    assert_eq!((refused.code, passed(&refused).len()), (403, 2));
    let mut stranger = served.stranger().await;
    let answered = stranger.ask("GET", THINGS, &[("x-answer", "outer")], None).await;
    assert_eq!((answered.code, answered.body.as_str()), (200, "a token: false"));
    let answered = client.ask("GET", THINGS, &[("x-answer", "inner")], None).await;
    assert_eq!(
        (answered.body.as_str(), passed(&answered)),
        ("a token: true", vec!["outer".to_owned()])
    );

    for (header, says) in [
        ("x-fail", "a layer of the server failed\n"),
        (
            "x-panic",
            "This request caused apiserver to panic. Look in the logs for details.\n",
        ),
        (
            "x-forget",
            "a layer of the server lost the request's connection\n",
        ),
    ] {
        let failed = client.ask("GET", THINGS, &[(header, "outer")], None).await;
        assert_eq!((failed.code, failed.body.as_str()), (500, says));
    }
    assert_eq!(client.get(THINGS).await.code, 200, "the connection goes on");

    // What the program asks itself passes them too, and watches stream through them.
    let client = loopback.client().await.unwrap();
    let added = kube::api::WatchParams::default().disable_bookmarks();
    let mut events = things(client.clone()).watch(&added, "0").await.unwrap().boxed();
    assert!(matches!(
        events.next().await,
        Some(Ok(kube::core::WatchEvent::Added(_)))
    ));
    let request = http::Request::get(THINGS)
        .header("x-answer", "inner")
        .body(Vec::new())
        .unwrap();
    assert_eq!(client.request_text(request).await.unwrap(), "a token: false");
    let (ended, ()) = tokio::join!(events.next(), served.running.shutdown());
    assert!(ended.is_none());
}
