//! Pods as the kubelet sees them: their addresses, restarts, failed probes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use k8s_openapi::api::core::v1::{Event, Pod};
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use crate::scenarios::pods::is_ready;
use crate::scenarios::{Failure, World, ensure, failure};

/// Where a pod listens.
pub(super) async fn address(
    world: &World,
    namespace: &str,
    pod: &str,
    port: u16,
) -> Result<SocketAddr, Failure> {
    let pod = Api::<Pod>::namespaced(world.client.clone(), namespace)
        .get(pod)
        .await?;
    Ok(SocketAddr::new(ip(&pod)?, port))
}

/// Every port that the pods of a namespace name.
pub(super) async fn ports(world: &World, namespace: &str) -> Result<Vec<SocketAddr>, Failure> {
    let mut found = Vec::new();
    for pod in running(world, namespace).await? {
        let ip = ip(&pod)?;
        let containers = pod.spec.unwrap_or_default().containers;
        for port in containers.into_iter().filter_map(|one| one.ports).flatten() {
            found.push(SocketAddr::new(ip, u16::try_from(port.container_port)?));
        }
    }
    Ok(found)
}

/// Those that did not end, as those of a chart's hooks do.
async fn running(world: &World, namespace: &str) -> Result<Vec<Pod>, Failure> {
    let pods = Api::<Pod>::namespaced(world.client.clone(), namespace);
    let all = pods.list(&ListParams::default()).await?.items;
    let runs = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        pod.metadata.deletion_timestamp.is_none() && phase == Some("Running")
    };
    Ok(all.into_iter().filter(runs).collect())
}

fn ip(pod: &Pod) -> Result<IpAddr, Failure> {
    let status = pod.status.as_ref();
    let ip = status.and_then(|status| status.pod_ip.as_deref());
    let ip = ip.ok_or_else(|| failure(format!("pod {} has no address", pod.name_any())))?;
    Ok(ip.parse()?)
}

/// What the kubelet has had to say of a namespace's pods.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Calm {
    /// By pod: restarts, and whether it is ready.
    pods: BTreeMap<String, (i32, bool)>,
    /// Failed probes in all.
    unhealthy: i32,
}

impl Calm {
    pub(super) async fn read(world: &World, namespace: &str) -> Result<Self, Failure> {
        let pods = running(world, namespace).await?;
        let events = Api::<Event>::namespaced(world.client.clone(), namespace);
        let of_probes = ListParams::default().fields("reason=Unhealthy");
        let events = events.list(&of_probes).await?;
        Ok(Self {
            pods: pods.iter().map(|pod| (pod.name_any(), state(pod))).collect(),
            unhealthy: events.iter().map(|event| event.count.unwrap_or(1)).sum(),
        })
    }

    /// Fails if a container was restarted, such as for its memory, a pod replaced or not ready, or a probe failed since.
    pub(super) async fn lasts(&self, world: &World, namespace: &str) -> Result<(), Failure> {
        let now = Self::read(world, namespace).await?;
        ensure(*self == now, || {
            format!(
                "restarts, readiness or failed probes of the pods in {namespace}: {self:?} before, {now:?} after"
            )
        })
    }
}

fn state(pod: &Pod) -> (i32, bool) {
    let status = pod.status.clone().unwrap_or_default();
    let restarts = status.container_statuses.iter().flatten();
    (
        restarts.map(|container| container.restart_count).sum(),
        is_ready(pod),
    )
}
