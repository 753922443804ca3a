//! What cases are made of: bodies and objects of some size, and servers that are asked.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::authn::{Authenticator, Peer};
use crate::decode::{self, BodyMedia};
use crate::endpoint::testing::{FLUNDERS, TestServer, flunder};
use crate::openapi;
use crate::request::RequestInfo;
use crate::request::selector::LabelSelector;
use crate::resource::{Policy, Resource, Version, typed};
use crate::schema::Schema;

/// What is counted.
pub(super) type Prepared<'a> = Box<dyn FnOnce() + 'a>;

/// Prepares a run with input of some size.
pub(super) type Case = fn(&Runtime, usize) -> Prepared<'_>;

pub(super) const MERGE: &str = "application/merge-patch+json";
pub(super) const JSON: &str = "application/json-patch+json";
pub(super) const STRATEGIC: &str = "application/strategic-merge-patch+json";

/// So many, with commas between them.
pub(super) fn many(count: usize, each: impl Fn(usize) -> String) -> String {
    (0..count).map(each).collect::<Vec<_>>().join(",")
}

pub(super) fn with_spec(fields: &str) -> String {
    format!(r#"{{"metadata":{{"name":"a"}},"spec":{{{fields}}}}}"#)
}

pub(super) fn with_metadata(fields: &str) -> String {
    format!(r#"{{"metadata":{{"name":"a",{fields}}}}}"#)
}

pub(super) fn with_owners(count: usize, fields: impl Fn(usize) -> String) -> String {
    let owners = many(count, |n| {
        format!(r#"{{"apiVersion":"v1","kind":"Pod","name":"o",{}}}"#, fields(n))
    });
    with_metadata(&format!(r#""ownerReferences":[{owners}]"#))
}

pub(super) fn send<'a>(
    runtime: &'a Runtime,
    server: TestServer,
    method: &'static str,
    uri: String,
    media: &'static str,
    body: String,
) -> Prepared<'a> {
    Box::new(move || {
        let headers = [("content-type", media)];
        let headers = if media.is_empty() { &[][..] } else { &headers[..] };
        runtime.block_on(server.send(method, &uri, headers, Bytes::from(body)));
    })
}

pub(super) fn create(runtime: &Runtime, body: String) -> Prepared<'_> {
    send(
        runtime,
        TestServer::with(Policy::default()),
        "POST",
        FLUNDERS.into(),
        "",
        body,
    )
}

pub(super) fn yaml<'a>(runtime: &'a Runtime, body: &str) -> Prepared<'a> {
    send(
        runtime,
        TestServer::new(),
        "POST",
        FLUNDERS.into(),
        "application/yaml",
        body.to_owned(),
    )
}

/// A server with one object, `a`, that has these fields.
pub(super) fn stocked(runtime: &Runtime, fields: &Value) -> TestServer {
    let server = TestServer::new();
    let mut object = flunder("a");
    for (field, value) in fields.as_object().unwrap() {
        for (name, value) in value.as_object().unwrap() {
            object[field][name] = value.clone();
        }
    }
    let created = runtime.block_on(server.post(FLUNDERS, &object));
    assert_eq!(created.code, 201);
    server
}

pub(super) fn patch<'a>(runtime: &'a Runtime, media: &'static str, body: String) -> Prepared<'a> {
    let server = stocked(runtime, &json!({}));
    send(runtime, server, "PATCH", format!("{FLUNDERS}/a"), media, body)
}

/// A strategic merge patch whose field `directive` of metadata has as many values as the object has finalizers, half of them the
/// same.
pub(super) fn strategic_of_set<'a>(runtime: &'a Runtime, size: usize, directive: &str) -> Prepared<'a> {
    let finalizers: Vec<String> = (0..size).map(|n| format!("x/{n}")).collect();
    let server = stocked(runtime, &json!({"metadata": {"finalizers": finalizers}}));
    let values: Vec<String> = (size / 2..size + size / 2)
        .rev()
        .map(|n| format!("x/{n}"))
        .collect();
    let body = json!({"metadata": {directive: values}}).to_string();
    send(runtime, server, "PATCH", format!("{FLUNDERS}/a"), STRATEGIC, body)
}

/// So many operations on a list of as many elements.
pub(super) fn on_list(runtime: &Runtime, size: usize, operation: impl Fn(usize) -> Value) -> Prepared<'_> {
    let server = stocked(runtime, &json!({"spec": {"list": vec!["e"; size]}}));
    let operations: Vec<Value> = (0..size).map(operation).collect();
    let body = json!(operations).to_string();
    send(runtime, server, "PATCH", format!("{FLUNDERS}/a"), JSON, body)
}

pub(super) fn authenticate(runtime: &Runtime, headers: HeaderMap) -> Prepared<'_> {
    let authenticator = runtime.block_on(async { Authenticator::static_tokens([]) });
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.headers = headers;
    Box::new(move || drop(runtime.block_on(authenticator.authenticate(&mut parts, &Peer::default()))))
}

#[derive(Deserialize, Serialize, JsonSchema)]
pub(super) struct Plain {
    metadata: ObjectMeta,
}

crate::kind!(Plain: "g", "v1", "plains", Namespaced);

pub(super) fn plain() -> Resource {
    typed::resource::<Plain>().build().unwrap()
}

/// So many resources, of these groups and versions.
pub(super) fn resources(count: usize, of: impl Fn(usize) -> (String, Vec<String>)) -> Vec<Arc<Resource>> {
    let plain = plain();
    let described = |number| {
        let (group, versions) = of(number);
        let mut resource = plain.clone();
        let version = resource.versions.remove(0);
        resource.names.plural = format!("plains{number}");
        resource.names.kind = format!("Plain{number}");
        resource.group = group;
        let versions = versions.into_iter().map(|name| Version {
            name,
            ..version.clone()
        });
        resource.versions = versions.collect();
        Arc::new(resource)
    };
    (0..count).map(described).collect()
}

pub(super) const INFO: openapi::Info = openapi::Info {
    title: String::new(),
    version: String::new(),
};

thread_local! {
    /// The variants of [`Variants`].
    static VARIANTS: RefCell<Value> = const { RefCell::new(Value::Null) };
}

/// A type with as many variants as a case has.
pub(super) struct Variants;

impl JsonSchema for Variants {
    fn schema_name() -> Cow<'static, str> {
        "Variants".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let variants = VARIANTS.with_borrow(Value::clone);
        schemars::json_schema!({"type": "object", "properties": {"spec": {"oneOf": variants}}})
    }
}

pub(super) fn schema_of<'a>(variants: String) -> Prepared<'a> {
    let variants = serde_json::from_str(&format!("[{variants}]")).unwrap();
    VARIANTS.set(variants);
    Box::new(|| drop(Schema::of::<Variants>("v1")))
}

/// Decodes an object with a list of `elements`, of which each is as `schema` says.
pub(super) fn decode_list<'a>(schema: &str, elements: String) -> Prepared<'a> {
    let element: Value = serde_json::from_str(schema).unwrap();
    let list = json!({"type": "array", "items": element});
    let mut resource = plain();
    resource.versions[0].schema = Arc::new(Schema::new(
        json!({"type": "object", "properties": {"list": list}}),
    ));
    let body =
        format!(r#"{{"apiVersion":"g/v1","kind":"Plain","metadata":{{"name":"a"}},"list":[{elements}]}}"#);
    Box::new(move || {
        let decoded = decode::decode(body.as_bytes(), BodyMedia::Json, &resource, "v1");
        std::hint::black_box(decoded.is_ok());
    })
}

pub(super) fn parse_labels<'a>(text: String) -> Prepared<'a> {
    Box::new(move || drop(LabelSelector::parse(&text)))
}

pub(super) fn parse_path<'a>(path: String) -> Prepared<'a> {
    let uri = path.parse().unwrap();
    Box::new(move || drop(RequestInfo::parse(&http::Method::GET, &uri)))
}

pub(super) fn header(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, value.parse().unwrap());
    headers
}
