//! What there is at the end, without what differs from one run to another: certificates, times, versions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{AUTHORITY, SERVING, World};
use crate::{aggregated_server::build::SERVING_ANNOTATION, applier::APPLIED_HASH, pki::parse_bundle};

/// Objects by their paths.
pub(super) type Objects = BTreeMap<String, Value>;

/// Every object, without what must differ.
pub(super) fn end_state(world: &World) -> Objects {
    let all = world.cluster.all().into_iter();
    all.map(|(path, object)| (path, comparable(object))).collect()
}

/// Panics unless there is one authority, which all that is published holds, and nothing else.
pub(super) fn assert_one_authority(world: &World) {
    let secret = world.cluster.get(AUTHORITY).expect("an authority");
    let told = &world.server()["status"]["certificates"];
    assert!(secret["data"].get("previous.crt").is_none(), "{told}");
    let authority = &secret["data"]["tls.crt"];
    let mut published = vec![world.cluster.get(SERVING).expect("a leaf")["data"]["ca.crt"].clone()];
    for service in world.cluster.objects("/apiservices/") {
        published.push(service["spec"]["caBundle"].clone());
    }
    for config_map in world.cluster.objects("/configmaps/") {
        published.push(base64(config_map["data"]["ca.crt"].as_str().unwrap()).into());
    }
    assert!(published.len() >= 3, "{published:?}");
    assert!(published.iter().all(|bundle| bundle == authority));
    assert!(world.is_served());
}

fn base64(text: &str) -> String {
    let bytes = k8s_openapi::ByteString(text.as_bytes().to_vec());
    json!(bytes).as_str().unwrap().to_owned()
}

fn comparable(mut object: Value) -> Value {
    if object["kind"] == "Secret" || !object["data"].is_null() {
        let data = object["data"].as_object_mut().into_iter().flatten();
        data.for_each(|(_, value)| *value = count(value));
    }
    for (pointer, called) in [
        ("/spec/caBundle", "a bundle"),
        ("/metadata/uid", "a uid"),
        ("/metadata/resourceVersion", "a version"),
    ] {
        if let Some(value) = object.pointer_mut(pointer) {
            *value = if called == "a bundle" {
                count(value)
            } else {
                called.into()
            };
        }
    }
    // Of what holds the bundle.
    if let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    {
        annotations.remove(APPLIED_HASH);
        if let Some(record) = annotations.get_mut(SERVING_ANNOTATION) {
            *record = "a record".into();
        }
    }
    without_times(&mut object);
    object
}

/// How many certificates; a key is none.
fn count(value: &Value) -> Value {
    let text = value.as_str().unwrap().to_owned();
    let bytes: k8s_openapi::ByteString =
        serde_json::from_value(value.clone()).unwrap_or_else(|_| k8s_openapi::ByteString(text.into_bytes()));
    parse_bundle(&bytes.0).map_or(0, |bundle| bundle.len()).into()
}

fn without_times(value: &mut Value) {
    match value {
        Value::String(text) if text.parse::<jiff::Timestamp>().is_ok() => *text = "a time".into(),
        Value::Array(all) => all.iter_mut().for_each(without_times),
        Value::Object(all) => all.values_mut().for_each(without_times),
        _ => {}
    }
}
