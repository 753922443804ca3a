//! What a template is refused for, and what it is not.

use serde_json::{Value, json};

use super::super::{MAX_BYTES, MAX_DEPTH};
use super::*;

fn refusal(template: &Value) -> TemplateError {
    match merged(template) {
        Ok(merged) => panic!("{template} was merged to {merged}"),
        Err(error) => error,
    }
}

/// Each case: a template and the beginning of its error.
#[test]
fn what_would_be_lost_is_refused_with_its_path() {
    for (template, expected) in [
        (json!([]), "spec.workload.template is not an object"),
        (Value::Null, "spec.workload.template is not an object"),
        (json!({ "spce": {} }), "spec.workload.template.spce is no field"),
        (
            server(json!({ "imagePullpolicy": "Always" })),
            "spec.workload.template.spec.containers[0].imagePullpolicy is no field",
        ),
        (
            json!({ "spec": { "volumes": [{ "name": "a", "emptyDir": {} }, { "name": "b", "emptyDirs": {} }] } }),
            "spec.workload.template.spec.volumes[1].emptyDirs is no field",
        ),
        (
            json!({ "spec": { "hostNetwork": "yes" } }),
            "spec.workload.template.spec.hostNetwork has the wrong type",
        ),
        (
            json!({ "spec": { "containers": { "name": "server" } } }),
            "spec.workload.template.spec.containers has the wrong type",
        ),
        (
            json!({ "spec": { "containers": [{ "name": "a" }, { "name": "b", "env": [{ "name": "X", "value": 1 }] }] } }),
            "spec.workload.template.spec.containers[1].env[0].value has the wrong type",
        ),
        (
            json!({ "metadata": { "labels": { "a": "b", "c": true } } }),
            "spec.workload.template.metadata.labels.c has the wrong type",
        ),
        (
            json!({ "spec": { "securityContext": null } }),
            "spec.workload.template.spec.securityContext is null",
        ),
        (
            json!({ "spec": { "containers": [null] } }),
            "spec.workload.template.spec.containers[0] is null",
        ),
    ] {
        let error = refusal(&template).to_string();
        assert!(error.starts_with(expected), "{error}");
    }
}

#[test]
fn a_wrong_type_says_what_was_expected() {
    let error = refusal(&server(json!({ "env": [{ "name": "X", "value": 1 }] })));
    let TemplateError::WrongType { source, .. } = error else {
        panic!("{error:?}")
    };
    assert!(source.to_string().contains("expected a string"), "{source}");
}

#[test]
fn items_without_keys_and_with_the_same_are_refused() {
    for (template, expected) in [
        (
            json!({ "spec": { "containers": [{ "image": "a" }] } }),
            "spec.containers[0] lacks name",
        ),
        (
            json!({ "spec": { "containers": [{ "name": "" }] } }),
            "spec.containers[0] lacks name",
        ),
        (
            json!({ "spec": { "volumes": [{ "emptyDir": {} }] } }),
            "spec.volumes[0] lacks name",
        ),
        (
            server(json!({ "volumeMounts": [{ "name": "a" }] })),
            "spec.containers[0].volumeMounts[0] lacks mountPath",
        ),
        (
            json!({ "spec": { "topologySpreadConstraints": [{ "topologyKey": "a" }] } }),
            "spec.topologySpreadConstraints[0] lacks whenUnsatisfiable",
        ),
        (
            json!({ "spec": { "containers": [{ "name": "a" }, { "name": "a" }] } }),
            "spec.containers[1] has the same name",
        ),
        (
            server(json!({ "env": [{ "name": "X" }, { "name": "Y" }, { "name": "X" }] })),
            "spec.containers[0].env[2] has the same name",
        ),
        (
            server(json!({ "ports": [{ "containerPort": 53 }, { "containerPort": 53, "protocol": "TCP" }] })),
            "spec.containers[0].ports[1] has the same containerPort and protocol",
        ),
        (
            server(json!({ "livenessProbe": { "exec": { "command": [] }, "httpGet": { "port": 1 } } })),
            "spec.containers[0].livenessProbe sets exec, httpGet, of which",
        ),
        (
            json!({ "spec": { "volumes": [{ "name": "a", "emptyDir": {}, "hostPath": { "path": "/" } }] } }),
            "spec.volumes[0] sets emptyDir, hostPath, of which",
        ),
        (
            server(json!({ "env": [{ "name": "X", "value": "", "valueFrom": {} }] })),
            "spec.containers[0].env[0] sets value, valueFrom, of which",
        ),
    ] {
        let error = refusal(&template).to_string();
        assert!(
            error.starts_with(&format!("spec.workload.template.{expected}")),
            "{error}"
        );
    }
}

#[test]
fn what_is_annexs_is_refused() {
    let sidecar = |fields: Value| json!({ "spec": { "containers": [{ "name": "side" }, fields] } });
    for (template, path) in [
        (json!({ "metadata": { "name": "x" } }), "metadata.name"),
        (json!({ "metadata": { "namespace": "x" } }), "metadata.namespace"),
        (
            json!({ "metadata": { "labels": { "app.kubernetes.io/name": "wardle" } } }),
            "metadata.labels.app.kubernetes.io/name",
        ),
        (
            json!({ "metadata": { "labels": { "annex.dev/server": "x" } } }),
            "metadata.labels.annex.dev/server",
        ),
        (
            json!({ "metadata": { "annotations": { "annex.dev/any": "x" } } }),
            "metadata.annotations.annex.dev/any",
        ),
        (
            json!({ "spec": { "serviceAccount": "x" } }),
            "spec.serviceAccount",
        ),
        (
            json!({ "spec": { "volumes": [{ "name": "serving-cert", "emptyDir": {} }] } }),
            "spec.volumes[0]",
        ),
        (server(json!({ "image": "x" })), "spec.containers[0].image"),
        (server(json!({ "command": [] })), "spec.containers[0].command"),
        (server(json!({ "args": ["-v=9"] })), "spec.containers[0].args"),
        (
            server(json!({ "ports": [{ "containerPort": 8443 }] })),
            "spec.containers[0].ports[0]",
        ),
        (
            server(json!({ "ports": [{ "containerPort": 1, "name": "https" }] })),
            "spec.containers[0].ports[0].name",
        ),
        (
            sidecar(json!({ "name": "b", "ports": [{ "containerPort": 1, "name": "https" }] })),
            "spec.containers[1].ports[0].name",
        ),
        (
            server(json!({ "volumeMounts": [{ "name": "x", "mountPath": "/var/run/annex/serving-cert" }] })),
            "spec.containers[0].volumeMounts[0].mountPath",
        ),
        (
            server(
                json!({ "volumeMounts": [{ "name": "x", "mountPath": "/var//run/annex/./serving-cert/x" }] }),
            ),
            "spec.containers[0].volumeMounts[0].mountPath",
        ),
        (
            json!({ "spec": { "initContainers": [{ "name": "server", "image": "x" }] } }),
            "spec.initContainers[0].name",
        ),
    ] {
        match refusal(&template) {
            TemplateError::Reserved { path: found, .. } => {
                assert_eq!(found, format!("spec.workload.template.{path}"))
            }
            other => panic!("{template}: {other:?}"),
        }
    }
}

#[test]
fn what_only_looks_reserved_is_allowed() {
    for template in [
        json!({ "spec": { "containers": [{ "name": "side", "image": "x", "command": ["a"], "args": ["b"],
            "volumeMounts": [{ "name": "serving-cert", "mountPath": "/var/run/annex/serving-cert" }] }] } }),
        server(json!({ "volumeMounts": [{ "name": "x", "mountPath": "/var/run/annex/serving-certs" }] })),
        server(json!({ "volumeMounts": [{ "name": "x", "mountPath": "/var/run/annex" }] })),
        json!({ "metadata": { "annotations": { "app.kubernetes.io/name": "x" } } }),
    ] {
        merged(&template).expect("a merge");
    }
}

#[test]
fn the_size_is_bounded() {
    let annotation = |length: usize| json!({ "metadata": { "annotations": { "a": "x".repeat(length) } } });
    let around = annotation(0).to_string().len();
    merged(&annotation(MAX_BYTES - around)).expect("a merge");
    let error = refusal(&annotation(MAX_BYTES - around + 1));
    assert!(
        matches!(error, TemplateError::TooLarge { bytes } if bytes == MAX_BYTES + 1),
        "{error:?}"
    );
}

#[test]
fn the_depth_is_bounded() {
    let nested = |levels: usize| (1..levels).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert!(matches!(refusal(&nested(MAX_DEPTH + 1)), TemplateError::TooDeep));
    // At the bound, it is the unknown field that is refused.
    assert!(matches!(
        refusal(&nested(MAX_DEPTH)),
        TemplateError::UnknownField { .. }
    ));
}
