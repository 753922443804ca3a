//! Enforced NetworkPolicies, for scenarios that need them: kube-network-policies on the node, and the rules by which the kernel asks it about the
//! first packet of each connection. No part of the cluster: who starts it stops it.
//!
//! The rules are those that it makes itself where the kernel can queue packets by nftables (CONFIG_NFT_QUEUE); those of iptables do everywhere.
//! What the node's own root sends is let through, as by its rules: the kubelet's probes, and the kube-apiserver.

use std::path::PathBuf;
use std::time::Duration;

use super::{Error, built, flag, path_flag};
use crate::client::eventually;
use crate::layout::Layout;
use crate::process::Record;
use crate::programs::Program;
use crate::{exec, files, node};

/// Its name among the cluster's logs and records.
const NAME: &str = "network-policies";
/// The queue that it listens to.
const QUEUE: u16 = 100;
/// The chain of the rules.
const CHAIN: &str = "E2E-NETWORK-POLICIES";
/// How long it may take to listen, or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that runs.
pub struct NetworkPolicies<'a> {
    layout: &'a Layout,
}

impl<'a> NetworkPolicies<'a> {
    /// Builds and starts it, and lets it decide once it listens.
    ///
    /// # Errors
    /// It cannot be built, does not listen in time, or the kernel has no such rules; nothing of it is left.
    pub async fn start(layout: &'a Layout) -> Result<Self, Error> {
        let started = Self { layout };
        started.remove().await?;
        match started.start_there().await {
            Ok(()) => Ok(started),
            Err(error) => {
                started.remove().await?;
                Err(error)
            }
        }
    }

    async fn start_there(&self) -> Result<(), Error> {
        let layout = self.layout;
        let program = built(Program::NetworkPolicies).await?;
        let arguments = [
            path_flag("kubeconfig", &layout.kubeconfig()),
            flag("node", layout.name()),
            flag("queue", QUEUE),
        ];
        let process = node::start(layout, &program, &arguments, &layout.log(NAME))?;
        files::write_json(&record(layout), &process)?;
        // Its own network namespace is the node's.
        let queues = format!("/proc/{}/net/netfilter/nfnetlink_queue", process.pid);
        eventually("kube-network-policies to listen", PATIENCE, async || {
            let queues = std::fs::read_to_string(&queues).map_err(|error| error.to_string())?;
            let number = QUEUE.to_string();
            let listens = |line: &str| line.split_whitespace().next() == Some(number.as_str());
            if queues.lines().any(listens) {
                Ok(())
            } else {
                Err(format!("the queues are {queues:?}"))
            }
        })
        .await?;
        for rule in [
            format!("-N {CHAIN}"),
            format!("-A {CHAIN} -m owner --uid-owner 0 -j RETURN"),
            format!("-A {CHAIN} -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN"),
            format!("-A {CHAIN} -j NFQUEUE --queue-num {QUEUE}"),
            format!("-I POSTROUTING -j {CHAIN}"),
        ] {
            self.iptables(&rule).await?;
        }
        Ok(())
    }

    /// Stops it; everything is let through once more.
    ///
    /// # Errors
    /// Its record cannot be removed.
    pub async fn stop(self) -> Result<(), Error> {
        self.remove().await
    }

    async fn remove(&self) -> Result<(), Error> {
        // What an earlier failure left may lack any of these.
        for rule in [
            format!("-D POSTROUTING -j {CHAIN}"),
            format!("-F {CHAIN}"),
            format!("-X {CHAIN}"),
        ] {
            let _ = self.iptables(&rule).await;
        }
        let record = record(self.layout);
        if let Some(process) = Record::read(&record)? {
            process.stop(PATIENCE).await;
        }
        Ok(files::remove(&record)?)
    }

    async fn iptables(&self, rule: &str) -> Result<(), Error> {
        let mut command = node::command(self.layout, "iptables");
        exec::run(command.args(["-t", "mangle"]).args(rule.split(' '))).await?;
        Ok(())
    }
}

fn record(layout: &Layout) -> PathBuf {
    layout.path("processes").join(NAME)
}
