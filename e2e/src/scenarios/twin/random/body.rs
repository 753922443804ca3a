//! Random bodies: objects, patches of each kind, applied configurations.

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::super::pair::Pair;
use super::sequence::{NAME, Version, head};
use super::value::{one, some, spec, status as status_fields, texts};

/// An object as a creation sends it.
pub(super) fn object(pair: &Pair, version: Version, random: &mut StdRng) -> Value {
    let mut object = head(pair, version);
    let mut fields = spec(random, version);
    fields.insert("class".to_owned(), json!("Small"));
    object["spec"] = Value::Object(fields);
    metadata(&mut object, random);
    object
}

/// An object as an update sends it.
pub(super) fn replacement(pair: &Pair, version: Version, random: &mut StdRng) -> Value {
    let mut object = object(pair, version, random);
    match random.random_range(0..8) {
        0 => object["metadata"]["resourceVersion"] = json!("1"),
        1 | 2 => object["metadata"]["resourceVersion"] = json!(format!("{{{{rv {NAME}}}}}")),
        3 => object["status"] = status_fields(random),
        4 => object["metadata"]["managedFields"] = json!([{}]),
        _ => {}
    }
    object
}

/// A status as an update sends it.
pub(super) fn status(pair: &Pair, version: Version, random: &mut StdRng) -> Value {
    let mut object = object(pair, version, random);
    object["status"] = status_fields(random);
    object
}

/// A scale as an update sends it.
pub(super) fn scale(pair: &Pair, random: &mut StdRng) -> Value {
    json!({
        "apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": { "name": NAME, "namespace": pair.objects },
        "spec": one(random, &[json!({"replicas": 0}), json!({"replicas": 2}), json!({"replicas": 3}), json!({}), json!({"replicas": -1})]),
    })
}

/// A merge patch, which may take fields away.
pub(super) fn merge_patch(version: Version, subresource: &str, random: &mut StdRng) -> Value {
    if subresource == "/scale" {
        return json!({ "spec": { "replicas": one(random, &[json!(0), json!(2), json!(5), Value::Null, json!("x")]) } });
    }
    let mut patch = json!({});
    if subresource.is_empty() || random.random_bool(0.2) {
        patch["spec"] = Value::Object(spec(random, version));
    }
    if !subresource.is_empty() {
        patch["status"] = status_fields(random);
    }
    metadata(&mut patch, random);
    patch
}

/// A few operations of a JSON patch.
pub(super) fn json_patch(version: Version, random: &mut StdRng) -> Value {
    let mut operations = Vec::new();
    for _ in 0..random.random_range(1..4) {
        let fields = spec(random, version);
        let (name, value) = fields.into_iter().next().unwrap_or_default();
        operations.push(one(
            random,
            &[
                json!({"op": "add", "path": format!("/spec/{name}"), "value": value.clone()}),
                json!({"op": "replace", "path": format!("/spec/{name}"), "value": value.clone()}),
                json!({"op": "remove", "path": format!("/spec/{name}")}),
                json!({"op": "test", "path": format!("/spec/{name}"), "value": value}),
                json!({"op": "add", "path": "/spec/features/-", "value": "w"}),
                json!({"op": "remove", "path": "/spec/parts/0"}),
                json!({"op": "add", "path": "/spec/args/0", "value": "0"}),
                json!({"op": "copy", "from": "/spec/parts/0/image", "path": "/spec/mainPart"}),
                json!({"op": "move", "from": "/spec/settings/a", "path": "/spec/settings/b"}),
                json!({"op": "replace", "path": "/metadata/labels", "value": {"a": "9"}}),
                json!({"op": "add", "path": "/status/phase", "value": "patched"}),
                json!({"op": "remove", "path": "/metadata/managedFields/0"}),
                json!({"op": "add", "path": "/spec/limits", "value": null}),
                json!({"op": "remove", "path": "/spec/class"}),
                json!({"op": "add", "path": "/spec/parts/-", "value": {"name": "q"}}),
                json!({"op": "remove", "path": "/spec/ports/1/protocol"}),
            ],
        ));
    }
    json!(operations)
}

/// A strategic merge patch, with directives.
pub(super) fn strategic_merge_patch(version: Version, subresource: &str, random: &mut StdRng) -> Value {
    if subresource == "/status" {
        let mut patch = json!({ "status": status_fields(random) });
        if random.random_bool(0.2) {
            patch["status"]["conditions"] = json!([{"$patch": "delete", "type": "Ready"}]);
        }
        return patch;
    }
    let mut fields = spec(random, version);
    if random.random_bool(0.4) {
        directive(&mut fields, random);
    }
    let mut patch = json!({ "spec": fields });
    metadata(&mut patch, random);
    patch
}

/// A directive of a strategic merge patch, in the place of what the patch says of that field: what both add and delete is kept by
/// chance in Go.
fn directive(fields: &mut Map<String, Value>, random: &mut StdRng) {
    let (name, key, value) = one(
        random,
        &[
            ("parts", "parts", json!([{"$patch": "delete", "name": "p"}])),
            (
                "parts",
                "parts",
                json!([{"$patch": "replace"}, {"name": "q", "image": "9"}]),
            ),
            (
                "parts",
                "parts",
                json!([{"name": "p", "env": [{"$patch": "delete", "name": "A"}]}]),
            ),
            ("ports", "ports", json!([{"$patch": "delete", "port": 80}])),
            ("features", "$deleteFromPrimitiveList/features", json!(["x"])),
            ("settings", "settings", json!({"$patch": "replace", "c": "3"})),
            ("settings", "settings", json!({"$patch": "delete"})),
            ("limits", "limits", json!({"$patch": "replace", "min": 1})),
            (
                "strategy",
                "strategy",
                json!({"$retainKeys": ["type"], "type": "Recreate"}),
            ),
            (
                "strategy",
                "strategy",
                json!({"$retainKeys": ["rolling"], "rolling": {"maxSurge": 3}}),
            ),
            ("anchor", "anchor", json!({"$patch": "replace", "name": "z"})),
            (
                "parts",
                "$setElementOrder/parts",
                json!([{"name": "q"}, {"name": "p"}]),
            ),
            ("features", "$setElementOrder/features", json!(["z", "x"])),
            ("parts", "parts", json!([{"name": "q", "$retainKeys": ["name"]}])),
            ("parts", "parts", json!([{"image": "1"}])),
            (
                "parts",
                "parts",
                json!([{"$patch": "merge", "name": "p", "image": "7"}]),
            ),
            ("parts", "parts", json!([{"$patch": "bad", "name": "p"}])),
            (
                "ports",
                "ports",
                json!([{"$patch": "delete", "port": 9}, {"port": 9}]),
            ),
            ("args", "$deleteFromPrimitiveList/args", json!(["1"])),
            (
                "settings",
                "settings",
                json!({"$patch": "merge", "a": null, "c": "4"}),
            ),
        ],
    );
    fields.remove(name);
    fields.insert(key.to_owned(), value);
}

/// An applied configuration.
pub(super) fn applied(pair: &Pair, version: Version, subresource: &str, random: &mut StdRng) -> Value {
    if subresource == "/scale" {
        return scale(pair, random);
    }
    let mut object = head(pair, version);
    if subresource.is_empty() || random.random_bool(0.2) {
        let mut fields = spec(random, version);
        if random.random_bool(0.5) {
            fields.insert("class".to_owned(), json!("Small"));
        }
        object["spec"] = Value::Object(fields);
    }
    if !subresource.is_empty() || random.random_bool(0.1) {
        object["status"] = status_fields(random);
    }
    metadata(&mut object, random);
    object
}

/// Labels, annotations or finalizers, now and then.
fn metadata(object: &mut Value, random: &mut StdRng) {
    if random.random_bool(0.2) {
        object["metadata"]["labels"] = texts(random);
    }
    if random.random_bool(0.1) {
        object["metadata"]["annotations"] = texts(random);
    }
    if random.random_bool(0.05) {
        let owners = [
            json!({"apiVersion": "v1", "kind": "A", "name": "a", "uid": "1"}),
            json!({"apiVersion": "v1", "kind": "B", "name": "b", "uid": "2"}),
        ];
        object["metadata"]["ownerReferences"] = json!(some(random, &owners));
    }
}
