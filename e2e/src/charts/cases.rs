//! The sets of values that the charts are checked with.

use serde_json::{Value, json};

use super::Chart;

/// A set of values, and how many PodDisruptionBudgets it must give.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) chart: Chart,
    pub(super) values: Value,
    pub(super) budgets: usize,
    /// The image of every container.
    pub(super) image: &'static str,
}

/// The sets of values that every change of the charts is rendered with.
pub(super) fn cases() -> Vec<Case> {
    let digest = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
    let default = concat!("annex-operator:", env!("CARGO_PKG_VERSION"));
    let case = |name, chart, budgets, values| Case {
        name,
        chart,
        values,
        budgets,
        image: default,
    };
    let custom = json!({ "repository": "registry.example.com:5000/annex/operator", "tag": "1.2", "digest": digest,
        "pullPolicy": "Never" });
    let custom_image = "registry.example.com:5000/annex/operator:1.2\
        @sha256:0000000000000000000000000000000000000000000000000000000000000000";
    vec![
        case("defaults", Chart::Crds, 0, json!({})),
        case(
            "without the check",
            Chart::Crds,
            0,
            json!({ "uninstallCheck": { "enabled": false } }),
        ),
        Case {
            image: custom_image,
            ..case(
                "everything",
                Chart::Crds,
                0,
                json!({ "uninstallCheck": {
                "image": custom, "imagePullSecrets": [{ "name": "pull" }], "activeDeadlineSeconds": 5,
                "nodeSelector": { "a": "b" }, "tolerations": [{ "operator": "Exists" }],
            } }),
            )
        },
        case("defaults", Chart::Operator, 1, json!({})),
        case("one replica", Chart::Operator, 0, json!({ "replicas": 1 })),
        case("no replica", Chart::Operator, 0, json!({ "replicas": 0 })),
        case(
            "no budget",
            Chart::Operator,
            0,
            json!({ "podDisruptionBudget": { "enabled": false } }),
        ),
        case(
            "no network policy",
            Chart::Operator,
            1,
            json!({ "networkPolicy": { "enabled": false } }),
        ),
        case(
            "empty lists",
            Chart::Operator,
            1,
            json!({ "topologySpreadConstraints": [], "extraEnv": [] }),
        ),
        case(
            "platform's user",
            Chart::Operator,
            1,
            json!({ "podSecurityContext": { "runAsUser": null, "runAsGroup": null }, "global": { "a": 1 } }),
        ),
        Case {
            image: custom_image,
            ..case("everything", Chart::Operator, 1, everything(&custom))
        },
    ]
}

fn everything(image: &Value) -> Value {
    json!({
        "replicas": 3,
        "image": image,
        "imagePullSecrets": [{ "name": "pull" }],
        "log": { "format": "json", "filter": "info,annex_operator=debug,[span{field=\"x\"}]=trace" },
        "leaderElection": { "leaseDuration": "1m30s", "renewDeadline": "60s", "retryPeriod": "500ms" },
        "workers": 8,
        "resync": "1m",
        "kubeApi": { "qps": 10, "burst": 20 },
        "extraArgs": ["--namespace=annex"],
        "extraEnv": [{ "name": "A", "value": "b: c" },
            { "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } }],
        "podLabels": { "team": "api", "app.kubernetes.io/name": "stolen" },
        "podAnnotations": { "a": "true", "kubectl.kubernetes.io/default-container": "operator" },
        "nodeSelector": { "kubernetes.io/os": "linux" },
        "tolerations": [{ "key": "a", "operator": "Exists", "effect": "NoSchedule" }],
        "affinity": { "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [] } },
        "topologySpreadConstraints": [
            { "maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule" },
            { "maxSkew": 2, "topologyKey": "host", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": { "own": "selector" } } },
        ],
        "priorityClassName": "system-cluster-critical",
        "metrics": {
            "service": { "annotations": { "a": "b" } },
            "serviceMonitor": { "enabled": true, "labels": { "release": "prometheus" }, "interval": "1m" },
            "prometheusRule": { "enabled": true, "labels": { "release": "prometheus" }, "certificateExpiryHours": 1 },
        },
        "networkPolicy": { "enabled": true, "metricsFrom": [{ "namespaceSelector": { "matchLabels": { "a": "b" } } }],
            "egress": [{ "ports": [{ "port": 443 }], "to": [{ "ipBlock": { "cidr": "10.0.0.0/8" } }] }] },
        "admissionPolicy": { "enabled": true },
        "namespaces": ["wardle", "default"],
        "secrets": { "namespaces": ["wardle", "metrics"] },
    })
}

/// Values that a schema must refuse, and the key that its message must name.
pub(super) fn refusals() -> Vec<(Chart, Value, &'static str)> {
    vec![
        (Chart::Operator, json!({ "replica": 2 }), "replica"),
        (Chart::Operator, json!({ "replicas": "two" }), "replicas"),
        (Chart::Operator, json!({ "image": { "repo": "x" } }), "repo"),
        (Chart::Operator, json!({ "image": { "digest": "abc" } }), "digest"),
        (
            Chart::Operator,
            json!({ "metrics": { "serviceMonitor": { "enable": true } } }),
            "enable",
        ),
        (
            Chart::Operator,
            json!({ "leaderElection": { "leaseDuration": 15 } }),
            "leaseDuration",
        ),
        (Chart::Operator, json!({ "extraEnv": [{ "nam": "x" }] }), "nam"),
        (
            Chart::Operator,
            json!({ "admissionPolicy": { "enable": true } }),
            "enable",
        ),
        (Chart::Operator, json!({ "namespaces": "wardle" }), "namespaces"),
        (
            Chart::Operator,
            json!({ "secrets": { "namespaces": ["Wardle"] } }),
            "namespaces",
        ),
        (
            Chart::Operator,
            json!({ "affinity": { "podAffinty": {} } }),
            "podAffinty",
        ),
        (
            Chart::Crds,
            json!({ "uninstallCheck": { "enable": false } }),
            "enable",
        ),
        (Chart::Crds, json!({ "uninstallcheck": {} }), "uninstallcheck"),
    ]
}
