//! kube-proxy, whose rules live in the node's network namespace.

use serde_json::json;

use super::{Component, Error, Invocation, built, component_kubeconfig, path_flag};
use crate::files;
use crate::layout::Layout;
use crate::programs::Program;

pub(super) async fn configure(layout: &Layout) -> Result<Invocation, Error> {
    let config = layout.path("config/kube-proxy");
    files::write_json(
        &config,
        &json!({
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "clientConnection": { "kubeconfig": component_kubeconfig(layout, Component::KubeProxy) },
            "mode": "iptables",
            "clusterCIDR": layout.pod_range(),
            "hostnameOverride": layout.name(),
            // The machine's own limit stands: it is not the node's to change.
            "conntrack": { "maxPerCore": 0 },
            "oomScoreAdj": 0,
        }),
    )?;
    Ok(Invocation {
        program: built(Program::KubeProxy).await?,
        arguments: vec![path_flag("config", &config)],
    })
}
