//! A generated pod template and what others may do to it.

mod merging;
mod refusals;

use serde_json::{Value, json};

use super::{PodTemplateSpec, Reserved, ReservedVolume, SERVER_CONTAINER, TemplateError, merge};

fn generated() -> Value {
    json!({
        "metadata": { "labels": { "app.kubernetes.io/name": "wardle" } },
        "spec": {
            "serviceAccountName": "wardle",
            "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
            "containers": [{
                "name": "server",
                "image": "registry.example.com/wardle:1.0",
                "args": ["--secure-port=8443"],
                "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }],
                "ports": [{ "name": "https", "containerPort": 8443, "protocol": "TCP" }],
                "readinessProbe": {
                    "httpGet": { "path": "/readyz", "port": "https", "scheme": "HTTPS" },
                    "periodSeconds": 5,
                },
                "lifecycle": { "preStop": { "sleep": { "seconds": 5 } } },
                "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                "volumeMounts": [
                    { "name": "serving-cert", "mountPath": "/var/run/annex/serving-cert", "readOnly": true },
                    { "name": "tmp", "mountPath": "/tmp" },
                ],
            }],
            "volumes": [
                { "name": "serving-cert", "secret": { "secretName": "wardle-serving-cert" } },
                { "name": "tmp", "emptyDir": { "sizeLimit": "1Gi" } },
            ],
            "topologySpreadConstraints": [{
                "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": { "matchLabels": { "app": "wardle" } },
            }],
        },
    })
}

fn reserved() -> Reserved {
    Reserved {
        selector_labels: ["app.kubernetes.io/name".to_owned()].into(),
        volumes: vec![ReservedVolume {
            name: "serving-cert".to_owned(),
            mount_path: "/var/run/annex/serving-cert".to_owned(),
        }],
        port: 8443,
        port_name: "https".to_owned(),
    }
}

fn merged(template: &Value) -> Result<Value, TemplateError> {
    let generated: PodTemplateSpec = serde_json::from_value(generated()).expect("a pod template");
    merge(generated, template, &reserved()).map(|merged| serde_json::to_value(merged).expect("JSON"))
}

/// A template of the container `server`.
fn server(mut fields: Value) -> Value {
    fields["name"] = SERVER_CONTAINER.into();
    json!({ "spec": { "containers": [fields] } })
}
