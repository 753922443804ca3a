//! Random values of a Gadget's fields: from few, so that writes meet, and now and then none that the field takes.

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::{Map, Value, json};

use super::sequence::Version;

/// One of these.
pub(super) fn one<T: Clone>(random: &mut StdRng, of: &[T]) -> T {
    of[random.random_range(0..of.len())].clone()
}

/// Each of these with a chance of a half.
pub(super) fn some<T: Clone>(random: &mut StdRng, of: &[T]) -> Vec<T> {
    of.iter().filter(|_| random.random_bool(0.5)).cloned().collect()
}

/// Some fields of a spec.
pub(super) fn spec(random: &mut StdRng, version: Version) -> Map<String, Value> {
    let mut spec = Map::new();
    for _ in 0..random.random_range(1..5) {
        let (name, value) = field(random, version);
        spec.insert(name.to_owned(), value);
    }
    // One value that cannot be, at most: several errors come in an order of Go's own.
    if random.random_bool(0.06) {
        let (name, _) = field(random, version);
        spec.insert(
            name.to_owned(),
            one(
                random,
                &[
                    json!("wrong"),
                    json!([null]),
                    json!({"x": null}),
                    json!([{"name": "p"}, {"name": "p"}]),
                    json!(["x", "x"]),
                    json!(1.5),
                    json!(-1),
                    json!(true),
                    json!([1]),
                    json!({"x": {}}),
                ],
            ),
        );
    }
    spec
}

fn field(random: &mut StdRng, version: Version) -> (&'static str, Value) {
    let (name, value) = plain_field(random, version);
    let value = if random.random_bool(0.1) {
        Value::Null
    } else {
        value
    };
    (name, value)
}

fn plain_field(random: &mut StdRng, version: Version) -> (&'static str, Value) {
    match random.random_range(0..22) {
        0 => (
            if version == Version::V1 { "color" } else { "colour" },
            one(random, &[json!("red"), json!("blue"), json!("")]),
        ),
        1 | 2 => ("limits", limits(random, version)),
        3 if version == Version::V1beta1 => ("burst", json!(random.random_range(0..3))),
        3 => ("replicas", json!(random.random_range(0..4))),
        4 => (
            "selector",
            one(
                random,
                &[
                    json!({}),
                    json!({"matchLabels": {"a": "b"}}),
                    json!({"matchLabels": {"a": "c"}, "matchExpressions": [{"key": "k", "operator": "Exists"}]}),
                ],
            ),
        ),
        5 | 6 => ("settings", texts(random)),
        7 => ("nodeSelector", texts(random)),
        8 | 9 => ("features", json!(some(random, &["x", "y", "z"]))),
        10 | 11 => ("ports", ports(random)),
        12 | 13 => ("parts", parts(random)),
        14 => ("mainPart", one(random, &[json!("p"), json!("q"), json!("")])),
        15 => ("args", json!(some(random, &["1", "2", "1"]))),
        16 => ("strategy", strategy(random)),
        17 => (
            "anchor",
            one(
                random,
                &[
                    json!({}),
                    json!({"kind": "K"}),
                    json!({"kind": "K", "name": "n"}),
                    json!({"name": ""}),
                ],
            ),
        ),
        18 => (
            "notBefore",
            one(
                random,
                &[
                    json!("2026-01-02T03:04:05Z"),
                    json!("2026-01-02T05:04:05+02:00"),
                    json!("2027-01-01T00:00:00Z"),
                ],
            ),
        ),
        19 => ("payload", one(random, &[json!("aGk="), json!(""), json!("aGV5")])),
        20 => one(
            random,
            &[
                ("paused", json!(true)),
                ("paused", json!(false)),
                ("shared", json!(true)),
                ("shared", json!(false)),
            ],
        ),
        _ => one(
            random,
            &[
                ("minReadySeconds", json!(0)),
                ("minReadySeconds", json!(5)),
                ("priority", json!(0)),
                ("priority", json!(7)),
                ("weights", json!([1, 2])),
                ("weights", json!([])),
            ],
        ),
    }
}

fn limits(random: &mut StdRng, version: Version) -> Value {
    let names: &[&str] = if version == Version::V1 {
        &["min", "max", "burst"]
    } else {
        &["min", "max"]
    };
    let mut limits = Map::new();
    for name in some(random, names) {
        let value = if random.random_bool(0.1) {
            Value::Null
        } else {
            json!(random.random_range(0..3))
        };
        limits.insert(name.to_owned(), value);
    }
    Value::Object(limits)
}

/// A map of texts.
pub(super) fn texts(random: &mut StdRng) -> Value {
    let mut texts = Map::new();
    for name in some(random, &["a", "b", "c"]) {
        let value = if random.random_bool(0.06) {
            Value::Null
        } else {
            json!(one(random, &["1", "2"]))
        };
        texts.insert(name.to_owned(), value);
    }
    Value::Object(texts)
}

fn ports(random: &mut StdRng) -> Value {
    let known = [
        json!({"port": 80}),
        json!({"port": 80, "protocol": "UDP"}),
        json!({"port": 53, "protocol": "TCP"}),
        json!({"port": 53, "protocol": "UDP", "name": "dns"}),
    ];
    let mut ports = some(random, &known);
    for port in &mut ports {
        if random.random_bool(0.2) {
            port["name"] = json!(one(random, &["", "n", "m"]));
        }
    }
    json!(ports)
}

fn parts(random: &mut StdRng) -> Value {
    let part = |random: &mut StdRng, name: &str| {
        let mut part = json!({ "name": name });
        if random.random_bool(0.5) {
            part["image"] = json!(one(random, &["1", "2", ""]));
        }
        if random.random_bool(0.3) {
            part["command"] = json!(some(random, &["c", "d"]));
        }
        if random.random_bool(0.5) {
            let known = [
                json!({"name": "A", "value": "1"}),
                json!({"name": "B"}),
                json!({"name": "C", "value": "2"}),
            ];
            part["env"] = json!(some(random, &known));
        }
        part
    };
    let names = some(random, &["p", "q", "r"]);
    json!(names.iter().map(|name| part(random, name)).collect::<Vec<_>>())
}

fn strategy(random: &mut StdRng) -> Value {
    one(
        random,
        &[
            json!({}),
            json!({"type": "Recreate"}),
            json!({"type": "Recreate", "rolling": null}),
            json!({"type": "Rolling"}),
            json!({"rolling": {"maxSurge": 1}}),
            json!({"type": "Rolling", "rolling": {"maxSurge": "10%"}}),
            json!({"rolling": {}}),
        ],
    )
}

/// Some fields of a status.
pub(super) fn status(random: &mut StdRng) -> Value {
    let mut status = Map::new();
    let fields = [
        ("replicas", json!(random.random_range(0..3))),
        ("phase", one(random, &[json!("P"), json!("Q"), json!("")])),
        ("observedGeneration", json!(random.random_range(1..4))),
        ("selector", one(random, &[json!("a=b"), json!("")])),
        ("conditions", conditions(random)),
    ];
    for (name, value) in some(random, &fields) {
        let value = if random.random_bool(0.05) {
            Value::Null
        } else {
            value
        };
        status.insert(name.to_owned(), value);
    }
    Value::Object(status)
}

fn conditions(random: &mut StdRng) -> Value {
    let condition = |random: &mut StdRng, type_: &str| {
        let mut condition = json!({ "type": type_, "status": one(random, &["True", "False", "Unknown"]) });
        if random.random_bool(0.4) {
            condition["reason"] = json!(one(random, &["R", "S"]));
        }
        condition
    };
    let types = some(random, &["Ready", "Synced"]);
    json!(
        types
            .iter()
            .map(|type_| condition(random, type_))
            .collect::<Vec<_>>()
    )
}
