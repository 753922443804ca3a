//! The operator's life against a fake cluster: start, hand-over, stop.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use annex_leader_election::{
    Timings,
    fake::{FakeLeases, Link, LinkHandle},
};
use serde_json::json;
use tokio::{
    sync::oneshot,
    time::{Instant, sleep, timeout},
};

use super::{controller::STOP_LIMIT, *};
use crate::fake_client::{Answer, fake_client};

/// Only a test that fails waits for it.
const LONG: Duration = Duration::from_secs(300);

/// A cluster with Leases, and with or without the CRD.
struct Cluster {
    leases: FakeLeases,
    link: LinkHandle,
    installed: Arc<AtomicBool>,
}

impl Cluster {
    fn new() -> Self {
        let installed = Arc::new(AtomicBool::new(true));
        Self {
            leases: FakeLeases::default(),
            link: LinkHandle::working(),
            installed,
        }
    }

    fn client(&self) -> Client {
        let (leases, link, installed) = (
            self.leases.clone(),
            self.link.clone(),
            Arc::clone(&self.installed),
        );
        fake_client(move |request| match request.path.as_str() {
            "/apis/annex.dev/v1alpha1" if installed.load(Ordering::SeqCst) => Answer::ok(json!({
                "kind": "APIResourceList", "groupVersion": "annex.dev/v1alpha1",
                "resources": [{"name": "aggregatedservers", "singularName": "aggregatedserver", "namespaced": false,
                    "kind": "AggregatedServer", "verbs": ["get", "list", "watch"]}],
            })),
            "/apis/annex.dev/v1alpha1" => Answer::no_group(),
            path => match leases.answer(&link, &request.method, path, &request.body) {
                Some((code, body)) => Answer::Json(code, body),
                None => Answer::Never,
            },
        })
    }

    fn holder(&self) -> String {
        self.leases.lease()["spec"]["holderIdentity"]
            .as_str()
            .unwrap_or("(none)")
            .to_owned()
    }

    /// Runs an operator with this controller until it ends; `stop` sends it the signal.
    fn start<F, Fut>(&self, elect: bool, controller: F) -> Running
    where
        F: FnOnce(ControllerDeps) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let admin = Admin {
            health: Health::new(),
            metrics: Metrics::new(),
        };
        let settings = ControllerSettings {
            instance: "annex-0".to_owned(),
            probe_service_account: "annex-probe".to_owned(),
            server_image: "annex-apiserver:1".into(),
            namespaces: Namespaces::default(),
            workers: 4,
            resync: Duration::from_secs(20),
        };
        let lease = LeaseSettings::new(
            "annex",
            "annex-operator",
            "annex-0",
            annex_crds::MANAGER,
            Timings::default(),
        );
        let operator = Operator {
            deps: Dependencies {
                client: self.client(),
                config: Config::new(http::Uri::from_static("http://127.0.0.1")),
                clock: Clock::default(),
                watch_client: self.client(),
                namespace: "annex".to_owned(),
                settings,
                admin: admin.clone(),
            },
            lease: elect.then(|| (self.client(), lease)),
        };
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(operator.run(controller, async {
            stopped.await.unwrap_or(());
            "SIGTERM"
        }));
        Running { admin, stop, task }
    }
}

struct Running {
    admin: Admin,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), RunError>>,
}

impl Running {
    fn is_ready(&self) -> bool {
        self.admin
            .health
            .ready()
            .iter()
            .all(|check| check.failure.is_none())
    }

    fn leads(&self) -> bool {
        self.admin.metrics.encode().unwrap().contains("annex_leader 1\n")
    }

    async fn ended(self) -> Result<(), RunError> {
        // Kept, so that waiting for the end is no signal.
        let _stop = self.stop;
        timeout(LONG, self.task)
            .await
            .expect("the operator does not end")
            .unwrap()
    }

    async fn stop(self) -> Result<(), RunError> {
        self.stop.send(()).unwrap();
        timeout(LONG, self.task)
            .await
            .expect("the operator does not end")
            .unwrap()
    }
}

/// Says when the controller's future is gone.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

async fn finishes_when_told(mut deps: ControllerDeps) {
    deps.shutdown.wait_for(|stop| *stop).await.unwrap();
}

async fn until(condition: impl Fn() -> bool) {
    timeout(LONG, async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the condition does not come true");
}

#[tokio::test(start_paused = true)]
async fn a_clean_stop_lets_the_controller_finish_and_gives_the_lease_back() {
    let cluster = Cluster::new();
    let finished = Arc::new(AtomicBool::new(false));
    let (done, leases) = (Arc::clone(&finished), cluster.leases.clone());
    let running = cluster.start(true, move |deps| async move {
        assert_eq!((deps.namespace.as_str(), deps.settings.workers), ("annex", 4));
        finishes_when_told(deps).await;
        sleep(Duration::from_secs(5)).await;
        assert_ne!(
            leases.lease()["spec"]["holderIdentity"],
            "",
            "released under the controller"
        );
        done.store(true, Ordering::SeqCst);
    });
    until(|| running.leads()).await;
    assert!(running.is_ready());
    let admin = running.admin.clone();
    running.stop().await.unwrap();
    assert!(finished.load(Ordering::SeqCst));
    assert_eq!(cluster.holder(), "");
    assert!(
        admin
            .health
            .ready()
            .iter()
            .any(|check| check.name == "shutdown" && check.failure.is_some())
    );
    assert!(admin.metrics.encode().unwrap().contains("annex_leader 0\n"));
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_does_not_finish_is_cut_off() {
    let cluster = Cluster::new();
    let gone = Arc::new(AtomicBool::new(false));
    let guard = Gone(Arc::clone(&gone));
    let running = cluster.start(true, |_deps| async move {
        let _guard = guard;
        std::future::pending().await
    });
    until(|| running.leads()).await;
    let asked = Instant::now();
    running.stop().await.unwrap();
    assert!(
        (STOP_LIMIT..STOP_LIMIT + Duration::from_secs(2)).contains(&asked.elapsed()),
        "{:?}",
        asked.elapsed()
    );
    assert!(gone.load(Ordering::SeqCst));
    assert_eq!(cluster.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_controller_and_the_process() {
    let cluster = Cluster::new();
    let gone = Arc::new(AtomicBool::new(false));
    let guard = Gone(Arc::clone(&gone));
    let running = cluster.start(true, |_deps| async move {
        let _guard = guard;
        std::future::pending().await
    });
    until(|| running.leads()).await;
    cluster.link.set(Link::Cut);
    let error = running.ended().await.unwrap_err();
    assert!(
        matches!(error, RunError::LeaseLost(LossReason::RenewDeadline)),
        "{error:?}"
    );
    assert!(gone.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn a_lease_lost_while_the_controller_finishes_is_lost() {
    let cluster = Cluster::new();
    let running = cluster.start(true, |deps| async move {
        finishes_when_told(deps).await;
        std::future::pending().await
    });
    until(|| running.leads()).await;
    cluster
        .leases
        .edit(|lease| lease["spec"]["holderIdentity"] = json!("other"));
    let error = running.stop().await.unwrap_err();
    assert!(
        matches!(error, RunError::LeaseLost(LossReason::Taken)),
        "{error:?}"
    );
    assert_eq!(cluster.holder(), "other");
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_ends_or_panics_ends_the_process_and_frees_the_lease() {
    let cluster = Cluster::new();
    let error = cluster.start(true, |_deps| async {}).ended().await.unwrap_err();
    assert!(matches!(error, RunError::ControllerEnded), "{error:?}");
    assert_eq!(cluster.holder(), "");
    let error = cluster
        .start(true, |_deps| async { panic!("on purpose") })
        .ended()
        .await
        .unwrap_err();
    assert!(matches!(error, RunError::ControllerFailed(_)), "{error:?}");
    assert_eq!(cluster.holder(), "");
}

#[tokio::test(start_paused = true)]
async fn a_standby_is_ready_and_stops_without_having_led() {
    let cluster = Cluster::new();
    let leader = cluster.start(true, finishes_when_told);
    until(|| leader.leads()).await;
    let holder = cluster.holder();
    let standby = cluster.start(true, |_deps| async {
        panic!("the standby's controller was started")
    });
    until(|| standby.is_ready()).await;
    sleep(LONG).await;
    assert!(!standby.leads());
    standby.stop().await.unwrap();
    assert_eq!(cluster.holder(), holder);
    leader.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn waits_for_the_crd_before_it_asks_for_the_lease() {
    let cluster = Cluster::new();
    cluster.installed.store(false, Ordering::SeqCst);
    let running = cluster.start(true, finishes_when_told);
    sleep(Duration::from_secs(60)).await;
    let failed: Vec<_> = running
        .admin
        .health
        .ready()
        .into_iter()
        .filter(|c| c.failure.is_some())
        .map(|c| c.name)
        .collect();
    assert_eq!(failed, ["crd"]);
    assert_eq!(cluster.leases.writes(), 0);
    cluster.installed.store(true, Ordering::SeqCst);
    until(|| running.leads()).await;
    assert!(running.is_ready());
    running.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stops_while_it_waits_for_the_crd() {
    let cluster = Cluster::new();
    cluster.installed.store(false, Ordering::SeqCst);
    cluster.start(true, finishes_when_told).stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn leads_without_a_lease_where_election_is_off() {
    let cluster = Cluster::new();
    let running = cluster.start(false, finishes_when_told);
    until(|| running.leads()).await;
    running.stop().await.unwrap();
    assert_eq!(cluster.leases.writes(), 0);
}

#[test]
fn the_client_names_itself_and_does_not_retry_in_silence() {
    let read_timeout = Duration::from_secs(7);
    let config = client_config(Config::new("http://127.0.0.1:1".parse().unwrap()), read_timeout);
    assert!(!config.default_retry);
    assert_eq!(config.connect_timeout, Some(CONNECT_TIMEOUT));
    assert_eq!(config.read_timeout, Some(read_timeout));
    let (_, agent) = config
        .headers
        .iter()
        .find(|(name, _)| name == USER_AGENT)
        .unwrap();
    assert_eq!(
        agent.to_str().unwrap(),
        format!("annex-operator/{}", env!("CARGO_PKG_VERSION"))
    );
}
