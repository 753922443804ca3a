//! What one new AggregatedServer asks of the API server until it is Ready.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use futures::FutureExt as _;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        rbac::v1::{ClusterRoleBinding, RoleBinding},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Resource, core::ApiResource, runtime::watcher};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::*;
use crate::{
    aggregated_server::{
        informers::{Informers, kept::Reduce, store::Store},
        names::Names,
        prober::{
            Prober,
            question::{Answer, Question, Requests},
        },
        testing::{self, names},
    },
    applier::Cache as _,
    decode::{Guarded, Managed},
    fake_client::{self, fake_client},
    fake_cluster::FakeCluster,
    pki::parse_bundle,
    probe::{discovery::Discovery, tls::Served},
};

const SERVER: &str = "/apis/annex.dev/v1alpha1/aggregatedservers/wardle";
const NAMESPACE: &str = "/api/v1/namespaces/wardle";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/wardle/deployments/wardle";
const API_SERVICE: &str = "/apis/apiregistration.k8s.io/v1/apiservices/v1alpha1.wardle.example.com";
const ADDRESS: &str = "10.0.0.1";

/// A cluster with one AggregatedServer that nobody has looked at, which claims one version.
struct Cluster {
    cluster: FakeCluster,
    ctx: Arc<Context>,
    names: Names,
    /// What was asked for by reconciles so far: `METHOD path`.
    requests: Vec<String>,
}

impl Cluster {
    fn new() -> Self {
        let (cluster, names) = (FakeCluster::default(), names());
        let mut server = json!(testing::server());
        server["spec"]["apis"].as_array_mut().unwrap().truncate(1);
        // The definition's default.
        let pending = json!({ "type": "Ready", "status": "Unknown", "reason": "Pending", "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z" });
        server["status"] = json!({ "conditions": [pending] });
        cluster.put(SERVER, server);
        cluster.put(NAMESPACE, json!({ "metadata": { "name": "wardle", "uid": "n" } }));
        let own: ListedServer = serde_json::from_value(cluster.objects(SERVER).remove(0)).unwrap();
        // Among others, so that its turn to have its Secrets read does not come within the test.
        let others = (0..1000).map(|number| {
            let mut other: ListedServer = Guarded(Ok(testing::server()));
            other.meta_mut().name = Some(format!("other-{number}"));
            let spec = other.0.as_mut().map(|other| other.spec.apis.clear());
            spec.unwrap();
            other
        });
        let servers = testing::listed(std::iter::once(own).chain(others));
        let deps = testing::deps(cluster.client()).0;
        let ctx = Context::new(&deps, servers, Informers::empty(), answering(&cluster));
        let cluster = Self {
            cluster,
            ctx: Arc::new(ctx),
            names,
            requests: Vec::new(),
        };
        cluster.deliver();
        cluster
    }

    /// As many reconciles as the watches' events and a hurried one or two lead to.
    async fn settle(&mut self) {
        for _ in 0..4 {
            let listed = serde_json::from_value(self.cluster.objects(SERVER).remove(0)).unwrap();
            reconcile(Arc::new(listed), Arc::clone(&self.ctx)).await.unwrap();
            self.requests.extend(self.cluster.requests());
            self.deliver();
        }
    }

    /// Has watches tell of everything as it is.
    fn deliver(&self) {
        let informers = &self.ctx.informers;
        self.tell(&informers.namespaces, "/api/v1/namespaces/wardle");
        self.tell(&informers.pods, "/pods/");
        self.tell(&informers.endpoint_slices, "/endpointslices/");
        self.answered::<APIService>();
        self.answered::<Service>();
        self.answered::<Deployment>();
        self.answered::<ServiceAccount>();
        self.answered::<ConfigMap>();
        self.answered::<ClusterRoleBinding>();
        self.answered::<RoleBinding>();
    }

    fn answered<K: Resource<DynamicType = ()>>(&self) {
        let resource = ApiResource::erase::<K>(&());
        for object in self.cluster.objects(&format!("/{}/", resource.plural)) {
            self.ctx.informers.answered(&resource, &object);
        }
    }

    fn tell<T: Reduce + Resource + DeserializeOwned>(&self, store: &Store<T>, part: &str) {
        for (path, object) in self.cluster.found(part) {
            let is_namespace = part == NAMESPACE;
            if is_namespace && path != NAMESPACE {
                continue;
            }
            let object: Managed<T> = serde_json::from_value(object).unwrap();
            store.observe(watcher::Event::Apply(object));
        }
    }

    /// The controllers and the kubelet do their part.
    fn run_the_pod(&self) {
        self.cluster.change(DEPLOYMENT, |live| {
            live["metadata"]["generation"] = 1.into();
            live["status"] = json!({
                "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1,
            });
        });
        let metadata =
            json!({ "name": "wardle-a", "namespace": "wardle", "uid": "p", "labels": self.names.labels() });
        let pod = json!({
            "metadata": metadata,
            "spec": { "containers": [], "serviceAccountName": "wardle" },
            "status": { "phase": "Running", "podIP": ADDRESS, "podIPs": [{ "ip": ADDRESS }] },
        });
        self.cluster.put("/api/v1/namespaces/wardle/pods/wardle-a", pod);
        let mut labels = json!(self.names.labels());
        labels["kubernetes.io/service-name"] = "wardle".into();
        let slice = json!({
            "metadata": { "name": "wardle-s", "namespace": "wardle", "uid": "s", "labels": labels },
            "addressType": "IPv4",
            "ports": [{ "name": "https", "port": 8443 }],
            "endpoints": [{
                "addresses": [ADDRESS],
                "conditions": { "ready": true },
                "targetRef": { "kind": "Pod", "name": "wardle-a", "namespace": "wardle" },
            }],
        });
        self.cluster.put(
            "/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices/wardle-s",
            slice,
        );
        self.deliver();
    }

    /// The aggregator does its part.
    fn call_it_available(&self) {
        let available =
            json!({ "conditions": [{ "type": "Available", "status": "True", "reason": "Passed" }] });
        self.cluster
            .change(API_SERVICE, |live| live["status"] = available.clone());
        self.deliver();
    }

    fn ready(&self) -> Value {
        let server = self.cluster.objects(SERVER).remove(0);
        let conditions = server["status"]["conditions"].as_array().unwrap();
        let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
        ready.unwrap().clone()
    }

    async fn until_ready(&mut self) {
        self.settle().await;
        self.run_the_pod();
        self.settle().await;
        self.call_it_available();
        self.settle().await;
        let ready = self.ready();
        assert_eq!(ready["status"], "True", "{ready}: {:#?}", self.requests);
    }
}

/// Endpoints that serve the certificate of the serving Secret, and every version that they are asked for.
fn answering(cluster: &FakeCluster) -> Prober {
    let cluster = cluster.clone();
    let served = move |_: SocketAddr, question: Arc<Question>| {
        let secret = cluster.objects("/wardle/secrets/wardle-serving-cert").remove(0);
        let secret: k8s_openapi::api::core::v1::Secret = serde_json::from_value(secret).unwrap();
        let chain = parse_bundle(&secret.data.unwrap()["tls.crt"].0).unwrap();
        let discovery = match &question.requests {
            Requests::Discovery { group_versions, .. } => group_versions
                .iter()
                .map(|(group, version)| (format!("{group}/{version}"), Discovery::Served))
                .collect(),
            Requests::None | Requests::Readiness => BTreeMap::new(),
        };
        let answer = Answer {
            handshake: Ok(Served {
                leaf: chain[0].clone(),
                chain: chain.iter().map(|one| one.der.clone()).collect(),
            }),
            at: tokio::time::Instant::now(),
            discovery,
            readyz: None,
            timed_out: false,
        };
        async move { answer }.boxed()
    };
    Prober::new(Arc::new(served))
}

/// How often each kind was asked for: of `POST /api/v1/namespaces/wardle/secrets` the kind is `secrets`.
fn counted(requests: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in requests {
        let (method, path) = request.split_once(' ').unwrap();
        let parts: Vec<&str> = path
            .split('/')
            .skip(if path.starts_with("/api/") { 3 } else { 4 })
            .collect();
        let resource = match parts.as_slice() {
            ["namespaces", _, resource, ..] => resource,
            [resource, ..] => resource,
            [] => "",
        };
        let verb = if method == "GET" { "read" } else { "write" };
        *counts.entry(format!("{verb} {resource}")).or_default() += 1;
    }
    counts
}

/// What is asked for once for all servers: the control planes' addresses, and the token of probes.
fn is_shared(request: &str) -> bool {
    request.ends_with("/namespaces/default/endpointslices") || request.ends_with("/token")
}

/// Its ten objects, a look whether it is there before anything is made and before it is registered, whether its APIService publishes
/// an authority already, the end of the trial, three statuses and three Events.
#[tokio::test]
async fn a_new_server_costs_twenty_requests() {
    let mut cluster = Cluster::new();
    cluster.until_ready().await;
    cluster.requests.retain(|request| !is_shared(request));
    let counts = counted(&cluster.requests);
    let of = |verb: &str| -> usize {
        let of_verb = counts.iter().filter(|(what, _)| what.starts_with(verb));
        of_verb.map(|(_, count)| count).sum()
    };
    let told = (of("read"), of("write"));
    assert_eq!(told, (3, 17), "{counts:#?}: {:#?}", cluster.requests);
}

fn own(cluster: &Cluster, path: &str) -> Value {
    cluster.cluster.objects(path).remove(0)
}

/// Watches do not know of it: it has come a moment ago, or has no label of Annex's.
#[tokio::test]
async fn what_is_there_already_and_is_not_known_is_read_and_left_alone() {
    const SERVICE: &str = "/api/v1/namespaces/wardle/services/wardle";
    let mut cluster = Cluster::new();
    let foreign = json!({ "metadata": { "name": "wardle", "namespace": "wardle", "uid": "f" }, "spec": { "selector": { "a": "b" } } });
    cluster.cluster.put(SERVICE, foreign);
    let before = own(&cluster, SERVICE);
    cluster.settle().await;
    assert_eq!(own(&cluster, SERVICE), before);
    let status = own(&cluster, SERVER)["status"].to_string();
    assert!(
        status.contains("Conflict") && status.contains("Service wardle/wardle"),
        "{status}"
    );
}

/// As a restore from a backup leaves them, which has the server last.
#[tokio::test]
async fn an_authority_that_is_there_already_signs_for_a_new_server() {
    const AUTHORITY: &str = "/api/v1/namespaces/annex-system/secrets/wardle-ca";
    let mut earlier = Cluster::new();
    earlier.settle().await;
    let secret = own(&earlier, AUTHORITY);
    let mut cluster = Cluster::new();
    cluster.cluster.put(AUTHORITY, secret.clone());
    cluster.until_ready().await;
    assert_eq!(own(&cluster, AUTHORITY)["data"], secret["data"]);
}

/// Its deletion is on its way to the watch.
#[tokio::test]
async fn nothing_is_made_for_a_server_that_is_gone() {
    let cluster = Cluster::new();
    let listed = serde_json::from_value(own(&cluster, SERVER)).unwrap();
    cluster.cluster.remove(SERVER);
    reconcile(Arc::new(listed), Arc::clone(&cluster.ctx))
        .await
        .unwrap();
    let requests = cluster.cluster.requests();
    assert!(
        requests.iter().all(|request| request.starts_with("GET ")),
        "{requests:?}"
    );
}

/// An APIService on trial is taken back for what is not said of it: that must not be for a late watch.
#[tokio::test]
async fn an_api_service_on_trial_is_taken_back_after_a_look_alone() {
    let mut cluster = Cluster::new();
    cluster.settle().await;
    cluster.run_the_pod();
    cluster.settle().await;
    let trial = &own(&cluster, API_SERVICE)["metadata"]["annotations"][annex_crds::TRIAL_ANNOTATION];
    assert!(trial.is_string());
    // The watch does not tell of it.
    let available = json!({ "conditions": [{ "type": "Available", "status": "True", "reason": "Passed" }] });
    cluster
        .cluster
        .change(API_SERVICE, |live| live["status"] = available.clone());
    let server: AggregatedServer = serde_json::from_value(own(&cluster, SERVER)).unwrap();
    let later = Timestamp::now() + jiff::SignedDuration::from_secs(40);
    let outcome = pass::run(&cluster.ctx, &server, later).await.unwrap();
    assert!(outcome.apis[0].registered && outcome.apis[0].available);
    let annotations = own(&cluster, API_SERVICE)["metadata"]["annotations"].clone();
    assert!(
        annotations[annex_crds::TRIAL_ANNOTATION].is_null(),
        "{annotations}"
    );
}

/// However many others are on their way and wait for the API server, which here does not answer.
#[tokio::test]
async fn new_servers_leave_a_worker_to_those_that_serve() {
    let mut cluster = Cluster::new();
    cluster.until_ready().await;
    let (stuck, serving) = (fake_client(|_| fake_client::Answer::Never), own(&cluster, SERVER));
    let (mut deps, _stop) = testing::deps(stuck);
    deps.settings.workers = 2;
    let servers = testing::listed([]);
    let informers = cluster.ctx.informers.clone();
    let ctx = Arc::new(Context::new(
        &deps,
        servers,
        informers,
        answering(&cluster.cluster),
    ));
    let server = |name: &str| {
        let mut server = serving.clone();
        server["metadata"]["name"] = name.into();
        server["metadata"]["uid"] = name.into();
        Arc::new(serde_json::from_value::<ListedServer>(server).unwrap())
    };
    let mut first = Box::pin(reconcile(server("first"), Arc::clone(&ctx)));
    assert!(futures::poll!(&mut first).is_pending());
    let second = reconcile(server("second"), Arc::clone(&ctx)).now_or_never();
    assert!(matches!(second, Some(Ok(_))), "it asks again later");
    let mut serves = Box::pin(reconcile(server("wardle"), Arc::clone(&ctx)));
    assert!(futures::poll!(&mut serves).is_pending(), "it has begun");
    drop(first);
    let mut second = Box::pin(reconcile(server("second"), Arc::clone(&ctx)));
    assert!(futures::poll!(&mut second).is_pending());
}

/// Nobody takes note of what endpoints answer while no pass comes to them.
#[tokio::test]
async fn no_endpoint_is_asked_of_a_server_without_a_pass() {
    let uid = names().uid;
    let mut held_back = Cluster::new();
    held_back.until_ready().await;
    assert!(held_back.ctx.prober.asks(&uid));
    held_back
        .ctx
        .assume_clocks("the control planes do not agree")
        .await;
    held_back
        .cluster
        .remove("/api/v1/namespaces/annex-system/secrets/wardle-ca");
    for event in [watcher::Event::Init, watcher::Event::InitDone] {
        held_back.ctx.informers.authorities.observe(event);
    }
    let listed = serde_json::from_value(held_back.cluster.objects(SERVER).remove(0)).unwrap();
    let ended = reconcile(Arc::new(listed), Arc::clone(&held_back.ctx)).await;
    assert!(
        matches!(ended, Err(Error::Pass(PassError::HeldBack(_)))),
        "{ended:?}"
    );
    assert!(!held_back.ctx.prober.asks(&uid));

    let mut undecodable = Cluster::new();
    undecodable.until_ready().await;
    assert!(undecodable.ctx.prober.asks(&uid));
    let mut listed = undecodable.cluster.objects(SERVER).remove(0);
    listed["spec"]["workload"]["replicas"] = "many".into();
    let listed = serde_json::from_value(listed).unwrap();
    reconcile(Arc::new(listed), Arc::clone(&undecodable.ctx))
        .await
        .unwrap();
    assert!(!undecodable.ctx.prober.asks(&uid));
}
