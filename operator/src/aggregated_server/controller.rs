//! What wakes the reconciler. Every watch is of metadata alone, but for the AggregatedServers themselves: what is there is
//! read when it is needed, see `dereference`.

use std::{sync::Arc, time::Duration};

use annex_crds::{MANAGER, SERVER_LABEL, v1alpha1::AggregatedServer};
use futures::{Stream, StreamExt as _};
use k8s_openapi::{
    api::{
        apps::v1::Deployment,
        core::v1::{ConfigMap, Namespace, Pod, Service, ServiceAccount},
        discovery::v1::EndpointSlice,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRoleBinding, RoleBinding},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client, Config, Resource, ResourceExt as _,
    api::PartialObjectMeta,
    runtime::{
        Predicate as _, PredicateConfig, WatchStreamExt as _,
        controller::{Config as ControllerConfig, Controller},
        predicates,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};
use serde::de::DeserializeOwned;

use super::{context::Context, error_policy, names::KUBE_SYSTEM, reconcile};
use crate::run::ControllerDeps;

/// Shows that the loop is alive.
const BEAT: Duration = Duration::from_secs(60);

/// Runs until it is told to stop, and lets reconciles that are under way end.
pub async fn run(deps: ControllerDeps) {
    let config = match Config::infer().await {
        Ok(config) => config,
        Err(error) => {
            tracing::error!(%error, "failed to find the cluster's configuration");
            return;
        }
    };
    let client = deps.client.clone();
    let (servers, writer) = reflector::store();
    let ctx = Arc::new(Context::new(&deps, config, servers.clone()));
    let own = watcher(
        Api::<AggregatedServer>::all(client.clone()),
        watcher::Config::default(),
    )
    .default_backoff()
    .reflect(writer)
    .applied_objects()
    .predicate_filter(
        predicates::generation.combine(predicates::annotations),
        PredicateConfig::default(),
    );
    // The operator may watch them nowhere else.
    let role_bindings = Api::<PartialObjectMeta<RoleBinding>>::namespaced(client.clone(), KUBE_SYSTEM);
    let shutdown = deps.shutdown.clone();
    let controller = Controller::for_stream(own, servers.clone())
        .with_config(ControllerConfig::default().concurrency(deps.settings.workers))
        .watches_stream(children::<Deployment>(&client), of_label)
        .watches_stream(children::<Service>(&client), of_label)
        .watches_stream(children::<ServiceAccount>(&client), of_label)
        .watches_stream(children::<ConfigMap>(&client), of_label)
        .watches_stream(children::<PodDisruptionBudget>(&client), of_label)
        .watches_stream(children::<ClusterRoleBinding>(&client), of_label)
        .watches_stream(children_of(role_bindings), of_label)
        .watches_stream(labelled::<Pod>(&client), of_label)
        .watches_stream(labelled::<EndpointSlice>(&client), of_label)
        .watches_stream(all::<Namespace>(&client), {
            let servers = servers.clone();
            move |namespace| of_namespace(&servers, &namespace.name_any())
        })
        .watches_stream(all::<APIService>(&client), {
            let servers = servers.clone();
            move |service| of_api_service(&servers, &service.name_any())
        })
        .graceful_shutdown_on(async move {
            let mut shutdown = shutdown;
            // A closed channel is a stop as well.
            let _ = shutdown.wait_for(|stop| *stop).await;
        });
    let mut events = std::pin::pin!(controller.run(reconcile, error_policy, ctx));
    let mut beat = tokio::time::interval(BEAT);
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok((server, _))) => tracing::debug!(server = server.name, "reconciled"),
                // The policy has told it; what is left are objects that went meanwhile.
                Some(Err(error)) => tracing::debug!(%error, "not reconciled"),
                None => break,
            },
            _ = beat.tick() => deps.heartbeat.beat(),
        }
    }
    deps.heartbeat.end();
}

type Metadata<K> = Result<PartialObjectMeta<K>, watcher::Error>;

fn metadata<K>(client: &Client, config: watcher::Config) -> impl Stream<Item = Metadata<K>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    watcher(Api::<PartialObjectMeta<K>>::all(client.clone()), config)
        .default_backoff()
        .touched_objects()
}

/// What Annex made.
fn children<K>(client: &Client) -> impl Stream<Item = Metadata<K>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    children_of(Api::all(client.clone()))
}

fn children_of<K>(api: Api<PartialObjectMeta<K>>) -> impl Stream<Item = Metadata<K>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    let ours = watcher::Config::default().labels(&format!("app.kubernetes.io/managed-by={MANAGER}"));
    watcher(api, ours).default_backoff().touched_objects()
}

/// What Kubernetes made of it: the label goes from the Deployment to its pods, from the Service to its EndpointSlices.
fn labelled<K>(client: &Client) -> impl Stream<Item = Metadata<K>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    metadata(client, watcher::Config::default().labels(SERVER_LABEL))
}

fn all<K>(client: &Client) -> impl Stream<Item = Metadata<K>> + Send + use<K>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned + Send + Sync + 'static,
{
    metadata(client, watcher::Config::default())
}

/// By name alone: `owns` would give a cluster-scoped owner its child's namespace, and reconcile it once for each.
fn of_label<K: Resource>(object: PartialObjectMeta<K>) -> Option<ObjectRef<AggregatedServer>> {
    object.labels().get(SERVER_LABEL).map(|name| ObjectRef::new(name))
}

fn of_namespace(servers: &Store<AggregatedServer>, namespace: &str) -> Vec<ObjectRef<AggregatedServer>> {
    let inside = |server: &Arc<AggregatedServer>| server.spec.namespace == namespace;
    servers
        .state()
        .into_iter()
        .filter(inside)
        .map(|server| ObjectRef::from_obj(&*server))
        .collect()
}

/// Also the servers that stand by for a claim that somebody else has.
fn of_api_service(servers: &Store<AggregatedServer>, name: &str) -> Vec<ObjectRef<AggregatedServer>> {
    let claims = |server: &Arc<AggregatedServer>| {
        server
            .spec
            .apis
            .iter()
            .any(|claim| claim.api_service_name() == name)
    };
    servers
        .state()
        .into_iter()
        .filter(claims)
        .map(|server| ObjectRef::from_obj(&*server))
        .collect()
}
