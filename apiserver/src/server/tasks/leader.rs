//! Tasks of the leader: run while this process holds its server's Lease. Go: `RunOrDie` of client-go's `leaderelection`, with
//! `ReleaseOnCancel`.

use std::time::Duration;

use annex_leader_election::{Election, ElectionMonitor, LeaseSettings};
use kube::Client;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::context::{Stop, stopped};
use super::run::{LAST_WORDS, all, cut, end, spawn};
use super::{Task, TaskContext};
use crate::config::{Backend, Config};

/// How long to wait before a new election where the last one ended by itself.
const PAUSE: Duration = Duration::from_secs(2);

/// Where the leader is elected.
pub(in crate::server) struct Elected {
    /// The cluster with the Lease.
    pub(super) client: Client,
    pub(super) lease: LeaseSettings,
    pub(super) monitor: ElectionMonitor,
}

impl Elected {
    /// In this cluster, by this Lease.
    pub(super) fn new(client: Client, lease: LeaseSettings) -> Self {
        let monitor = ElectionMonitor::new(&lease);
        Self {
            client,
            lease,
            monitor,
        }
    }

    /// What is known of the election.
    pub(in crate::server) fn monitor(&self) -> &ElectionMonitor {
        &self.monitor
    }

    /// Whether there may be others who would lead: storage in a directory has one process.
    pub(in crate::server) fn is_needed(config: &Config) -> bool {
        config.leader_election.enabled && !matches!(config.storage.backend, Backend::Embedded(_))
    }

    /// In the cluster of the server `name`, unless the storage has only one process anyway.
    pub(in crate::server) fn of(config: &Config, name: &str, cluster: Option<Client>) -> Option<Self> {
        let client = cluster.filter(|_| Self::is_needed(config))?;
        let election = &config.leader_election;
        let namespace = election.namespace.as_deref();
        // What a pod is called within.
        let host = std::env::var("HOSTNAME").unwrap_or_else(|_| name.to_owned());
        let lease = LeaseSettings::new(
            namespace.unwrap_or_else(|| client.default_namespace()),
            &election.name,
            &host,
            name,
            election.timings,
        );
        Some(Self::new(client, lease))
    }
}

/// Runs `tasks` whenever this process leads, until they have done their work, or are told to stop.
pub(super) async fn lead(elected: Elected, tasks: &[Task], context: &TaskContext, mut stop: Stop) {
    for task in tasks {
        // Who stands by does what it is to do.
        task.begins();
    }
    loop {
        let Elected {
            client,
            lease,
            monitor,
        } = &elected;
        let mut election = Election::monitored(client.clone(), lease.clone(), monitor.clone());
        let led = tokio::select! {
            biased;
            _ = stopped(&mut stop) => None,
            led = election.leading() => Some(led),
        };
        match led {
            // What it may have written in the meantime is taken back.
            None => return release(election).await,
            Some(Err(_)) => {
                sleep(PAUSE).await;
                continue;
            }
            Some(Ok(())) => {}
        }
        let mut running = spawn(tasks, context);
        if hold(&mut election, &mut running, stop.clone()).await {
            // While one that blocks its thread goes on, nobody else may begin: the Lease runs out by itself, and the process ends.
            if running.is_empty() {
                release(election).await;
            }
            return;
        }
        // Before anybody else leads: the Lease runs out a while after its holder knows that it lost it.
        cut(&mut running).await;
        // One that blocks its thread runs on: two of it must not run here either.
        all(&mut running).await;
        for task in tasks {
            // Who stands by is well.
            task.background.is_well();
        }
    }
}

/// Whether the tasks were told to stop; else the Lease is lost. It is held on when all have done their work, which nobody else is to do
/// again.
async fn hold(election: &mut Election, running: &mut JoinSet<()>, mut stop: Stop) -> bool {
    let ended = async {
        end(running, stop.clone()).await;
        stopped(&mut stop).await;
    };
    tokio::select! {
        // A lost Lease must be seen though all else happens at the same time.
        biased;
        reason = election.lost() => {
            tracing::warn!(%reason, "tasks of the leader are dropped");
            false
        }
        () = ended => true,
    }
}

async fn release(election: Election) {
    let _ = timeout(LAST_WORDS, election.release()).await;
}
