//! What a pass asks for where nothing has changed, and that it sees what has.

use annex_crds::v1alpha1::AggregatedServer;
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Service, ServiceAccount},
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRoleBinding, RoleBinding},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{Resource, core::ApiResource, runtime::watcher};
use serde_json::{Value, json};

use super::run;
use crate::{
    aggregated_server::{
        build,
        context::Context,
        pass_result::PassResult,
        testing::{context_among, names, server},
        validate::plan_apis,
    },
    applier::Cache as _,
    fake_cluster::FakeCluster,
};

const SERVER: &str = "/apis/annex.dev/v1alpha1/aggregatedservers/wardle";
const NAMESPACE: &str = "/api/v1/namespaces/wardle";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/wardle/deployments/wardle";
const SECRETS: [&str; 2] = [
    "GET /api/v1/namespaces/annex-system/secrets/wardle-ca",
    "GET /api/v1/namespaces/wardle/secrets/wardle-serving-cert",
];

/// A server whose APIServices are registered, as a pass has left it.
struct Running {
    cluster: FakeCluster,
    ctx: Context,
    server: AggregatedServer,
    now: Timestamp,
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
            let mut service = json!(build::api_service::api_service(&names, &plan, 443, "", None));
            service["metadata"]["uid"] = format!("uid-{}", plan.claim.version).into();
            service["status"] = json!({ "conditions": [{ "type": "Available", "status": "True" }] });
            let name = plan.claim.api_service_name();
            cluster.put(
                &format!("/apis/apiregistration.k8s.io/v1/apiservices/{name}"),
                service,
            );
        }
        let running = Self {
            ctx: context_among(cluster.client(), others),
            cluster,
            server,
            now: Timestamp::now(),
        };
        running.deliver();
        for _ in 0..4 {
            running.pass().await;
            running.deliver();
        }
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
        let namespace: Value = self.cluster.objects(NAMESPACE).remove(0);
        let namespace = serde_json::from_value(namespace).unwrap();
        self.ctx
            .informers
            .namespaces
            .observe(watcher::Event::Apply(namespace));
    }
}

/// Among many servers Secrets are read in turn; what is to be written is written after a read all the same.
#[tokio::test]
async fn among_many_servers_secrets_are_read_in_turn() {
    let mut running = Running::among(1000).await;
    assert_eq!(running.requests().await, Vec::<String>::new());
    running.server.metadata.annotations = Some([("annex.dev/rotate-leaf".to_owned(), "1".to_owned())].into());
    let requests = running.requests().await;
    for secret in SECRETS {
        assert!(requests.contains(&secret.to_owned()), "{requests:?}");
    }
    let written = SECRETS[1].replace("GET", "PUT");
    assert!(requests.contains(&written), "{requests:?}");
    running.deliver();
    running.pass().await;
    running.cluster.requests();
    assert_eq!(running.requests().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_pass_over_what_has_not_changed_asks_for_secrets_alone() {
    let running = Running::new().await;
    for _ in 0..2 {
        assert_eq!(running.requests().await, SECRETS);
    }
    // A status of each child, which changes nothing of what is applied.
    running
        .cluster
        .change(DEPLOYMENT, |live| live["status"] = json!({ "replicas": 1 }));
    running.deliver();
    assert_eq!(running.requests().await, SECRETS);
}

/// What a pass has written is known to the next one without a watch.
#[tokio::test]
async fn what_a_pass_writes_is_known_to_the_next() {
    let mut running = Running::new().await;
    running.server.spec.workload.as_mut().unwrap().image = "registry.example.com/wardle:1.1".into();
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
    assert_eq!(running.requests().await, SECRETS);
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
        assert_eq!(running.requests().await, SECRETS, "{path}");
    }
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
