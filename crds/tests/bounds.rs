//! The schema admits nothing that the types refuse: an object that passed the API server must decode.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may end at the first surprise"
)]

use annex_crds::v1alpha1::{AggregatedResourceDefinition, AggregatedServer, definition, resource_definition};
use serde_json::{Value, json};

/// What the walk found: a schema and where its values stand in an object, `0` for the items of a list.
struct Leaf {
    path: Vec<String>,
    schema: Value,
}

impl Leaf {
    fn name(&self) -> String {
        self.path.join(".")
    }

    fn is(&self, type_: &str) -> bool {
        self.schema["type"] == type_
    }

    fn is_int_or_string(&self) -> bool {
        self.schema["x-kubernetes-int-or-string"] == true
    }
}

fn walk(path: &[String], schema: &Value, found: &mut Vec<Leaf>) {
    found.push(Leaf {
        path: path.to_vec(),
        schema: schema.clone(),
    });
    let below = |name: &str| [path, &[name.to_owned()]].concat();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        walk(&below(name), property, found);
    }
    if schema["items"].is_object() {
        walk(&below("0"), &schema["items"], found);
    }
}

fn leaves() -> Vec<Leaf> {
    leaves_of(serde_json::to_value(definition().unwrap()).unwrap())
}

fn leaves_of(definition: Value) -> Vec<Leaf> {
    let schema = &definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut found = Vec::new();
    for part in ["spec", "status"] {
        walk(&[part.to_owned()], &schema["properties"][part], &mut found);
    }
    found
}

/// Objects that together have every field.
fn samples() -> Vec<Value> {
    let condition = json!({ "type": "Ready", "status": "True", "reason": "x", "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z" });
    let time = "2026-01-01T00:00:00Z";
    let spec = json!({
        "namespace": "a",
        "apis": [{ "group": "a.b", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1, "crdShadow": "Allow" }],
        "workload": {
            "image": "x", "command": ["x"], "args": ["x"], "servingFlags": "None", "port": 1, "replicas": 1, "template": {},
            "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 1 } },
        },
        "service": { "name": "a", "port": 1 },
        "storage": {
            "embedded": { "size": "1Gi", "onDelete": "Delete", "storageClassName": "a" },
            "etcd": { "endpoints": ["https://a:1"], "prefix": "/a", "secretName": "a" },
        },
        "certificates": {
            "selfSigned": { "caDuration": "3h", "duration": "1h", "renewBefore": "1m" }, "secretName": "a", "dnsNames": ["a"],
            "mount": { "path": "/a", "certificateKey": "a", "privateKeyKey": "b", "caKey": "c" }, "reload": "Restart",
        },
        "adoption": "Never",
    });
    let status = json!({
        "observedGeneration": 1, "conditions": [condition], "groupVersions": "a", "serviceAccountName": "a", "image": "a:1", "newerImage": "a:2",
        "apis": [{ "groupVersion": "a.b/v1", "versionPriority": 1, "conditions": [condition] }],
        "certificates": {
            "caNotAfter": time, "servingNotAfter": time, "servedNotAfter": time, "nextRotationTime": time, "rotationCount": 1,
            "rotation": { "step": "Widen", "startTime": time, "blockedBy": "a" },
        },
        "children": [{ "apiVersion": "v1", "kind": "a", "namespace": "a", "name": "a" }],
    });
    vec![
        json!({ "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedServer", "metadata": { "name": "a" },
        "spec": spec, "status": status }),
    ]
}

fn with(sample: &Value, path: &[String], value: Value) -> Value {
    let mut object = sample.clone();
    let pointer = format!("/{}", path.join("/"));
    let Some(place) = object.pointer_mut(&pointer) else {
        panic!("no sample has {pointer}: give it one")
    };
    *place = value;
    object
}

/// A definition's own words have no schema: a schema of schemas has no end.
#[test]
fn everything_has_a_bound() {
    let definition = serde_json::to_value(resource_definition().unwrap()).unwrap();
    let mut declared = leaves_of(definition);
    declared.retain(|leaf| leaf.name() != "spec");
    for leaf in leaves().into_iter().chain(declared) {
        let (name, schema) = (leaf.name(), &leaf.schema);
        let has = |keyword: &str| !schema[keyword].is_null();
        if leaf.is("integer") || leaf.is_int_or_string() {
            assert!(
                has("minimum") && has("maximum"),
                "{name} has no minimum and maximum"
            );
        }
        if leaf.is("string") || leaf.is_int_or_string() {
            let bounded = has("maxLength") || has("enum") || schema["format"] == "date-time";
            assert!(bounded, "{name} has no maxLength");
        }
        if leaf.is("array") {
            assert!(has("maxItems"), "{name} has no maxItems");
        }
        assert!(!leaf.is("number"), "{name} is a floating-point number");
        assert!(!has("additionalProperties"), "{name} has fields of any name");
        let open = schema["x-kubernetes-preserve-unknown-fields"] == true;
        assert!(!open || name == "spec.workload.template", "{name} takes anything");
    }
}

/// What a definition says is kept word for word, and its status has every field of a CustomResourceDefinition's.
#[test]
fn a_definition_is_kept_word_for_word() {
    let object = json!({
        "apiVersion": "annex.dev/v1alpha1", "kind": "AggregatedResourceDefinition", "metadata": { "name": "lamps.example.com" },
        "spec": { "server": "light", "group": "example.com", "names": { "plural": "lamps" }, "anything": [1, null, { "a": 1.5 }] },
        "status": {
            "observedGeneration": 1, "conditions": [], "acceptedNames": { "plural": "lamps", "kind": "Lamp", "shortNames": ["lp"] },
            "storedVersions": ["v1"], "objects": 3,
        },
    });
    let read: AggregatedResourceDefinition = serde_json::from_value(object.clone()).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), object);
}

#[test]
fn what_the_schema_admits_at_its_bounds_decodes() {
    let samples = samples();
    let mut tried = 0;
    for leaf in leaves() {
        let mut values: Vec<Value> = leaf.schema["enum"].as_array().cloned().unwrap_or_default();
        if leaf.is("integer") || leaf.is_int_or_string() {
            for bound in ["minimum", "maximum"] {
                let bound = leaf.schema[bound].as_f64().unwrap();
                assert_eq!(bound.fract(), 0.0);
                values.push(serde_json::from_str(&format!("{bound:.0}")).unwrap());
            }
        }
        if leaf.is_int_or_string() {
            values.push(json!("100%"));
        }
        for value in values {
            for sample in &samples {
                let object = with(sample, &leaf.path, value.clone());
                let decoded = serde_json::from_value::<AggregatedServer>(object);
                assert!(
                    decoded.is_ok(),
                    "{} = {value}: {}",
                    leaf.name(),
                    decoded.unwrap_err()
                );
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "the walk found but {tried} values");
}
