//! The kubelet.

use serde_json::json;

use super::{Component, Error, Invocation, Options, built, component_kubeconfig, flag, path_flag};
use crate::certs;
use crate::files;
use crate::layout::Layout;
use crate::programs::Program;

/// How often a pod is looked at again in any case; it is then that a changed Secret comes into its volume, up to half as late again.
/// Kubernetes' default is a minute, which is most of what a rotation waits for.
const SYNC_FREQUENCY: &str = "10s";
const DEFAULT_SYNC_FREQUENCY: &str = "1m";

pub(super) async fn configure(layout: &Layout, options: Options) -> Result<Invocation, Error> {
    let config = layout.path("config/kubelet");
    // Pods resolve the cluster's names alone: without this, this machine's search domains would leak into them.
    let resolver = layout.path("config/resolv.conf");
    files::write(&resolver, "")?;
    let (certificate, key) = certs::pair(layout, certs::NODE);
    files::write_json(
        &config,
        &json!({
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "authentication": {
                "anonymous": { "enabled": false },
                "webhook": { "enabled": true },
                "x509": { "clientCAFile": layout.path(certs::CA) },
            },
            "authorization": { "mode": "Webhook" },
            "tlsCertFile": certificate,
            "tlsPrivateKeyFile": key,
            "address": "0.0.0.0",
            "clusterDNS": [layout.dns_address()],
            "clusterDomain": "cluster.local",
            "resolvConf": resolver,
            "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": format!("/{}", layout.cgroup()),
            "failCgroupV1": false,
            "failSwapOn": false,
            "enforceNodeAllocatable": [],
            "evictionHard": {
                "memory.available": "50Mi",
                "nodefs.available": "1%",
                "nodefs.inodesFree": "1%",
                "imagefs.available": "1%",
            },
            "syncFrequency": if options.default_sync_frequency { DEFAULT_SYNC_FREQUENCY } else { SYNC_FREQUENCY },
            // By a watch, a look at a pod finds the Secret as it is. A cache would be as old as its time to live, another minute on top;
            // to get each Secret at each look would be a load on kube-apiserver that no cluster has.
            "configMapAndSecretChangeDetectionStrategy": "Watch",
            // Images come from archives: one that was collected could not be pulled again.
            "imageGCHighThresholdPercent": 100,
            // The machine's programs outrank a test's, and only some may be raised above them.
            "oomScoreAdj": 0,
        }),
    )?;
    let arguments = vec![
        path_flag("config", &config),
        path_flag("kubeconfig", &component_kubeconfig(layout, Component::Kubelet)),
        flag("hostname-override", layout.name()),
        flag("node-ip", layout.node_address()),
    ];
    Ok(Invocation {
        program: built(Program::Kubelet).await?,
        arguments,
    })
}
