//! The part of the table that is about `spec.storage`.

use serde_json::{Value, json};

use super::{Case, case};

/// The refusal of another kind of storage.
pub(super) const KIND: &str = "the kind of storage is immutable: it can be neither added nor removed, and embedded cannot become etcd, nor the other way round";

fn with(kind: &str, storage: Value, refusal: Option<&str>) -> Case {
    case(kind, json!({ "spec": { "storage": storage } }), refusal)
}

fn embedded(more: Value, refusal: Option<&str>) -> Case {
    with("embedded", json!({ "embedded": more }), refusal)
}

fn etcd(more: Value, refusal: Option<&str>) -> Case {
    with("etcd", json!({ "etcd": more }), refusal)
}

/// All cases of a creation.
pub(super) fn all() -> Vec<Case> {
    [kinds(), workloads(), of_embedded(), of_etcd()]
        .into_iter()
        .flatten()
        .collect()
}

fn kinds() -> Vec<Case> {
    let one = "exactly one of embedded and etcd is required";
    vec![
        case("embedded", json!({}), None),
        case("etcd", json!({}), None),
        with("workload", json!({}), Some(one)),
        with(
            "embedded",
            json!({ "etcd": { "endpoints": ["http://a:2379"] } }),
            Some(one),
        ),
        with(
            "service",
            json!({ "embedded": { "size": "1Gi" } }),
            Some("storage needs a workload: what runs already has its own"),
        ),
    ]
}

fn workloads() -> Vec<Case> {
    let of = |kind: &str, more: Value, refusal| case(kind, json!({ "spec": { "workload": more } }), refusal);
    let one = "embedded storage has exactly one replica: leave workload.replicas out";
    vec![
        of("embedded", json!({ "replicas": 1 }), None),
        of("embedded", json!({ "replicas": 0 }), Some(one)),
        of("embedded", json!({ "replicas": 2 }), Some(one)),
        of(
            "embedded",
            json!({ "strategy": { "type": "Recreate" } }),
            Some("embedded storage has no workload.strategy: its only pod ends before the next one begins"),
        ),
        of(
            "etcd",
            json!({ "replicas": 3, "strategy": { "type": "Recreate" } }),
            None,
        ),
    ]
}

fn of_embedded() -> Vec<Case> {
    let small = "size must be at least 1Mi";
    let size = |size: &str, refusal| embedded(json!({ "size": size }), refusal);
    let malformed = "spec.storage.embedded.size in body should match";
    vec![
        embedded(
            json!({ "onDelete": "Delete", "storageClassName": "fast.example" }),
            None,
        ),
        size("1Mi", None),
        size("1.5Gi", None),
        size("100G", None),
        size("1048576", None),
        size("1048575", Some(small)),
        size("1k", Some(small)),
        size("0", Some(small)),
        size("-1Gi", Some(malformed)),
        size("1GB", Some(malformed)),
        size("1 Gi", Some(malformed)),
        size(
            "",
            Some("spec.storage.embedded.size in body should be at least 1 chars long"),
        ),
        size(
            "100000000000000000000",
            Some("spec.storage.embedded.size: Too long: may not be more than 20 bytes"),
        ),
        embedded(
            json!({ "size": 1 }),
            Some(r#"spec.storage.embedded.size: Invalid value: "integer""#),
        ),
        embedded(
            json!({ "size": null }),
            Some("spec.storage.embedded.size: Required value"),
        ),
        embedded(
            json!({ "onDelete": "Keep" }),
            Some(
                r#"spec.storage.embedded.onDelete: Unsupported value: "Keep": supported values: "Retain", "Delete""#,
            ),
        ),
        embedded(
            json!({ "storageClassName": "Fast" }),
            Some("spec.storage.embedded.storageClassName in body should match"),
        ),
        embedded(
            json!({ "storageClassName": "" }),
            Some("spec.storage.embedded.storageClassName in body should be at least 1 chars long"),
        ),
        embedded(
            json!({ "storageClassName": "a".repeat(254) }),
            Some("spec.storage.embedded.storageClassName: Too long: may not be more than 253 bytes"),
        ),
    ]
}

fn of_etcd() -> Vec<Case> {
    let endpoints = |list: Value, refusal| etcd(json!({ "endpoints": list }), refusal);
    let malformed = "spec.storage.etcd.endpoints[0] in body should match";
    let many = |count: usize| -> Value {
        (0..count)
            .map(|number| json!(format!("http://etcd-{number}:2379")))
            .collect()
    };
    vec![
        endpoints(
            json!([
                "http://127.0.0.1:2379",
                "https://[::1]:2379",
                "https://etcd.example.com"
            ]),
            None,
        ),
        endpoints(many(16), None),
        endpoints(
            many(17),
            Some("spec.storage.etcd.endpoints: Too many: 17: must have at most 16 items"),
        ),
        endpoints(
            json!([]),
            Some("spec.storage.etcd.endpoints in body should have at least 1 items"),
        ),
        endpoints(json!(null), Some("spec.storage.etcd.endpoints: Required value")),
        endpoints(
            json!(["http://a:1", "http://a:1"]),
            Some("spec.storage.etcd.endpoints[1]: Duplicate value"),
        ),
        endpoints(json!(["etcd:2379"]), Some(malformed)),
        endpoints(json!(["unix:///run/etcd"]), Some(malformed)),
        endpoints(json!(["https://root:secret@etcd:2379"]), Some(malformed)),
        endpoints(json!(["http://a:1,http://b:1"]), Some(malformed)),
        endpoints(json!(["http://a:1/path"]), Some(malformed)),
        endpoints(
            json!([""]),
            Some("spec.storage.etcd.endpoints[0] in body should be at least 1 chars long"),
        ),
        endpoints(
            json!([format!("http://{}", "a".repeat(506))]),
            Some("spec.storage.etcd.endpoints[0]: Too long: may not be more than 512 bytes"),
        ),
        etcd(
            json!({ "prefix": "/registry/wardle.example.com", "secretName": "etcd-client" }),
            None,
        ),
        etcd(
            json!({ "prefix": "registry" }),
            Some("spec.storage.etcd.prefix in body should match"),
        ),
        etcd(
            json!({ "prefix": "/registry/" }),
            Some("spec.storage.etcd.prefix in body should match"),
        ),
        etcd(
            json!({ "prefix": "/" }),
            Some("spec.storage.etcd.prefix in body should be at least 2 chars long"),
        ),
        etcd(
            json!({ "prefix": format!("/{}", "a".repeat(253)) }),
            Some("spec.storage.etcd.prefix: Too long: may not be more than 253 bytes"),
        ),
        etcd(
            json!({ "secretName": "Secret" }),
            Some("spec.storage.etcd.secretName in body should match"),
        ),
        etcd(
            json!({ "secretName": "" }),
            Some("spec.storage.etcd.secretName in body should be at least 1 chars long"),
        ),
        etcd(
            json!({ "secretName": "a".repeat(254) }),
            Some("spec.storage.etcd.secretName: Too long: may not be more than 253 bytes"),
        ),
    ]
}

/// Changes of one that stands, of 1Gi and no class.
pub(super) fn changes_of_embedded() -> Vec<Case> {
    let smaller = "size only grows: a volume cannot be made smaller";
    let class = "storageClassName is immutable";
    vec![
        embedded(json!({ "size": "2Gi" }), None),
        embedded(json!({ "size": "1024Mi" }), None),
        embedded(json!({ "size": "1023Mi" }), Some(smaller)),
        embedded(json!({ "size": "1G" }), Some(smaller)),
        embedded(json!({ "onDelete": "Delete" }), None),
        embedded(json!({ "storageClassName": "fast" }), Some(class)),
        with("embedded", json!(null), Some(KIND)),
        with(
            "embedded",
            json!({ "embedded": null, "etcd": { "endpoints": ["http://a:2379"] } }),
            Some(KIND),
        ),
        case(
            "embedded",
            json!({ "spec": { "workload": { "image": "other" } } }),
            None,
        ),
    ]
}

/// Changes of one that stands.
pub(super) fn changes_of_etcd() -> Vec<Case> {
    vec![
        etcd(
            json!({ "endpoints": ["https://b:2379"], "prefix": "/b", "secretName": "b" }),
            None,
        ),
        with("etcd", json!(null), Some(KIND)),
        with(
            "etcd",
            json!({ "etcd": null, "embedded": { "size": "1Gi" } }),
            Some(KIND),
        ),
    ]
}
