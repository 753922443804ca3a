//! What a template merges to.

use serde_json::json;

use super::super::service_account_name;
use super::*;

#[test]
fn an_empty_template_changes_nothing() {
    for template in [
        json!({}),
        json!({ "spec": {} }),
        json!({ "metadata": { "labels": {} }, "spec": { "containers": [] } }),
    ] {
        assert_eq!(merged(&template).expect("a merge"), generated(), "{template}");
    }
}

/// Each case: a template of `server`, a field of the merged `server`, and what it is then.
#[test]
fn the_server_container_is_merged_by_the_apis_rules() {
    let cases = [
        (
            json!({ "env": [{ "name": "C", "value": "3" }, { "name": "A", "value": "9" }] }),
            "/env",
            json!([{ "name": "A", "value": "9" }, { "name": "B", "value": "2" }, { "name": "C", "value": "3" }]),
        ),
        (
            json!({ "env": [{ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }] }),
            "/env/0",
            json!({ "name": "A", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } }),
        ),
        (
            json!({ "readinessProbe": { "httpGet": { "path": "/healthz" } } }),
            "/readinessProbe",
            json!({ "httpGet": { "path": "/healthz", "port": "https", "scheme": "HTTPS" }, "periodSeconds": 5 }),
        ),
        (
            json!({ "readinessProbe": { "tcpSocket": { "port": 8443 }, "timeoutSeconds": 2 } }),
            "/readinessProbe",
            json!({ "tcpSocket": { "port": 8443 }, "periodSeconds": 5, "timeoutSeconds": 2 }),
        ),
        (
            json!({ "readinessProbe": { "periodSeconds": 9 } }),
            "/readinessProbe",
            json!({ "httpGet": { "path": "/readyz", "port": "https", "scheme": "HTTPS" }, "periodSeconds": 9 }),
        ),
        (
            json!({ "lifecycle": { "preStop": { "exec": { "command": ["/stop"] } } } }),
            "/lifecycle",
            json!({ "preStop": { "exec": { "command": ["/stop"] } } }),
        ),
        (
            json!({ "ports": [{ "containerPort": 9090, "name": "metrics" }, { "containerPort": 8443, "protocol": "UDP" }] }),
            "/ports",
            json!([
                { "name": "https", "containerPort": 8443, "protocol": "TCP" },
                { "name": "metrics", "containerPort": 9090 },
                { "containerPort": 8443, "protocol": "UDP" },
            ]),
        ),
        (
            json!({ "volumeMounts": [{ "mountPath": "/tmp", "name": "scratch" }, { "mountPath": "/data", "name": "data" }] }),
            "/volumeMounts",
            json!([
                { "name": "serving-cert", "mountPath": "/var/run/annex/serving-cert", "readOnly": true },
                { "name": "scratch", "mountPath": "/tmp" },
                { "name": "data", "mountPath": "/data" },
            ]),
        ),
        (
            json!({ "securityContext": { "runAsUser": 1000, "capabilities": { "drop": ["NET_RAW"] } } }),
            "/securityContext",
            json!({ "allowPrivilegeEscalation": false, "capabilities": { "drop": ["NET_RAW"] }, "runAsUser": 1000 }),
        ),
        (
            json!({ "resources": { "requests": { "cpu": 1, "memory": "64Mi" }, "limits": { "cpu": 1.5 } } }),
            "/resources",
            json!({ "requests": { "cpu": "1", "memory": "64Mi" }, "limits": { "cpu": "1.5" } }),
        ),
    ];
    for (fields, pointer, expected) in cases {
        let merged = merged(&server(fields.clone())).expect("a merge");
        assert_eq!(
            merged["spec"]["containers"][0].pointer(pointer),
            Some(&expected),
            "{fields}"
        );
        assert_eq!(
            merged["spec"]["containers"][0]["args"],
            json!(["--secure-port=8443"]),
            "{fields}"
        );
    }
}

/// Each case: a template's spec, a part of the merged spec, and what it is then.
#[test]
fn the_pod_is_merged_by_the_apis_rules() {
    let cert = || json!({ "name": "serving-cert", "secret": { "secretName": "wardle-serving-cert" } });
    let spread = || generated()["spec"]["topologySpreadConstraints"][0].clone();
    let zone = json!({ "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule" });
    let cases = [
        (
            json!({ "volumes": [{ "name": "tmp", "hostPath": { "path": "/scratch" } }] }),
            "/volumes",
            json!([cert(), { "name": "tmp", "hostPath": { "path": "/scratch" } }]),
        ),
        (
            json!({ "volumes": [{ "name": "tmp", "emptyDir": { "medium": "Memory" } }, { "name": "d", "emptyDir": {} }] }),
            "/volumes",
            json!([cert(), { "name": "tmp", "emptyDir": { "sizeLimit": "1Gi", "medium": "Memory" } }, { "name": "d", "emptyDir": {} }]),
        ),
        (
            json!({ "topologySpreadConstraints": [zone, { "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "maxSkew": 2 }] }),
            "/topologySpreadConstraints",
            json!([{
                "maxSkew": 2, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": spread()["labelSelector"],
            }, zone]),
        ),
        (
            json!({ "topologySpreadConstraints": [{
                "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": { "mine": "1" } },
            }] }),
            "/topologySpreadConstraints/0/labelSelector",
            json!({ "matchLabels": { "mine": "1" } }),
        ),
        (
            json!({ "tolerations": [{ "operator": "Exists" }] }),
            "/tolerations",
            json!([{ "operator": "Exists" }]),
        ),
        (
            json!({ "hostAliases": [{ "ip": "10.0.0.1", "hostnames": ["a"] }] }),
            "/hostAliases/0/ip",
            json!("10.0.0.1"),
        ),
        (
            json!({ "imagePullSecrets": [{ "name": "r" }] }),
            "/imagePullSecrets",
            json!([{ "name": "r" }]),
        ),
        (
            json!({ "securityContext": { "fsGroup": 1 } }),
            "/securityContext",
            json!({ "fsGroup": 1, "seccompProfile": { "type": "RuntimeDefault" } }),
        ),
        (
            json!({ "containers": [{ "name": "etcd", "image": "etcd:3" }] }),
            "/containers/1",
            json!({ "name": "etcd", "image": "etcd:3" }),
        ),
        (
            json!({ "initContainers": [{ "name": "migrate", "image": "m:1", "args": ["up"] }] }),
            "/initContainers/0/args",
            json!(["up"]),
        ),
        (
            json!({ "serviceAccountName": "mine" }),
            "/serviceAccountName",
            json!("mine"),
        ),
    ];
    for (spec, pointer, expected) in cases {
        let merged = merged(&json!({ "spec": spec })).expect("a merge");
        assert_eq!(merged["spec"].pointer(pointer), Some(&expected), "{spec}");
        assert_eq!(
            merged["spec"]["containers"][0],
            generated()["spec"]["containers"][0],
            "{spec}"
        );
    }
}

#[test]
fn labels_and_annotations_are_added() {
    let template = json!({ "metadata": { "labels": { "team": "a" }, "annotations": { "note": "b" } } });
    let metadata = merged(&template).expect("a merge")["metadata"].clone();
    let labels = json!({ "app.kubernetes.io/name": "wardle", "team": "a" });
    assert_eq!(
        metadata,
        json!({ "labels": labels, "annotations": { "note": "b" } })
    );
}

#[test]
fn the_service_account_is_read_from_the_template() {
    for (template, expected) in [
        (json!({ "spec": { "serviceAccountName": "mine" } }), Some("mine")),
        (json!({ "spec": { "serviceAccountName": "" } }), None),
        (json!({}), None),
    ] {
        assert_eq!(service_account_name(&template), expected);
    }
}
