//! What wakes the reconciler. Every watch is of metadata alone, but for the AggregatedServers themselves: what is there is
//! read when it is needed, see `dereference`.

use std::{sync::Arc, time::Duration};

use annex_crds::{MANAGER, SERVER_LABEL, v1alpha1::AggregatedServer};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{
    api::{
        apps::v1::{Deployment, StatefulSet},
        core::v1::{ConfigMap, Namespace, Pod, Service, ServiceAccount},
        discovery::v1::EndpointSlice,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRoleBinding, RoleBinding},
    },
    kube_aggregator::pkg::apis::apiregistration::v1::APIService,
};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{ApiResource, DynamicObject, PartialObjectMeta},
    runtime::{
        Predicate as _, PredicateConfig, WatchStreamExt as _,
        controller::{Config as ControllerConfig, Controller},
        predicates,
        reflector::{self, ObjectRef, Store},
        watcher,
    },
};

use super::{
    context::Context,
    error_policy,
    names::KUBE_SYSTEM,
    reconcile,
    volume::departure::{self, Departures},
};
use crate::{error_chain::error_chain, run::ControllerDeps};

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
    let mut departures = Departures::default();
    let (leave, left) = departure::channel();
    let own = watcher(
        Api::<AggregatedServer>::all(client.clone()),
        watcher::Config::default(),
    )
    .default_backoff()
    .inspect_ok(move |event| {
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
        .reconcile_on(wakes(&client, &servers))
        .graceful_shutdown_on(async move {
            let mut shutdown = shutdown;
            // A closed channel is a stop as well.
            let _ = shutdown.wait_for(|stop| *stop).await;
        });
    // It ends with the watch.
    tokio::spawn(departure::tell_all(Arc::clone(&ctx), left));
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

/// A watched object, without what it says.
type Metadata = PartialObjectMeta<DynamicObject>;

/// Which servers an object concerns.
type Concerns = Box<dyn Fn(&Metadata) -> Vec<ObjectRef<AggregatedServer>> + Send>;

/// Everything whose change wakes the reconciler. One type serves all kinds: what differs is data.
fn wakes(
    client: &Client,
    servers: &Store<AggregatedServer>,
) -> impl Stream<Item = ObjectRef<AggregatedServer>> + Send + use<> {
    let ours = || watcher::Config::default().labels(&format!("app.kubernetes.io/managed-by={MANAGER}"));
    // The label goes from the workload to its pods, and from the Service to its EndpointSlices.
    let labelled = || watcher::Config::default().labels(SERVER_LABEL);
    let everywhere = |resource: &ApiResource| Api::<Metadata>::all_with(client.clone(), resource);
    let (by_namespace, by_claim) = (servers.clone(), servers.clone());
    let children = [
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<StatefulSet>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<ServiceAccount>(&()),
        ApiResource::erase::<ConfigMap>(&()),
        ApiResource::erase::<PodDisruptionBudget>(&()),
        ApiResource::erase::<ClusterRoleBinding>(&()),
    ];
    let mut watches: Vec<(Api<Metadata>, watcher::Config, Concerns)> = Vec::new();
    for resource in &children {
        watches.push((everywhere(resource), ours(), Box::new(of_label)));
    }
    // The operator may watch RoleBindings nowhere else.
    let role_bindings = ApiResource::erase::<RoleBinding>(&());
    let role_bindings = Api::namespaced_with(client.clone(), KUBE_SYSTEM, &role_bindings);
    watches.push((role_bindings, ours(), Box::new(of_label)));
    for resource in [
        ApiResource::erase::<Pod>(&()),
        ApiResource::erase::<EndpointSlice>(&()),
    ] {
        watches.push((everywhere(&resource), labelled(), Box::new(of_label)));
    }
    watches.push((
        everywhere(&ApiResource::erase::<Namespace>(&())),
        watcher::Config::default(),
        Box::new(move |namespace| of_namespace(&by_namespace, &namespace.name_any())),
    ));
    watches.push((
        everywhere(&ApiResource::erase::<APIService>(&())),
        watcher::Config::default(),
        Box::new(move |service| of_api_service(&by_claim, &service.name_any())),
    ));
    stream::select_all(
        watches
            .into_iter()
            .map(|(api, config, concerns)| wake(api, config, concerns).boxed()),
    )
}

fn wake(
    api: Api<Metadata>,
    config: watcher::Config,
    concerns: Concerns,
) -> impl Stream<Item = ObjectRef<AggregatedServer>> + Send {
    watcher(api, config)
        .default_backoff()
        .touched_objects()
        .flat_map(move |object| {
            let servers = match object {
                Ok(object) => concerns(&object),
                Err(error) => {
                    tracing::warn!(error = error_chain(&error), "a watch failed and is begun again");
                    Vec::new()
                }
            };
            stream::iter(servers)
        })
}

fn of_label(object: &Metadata) -> Vec<ObjectRef<AggregatedServer>> {
    object
        .labels()
        .get(SERVER_LABEL)
        .map(|name| ObjectRef::new(name))
        .into_iter()
        .collect()
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
