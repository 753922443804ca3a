//! What a pass asks for where nothing has changed, and that it sees what has.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use annex_crds::v1alpha1::{AggregatedServer, Reason};
use futures::FutureExt as _;
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Pod, Secret, Service, ServiceAccount},
        discovery::v1::EndpointSlice,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRoleBinding, RoleBinding},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Resource, core::ApiResource, runtime::watcher};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::run;
use crate::{
    aggregated_server::{
        build,
        bypass::{BypassProber, Verdict},
        certificates::leaf,
        context::Context,
        finding::Finding,
        informers::{kept::Reduce, store::Store},
        pass_result::PassResult,
        prober::{Prober, question::Answer},
        testing::{context_among, names, server},
        validate::plan_apis,
    },
    applier::Cache as _,
    decode::{Guarded, Managed},
    fake_cluster::FakeCluster,
    pki::parse_bundle,
    probe::{bypass::Bypass, tls::Served},
};

const SERVER: &str = "/apis/annex.dev/v1alpha1/aggregatedservers/wardle";
const NAMESPACE: &str = "/api/v1/namespaces/wardle";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/wardle/deployments/wardle";
const AUTHORITY: &str = "/api/v1/namespaces/annex-system/secrets/wardle-ca";
const SERVING: &str = "/api/v1/namespaces/wardle/secrets/wardle-serving-cert";
const READS_SERVING: &str = "GET /api/v1/namespaces/wardle/secrets/wardle-serving-cert";
const READS_AUTHORITY: &str = "GET /api/v1/namespaces/annex-system/secrets/wardle-ca";
const POD: &str = "/api/v1/namespaces/wardle/pods/wardle-x";

/// A server whose APIServices are registered, as a pass has left it.
struct Running {
    cluster: FakeCluster,
    ctx: Context,
    server: AggregatedServer,
    now: Timestamp,
    others: usize,
    /// How often its endpoint was asked.
    asked: Arc<AtomicUsize>,
}

/// An endpoint that serves whatever leaf is in the Secret.
fn prober(cluster: &FakeCluster, asked: &Arc<AtomicUsize>) -> Prober {
    let (cluster, asked) = (cluster.clone(), Arc::clone(asked));
    Prober::new(Arc::new(move |_, _| {
        asked.fetch_add(1, Ordering::SeqCst);
        let secret: Secret = serde_json::from_value(cluster.objects(SERVING).remove(0)).unwrap();
        let pem = secret.data.unwrap().remove(leaf::CERTIFICATE_KEY).unwrap();
        let leaf = parse_bundle(&pem.0).unwrap().remove(0);
        let answer = Answer {
            handshake: Ok(Served {
                chain: vec![leaf.der.clone()],
                leaf,
            }),
            at: tokio::time::Instant::now(),
            discovery: BTreeMap::new(),
            readyz: None,
            timed_out: false,
        };
        std::future::ready(answer).boxed()
    }))
}

impl Running {
    async fn new() -> Self {
        Self::among(0).await
    }

    /// With so many other servers.
    async fn among(others: usize) -> Self {
        let cluster = FakeCluster::default();
        let (mut server, names) = (server(), names());
        server.status.get_or_insert_default().observed_generation = Some(3);
        cluster.put(SERVER, json!(server));
        cluster.put(NAMESPACE, json!({ "metadata": { "name": "wardle", "uid": "n" } }));
        for plan in plan_apis(&server) {
            let mut service = json!(build::api_service::api_service(
                &names,
                &plan,
                443,
                "",
                Default::default()
            ));
            service["metadata"]["uid"] = format!("uid-{}", plan.claim.version).into();
            service["status"] = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
            let name = plan.claim.api_service_name();
            cluster.put(
                &format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}"),
                service,
            );
        }
        put_endpoint(&cluster);
        let asked = Arc::new(AtomicUsize::new(0));
        let running = Self {
            ctx: context_among(cluster.client(), others, prober(&cluster, &asked)),
            cluster,
            server,
            now: Timestamp::now(),
            others,
            asked,
        };
        running.deliver();
        for _ in 0..4 {
            running.pass().await;
            running.deliver();
        }
        running.cluster.requests();
        running
    }

    /// The same after the operator was restarted, and its watches have listed everything.
    fn restarted(self) -> Self {
        self.asked.store(0, Ordering::SeqCst);
        let running = Self {
            ctx: context_among(
                self.cluster.client(),
                self.others,
                prober(&self.cluster, &self.asked),
            ),
            ..self
        };
        running.deliver();
        running.cluster.requests();
        running
    }

    async fn pass(&self) -> PassResult {
        run(&self.ctx, &self.server, self.now).await.unwrap()
    }

    /// What a pass asks for.
    async fn requests(&self) -> Vec<String> {
        self.pass().await;
        let mut requests = self.cluster.requests();
        requests.sort();
        requests
    }

    /// Has watches tell of everything as it is.
    fn deliver(&self) {
        fn kind<K: Resource<DynamicType = ()>>(running: &Running) {
            let resource = ApiResource::erase::<K>(&());
            for object in running.cluster.objects(&format!("/{}/", resource.plural)) {
                running.ctx.informers.answered(&resource, &object);
            }
        }
        kind::<APIService>(self);
        kind::<Service>(self);
        kind::<Deployment>(self);
        kind::<ServiceAccount>(self);
        kind::<ConfigMap>(self);
        kind::<PodDisruptionBudget>(self);
        kind::<ClusterRoleBinding>(self);
        kind::<RoleBinding>(self);
        for pod in self.cluster.objects("/pods/") {
            tell::<Guarded<Pod>>(&self.ctx.informers.pods, pod);
        }
        for slice in self.cluster.objects("/endpointslices/") {
            tell::<Guarded<EndpointSlice>>(&self.ctx.informers.endpoint_slices, slice);
        }
        let informers = &self.ctx.informers;
        tell(&informers.namespaces, self.cluster.objects(NAMESPACE).remove(0));
        // The watch lists them anew.
        informers.authorities.observe(watcher::Event::Init);
        for secret in self.cluster.objects(AUTHORITY) {
            let secret = serde_json::from_value(secret).unwrap();
            informers.authorities.observe(watcher::Event::InitApply(secret));
        }
        informers.authorities.observe(watcher::Event::InitDone);
    }

    /// Passes until nothing is to be done.
    async fn settle(&self) {
        for _ in 0..4 {
            self.deliver();
            self.pass().await;
        }
        self.deliver();
        self.cluster.requests();
    }

    /// How often its endpoint was asked since the last call.
    fn asked(&self) -> usize {
        self.asked.swap(0, Ordering::SeqCst)
    }
}

/// Has a store hear of an object, as a watch does.
fn tell<T: Reduce + Resource + DeserializeOwned>(store: &Store<T>, object: Value) {
    let object: Managed<T> = serde_json::from_value(object).unwrap();
    store.observe(watcher::Event::Apply(object));
}

/// A pod that runs and is ready, and its EndpointSlice.
fn put_endpoint(cluster: &FakeCluster) {
    let labels = names().labels();
    let pod = json!({
        "metadata": { "name": "wardle-x", "namespace": "wardle", "uid": "p", "labels": labels },
        "spec": { "containers": [] },
        "status": {
            "podIP": "10.0.0.1",
            "containerStatuses": [{
                "name": "server", "image": "x", "imageID": "x", "ready": true, "restartCount": 0,
                "state": { "running": { "startedAt": "2026-01-01T00:00:00Z" } },
            }],
        },
    });
    cluster.put(POD, pod);
    let mut labels = json!(labels);
    labels["kubernetes.io/service-name"] = "wardle".into();
    let slice = json!({
        "metadata": { "name": "wardle-y", "namespace": "wardle", "uid": "s", "labels": labels },
        "addressType": "IPv4",
        "ports": [{ "name": "https", "port": 8443 }],
        "endpoints": [{ "addresses": ["10.0.0.1"], "targetRef": { "kind": "Pod", "name": "wardle-x" } }],
    });
    cluster.put(
        "/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices/wardle-y",
        slice,
    );
}

/// Among many servers Secrets are read in turn; what is to be written is written after a read all the same.
#[tokio::test]
async fn among_many_servers_secrets_are_read_in_turn() {
    let mut running = Running::among(1000).await;
    assert_eq!(running.requests().await, Vec::<String>::new());
    running.server.metadata.annotations = Some([("annex.dev/rotate-leaf".to_owned(), "1".to_owned())].into());
    let requests = running.requests().await;
    for read in [READS_AUTHORITY, READS_SERVING] {
        assert!(requests.contains(&read.to_owned()), "{requests:?}");
    }
    let written = format!("PUT {SERVING}");
    assert!(requests.contains(&written), "{requests:?}");
    running.settle().await;
    assert_eq!(running.requests().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pass_over_what_has_not_changed_asks_for_the_serving_secret_alone() {
    let running = Running::new().await;
    for _ in 0..2 {
        assert_eq!(running.requests().await, [READS_SERVING]);
    }
    // A status of each child, which changes nothing of what is applied.
    running
        .cluster
        .change(DEPLOYMENT, |live| live["status"] = json!({ "replicas": 1 }));
    running.deliver();
    assert_eq!(running.requests().await, [READS_SERVING]);
}

/// What the endpoint answers is asked in turn, and at once where something has changed or hangs on it.
#[tokio::test]
async fn a_pass_over_what_has_not_changed_asks_no_endpoint() {
    let running = Running::new().await;
    // Older than what a pass takes that wants its answers at once.
    let age = || tokio::time::sleep(Duration::from_millis(600));
    age().await;
    running.asked();
    running.pass().await;
    assert_eq!(running.asked(), 0);
    running
        .cluster
        .change(POD, |pod| pod["metadata"]["annotations"] = json!({ "a": "b" }));
    running.deliver();
    running.pass().await;
    assert_eq!(running.asked(), 1);
    let mut running = running;
    running.server.metadata.annotations = Some([("annex.dev/rotate-ca".to_owned(), "1".to_owned())].into());
    for _ in 0..2 {
        age().await;
        running.asked();
        running.pass().await;
        assert_eq!(running.asked(), 1);
    }
}

/// A thousand servers have their first passes after a restart within seconds, since none of them reads anything.
#[tokio::test]
async fn the_first_pass_after_a_restart_reads_nothing_of_a_server_that_serves_what_is_recorded() {
    let running = Running::among(1000).await.restarted();
    assert_eq!(running.requests().await, Vec::<String>::new());
    assert_eq!(running.asked(), 1, "its leaf is what bears the record out");
    assert_eq!(running.requests().await, Vec::<String>::new());
    // The record is one of the very leaf that is served.
    let other = Running::among(1000).await;
    let leaf = other.cluster.objects(SERVING).remove(0)["data"].clone();
    running.cluster.change(SERVING, |secret| secret["data"] = leaf);
    let running = running.restarted();
    let requests = running.requests().await;
    assert_eq!(
        requests.first().map(String::as_str),
        Some(READS_AUTHORITY),
        "{requests:?}"
    );
    assert!(requests.contains(&READS_SERVING.to_owned()), "{requests:?}");
}

/// The record is no proof of what nobody serves.
#[tokio::test]
async fn a_server_without_endpoints_has_its_serving_secret_read_after_a_restart() {
    let running = Running::among(1000).await;
    running.cluster.change(
        "/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices/wardle-y",
        |slice| slice["endpoints"] = json!([]),
    );
    let running = running.restarted();
    assert_eq!(running.requests().await, [READS_SERVING]);
}

/// A Secret that is removed, replaced or spoilt is noticed with the watch, be it anybody's turn or not.
#[tokio::test]
async fn an_authority_that_is_lost_is_made_anew_at_once() {
    let running = Running::among(1000).await;
    assert_eq!(running.requests().await, Vec::<String>::new());
    running
        .cluster
        .change(AUTHORITY, |secret| secret["data"]["tls.key"] = json!(""));
    running.deliver();
    let requests = running.requests().await;
    assert!(requests.contains(&format!("PUT {AUTHORITY}")), "{requests:?}");
    // Annotations of others are no reason to read it.
    let running = Running::among(1000).await;
    running.cluster.change(AUTHORITY, |secret| {
        secret["metadata"]["annotations"]["a"] = json!("b")
    });
    running.deliver();
    assert_eq!(running.requests().await, Vec::<String>::new());
}

/// What a pass has written is known to the next one without a watch.
#[tokio::test]
async fn what_a_pass_writes_is_known_to_the_next() {
    let mut running = Running::new().await;
    running.server.spec.workload.as_mut().unwrap().image = Some("registry.example.com/wardle:1.1".into());
    let requests = running.requests().await;
    let of_deployment: Vec<&String> = requests
        .iter()
        .filter(|request| request.ends_with(DEPLOYMENT))
        .collect();
    assert!(
        of_deployment.iter().any(|request| request.starts_with("PATCH")),
        "{requests:?}"
    );
    // The same fields have other values: that nobody has taken one is looked at once.
    running.pass().await;
    running.cluster.requests();
    assert_eq!(running.requests().await, [READS_SERVING]);
}

#[tokio::test]
async fn what_others_change_is_seen_named_and_repaired() {
    let running = Running::new().await;
    let children: Vec<(String, Value)> = [
        "/services/",
        "/deployments/",
        "/serviceaccounts/",
        "/configmaps/",
        "/clusterrolebindings/",
        "/rolebindings/",
        "/apiservices/",
    ]
    .into_iter()
    .flat_map(|part| {
        running
            .cluster
            .objects(part)
            .into_iter()
            .take(1)
            .map(move |live| (part.to_owned(), live))
    })
    .collect();
    assert_eq!(children.len(), 7);
    for (part, child) in children {
        let name = child["metadata"]["name"].as_str().unwrap().to_owned();
        let path = running.path(&part, &name);
        running.cluster.change(&path, |live| {
            let entries = live["metadata"]["managedFields"].as_array_mut().unwrap();
            let ours = entries
                .iter_mut()
                .find(|entry| entry["operation"] == "Apply")
                .unwrap();
            ours["fieldsV1"]["f:metadata"]
                .as_object_mut()
                .unwrap()
                .remove("f:labels");
        });
        running.deliver();
        let outcome = running.pass().await;
        let told: Vec<_> = outcome
            .event_records
            .iter()
            .map(|event| event.reason.as_str())
            .collect();
        assert_eq!(told, ["DriftRepaired"], "{path}: {:?}", outcome.event_records);
        let requests = running.cluster.requests();
        assert!(
            requests.contains(&format!("PATCH {path}")),
            "{path}: {requests:?}"
        );
        running.pass().await;
        running.cluster.requests();
        assert_eq!(running.requests().await, [READS_SERVING], "{path}");
    }
}

/// A server that writes its APIService again and again, as some do every ten seconds.
#[tokio::test]
async fn what_others_change_again_and_again_is_written_a_few_times_and_told() {
    let mut running = Running::new().await;
    let name = plan_apis(&running.server)[0].claim.api_service_name();
    let path = running.path("/apiservices/", &name);
    let rival = json!({ "f:spec": { "f:groupPriorityMinimum": {} } });
    let (mut events, mut writes, mut told) = (Vec::new(), 0, Vec::new());
    for _ in 0..20 {
        running.cluster.change(&path, |live| {
            let entries = live["metadata"]["managedFields"].as_array_mut().unwrap();
            let ours = entries.iter_mut().find(|entry| entry["operation"] == "Apply");
            let spec = ours.unwrap()["fieldsV1"]["f:spec"].as_object_mut().unwrap();
            spec.remove("f:groupPriorityMinimum");
            entries.retain(|entry| entry["manager"] != "rival");
            entries.push(json!({
                "manager": "rival", "operation": "Update", "apiVersion": "apiregistration.k8s.io/v1", "fieldsV1": rival,
            }));
        });
        running.deliver();
        let outcome = running.pass().await;
        events.extend(outcome.event_records.iter().map(|event| event.reason.clone()));
        assert!(outcome.apis.iter().all(|api| api.registered && api.available));
        told = outcome.findings;
        let requests = running.cluster.requests();
        writes += requests
            .iter()
            .filter(|request| request.starts_with("PATCH"))
            .count();
    }
    assert_eq!((writes, events.len()), (3, 3), "{events:?}");
    let words =
        format!("APIService {name}: spec.groupPriorityMinimum is changed again and again by rival (Update)");
    assert_eq!(told.last(), Some(&Finding::new(Reason::Contested, words)));
    // Nothing is asked of the API server for it, and a rotation goes on.
    let requests = running.requests().await;
    assert!(
        !requests.iter().any(|request| request.contains("apiservices")),
        "{requests:?}"
    );
    running.server.metadata.annotations = Some([("annex.dev/rotate-ca".to_owned(), "1".to_owned())].into());
    running.pass().await;
    running.pass().await;
    let requests = running.cluster.requests();
    assert!(requests.contains(&format!("PATCH {path}")), "{requests:?}");
}

/// What the endpoints answer when they are asked whether they obey a claimed identity is told by a later pass.
#[tokio::test]
async fn a_server_that_can_be_used_past_the_aggregator_is_told() {
    let mut running = Running::new().await;
    running.ctx.bypass = BypassProber::new(Arc::new(|question| {
        let endpoint = question.endpoints[0].1.clone();
        async move {
            let found = Bypass::Claimed;
            Some(Verdict { found, endpoint })
        }
        .boxed()
    }));
    assert!(!running.pass().await.bypass_is_known);
    tokio::task::yield_now().await;
    let outcome = running.pass().await;
    assert!(outcome.bypass_is_known);
    let mut told = outcome.findings.iter();
    let told = told.find(|finding| finding.reason == Reason::ClaimedIdentityObeyed);
    assert!(
        told.is_some_and(|told| told.message.starts_with("pod wardle-x (10.0.0.1:8443) ")),
        "{:?}",
        outcome.findings
    );
}

impl Running {
    fn path(&self, part: &str, name: &str) -> String {
        let names = names();
        match part {
            "/deployments/" => format!("/apis/apps/v1/namespaces/{}{part}{name}", names.namespace),
            "/clusterrolebindings/" => format!("/apis/rbac.authorization.k8s.io/v1{part}{name}"),
            "/rolebindings/" => {
                format!("/apis/rbac.authorization.k8s.io/v1/namespaces/kube-system{part}{name}")
            }
            "/apiservices/" => format!("/apis/apiregistration.k8s.io/v1{part}{name}"),
            _ => format!("/api/v1/namespaces/{}{part}{name}", names.namespace),
        }
    }
}

/// What the API server does not take is asked for again once in a while, and told in between.
#[tokio::test]
async fn a_child_that_is_refused_makes_no_pass_a_double_one() {
    let running = Running::new().await;
    let account = running.path("/serviceaccounts/", "wardle");
    running.cluster.change(&account, |live| {
        live["metadata"]["ownerReferences"] = json!([]);
    });
    running.deliver();
    let outcome = running.pass().await;
    let asked = running.cluster.requests();
    assert!(asked.contains(&format!("GET {account}")), "{asked:?}");
    let told = |outcome: &PassResult| outcome.findings.clone();
    assert_eq!(outcome.findings[0].reason, Reason::Conflict);
    // The same is told in the next pass, which asks for nothing of it.
    let again = running.pass().await;
    assert_eq!(
        (told(&again), &again.children),
        (told(&outcome), &outcome.children)
    );
    assert_eq!(running.cluster.requests(), [READS_SERVING]);
    // It is made once it may be.
    running.cluster.change(&account, |live| {
        live["metadata"]["ownerReferences"] = json!([names().owner_reference()]);
    });
    running.deliver();
    let taken = running.pass().await;
    let conflict = |finding: &Finding| finding.reason == Reason::Conflict;
    assert!(!taken.findings.iter().any(conflict), "{:?}", taken.findings);
}

/// An authority that is asked for is made after live reads, and what is published is read before its Secret.
#[tokio::test]
async fn a_rotation_reads_what_is_there() {
    let mut running = Running::new().await;
    running.server.metadata.annotations = Some([("annex.dev/rotate-ca".to_owned(), "1".to_owned())].into());
    let requests = {
        running.pass().await;
        running.cluster.requests()
    };
    let written = requests
        .iter()
        .position(|request| request.starts_with("PUT") && request.ends_with("wardle-ca"));
    let written = written.expect("an authority");
    let read = requests[..written]
        .iter()
        .position(|request| request.contains("GET /apis/apiregistration.k8s.io/"));
    assert!(read.is_some(), "{requests:?}");
    // And so it goes on until the end of the rotation, whatever watches have brought.
    running.deliver();
    let requests = running.requests().await;
    assert!(
        requests
            .iter()
            .any(|request| request.contains("GET /apis/apiregistration.k8s.io/")),
        "{requests:?}"
    );
}

/// What somebody else has put in the place of a Secret says nothing of what was made before, and nobody looks at what endpoints answer.
#[tokio::test]
async fn a_secret_of_somebody_else_takes_nothing_out_of_status_but_is_told() {
    let mut running = Running::new().await;
    assert!(running.ctx.prober.asks(&names().uid));
    let status = running.server.status.get_or_insert_default();
    status.certificates.rotation_count = 7;
    running.cluster.change(AUTHORITY, |secret| {
        secret["metadata"]["ownerReferences"] = json!([]);
    });
    running.deliver();
    let outcome = running.pass().await;
    assert_eq!(outcome.findings[0].reason, Reason::Conflict);
    assert_eq!(outcome.certificates.rotation_count, 7);
    assert!(outcome.apis.iter().all(|api| api.registered && api.available));
    let children: Vec<_> = outcome.children.iter().map(|child| child.kind.as_str()).collect();
    assert_eq!(children, ["Secret", "ConfigMap", "Service", "Deployment"]);
    assert!(!running.ctx.prober.asks(&names().uid));
}
