//! What wakes the reconciler, and fills the informers: of most kinds metadata alone are watched. No object fails the watch that it
//! comes in, see `decode`.

use std::{fmt::Debug, sync::Arc, time::Duration};

use annex_crds::{MANAGER, SERVER_LABEL};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use k8s_openapi::{
    api::{
        core::v1::{ConfigMap, Namespace, ServiceAccount},
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRoleBinding, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{
    Api, Client, Resource,
    api::{ApiResource, DynamicObject},
    runtime::{
        Predicate as _, PredicateConfig, WatchStreamExt as _,
        controller::{Config as ControllerConfig, Controller, Error as ControllerError},
        predicates,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    claimant::{self, ListedServer},
    context::Context,
    error_policy,
    informers::{
        self, Informers,
        kept::{Reduce, Strip},
        store::Touched,
    },
    names::KUBE_SYSTEM,
    prober::{Prober, live::live},
    reconcile,
    volume::departure::{self, Departures},
};
use crate::{
    admin::{Log, Watches},
    decode::{Guarded, Managed, ObjectMetadata},
    error_chain::error_chain,
    metrics::Metrics,
    probe::Limits,
    run::ControllerDeps,
};

/// The kind that is reconciled, as logs and metrics name it.
const SERVER: &str = "AggregatedServer";

/// Shows that the loop is alive.
const BEAT: Duration = Duration::from_secs(60);

/// Runs until it is told to stop, and lets reconciles that are under way end.
pub async fn run(deps: ControllerDeps) {
    let prober = Prober::new(live(Limits::default(), deps.clock.clone(), deps.metrics.clone()));
    run_with(deps, prober).await;
}

async fn run_with(deps: ControllerDeps, prober: Prober) {
    let client = deps.watch_client.clone();
    let (servers, writer) = reflector::store();
    let informers = Informers {
        watches: deps.watches.clone(),
        ..Informers::default()
    };
    let ctx = Arc::new(Context::new(&deps, servers.clone(), informers.clone(), prober));
    let _probes = Probes(Arc::clone(&ctx));
    let mut departures = Departures::default();
    let (leave, left) = departure::channel();
    let observer = Observer {
        watches: deps.watches.clone(),
        metrics: deps.metrics.clone(),
    };
    let forgotten = Arc::clone(&ctx);
    let own = watcher(Api::<ListedServer>::all(client.clone()), watched())
        .default_backoff()
        .inspect(observer.of(SERVER))
        .inspect_ok(move |event| {
            if let watcher::Event::Delete(gone) = event {
                forgotten.forget(gone.meta().uid.as_deref().unwrap_or_default());
            }
            for retained in departures.observe(event) {
                // A volume that stays untold is in nobody's way.
                if leave.try_send(retained).is_err() {
                    tracing::warn!("too many deletions at once, not all are told of");
                }
            }
        })
        .reflect(writer)
        .applied_objects()
        .predicate_filter(
            predicates::generation.combine(predicates::annotations),
            PredicateConfig::default(),
        );
    let shutdown = deps.shutdown.clone();
    let controller = Controller::for_stream(own, servers.clone())
        .with_config(ControllerConfig::default().concurrency(deps.settings.workers))
        .reconcile_on(wakes(&client, &servers, &informers, &observer))
        .reconcile_on(ctx.prober.wakes().map(|name| ObjectRef::new(&name)))
        .graceful_shutdown_on(async move {
            let mut shutdown = shutdown;
            // A closed channel is a stop as well.
            let _ = shutdown.wait_for(|stop| *stop).await;
        });
    // It ends with the watch.
    tokio::spawn(departure::tell_all(Arc::clone(&ctx), left));
    let mut events = std::pin::pin!(controller.run(reconcile, error_policy, Arc::clone(&ctx)));
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok((server, _))) => tracing::debug!(server = server.name, "reconciled"),
                Some(Err(ControllerError::ObjectNotFound(gone))) => forget(&ctx, &gone),
                // The policy has told a failed reconcile, and the observer a failed watch.
                Some(Err(error)) => tracing::debug!(%error, "not reconciled"),
                None => break,
            },
            _ = beat.tick() => deps.heartbeat.beat(),
        }
    }
    deps.heartbeat.end();
}

/// Ends the probes with the controller, also where that is dropped: what else holds the context may go on for a moment.
struct Probes(Arc<Context>);

impl Drop for Probes {
    fn drop(&mut self) {
        self.0.prober.end();
    }
}

/// A server that is gone is known by its name alone: no reconcile of it comes any more.
fn forget(ctx: &Context, gone: &ObjectRef<DynamicObject>) {
    ctx.metrics.remove_server(&gone.name);
    if let Some(uid) = &gone.extra.uid {
        ctx.forget(uid);
    }
}

/// Tells logs, metrics and `/readyz` how watches fare.
#[derive(Clone)]
struct Observer {
    watches: Watches,
    metrics: Metrics,
}

impl Observer {
    /// What looks at each result of the watch of `kind`.
    fn of<K>(&self, kind: &str) -> impl FnMut(&watcher::Result<watcher::Event<K>>) + Send + use<K> {
        let (observer, kind) = (self.clone(), kind.to_owned());
        observer.watches.begin(&kind);
        move |result| observer.observe(&kind, result)
    }

    fn observe<K>(&self, kind: &str, result: &watcher::Result<watcher::Event<K>>) {
        match result {
            // A LIST is about to be sent.
            Ok(watcher::Event::Init) => {}
            Ok(event) => self
                .watches
                .succeeded(kind, matches!(event, watcher::Event::InitDone)),
            Err(error) => {
                self.metrics.count_watch_error(kind);
                if let Log::Line { unlogged } = self.watches.failed(kind) {
                    let error = error_chain(error);
                    tracing::warn!(kind, error, unlogged, "a watch failed and is begun again");
                }
            }
        }
    }
}

/// Which servers a change concerns.
type Concerns = Box<dyn Fn(&Touched) -> Vec<ObjectRef<ListedServer>> + Send>;

/// The servers that are to be woken.
type Woken = BoxStream<'static, ObjectRef<ListedServer>>;

/// How long a watch lasts, in seconds: one that says nothing for longer is of a connection whose other end is gone.
const WATCH_SECONDS: u32 = 60;

/// How many objects a list brings at once. Lists are paged and no watch begins with what there is (`sendInitialEvents`), which
/// Kubernetes before 1.34 may refuse.
const PAGE: u32 = 500;

fn watched() -> watcher::Config {
    watcher::Config::default().page_size(PAGE).timeout(WATCH_SECONDS)
}

/// Everything whose change wakes the reconciler.
fn wakes(
    client: &Client,
    servers: &Store<ListedServer>,
    informers: &Informers,
    observer: &Observer,
) -> impl Stream<Item = ObjectRef<ListedServer>> + Send + use<> {
    let ours = || watched().labels(&format!("app.kubernetes.io/managed-by={MANAGER}"));
    // The label goes from the workload to its pods, and from the Service to its EndpointSlices.
    let labelled = || watched().labels(SERVER_LABEL);
    let watches = Watching { client, observer };
    let by_label = || -> Concerns { Box::new(of_label) };
    let (by_namespace, by_claim, by_group) = (servers.clone(), servers.clone(), servers.clone());
    stream::select_all([
        watches.objects(&informers.deployments, ours(), by_label()),
        watches.objects(&informers.stateful_sets, ours(), by_label()),
        watches.objects(&informers.services, ours(), by_label()),
        watches.objects(&informers.pods, labelled(), by_label()),
        watches.objects(&informers.endpoint_slices, labelled(), by_label()),
        watches.objects(
            &informers.api_services,
            watched(),
            Box::new(move |service| of_api_service(&by_claim, service)),
        ),
        watches.metadata::<ServiceAccount>(&informers.service_accounts, ours(), by_label()),
        watches.metadata::<ConfigMap>(&informers.config_maps, ours(), by_label()),
        watches.metadata::<PodDisruptionBudget>(&informers.budgets, ours(), by_label()),
        watches.metadata::<ClusterRoleBinding>(&informers.cluster_role_bindings, ours(), by_label()),
        watches.role_bindings(&informers.role_bindings, ours(), by_label()),
        watches.metadata::<Namespace>(
            &informers.namespaces,
            watched(),
            Box::new(move |namespace| of_namespace(&by_namespace, &namespace.name)),
        ),
        watches.metadata::<CustomResourceDefinition>(
            &informers.crds,
            watched(),
            Box::new(move |crd| of_crd(&by_group, crd)),
        ),
    ])
}

/// Begins watches.
struct Watching<'a> {
    client: &'a Client,
    observer: &'a Observer,
}

impl Watching<'_> {
    /// Whole objects.
    fn objects<K>(
        &self,
        store: &informers::store::Store<Guarded<K>>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken
    where
        K: Strip
            + Resource<DynamicType = ()>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned
            + Send
            + Sync
            + 'static,
    {
        let api = Api::all(self.client.clone());
        wake(api, config, store, concerns, self.observer.of(&K::kind(&())))
    }

    /// The metadata of objects of kind `K`.
    fn metadata<K: Resource<DynamicType = ()>>(
        &self,
        store: &informers::store::Store<ObjectMetadata>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken {
        let api = Api::all_with(self.client.clone(), &ApiResource::erase::<K>(&()));
        wake(api, config, store, concerns, self.observer.of(&K::kind(&())))
    }

    /// The operator may watch RoleBindings nowhere else.
    fn role_bindings(
        &self,
        store: &informers::store::Store<ObjectMetadata>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken {
        let resource = ApiResource::erase::<RoleBinding>(&());
        let api = Api::namespaced_with(self.client.clone(), KUBE_SYSTEM, &resource);
        wake(api, config, store, concerns, self.observer.of(&resource.kind))
    }
}

fn wake<T>(
    api: Api<Managed<T>>,
    config: watcher::Config,
    store: &informers::store::Store<T>,
    concerns: Concerns,
    observe: impl FnMut(&watcher::Result<watcher::Event<Managed<T>>>) + Send + 'static,
) -> Woken
where
    T: Reduce + Resource + Clone + Debug + DeserializeOwned + Send + 'static,
    T::Kept: Send + Sync + 'static,
    T::DynamicType: Clone,
{
    let store = store.clone();
    watcher(api, config)
        .default_backoff()
        .inspect(observe)
        .flat_map(move |event| {
            let touched = event.map(|event| store.observe(event)).unwrap_or_default();
            let servers: Vec<_> = touched.iter().flat_map(&concerns).collect();
            stream::iter(servers)
        })
        .boxed()
}

fn of_label(touched: &Touched) -> Vec<ObjectRef<ListedServer>> {
    let servers = touched
        .indexes
        .iter()
        .filter_map(|index| informers::server_of(index));
    servers.map(ObjectRef::new).collect()
}

fn of_namespace(servers: &Store<ListedServer>, namespace: &str) -> Vec<ObjectRef<ListedServer>> {
    let inside = |server: &Arc<ListedServer>| claimant::namespace(server) == Some(namespace);
    servers
        .state()
        .into_iter()
        .filter(inside)
        .map(|server| ObjectRef::from_obj(&*server))
        .collect()
}

/// Also the servers that stand by for a claim that somebody else has.
fn of_api_service(servers: &Store<ListedServer>, service: &Touched) -> Vec<ObjectRef<ListedServer>> {
    let claim = |(group, version): &(String, String)| service.name == format!("{version}.{group}");
    let mut concerned = of_claims(servers, claim);
    concerned.extend(of_label(service));
    concerned
}

fn of_crd(servers: &Store<ListedServer>, crd: &Touched) -> Vec<ObjectRef<ListedServer>> {
    let group = |(group, _): &(String, String)| {
        crd.indexes
            .iter()
            .any(|index| informers::group_of(index) == Some(group))
    };
    of_claims(servers, group)
}

fn of_claims(
    servers: &Store<ListedServer>,
    concerns: impl Fn(&(String, String)) -> bool,
) -> Vec<ObjectRef<ListedServer>> {
    let claims = |server: &Arc<ListedServer>| claimant::claims(server).iter().any(&concerns);
    servers
        .state()
        .into_iter()
        .filter(claims)
        .map(|server| ObjectRef::from_obj(&*server))
        .collect()
}

#[cfg(test)]
mod tests {
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
        probe::tls::HandshakeError,
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
            let named = servers.iter().find(|server| {
                *path == format!("{SERVERS}/{}", server["metadata"]["name"].as_str().unwrap())
            });
            if let Some(server) = named {
                return Answer::ok(server.clone());
            }
            // An object is named as its server or its namespace; what ends in a plural is a list.
            if ["/good", "/good-ca", "/good-serving-cert"]
                .iter()
                .any(|name| path.ends_with(name))
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
        let prober = Prober::new(Arc::new(move |address, _| {
            let (ends, dead) = (Arc::clone(&ends), address.ip().to_string() != healthy);
            async move {
                if dead {
                    tokio::time::sleep(Duration::from_secs(5)).await;
                    ends.fetch_add(1, Ordering::SeqCst);
                }
                Answered {
                    handshake: Err(if dead {
                        HandshakeError::ConnectTimeout
                    } else {
                        HandshakeError::ConnectionRefused
                    }),
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
        let told = |name: &str, reason_: &str| {
            let statuses = statuses.lock().unwrap();
            statuses
                .iter()
                .find(|(of, status, _)| of == name && reason(status, "Available")[1] == reason_)
                .map(|(_, _, deads)| *deads)
        };
        let ninth = format!("s{DEAD}");
        until("the ninth's status", || {
            told(&ninth, "ConnectionRefused").is_some()
        })
        .await;
        assert_eq!(
            told(&ninth, "ConnectionRefused"),
            Some(0),
            "it waited for the dead"
        );
        // Of the others nothing is said before it is known.
        for number in 0..DEAD {
            let name = format!("s{number}");
            until("a dead one's status", || {
                told(&name, "ConnectionTimeout").is_some()
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
}
