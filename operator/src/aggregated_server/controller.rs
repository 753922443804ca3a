//! What wakes the reconciler, and fills the informers: of most kinds metadata alone are watched. No object fails the watch that it
//! comes in, see `decode`.

use std::{fmt::Debug, sync::Arc, time::Duration};

use annex_crds::{MANAGER, SERVER_LABEL};
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};
use k8s_openapi::{
    ClusterResourceScope, NamespaceResourceScope,
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
        reflector::{self, ObjectRef},
        watcher,
    },
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::task::JoinSet;

use super::{
    claimant::ListedServer,
    context::Context,
    error_policy,
    informers::{
        self, Informers,
        authority::AuthoritySecret,
        kept::{Reduce, Strip},
        store::Touched,
    },
    names::KUBE_SYSTEM,
    prober::{Prober, ask},
    reconcile,
    servers::Servers,
    volume::departure,
};
use crate::{
    admin::{Log, Watches, watch_name},
    decode::{Guarded, Managed, ObjectMetadata},
    definitions,
    error_chain::error_chain,
    metrics::Metrics,
    namespaces::Namespaces,
    probe::Limits,
    run::ControllerDeps,
    webhook,
};

/// The kind that is reconciled, as logs and metrics name it.
const SERVER: &str = "AggregatedServer";

/// Shows that the loop is alive.
const BEAT: Duration = Duration::from_secs(60);

/// Runs until it is told to stop, and lets reconciles that are under way end.
pub async fn run(deps: ControllerDeps) {
    let prober = Prober::new(ask::over_network(
        Limits::default(),
        deps.clock.clone(),
        deps.metrics.clone(),
    ));
    let webhook = webhook::keep(deps.client.clone(), deps.namespace.clone(), deps.clock.clone());
    tokio::select! {
        () = run_with(deps, prober) => {}
        () = webhook => {}
    }
}

async fn run_with(deps: ControllerDeps, prober: Prober) {
    let client = deps.watch_client.clone();
    let (store, writer) = reflector::store();
    let servers = Servers::new(store.clone());
    let namespaces = &deps.settings.namespaces;
    let informers = Informers::of(deps.watches.clone());
    let ctx = Arc::new(Context::new(&deps, servers.clone(), informers.clone(), prober));
    ctx.prober.keep_asking();
    let _probes = Probes(Arc::clone(&ctx));
    let (leave, left) = departure::channel();
    let observer = Observer {
        watches: deps.watches.clone(),
        metrics: deps.metrics.clone(),
    };
    let (forgotten, listed) = (Arc::clone(&ctx), servers.clone());
    let own = watcher(Api::<ListedServer>::all(client.clone()), watched())
        .default_backoff()
        .inspect(observer.of(SERVER, None))
        .inspect_ok(move |event| {
            for gone in listed.observe(event) {
                forgotten.forget(&gone.uid);
                forgotten.metrics.remove_server(&gone.name);
                // A volume that stays untold is in nobody's way.
                if let Some(volume) = gone.volume
                    && leave.try_send(volume).is_err()
                {
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
    let controller = Controller::for_stream(own, store)
        .with_config(ControllerConfig::default().concurrency(deps.settings.workers))
        .reconcile_on(wakes(
            &client,
            &deps.namespace,
            namespaces,
            &servers,
            &informers,
            &observer,
        ))
        .reconcile_on(ctx.prober.wakes().map(|name| ObjectRef::new(&name)))
        .reconcile_on(ctx.definitions.wakes().boxed().map(|name| ObjectRef::new(&name)))
        .graceful_shutdown_on(async move {
            let mut shutdown = shutdown;
            // A closed channel is a stop as well.
            let _ = shutdown.wait_for(|stop| *stop).await;
        });
    // It ends with the watch.
    tokio::spawn(departure::tell_all(Arc::clone(&ctx), left));
    let mut definitions = JoinSet::new();
    let follow_definitions = || definitions::controller::run(Arc::clone(&ctx), deps.watch_client.clone());
    definitions.spawn(follow_definitions());
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
            Some(ended) = definitions.join_next() => {
                tracing::error!(?ended, "the controller of definitions ended and is begun again");
                definitions.spawn(follow_definitions());
            }
        }
    }
    deps.heartbeat.end();
}

/// Ends the probes with the controller, also where that is dropped: what else holds the context may go on for a moment.
struct Probes(Arc<Context>);

impl Drop for Probes {
    fn drop(&mut self) {
        self.0.prober.end();
        self.0.bypass.end();
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
    /// What looks at each result of the watch of `kind` in `namespace` (`None`: in all).
    fn of<K>(
        &self,
        kind: &str,
        namespace: Option<&str>,
    ) -> impl FnMut(&watcher::Result<watcher::Event<K>>) + Send + use<K> {
        let (observer, kind) = (self.clone(), kind.to_owned());
        let called = watch_name(&kind, namespace);
        observer.watches.begin(&called);
        move |result| observer.observe(&kind, &called, result)
    }

    fn observe<K>(&self, kind: &str, called: &str, result: &watcher::Result<watcher::Event<K>>) {
        match result {
            // A LIST is about to be sent.
            Ok(watcher::Event::Init) => {}
            Ok(event) => self
                .watches
                .succeeded(called, matches!(event, watcher::Event::InitDone)),
            Err(error) => {
                self.metrics.count_watch_error(kind);
                if let Log::Line { unlogged } = self.watches.failed(called) {
                    let error = error_chain(error);
                    tracing::warn!(
                        watch = called,
                        error,
                        unlogged,
                        "a watch failed and is begun again"
                    );
                }
            }
        }
    }
}

/// Which servers a change concerns.
type Concerns = Arc<dyn Fn(&Touched) -> Vec<ObjectRef<ListedServer>> + Send + Sync>;

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
    own_namespace: &str,
    namespaces: &Namespaces,
    servers: &Servers,
    informers: &Informers,
    observer: &Observer,
) -> impl Stream<Item = ObjectRef<ListedServer>> + Send + use<> {
    let ours = || watched().labels(&format!("app.kubernetes.io/managed-by={MANAGER}"));
    // The label goes from the workload to its pods, and from the Service to its EndpointSlices.
    let labelled = || watched().labels(SERVER_LABEL);
    let watches = Watching {
        client,
        namespaces,
        observer,
    };
    let by_label = || -> Concerns { Arc::new(of_label) };
    let (by_namespace, by_claim, by_group) = (servers.clone(), servers.clone(), servers.clone());
    stream::select_all([
        watches.objects(&informers.deployments, ours(), by_label()),
        watches.objects(&informers.stateful_sets, ours(), by_label()),
        watches.objects(&informers.services, ours(), by_label()),
        watches.objects(&informers.pods, labelled(), by_label()),
        watches.objects(&informers.endpoint_slices, labelled(), by_label()),
        watches.cluster_objects(
            &informers.api_services,
            watched(),
            Arc::new(move |service| of_api_service(&by_claim, service)),
        ),
        watches.metadata::<ServiceAccount>(&informers.service_accounts, ours(), by_label()),
        watches.metadata::<ConfigMap>(&informers.config_maps, ours(), by_label()),
        watches.metadata::<PodDisruptionBudget>(&informers.budgets, ours(), by_label()),
        watches.cluster_metadata::<ClusterRoleBinding>(&informers.cluster_role_bindings, ours(), by_label()),
        watches.role_bindings(&informers.role_bindings, ours(), by_label()),
        watches.authorities(&informers.authorities, own_namespace, ours(), by_label()),
        watches.cluster_metadata::<Namespace>(
            &informers.namespaces,
            watched(),
            Arc::new(move |namespace| by_namespace.in_namespace(&namespace.name)),
        ),
        watches.cluster_metadata::<CustomResourceDefinition>(
            &informers.crds,
            watched(),
            Arc::new(move |crd| of_crd(&by_group, crd)),
        ),
    ])
}

/// A kind whose objects are watched as wholes.
trait Watched:
    Strip + Resource<DynamicType = ()> + Clone + Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Watched for K where
    K: Strip
        + Resource<DynamicType = ()>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// What a watch brings of an object, to be kept.
trait Arriving:
    Reduce<Kept: Send + Sync + 'static>
    + Resource<DynamicType: Clone>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + 'static
{
}

impl<T> Arriving for T where
    T: Reduce<Kept: Send + Sync + 'static>
        + Resource<DynamicType: Clone>
        + Clone
        + Debug
        + DeserializeOwned
        + Send
        + 'static
{
}

/// Begins watches.
struct Watching<'a> {
    client: &'a Client,
    namespaces: &'a Namespaces,
    observer: &'a Observer,
}

impl Watching<'_> {
    /// Whole objects of a namespaced kind.
    fn objects<K>(
        &self,
        store: &informers::store::Store<Guarded<K>>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken
    where
        K: Watched + Resource<Scope = NamespaceResourceScope>,
    {
        let client = || self.client.clone();
        let in_each = |namespace: Option<&str>| match namespace {
            Some(namespace) => Api::namespaced(client(), namespace),
            None => Api::all(client()),
        };
        self.in_each(&K::kind(&()), in_each, &config, store, &concerns)
    }

    /// The metadata of objects of a namespaced kind.
    fn metadata<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(
        &self,
        store: &informers::store::Store<ObjectMetadata>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken {
        let resource = ApiResource::erase::<K>(&());
        let client = || self.client.clone();
        let in_each = |namespace: Option<&str>| match namespace {
            Some(namespace) => Api::namespaced_with(client(), namespace, &resource),
            None => Api::all_with(client(), &resource),
        };
        self.in_each(&resource.kind, in_each, &config, store, &concerns)
    }

    /// A watch in each of the namespaces.
    fn in_each<T>(
        &self,
        kind: &str,
        api: impl Fn(Option<&str>) -> Api<Managed<T>>,
        config: &watcher::Config,
        store: &informers::store::Store<T>,
        concerns: &Concerns,
    ) -> Woken
    where
        T: Arriving,
    {
        let each = self.namespaces.each().map(|namespace| {
            let observe = self.observer.of(kind, namespace);
            let (config, concerns) = (config.clone(), Arc::clone(concerns));
            wake(api(namespace), namespace, config, store, concerns, observe)
        });
        stream::select_all(each).boxed()
    }

    /// Whole objects of a kind without namespaces.
    fn cluster_objects<K>(
        &self,
        store: &informers::store::Store<Guarded<K>>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken
    where
        K: Watched + Resource<Scope = ClusterResourceScope>,
    {
        let api = Api::all(self.client.clone());
        let observe = self.observer.of(&K::kind(&()), None);
        wake(api, None, config, store, concerns, observe)
    }

    /// The metadata of objects of a kind without namespaces.
    fn cluster_metadata<K: Resource<DynamicType = (), Scope = ClusterResourceScope>>(
        &self,
        store: &informers::store::Store<ObjectMetadata>,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken {
        let api = Api::all_with(self.client.clone(), &ApiResource::erase::<K>(&()));
        let observe = self.observer.of(&K::kind(&()), None);
        wake(api, None, config, store, concerns, observe)
    }

    /// The operator may list Secrets in its own `namespace` alone.
    fn authorities(
        &self,
        store: &informers::store::Store<AuthoritySecret>,
        namespace: &str,
        config: watcher::Config,
        concerns: Concerns,
    ) -> Woken {
        let api = Api::namespaced(self.client.clone(), namespace);
        let observe = self.observer.of(&AuthoritySecret::kind(&()), None);
        wake(api, None, config, store, concerns, observe)
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
        let observe = self.observer.of(&resource.kind, None);
        wake(api, None, config, store, concerns, observe)
    }
}

fn wake<T>(
    api: Api<Managed<T>>,
    namespace: Option<&str>,
    config: watcher::Config,
    store: &informers::store::Store<T>,
    concerns: Concerns,
    observe: impl FnMut(&watcher::Result<watcher::Event<Managed<T>>>) + Send + 'static,
) -> Woken
where
    T: Arriving,
{
    let (store, namespace) = (store.clone(), namespace.unwrap_or_default().to_owned());
    watcher(api, config)
        .default_backoff()
        .inspect(observe)
        .flat_map(move |event| {
            let touched = event
                .map(|event| store.observe_in(&namespace, event))
                .unwrap_or_default();
            let servers: Vec<_> = touched.iter().flat_map(&*concerns).collect();
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

/// Also the servers that stand by for a claim that somebody else has.
fn of_api_service(servers: &Servers, service: &Touched) -> Vec<ObjectRef<ListedServer>> {
    let mut concerned = servers.of_api_service(&service.name);
    concerned.extend(of_label(service));
    concerned
}

fn of_crd(servers: &Servers, crd: &Touched) -> Vec<ObjectRef<ListedServer>> {
    let groups = crd.indexes.iter().filter_map(|index| informers::group_of(index));
    groups.flat_map(|group| servers.of_group(group)).collect()
}

#[cfg(test)]
mod tests;
