//! Clients at work while certificates change: requests through the aggregator, and, since the aggregator keeps its
//! connections open, fresh TLS connections to every endpoint. All of it needs a cluster whose pods this machine can reach.

pub(crate) mod handshake;
pub(crate) mod watches;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;
use rustls::pki_types::ServerName;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::world::LIMIT;
use super::{Failure as Reason, World, ensure};
use crate::client;
use handshake::{Bundle, fingerprint, handshake};
use watches::Task;

/// Twenty requests a second.
const REQUEST_EVERY: Duration = Duration::from_millis(50);
/// A handshake with every endpoint.
const HANDSHAKE_EVERY: Duration = Duration::from_millis(200);
/// How long one request may take.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// How many failures are told one by one.
const TOLD: usize = 10;

/// The server that clients ask.
pub(super) struct Target {
    /// What requests through the aggregator ask for.
    pub(super) path: String,
    /// The APIService whose bundle verifies a fresh connection.
    pub(super) api_service: String,
    /// The namespace of its Service.
    pub(super) namespace: String,
    /// Its Service.
    pub(super) service: String,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request through the aggregator.
    Request,
    /// A fresh connection to an endpoint.
    Handshake,
}

/// One that failed.
#[derive(Clone, Debug)]
pub(super) struct Failed {
    pub(super) kind: Kind,
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) text: String,
}

/// A time in which requests may fail: the kube-apiserver was down.
#[derive(Clone, Copy, Debug)]
pub(super) struct Downtime {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

impl Downtime {
    fn excuses(&self, failed: &Failed) -> bool {
        failed.kind == Kind::Request && failed.began <= self.to && failed.ended >= self.from
    }
}

/// What the clients saw.
#[derive(Clone, Debug)]
pub(super) struct Tally {
    pub(super) began: Instant,
    pub(super) requests: u64,
    pub(super) handshakes: u64,
    pub(super) failed: Vec<Failed>,
    /// Fingerprints of the certificates that each endpoint served.
    pub(super) served: BTreeMap<SocketAddr, BTreeSet<String>>,
}

impl Tally {
    /// How many of a kind failed.
    pub(super) fn failed(&self, kind: Kind) -> usize {
        self.failed.iter().filter(|failed| failed.kind == kind).count()
    }

    /// Fails unless the clients were at work and nothing failed but requests while the kube-apiserver was down.
    ///
    /// # Errors
    /// With the first failures, each with its time.
    pub(super) fn none_failed(&self, downtimes: &[Downtime]) -> Result<(), Reason> {
        let excused = |failed: &Failed| downtimes.iter().any(|downtime| downtime.excuses(failed));
        let failed: Vec<&Failed> = self.failed.iter().filter(|failed| !excused(failed)).collect();
        let told = failed.iter().take(TOLD).map(|failed| {
            let at = failed.began.duration_since(self.began).as_secs_f64();
            format!("\n    {at:.1} s: {:?}: {}", failed.kind, failed.text)
        });
        ensure(failed.is_empty(), || {
            format!(
                "{} failed under load ({self}):{}",
                failed.len(),
                told.collect::<String>()
            )
        })?;
        // A client that did nothing has seen no failure either.
        let due = self.began.elapsed().as_millis() / REQUEST_EVERY.as_millis() / 2;
        ensure(u128::from(self.requests) >= due && self.handshakes > 0, || {
            format!("the load was not there: {self}")
        })
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests, {} of them failed; {} handshakes, {} of them failed; {:.0} s",
            self.requests,
            self.failed(Kind::Request),
            self.handshakes,
            self.failed(Kind::Handshake),
            self.began.elapsed().as_secs_f64()
        )
    }
}

type SharedTally = Arc<Mutex<Tally>>;

/// Clients at work, until they are stopped or dropped.
pub(super) struct Load {
    tally: SharedTally,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
    _watches: [Task; 2],
}

impl Load {
    /// Puts the clients to work, once what they need to know was read.
    ///
    /// # Errors
    /// That could not be read.
    pub(super) async fn start(world: &World, target: &Target) -> Result<Self, Reason> {
        // A client that tries again would hide what fails.
        let client = client::connect_without_retries(world.tools.kubeconfig()).await?;
        let (bundle_watch, mut bundle) = watches::bundle(&world.client, &target.api_service);
        let (endpoint_watch, mut endpoints) =
            watches::endpoints(&world.client, &target.namespace, &target.service);
        let known = async {
            bundle.wait_for(Option::is_some).await?;
            endpoints.wait_for(Option::is_some).await.map(|_| ())
        };
        tokio::time::timeout(LIMIT, known).await??;
        let tally = Arc::new(Mutex::new(Tally {
            began: Instant::now(),
            requests: 0,
            handshakes: 0,
            failed: Vec::new(),
            served: BTreeMap::new(),
        }));
        let (stop, stopped) = watch::channel(false);
        let name = ServerName::try_from(format!("{}.{}.svc", target.service, target.namespace))?;
        let mut workers = JoinSet::new();
        workers.spawn(request(
            client,
            target.path.clone(),
            Arc::clone(&tally),
            stopped.clone(),
        ));
        let shaker = Shaker {
            name,
            bundle,
            tally: Arc::clone(&tally),
        };
        workers.spawn(shake(shaker, endpoints, stopped));
        Ok(Self {
            tally,
            stop,
            workers,
            _watches: [bundle_watch, endpoint_watch],
        })
    }

    /// What they saw so far.
    pub(super) fn tally(&self) -> Tally {
        lock(&self.tally).clone()
    }

    /// Stops them, and lets what is under way end.
    pub(super) async fn stop(mut self) -> Tally {
        self.stop.send_replace(true);
        while self.workers.join_next().await.is_some() {}
        lock(&self.tally).clone()
    }
}

fn lock(tally: &SharedTally) -> std::sync::MutexGuard<'_, Tally> {
    // Whoever panicked with it has left a sound count.
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Begins something at each tick, whether or not what began before has ended, and lets all of it end.
async fn repeat(
    every: Duration,
    mut stopped: watch::Receiver<bool>,
    mut begin: impl FnMut(&mut JoinSet<()>),
) {
    let mut ticks = tokio::time::interval(every);
    let mut under_way = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => begin(&mut under_way),
            Some(_) = under_way.join_next() => {}
            _ = stopped.wait_for(|stop| *stop) => break,
        }
    }
    while under_way.join_next().await.is_some() {}
}

async fn request(client: Client, path: String, tally: SharedTally, stopped: watch::Receiver<bool>) {
    repeat(REQUEST_EVERY, stopped, |under_way| {
        let (client, path, tally) = (client.clone(), path.clone(), Arc::clone(&tally));
        under_way.spawn(async move {
            let began = Instant::now();
            let result = ask(&client, &path).await;
            let mut tally = lock(&tally);
            tally.requests += 1;
            if let Err(text) = result {
                tally.failed.push(Failed {
                    kind: Kind::Request,
                    began,
                    ended: Instant::now(),
                    text,
                });
            }
        });
    })
    .await;
}

/// One request through the aggregator.
///
/// # Errors
/// In words.
pub(super) async fn ask(client: &Client, path: &str) -> Result<(), String> {
    match tokio::time::timeout(REQUEST_LIMIT, client::get(client, path)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(with_causes(&error)),
        Err(_) => Err(format!("no answer within {} s", REQUEST_LIMIT.as_secs())),
    }
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[derive(Clone)]
struct Shaker {
    name: ServerName<'static>,
    bundle: watch::Receiver<Option<Arc<Bundle>>>,
    tally: SharedTally,
}

impl Shaker {
    async fn shake(self, address: SocketAddr) {
        let began = Instant::now();
        let result = handshake(address, &self.name, &self.bundle).await;
        let mut tally = lock(&self.tally);
        tally.handshakes += 1;
        match result {
            Ok(leaf) => {
                tally
                    .served
                    .entry(address)
                    .or_default()
                    .insert(fingerprint(&leaf));
            }
            Err(text) => tally.failed.push(Failed {
                kind: Kind::Handshake,
                began,
                ended: Instant::now(),
                text: format!("{address}: {text}"),
            }),
        }
    }
}

async fn shake(
    shaker: Shaker,
    endpoints: watch::Receiver<Option<Vec<SocketAddr>>>,
    stopped: watch::Receiver<bool>,
) {
    repeat(HANDSHAKE_EVERY, stopped, |under_way| {
        for address in endpoints.borrow().iter().flatten() {
            under_way.spawn(shaker.clone().shake(*address));
        }
    })
    .await;
}
