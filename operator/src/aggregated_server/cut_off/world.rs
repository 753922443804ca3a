//! A cluster with one AggregatedServer, whose controllers, kubelets and aggregator do their part between two reconciles.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderMap, header::DATE};
use jiff::Timestamp;
use k8s_openapi::{
    ByteString, api::core::v1::Secret, kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Client, Resource, ResourceExt as _,
    runtime::{
        reflector::{self, store::Writer},
        watcher,
    },
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::gate::Gate;
use crate::{
    aggregated_server::{
        certificates::leaf,
        claimant::ListedServer,
        context::Context,
        error_policy,
        informers::{Informers, kept::Reduce, store::Store},
        prober::{
            Ask, Prober,
            question::{Answer as Answered, Question, Requests},
        },
        reconcile,
        servers::Servers,
        testing::{deps, names, server, unprobed},
    },
    fake_client::fake_client,
    fake_cluster::FakeCluster,
    pki::{Certificate, parse_bundle, verify_chain},
    probe::{
        discovery::Discovery,
        tls::{HandshakeError, Served},
    },
};

const SERVER: &str = "/apis/annex.dev/v1alpha1/aggregatedservers/wardle";
pub(super) const AUTHORITY: &str = "/api/v1/namespaces/annex-system/secrets/wardle-ca";
pub(super) const SERVING: &str = "/api/v1/namespaces/wardle/secrets/wardle-serving-cert";
const NAMESPACE: &str = "/api/v1/namespaces/wardle";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/wardle/deployments/wardle";
const SERVICE: &str = "/api/v1/namespaces/wardle/services/wardle";
const API_SERVICES: &str = "/apiservices/";
const PODS: [(&str, &str); 2] = [("wardle-a", "10.0.0.1"), ("wardle-b", "10.0.0.2")];
const PORT: u16 = 8443;

/// Between two reconciles, where something has changed: longer than a pass in a hurry waits, so that a rotation does not take
/// many of them.
const TICK: Duration = Duration::from_secs(2);
/// And where nothing has.
const QUIET_TICK: Duration = Duration::from_secs(6);
/// Nothing is written for so many of them: longer than anything waits that is still to be told or written.
const QUIET: usize = 5;
/// A settled state is reached within so many of both.
const PATIENCE: usize = 150;

/// The cluster, and the operator in it.
pub(super) struct World {
    pub(super) cluster: FakeCluster,
    pub(super) gate: Gate,
    ctx: Arc<Context>,
    /// What the operator's watch has told of AggregatedServers.
    servers: Writer<ListedServer>,
    served: ByAddress,
    issued: Arc<Mutex<Issued>>,
    available: BTreeSet<String>,
    time: Time,
    /// The version that watches have told of.
    delivered: Option<u64>,
    /// The version at which nobody else has anything to do.
    done: Option<u64>,
}

/// What each pod serves.
type ByAddress = Arc<Mutex<BTreeMap<SocketAddr, Certificate>>>;

/// What has stood in the two Secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Issued {
    authorities: BTreeSet<String>,
    leaves: BTreeSet<String>,
}

impl Issued {
    /// How many authorities, and how many leaves.
    pub(super) fn count(&self) -> (usize, usize) {
        (self.authorities.len(), self.leaves.len())
    }
}

/// The time in the cluster, which goes on as tokio's does.
#[derive(Clone, Copy)]
struct Time {
    start: Timestamp,
    began: Instant,
}

impl Time {
    fn now(&self) -> Timestamp {
        self.start + self.began.elapsed()
    }
}

impl World {
    /// A cluster with the server's namespace, in which nobody has made an AggregatedServer yet.
    pub(super) fn new() -> Self {
        let cluster = FakeCluster::default();
        cluster.put(NAMESPACE, json!({ "metadata": { "name": "wardle", "uid": "n" } }));
        cluster.put(
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/kubernetes",
            json!({
                "metadata": { "name": "kubernetes", "namespace": "default" }, "addressType": "IPv4",
                "ports": [{ "name": "https", "port": 6443 }],
                "endpoints": [{ "addresses": ["192.0.2.1"] }, { "addresses": ["192.0.2.2"] }],
            }),
        );
        let time = Time {
            start: "2027-01-01T12:00:00Z".parse().unwrap(),
            began: Instant::now(),
        };
        Self::of(cluster, BTreeMap::new(), BTreeSet::new(), time)
    }

    /// The same once more, with an operator that has just been started.
    pub(super) fn copy(&self) -> Self {
        let served = self.served.lock().unwrap().clone();
        Self::of(self.cluster.copy(), served, self.available.clone(), self.time)
    }

    fn of(
        cluster: FakeCluster,
        served: BTreeMap<SocketAddr, Certificate>,
        available: BTreeSet<String>,
        time: Time,
    ) -> Self {
        let (gate, served) = (Gate::default(), Arc::new(Mutex::new(served)));
        let issued = Arc::default();
        let (ctx, servers) = operator(client(&cluster, &gate, &issued), &served, time);
        Self {
            cluster,
            gate,
            ctx,
            servers,
            served,
            issued,
            available,
            time,
            delivered: None,
            done: None,
        }
    }

    /// The operator's process ends, and another one begins.
    pub(super) fn restart(&mut self) {
        let client = client(&self.cluster, &self.gate, &self.issued);
        (self.ctx, self.servers) = operator(client, &self.served, self.time);
        self.delivered = None;
    }

    /// Somebody makes the AggregatedServer, with this uid.
    pub(super) fn create(&self, uid: &str) {
        let mut server = json!(server());
        server["metadata"]["uid"] = uid.into();
        self.cluster.put(SERVER, server);
    }

    /// Somebody changes the AggregatedServer.
    pub(super) fn edit(&self, edit: impl FnOnce(&mut Value)) {
        self.cluster.change(SERVER, |server| {
            edit(server);
            let generation = server["metadata"]["generation"].as_i64().unwrap();
            server["metadata"]["generation"] = (generation + 1).into();
        });
    }

    /// Somebody asks for a new authority.
    pub(super) fn ask_for_an_authority(&self) {
        self.edit(|server| server["metadata"]["annotations"][annex_crds::ROTATE_CA_ANNOTATION] = "1".into());
    }

    /// The AggregatedServer.
    pub(super) fn server(&self) -> Value {
        self.cluster.get(SERVER).unwrap_or_default()
    }

    /// What has stood in the Secrets since the beginning of this world.
    pub(super) fn issued(&self) -> Issued {
        self.issued.lock().unwrap().clone()
    }

    /// The step of the rotation that status tells.
    pub(super) fn step(&self) -> Option<String> {
        let server = self.cluster.get(SERVER)?;
        let step = server["status"]["certificates"]["rotation"]["step"].as_str()?;
        Some(step.to_owned())
    }

    /// Everybody does their part until nothing is written any more; `look` sees the world after each reconcile. Whether an
    /// interruption begins the operator anew is for `restarts` to say. Returns how many requests that took.
    pub(super) async fn settle(&mut self, restarts: bool, mut look: impl FnMut(&Self)) -> usize {
        let (mut quiet, mut requests) = (0, 0);
        for _ in 0..PATIENCE {
            let before = self.cluster.version();
            let mounts = self.others();
            self.deliver();
            if self.reconcile().await == Ended::Cut && restarts {
                self.restart();
            }
            look(self);
            if self.cluster.version() == before && !mounts {
                quiet += 1;
                tokio::time::advance(QUIET_TICK).await;
            } else {
                (quiet, requests) = (0, self.gate.seen());
                tokio::time::advance(TICK).await;
            }
            if quiet == QUIET {
                return requests;
            }
        }
        panic!("it does not come to rest: {:?}", self.cluster.requests());
    }

    /// One reconcile, and what it sends.
    pub(super) async fn requests(&mut self) -> Vec<String> {
        self.cluster.requests();
        self.reconcile().await;
        self.cluster.requests()
    }

    fn listed(&mut self, event: &watcher::Event<ListedServer>) {
        self.ctx.servers.observe(event);
        self.servers.apply_watcher_event(event);
    }

    async fn reconcile(&mut self) -> Ended {
        let server: Option<ListedServer> = self
            .cluster
            .get(SERVER)
            .map(|server| serde_json::from_value(server).unwrap());
        self.listed(&watcher::Event::Init);
        if let Some(server) = &server {
            let event = watcher::Event::InitApply(server.clone());
            self.listed(&event);
        }
        self.listed(&watcher::Event::InitDone);
        let Some(server) = server.map(Arc::new) else {
            // As the controller does where its watch tells of the end.
            self.ctx.forget(&names().uid);
            return Ended::Itself;
        };
        tokio::select! {
            biased;
            () = self.gate.cut() => Ended::Cut,
            result = reconcile(Arc::clone(&server), Arc::clone(&self.ctx)) => {
                if let Err(error) = result {
                    error_policy(server, &error, Arc::clone(&self.ctx));
                }
                Ended::Itself
            }
        }
    }

    /// Has watches tell of everything as it is.
    fn deliver(&mut self) {
        let version = self.cluster.version();
        if self.delivered.replace(version) == Some(version) {
            return;
        }
        let Informers {
            namespaces,
            api_services,
            crds,
            crd_versions: _,
            pods,
            endpoint_slices,
            services,
            deployments,
            stateful_sets,
            service_accounts,
            config_maps,
            budgets,
            cluster_role_bindings,
            role_bindings,
            authorities,
            watches: _,
            begun: _,
        } = &self.ctx.informers;
        let all = &self.cluster.all();
        list(all, namespaces, NAMESPACE, |path| path == NAMESPACE);
        list(all, api_services, API_SERVICES, |_| true);
        list(all, crds, "/customresourcedefinitions/", |_| true);
        let below = |path: &str| path.contains("/namespaces/");
        list(all, pods, "/pods/", below);
        list(all, endpoint_slices, "/endpointslices/", below);
        list(all, services, "/services/", below);
        list(all, deployments, "/deployments/", below);
        list(all, stateful_sets, "/statefulsets/", below);
        list(all, service_accounts, "/serviceaccounts/", below);
        list(all, config_maps, "/configmaps/", below);
        list(all, budgets, "/poddisruptionbudgets/", below);
        list(all, cluster_role_bindings, "/clusterrolebindings/", |_| true);
        list(all, role_bindings, "/rolebindings/", below);
        list(all, authorities, AUTHORITY, below);
    }

    /// The garbage collector, the controllers of workloads, a kubelet, and the aggregator. Whether a pod came to serve something
    /// else.
    fn others(&mut self) -> bool {
        let before = self.cluster.version();
        if self.done == Some(before) {
            return false;
        }
        self.collect();
        let mut mounts = false;
        if self.cluster.get(DEPLOYMENT).is_some() && self.cluster.get(SERVING).is_some() {
            self.run_pods();
            mounts = self.mount();
        } else {
            self.served.lock().unwrap().clear();
        }
        self.aggregate();
        self.done = (!mounts).then(|| self.cluster.version());
        mounts
    }

    fn collect(&self) {
        let server = self.cluster.get(SERVER);
        let uid = server.map(|server| server["metadata"]["uid"].clone());
        for (path, object) in self.cluster.all() {
            let owners = object["metadata"]["ownerReferences"].as_array();
            let is_dead =
                |owner: &Value| owner["kind"] == "AggregatedServer" && Some(&owner["uid"]) != uid.as_ref();
            if owners.is_some_and(|owners| !owners.is_empty() && owners.iter().all(is_dead)) {
                self.cluster.remove(&path);
            }
        }
        if self.cluster.get(DEPLOYMENT).is_none() {
            for path in self.cluster.all().into_keys() {
                if path.contains("/pods/wardle-") {
                    self.cluster.remove(&path);
                }
            }
        }
        if self.cluster.get(SERVICE).is_none() {
            self.cluster.remove(&slice_path());
        }
    }

    fn run_pods(&self) {
        let labels = names().labels();
        for (name, ip) in PODS {
            let path = format!("{NAMESPACE}/pods/{name}");
            if self.cluster.get(&path).is_none() {
                let pod = json!({
                    "metadata": { "name": name, "namespace": "wardle", "uid": name, "labels": labels },
                    "spec": { "containers": [], "serviceAccountName": "wardle" },
                    "status": { "podIP": ip, "podIPs": [{ "ip": ip }], "containerStatuses": [{
                        "name": "server", "image": "i", "imageID": "i", "ready": true, "restartCount": 0,
                        "state": { "running": { "startedAt": "2027-01-01T12:00:00Z" } },
                    }] },
                });
                self.cluster.put(&path, pod);
            }
        }
        if self.cluster.get(&slice_path()).is_none() && self.cluster.get(SERVICE).is_some() {
            let mut labels = labels;
            labels.insert("kubernetes.io/service-name".into(), "wardle".into());
            let endpoint = |(name, ip)| {
                let target = json!({ "kind": "Pod", "name": name, "namespace": "wardle" });
                json!({ "addresses": [ip], "conditions": { "ready": true }, "targetRef": target })
            };
            let slice = json!({
                "metadata": { "name": "wardle-1", "namespace": "wardle", "labels": labels },
                "addressType": "IPv4", "ports": [{ "name": "https", "port": PORT }],
                "endpoints": PODS.map(endpoint),
            });
            self.cluster.put(&slice_path(), slice);
        }
        let status =
            json!({ "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2 });
        if self.cluster.get(DEPLOYMENT).unwrap()["status"] != status {
            self.cluster
                .change(DEPLOYMENT, |deployment| deployment["status"] = status);
        }
    }

    /// The kubelet brings a changed Secret to one pod at a time.
    fn mount(&self) -> bool {
        let secret: Secret = serde_json::from_value(self.cluster.get(SERVING).unwrap()).unwrap();
        let Some(leaf) = certificate(&secret, leaf::CERTIFICATE_KEY) else {
            return false;
        };
        let mut served = self.served.lock().unwrap();
        for (_, ip) in PODS {
            let address = SocketAddr::new(ip.parse().unwrap(), PORT);
            let before = served.insert(address, leaf.clone());
            if before.is_some_and(|before| before != leaf) {
                return true;
            }
        }
        false
    }

    /// Says of each APIService whether the server's certificate verifies. It must, once it did.
    fn aggregate(&mut self) {
        let paths: Vec<String> = self.cluster.all().into_keys().collect();
        for path in paths.iter().filter(|path| path.contains(API_SERVICES)) {
            let service: APIService = serde_json::from_value(self.cluster.get(path).unwrap()).unwrap();
            let spec = service.spec.clone().unwrap_or_default();
            let bundle = spec.ca_bundle.unwrap_or_default();
            let bundle = parse_bundle(&bundle.0).unwrap();
            let served = self.served.lock().unwrap();
            let refused: Vec<&SocketAddr> = served
                .iter()
                .filter(|(_, leaf)| !self.verifies(leaf, &bundle))
                .map(|(address, _)| address)
                .collect();
            let available = !served.is_empty() && refused.is_empty();
            let name = service.name_any();
            if !served.is_empty() && self.available.contains(&name) {
                assert!(
                    refused.is_empty(),
                    "{name} does not verify what {refused:?} serve"
                );
            }
            drop(served);
            if available {
                self.available.insert(name);
            }
            let status = json!({ "conditions": [{
                "type": "Available", "status": if available { "True" } else { "False" },
                "reason": if available { "Passed" } else { "FailedDiscoveryCheck" }, "message": "",
            }] });
            if self.cluster.get(path).unwrap()["status"] != status {
                self.cluster.change(path, |live| live["status"] = status);
            }
        }
        let is_there = |name: &String| {
            let end = format!("{API_SERVICES}{name}");
            paths.iter().any(|path| path.ends_with(&end))
        };
        self.available.retain(is_there);
    }

    fn verifies(&self, leaf: &Certificate, bundle: &[Certificate]) -> bool {
        let chain = std::slice::from_ref(&leaf.der);
        verify_chain(chain, bundle, &names().server_name(), self.time.now()).is_ok()
    }

    /// Whether every pod serves the leaf in the Secret.
    pub(super) fn is_served(&self) -> bool {
        let secret = self.cluster.get(SERVING).unwrap();
        let secret: Secret = serde_json::from_value(secret).unwrap();
        let leaf = certificate(&secret, leaf::CERTIFICATE_KEY);
        let served = self.served.lock().unwrap();
        served.len() == PODS.len() && served.values().all(|served| Some(served) == leaf.as_ref())
    }
}

/// Has the watch of a kind list it.
fn list<T>(all: &BTreeMap<String, Value>, store: &Store<T>, part: &str, is_of_kind: impl Fn(&str) -> bool)
where
    T: Reduce + Resource + DeserializeOwned,
{
    store.observe(watcher::Event::Init);
    for (_, object) in all
        .iter()
        .filter(|(path, _)| path.contains(part) && is_of_kind(path))
    {
        let object = serde_json::from_value(object.clone()).unwrap();
        store.observe(watcher::Event::InitApply(object));
    }
    store.observe(watcher::Event::InitDone);
}

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Itself,
    Cut,
}

fn slice_path() -> String {
    "/apis/discovery.k8s.io/v1/namespaces/wardle/endpointslices/wardle-1".to_owned()
}

fn certificate(secret: &Secret, key: &str) -> Option<Certificate> {
    let ByteString(pem) = secret.data.as_ref()?.get(key)?;
    parse_bundle(pem).ok()?.into_iter().next()
}

fn client(cluster: &FakeCluster, gate: &Gate, issued: &Arc<Mutex<Issued>>) -> Client {
    let (cluster, gate, issued) = (cluster.clone(), gate.clone(), Arc::clone(issued));
    fake_client(move |request| {
        let answer = gate.pass(&cluster, &request, SERVER);
        let held = |path| {
            Some(
                cluster.get(path)?["data"][leaf::CERTIFICATE_KEY]
                    .as_str()?
                    .to_owned(),
            )
        };
        let mut issued = issued.lock().unwrap();
        issued.authorities.extend(held(AUTHORITY));
        issued.leaves.extend(held(SERVING));
        answer
    })
}

fn operator(client: Client, served: &ByAddress, time: Time) -> (Arc<Context>, Writer<ListedServer>) {
    let (store, writer) = reflector::store();
    let prober = Prober::new(ask(Arc::clone(served), time));
    let mut ctx = unprobed(Context::new(
        &deps(client.clone()).0,
        Servers::new(store),
        Informers::default(),
        prober,
    ));
    ctx.control_planes = Arc::new(move |_| Ok(client.clone()));
    let date = time.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    ctx.clock
        .observe(&HeaderMap::from_iter([(DATE, date.parse().unwrap())]));
    ctx.prober.keep_asking();
    (Arc::new(ctx), writer)
}

/// Asks the pods.
fn ask(served: ByAddress, time: Time) -> Ask {
    Arc::new(move |address, question| {
        let leaf = served.lock().unwrap().get(&address).cloned();
        let answer = answer(leaf, &question, time.now());
        Box::pin(async move { answer })
    })
}

fn answer(leaf: Option<Certificate>, question: &Question, now: Timestamp) -> Answered {
    let handshake = leaf.map(|leaf| Served {
        chain: vec![leaf.der.clone()],
        leaf,
    });
    let is_trusted =
        |served: &Served| verify_chain(&served.chain, &question.bundle, &question.server_name, now).is_ok();
    let discovery = match &question.requests {
        Requests::Discovery { group_versions, .. } if handshake.as_ref().is_some_and(is_trusted) => {
            let served = group_versions
                .iter()
                .map(|(group, version)| (format!("{group}/{version}"), Discovery::Served));
            served.collect()
        }
        _ => BTreeMap::new(),
    };
    Answered {
        handshake: handshake.ok_or(HandshakeError::ConnectionRefused),
        at: Instant::now(),
        discovery,
        readyz: None,
        timed_out: false,
    }
}
