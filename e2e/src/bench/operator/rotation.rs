//! All authorities are rotated at once, while clients make fresh handshakes with some of the servers.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use annex_crds::v1alpha1::AggregatedServer;
use kube::{Client, ResourceExt as _};
use rustls::pki_types::ServerName;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Error, fleet, watched};
use crate::scenarios::load::handshake::{fingerprint, handshake};
use crate::scenarios::load::watches;

/// With how many servers handshakes are made.
const SAMPLE: usize = 20;
/// The pause between two with one of them.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the first bundles may take to be read.
const BUNDLE_LIMIT: Duration = Duration::from_secs(60);
/// How many failures of a client are kept in words.
const NAMED: usize = 5;

/// How it went.
pub(super) struct Rotated {
    /// From the first annotation to where the last server was done.
    pub(super) took: Duration,
    /// Handshakes that succeeded.
    pub(super) handshakes: usize,
    /// Those that did not.
    pub(super) failed: usize,
    /// Some of these in words.
    pub(super) failures: Vec<String>,
}

/// Rotates the authorities of all of `servers`, and tells of the handshakes meanwhile.
pub(super) async fn rotate(
    client: &Client,
    servers: &[AggregatedServer],
    address: SocketAddr,
) -> Result<Rotated, Error> {
    let (end, ended) = watch::channel(false);
    let mut clients = JoinSet::new();
    let step = servers.len().div_ceil(SAMPLE).max(1);
    for index in (0..servers.len()).step_by(step) {
        clients.spawn(shake_hands(client.clone(), index, address, ended.clone()));
    }
    let before: BTreeMap<String, i64> = servers
        .iter()
        .map(|server| (server.name_any(), count(server)))
        .collect();
    let begin = Instant::now();
    let rotated = async {
        fleet::rotate_authorities(client, servers).await?;
        let limit = fleet::limit(servers.len());
        let api = fleet::servers(client);
        watched::all(
            api,
            "rotated AggregatedServers",
            None,
            servers.len(),
            limit,
            |server| {
                instead(
                    server,
                    before.get(&server.name_any()).copied().unwrap_or_default(),
                )
            },
        )
        .await
    };
    let rotated = rotated.await;
    let took = begin.elapsed();
    end.send_replace(true);
    let mut all = Tally::default();
    while let Some(tally) = clients.join_next().await {
        all.add(tally.map_err(|error| Error::Wrong(error.to_string()))??);
    }
    rotated.map_err(|error| match all.failed {
        0 => error,
        count => Error::Wrong(format!(
            "{error}; meanwhile {count} handshakes failed: {}",
            all.failures.join("; ")
        )),
    })?;
    if let Some(name) = all.unchanged.first() {
        return Err(Error::Wrong(format!(
            "{name} was called rotated, and no handshake met another certificate"
        )));
    }
    Ok(Rotated {
        took,
        handshakes: all.handshakes,
        failed: all.failed,
        failures: all.failures,
    })
}

/// What there is instead of a server that has rotated more often than `before`.
fn instead(server: &AggregatedServer, before: i64) -> Option<String> {
    let rotation = server
        .status
        .as_ref()
        .and_then(|status| status.certificates.rotation.as_ref());
    if let Some(rotation) = rotation {
        return Some(format!("{rotation:?}"));
    }
    if count(server) <= before {
        return Some("it has not begun".to_owned());
    }
    fleet::not_ready(server)
}

fn count(server: &AggregatedServer) -> i64 {
    let status = server.status.as_ref();
    status.map_or(0, |status| status.certificates.rotation_count)
}

/// What clients met.
#[derive(Default)]
struct Tally {
    handshakes: usize,
    failed: usize,
    failures: Vec<String>,
    /// Servers that presented one certificate all the time.
    unchanged: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.handshakes += other.handshakes;
        self.failed += other.failed;
        self.failures.extend(other.failures);
        self.unchanged.extend(other.unchanged);
    }
}

async fn shake_hands(
    client: Client,
    index: usize,
    address: SocketAddr,
    mut ended: watch::Receiver<bool>,
) -> Result<Tally, Error> {
    let name = format!("{}.{}.svc", fleet::name(index), fleet::namespace(index));
    let server =
        ServerName::try_from(name.clone()).map_err(|error| Error::Wrong(format!("{name}: {error}")))?;
    let (_task, mut published) = watches::bundle(&client, &fleet::api_service(index));
    tokio::time::timeout(BUNDLE_LIMIT, published.wait_for(Option::is_some))
        .await
        .map_err(|_| Error::Timeout(format!("waited for the bundle of {name}")))?
        .map_err(|_| Error::Wrong(format!("nobody follows the bundle of {name}")))?;
    let mut tally = Tally::default();
    let mut leaves = std::collections::BTreeSet::new();
    loop {
        let last = *ended.borrow();
        match handshake(address, &server, &published).await {
            Ok(leaf) => {
                tally.handshakes += 1;
                leaves.insert(fingerprint(&leaf));
            }
            Err(error) => {
                tally.failed += 1;
                if tally.failures.len() < NAMED {
                    tally.failures.push(format!("{name}: {error}"));
                }
            }
        }
        if last {
            break;
        }
        // The end hurries the last one.
        let _ = tokio::time::timeout(PAUSE, ended.changed()).await;
    }
    if leaves.len() == 1 {
        tally.unchanged.push(name);
    }
    Ok(tally)
}
