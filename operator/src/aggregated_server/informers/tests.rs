//! How much is kept of a thousand servers.

use k8s_openapi::api::{
    apps::v1::Deployment,
    core::v1::{ConfigMap, Service, ServiceAccount},
    rbac::v1::{ClusterRoleBinding, RoleBinding},
};
use kube::{core::ApiResource, runtime::watcher};
use serde_json::json;

use super::*;
use crate::applier::Cache as _;

const SERVERS: usize = 1000;

/// An object as large as one of a cluster: managers of others, an annotation and a template that nobody reads.
fn live(kind: &ApiResource, name: &str) -> Value {
    let fields = json!({ "f:metadata": { "f:labels": { ".": {}, "f:annex.dev/server": {} } }, "f:spec": { "f:template": { "f:spec": {
        "f:containers": { "k:{\"name\":\"server\"}": { ".": {}, "f:image": {}, "f:args": {}, "f:ports": {}, "f:volumeMounts": {} } },
    } } } });
    let entry = |manager: &str, operation: &str| {
        json!({
            "manager": manager, "operation": operation, "apiVersion": kind.api_version, "fieldsV1": fields,
            "time": "2026-01-01T00:00:00Z",
        })
    };
    json!({
        "apiVersion": kind.api_version, "kind": kind.kind,
        "metadata": {
            "name": name, "namespace": name, "uid": "11111111-1111-1111-1111-111111111111", "resourceVersion": "1234567",
            "labels": { "app.kubernetes.io/managed-by": "annex-operator", SERVER_LABEL: name },
            "annotations": { applier::APPLIED_HASH: "0123456789abcdef0123456789abcdef", "x": "y".repeat(2000) },
            "ownerReferences": [{ "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "name": name, "uid": name }],
            "managedFields": [entry("annex-operator", "Apply"), entry("kube-controller-manager", "Update")],
        },
        "spec": {
            "selector": {}, "group": name, "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1,
            "containers": [{ "name": "server", "image": "x", "args": ["x".repeat(1000)] }],
            "caBundle": "UEVN".repeat(400),
            "template": { "spec": { "containers": [{ "name": "server", "image": "x", "args": ["x".repeat(1000)] }] } },
        },
        "addressType": "IPv4",
        "endpoints": [{ "addresses": ["10.0.0.1"], "targetRef": { "kind": "Pod", "name": name } }],
        "status": { "podIP": "10.0.0.1", "containerStatuses": [{ "name": "server", "image": "x", "imageID": "y", "ready": true, "restartCount": 0 }] },
    })
}

fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = status
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

/// Prints how much it is; the figure is the allocator's, and other tests' beside it: run it alone.
#[test]
fn a_thousand_servers_fit() {
    let informers = Informers::empty();
    let before = resident();
    let kinds = [
        ApiResource::erase::<APIService>(&()),
        ApiResource::erase::<Service>(&()),
        ApiResource::erase::<Deployment>(&()),
        ApiResource::erase::<ServiceAccount>(&()),
        ApiResource::erase::<ConfigMap>(&()),
        ApiResource::erase::<ClusterRoleBinding>(&()),
        ApiResource::erase::<RoleBinding>(&()),
    ];
    for server in 0..SERVERS {
        let name = format!("server-{server}");
        for kind in &kinds {
            informers.answered(kind, &live(kind, &name));
        }
        for pod in 0..2 {
            let pod = live(&ApiResource::erase::<Pod>(&()), &format!("{name}-{pod}"));
            informers
                .pods
                .observe(watcher::Event::Apply(serde_json::from_value(pod).unwrap()));
        }
        let slice = live(&ApiResource::erase::<EndpointSlice>(&()), &name);
        informers
            .endpoint_slices
            .observe(watcher::Event::Apply(serde_json::from_value(slice).unwrap()));
    }
    let kept = resident().saturating_sub(before);
    println!(
        "{SERVERS} servers: {} KiB, {} bytes each",
        kept / 1024,
        kept / SERVERS
    );
    for kind in &kinds {
        assert!(
            informers.known(kind, "server-999", "server-999").is_some(),
            "{}",
            kind.kind
        );
    }
    let service = informers.api_services.get("server-0", "server-0").unwrap();
    assert!(service.object.get().0.is_ok());
}
