//! Objects for tests.

use std::{sync::Arc, time::Duration};

use annex_crds::v1alpha1::AggregatedServer;
use kube::{
    Client, Config,
    runtime::{reflector, watcher},
};
use tokio::sync::watch;

use super::{
    bypass::BypassProber,
    claimant::ListedServer,
    context::Context,
    dereference::{NamespaceState, Source, Surroundings},
    informers::Informers,
    names::Names,
    prober::{Prober, ask},
    servers::Servers,
};
use crate::{
    admin::Health,
    clock::Clock,
    decode::Guarded,
    metrics::Metrics,
    namespaces::Namespaces,
    probe::Limits,
    run::{ControllerDeps, ControllerSettings},
};

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: wardle, uid: 0b9c, generation: 3 }
spec:
  namespace: wardle
  apis:
  - { group: wardle.example.com, version: v1alpha1 }
  - { group: wardle.example.com, version: v1beta1 }
  workload: { image: 'registry.example.com/wardle:1.0' }
";

/// A server of two versions, run by Annex.
pub(crate) fn server() -> AggregatedServer {
    serde_saphyr::from_str(SERVER).unwrap()
}

/// The same with embedded storage of 1Gi.
pub(crate) fn embedded_server() -> AggregatedServer {
    with("  storage: { embedded: { size: 1Gi } }")
}

/// The same with storage in an etcd of two members, and a Secret.
pub(crate) fn etcd_server() -> AggregatedServer {
    with(
        "  storage: { etcd: { endpoints: ['https://a:2379', 'https://b:2379'], prefix: /wardle, secretName: etcd-client } }",
    )
}

fn with(more: &str) -> AggregatedServer {
    serde_saphyr::from_str(&format!("{SERVER}{more}\n")).unwrap()
}

/// Its names.
pub(crate) fn names() -> Names {
    Names::new(&server(), "annex-system")
}

/// What a controller gets, and what ends it.
pub(crate) fn deps(client: Client) -> (ControllerDeps, watch::Sender<bool>) {
    let health = Health::new();
    let (stop, shutdown) = watch::channel(false);
    let deps = ControllerDeps {
        watch_client: client.clone(),
        client,
        config: config(),
        clock: Clock::default(),
        namespace: "annex-system".into(),
        settings: ControllerSettings {
            instance: "annex-0".into(),
            probe_service_account: "annex-probe".into(),
            server_image: "annex-apiserver:1".into(),
            namespaces: Namespaces::default(),
            workers: 1,
            resync: Duration::from_secs(20),
        },
        metrics: Metrics::new(),
        heartbeat: health.heartbeat(),
        watches: health.watches(),
        shutdown,
    };
    (deps, stop)
}

/// A configuration that leads nowhere.
pub(crate) fn config() -> Config {
    Config::new("http://127.0.0.1".parse().unwrap())
}

/// What really asks.
pub(crate) fn prober() -> Prober {
    Prober::new(ask::over_network(
        Limits::default(),
        Clock::default(),
        Metrics::new(),
    ))
}

/// What reconciles share, with [`server`] listed.
pub(crate) fn context(client: Client) -> Context {
    let servers = listed([Guarded(Ok(server()))]);
    unprobed(Context::new(
        &deps(client).0,
        servers,
        Informers::empty(),
        prober(),
    ))
}

/// These, as the watch has brought them.
pub(crate) fn listed(servers: impl IntoIterator<Item = ListedServer>) -> Servers {
    let (store, mut writer) = reflector::store();
    let listed = Servers::new(store);
    for server in servers {
        let event = watcher::Event::Apply(server);
        listed.observe(&event);
        writer.apply_watcher_event(&event);
    }
    listed
}

/// Whose endpoints are not asked whether they can be used past the aggregator.
pub(crate) fn unprobed(mut context: Context) -> Context {
    context.bypass = BypassProber::new(Arc::new(|_| Box::pin(async { None })));
    context
}

/// The same among so many other servers, with endpoints that answer `prober`.
pub(crate) fn context_among(client: Client, others: usize, prober: Prober) -> Context {
    let servers = listed((0..others).map(|number| {
        let mut other = server();
        other.metadata.name = Some(format!("other-{number}"));
        other.metadata.uid = other.metadata.name.clone();
        other.spec.apis.clear();
        Guarded(Ok(other))
    }));
    unprobed(Context::new(&deps(client).0, servers, Informers::empty(), prober))
}

/// A namespace with nothing in it.
pub(crate) fn surroundings() -> Surroundings {
    Surroundings::of(Source::Live, NamespaceState::Active)
}
