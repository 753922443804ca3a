//! The operator's process, as the kernel and the kubelet see it. There is one: the chart is installed with one replica.

use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::{Client, ResourceExt as _};

use serde_json::json;

use super::{Bench, Error};
use crate::bench::figures;
use crate::layout::Layout;
use crate::process::Record;
use crate::{client, install, node};

/// The program's name, in `/proc/PID/comm`, and the Deployment's.
const PROGRAM: &str = "annex-operator";
/// Its pods.
const SELECTOR: &str = "app.kubernetes.io/name=annex";

/// How often a pod or its metrics are looked at.
const POLL: Duration = Duration::from_millis(250);
/// How long a pod may take to come.
const LIMIT: Duration = Duration::from_secs(120);

/// The operator's process.
pub(super) struct Operator {
    record: Record,
    pod: String,
}

impl Operator {
    /// The one that runs, as soon as there is one, and but one, and it leads: before that nothing is reconciled.
    pub(super) async fn find(layout: &Layout, client: &Client) -> Result<Self, Error> {
        let found = client::eventually("an operator that leads", LIMIT, async || {
            let pods = pods(client).await.map_err(|error| error.to_string())?;
            let records = running(layout);
            let ([pod], [record]) = (pods.as_slice(), records.as_slice()) else {
                return Err(format!("{} pods and {} processes", pods.len(), records.len()));
            };
            let text = metrics(client, pod).await.map_err(|error| error.to_string())?;
            if !leads(&text) {
                return Err("it does not lead".to_owned());
            }
            Ok(Self {
                record: record.clone(),
                pod: pod.name_any(),
            })
        });
        Ok(found.await?)
    }

    /// Its processor time so far.
    pub(super) fn cpu_time(&self) -> Result<Duration, Error> {
        self.read("stat", figures::cpu_time)
    }

    /// Its resident memory, and the most that it ever was, in bytes.
    pub(super) fn memory(&self) -> Result<(u64, u64), Error> {
        let resident = self.read("status", figures::resident)?;
        Ok((resident, self.read("status", figures::peak)?))
    }

    fn read<T>(&self, file: &str, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, Error> {
        let path = format!("/proc/{}/{file}", self.record.pid);
        let text = std::fs::read_to_string(&path).map_err(Error::system(format!("read {path}")))?;
        parse(&text).ok_or_else(|| Error::Wrong(format!("{path} makes no sense: {text}")))
    }

    /// Deletes its pod, as an upgrade or a drain does, and returns how long the next one took, from where it was first seen to have the
    /// lease, until it had passed all of `count` servers.
    pub(super) async fn restart(
        self,
        layout: &Layout,
        client: &Client,
        count: usize,
        limit: Duration,
    ) -> Result<(Self, Duration), Error> {
        let pods_api = Api::<Pod>::namespaced(client.clone(), install::NAMESPACE);
        pods_api.delete(&self.pod, &DeleteParams::default()).await?;
        let deadline = Instant::now() + limit;
        let mut leader_since: Option<Instant> = None;
        loop {
            let text = self.metrics_of_another(client).await.unwrap_or_default();
            let now = Instant::now();
            if leader_since.is_none() && leads(&text) {
                leader_since = Some(now);
            }
            let passed = passed(&text);
            if let Some(since) = leader_since
                && passed == count
            {
                return Ok((Self::find(layout, client).await?, now - since));
            }
            if now > deadline {
                return Err(Error::Timeout(format!(
                    "waited {} s for another process to pass {count} servers: it leads: {}, and has passed {passed}",
                    limit.as_secs(),
                    leader_since.is_some(),
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// The metrics of the pod that takes this one's place.
    async fn metrics_of_another(&self, client: &Client) -> Result<String, Error> {
        for pod in pods(client).await? {
            if pod.name_any() != self.pod {
                return Ok(metrics(client, &pod).await?);
            }
        }
        Ok(String::new())
    }
}

/// Has so many replicas of the operator, none or one, and returns when that is so.
pub(super) async fn scale(bench: &Bench<'_>, replicas: u8) -> Result<(), Error> {
    let api = Api::<Deployment>::namespaced(bench.client.clone(), install::NAMESPACE);
    let patch = json!({ "spec": { "replicas": replicas } });
    api.patch(PROGRAM, &PatchParams::default(), &Patch::Merge(&patch))
        .await?;
    if replicas > 0 {
        return Operator::find(bench.layout, &bench.client).await.map(drop);
    }
    let gone = client::eventually("the operator to end", LIMIT, async || {
        let records = running(bench.layout);
        if records.is_empty() {
            Ok(())
        } else {
            Err(format!("{} processes", records.len()))
        }
    });
    Ok(gone.await?)
}

async fn metrics(client: &Client, pod: &Pod) -> Result<String, kube::Error> {
    let (namespace, name) = (install::NAMESPACE, pod.name_any());
    let path = format!("/api/v1/namespaces/{namespace}/pods/{name}:8080/proxy/metrics");
    client::get(client, &path).await
}

fn leads(metrics: &str) -> bool {
    metrics.lines().any(|line| line == "annex_leader 1")
}

/// Of how many servers a pass has come to its end: each pass tells of its server's conditions.
fn passed(metrics: &str) -> usize {
    metrics
        .lines()
        .filter(|line| line.starts_with("annex_aggregatedserver_condition{"))
        .filter(|line| line.contains(r#"type="Ready""#))
        .count()
}

async fn pods(client: &Client) -> Result<Vec<Pod>, kube::Error> {
    let api = Api::<Pod>::namespaced(client.clone(), install::NAMESPACE);
    let list = api.list(&ListParams::default().labels(SELECTOR)).await?;
    Ok(list.items)
}

fn running(layout: &Layout) -> Vec<Record> {
    let named = |record: &Record| {
        std::fs::read_to_string(format!("/proc/{}/comm", record.pid))
            .is_ok_and(|name| name.trim_end() == PROGRAM)
    };
    node::processes(layout).into_iter().filter(named).collect()
}

#[cfg(test)]
mod tests {
    use super::{leads, passed};

    #[test]
    fn a_server_counts_once_whatever_its_conditions_are() {
        let text = "# TYPE annex_aggregatedserver_condition gauge\n\
                    annex_aggregatedserver_condition{name=\"a\",type=\"Ready\"} 1\n\
                    annex_aggregatedserver_condition{name=\"a\",type=\"Available\"} 1\n\
                    annex_aggregatedserver_condition{name=\"b\",type=\"Ready\"} 0\n\
                    annex_leader 1\n";
        assert_eq!(passed(text), 2);
        assert!(leads(text) && !leads("annex_leader 0"));
    }
}
