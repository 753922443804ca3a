//! Who manages what after a write in a version that is not the hub.

use std::borrow::Cow;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::fixture::*;
use crate::managed_fields::ObjectConverter as _;
use crate::registry::field_managers::StrategyConverter;
use crate::request::Verb;
use crate::request::options::{CreateOptions, UpdateOptions};
use crate::resource::{Policy, Scope, typed};

/// A paint in v2. It has the color of v1 too, in whose place a conversion to v1 puts its own.
fn ambiguous(colour: &str) -> Value {
    json!({
        "apiVersion": format!("{GROUP}/v2"), "kind": "Paint",
        "metadata": {"name": "a"}, "spec": {"color": "lost", "colour": colour, "size": 1},
    })
}

fn shop_with_fields() -> Shop {
    let spec = json!({"type": "object", "properties": {
        "color": {"type": "string"}, "colour": {"type": "string"}, "size": {"type": "integer"},
    }});
    let schema = json!({"type": "object", "properties": {"spec": spec}});
    shop_of(Scope::Namespaced, Policy::default(), &schema)
}

#[tokio::test]
async fn what_a_conversion_to_the_hub_loses_is_managed_by_nobody() {
    let shop = shop_with_fields();
    let created = shop
        .registry
        .create(
            &request(Verb::Create, "v2", ""),
            object(ambiguous("red")),
            &CreateOptions::parse("fieldManager=me").unwrap(),
            &mut Vec::new(),
        )
        .await
        .unwrap();
    let managed = |object: &crate::object::Object| {
        let entries = &object.metadata().unwrap()["managedFields"];
        let fields = |entry: &Value| (entry["manager"].clone(), entry["fieldsV1"].clone());
        entries.as_array().unwrap().iter().map(fields).collect::<Vec<_>>()
    };
    let all = json!({"f:spec": {".": {}, "f:colour": {}, "f:size": {}}});
    assert_eq!(managed(&shop.v1(&created.entry)), [(json!("me"), all)]);

    let updated = shop
        .registry
        .update(
            &request(Verb::Update, "v2", "a"),
            &mut |current| {
                let revision = current.map(|current| current.object.resource_version());
                let new = object(ambiguous("blue"));
                Ok(with(new, "resourceVersion", revision.unwrap_or_default()))
            },
            &UpdateOptions::parse("fieldManager=other").unwrap(),
            &mut Vec::new(),
        )
        .await
        .unwrap();
    let found = managed(&shop.v1(&updated.entry));
    let changed = json!({"f:spec": {"f:colour": {}}});
    assert!(found.contains(&(json!("other"), changed)), "{found:?}");
}

#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct Brush {
    metadata: ObjectMeta,
    hairs: Vec<String>,
    width: i32,
}

/// The same in another version.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct OldBrush {
    metadata: ObjectMeta,
    hairs: Vec<String>,
    breadth: i32,
}

crate::kind!(Brush: "test.example.com", "v1", "brushes", Namespaced);

impl kube::Resource for OldBrush {
    type DynamicType = ();
    type Scope = k8s_openapi::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "Brush".into()
    }
    fn group((): &()) -> Cow<'_, str> {
        GROUP.into()
    }
    fn version((): &()) -> Cow<'_, str> {
        "v1beta1".into()
    }
    fn plural((): &()) -> Cow<'_, str> {
        "brushes".into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

impl From<Brush> for OldBrush {
    fn from(
        Brush {
            metadata,
            hairs,
            width,
        }: Brush,
    ) -> Self {
        Self {
            metadata,
            hairs,
            breadth: width,
        }
    }
}

impl From<OldBrush> for Brush {
    fn from(
        OldBrush {
            metadata,
            hairs,
            breadth,
        }: OldBrush,
    ) -> Self {
        Self {
            metadata,
            hairs,
            width: breadth,
        }
    }
}

#[test]
fn merged_objects_are_converted_as_go_converts_them() {
    let brushes = typed::resource::<Brush>().version::<OldBrush>().build().unwrap();
    let converter = StrategyConverter(Arc::new(brushes));
    let brush = |hairs: Value, width: Value| {
        object(
            json!({"apiVersion": "test.example.com/v1", "kind": "Brush", "metadata": {"name": "b"}, "hairs": hairs, "width": width}),
        )
    };
    let old = converter
        .convert(brush(Value::Null, 2.into()), "test.example.com/v1beta1")
        .unwrap();
    assert_eq!((&old.0["breadth"], &old.0["hairs"]), (&json!(2), &json!([])));
    let error = converter
        .convert(brush(json!(["h"]), 1.5.into()), "test.example.com/v1beta1")
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "unable to convert unstructured object to test.example.com/v1, Kind=Brush: cannot convert float64 to int32"
    );
}
