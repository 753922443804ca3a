//! Who manages what after a write in a version that is not the hub.

use serde_json::{Value, json};

use super::fixture::*;
use crate::request::Verb;
use crate::request::options::{CreateOptions, UpdateOptions};
use crate::resource::{Policy, Scope};

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
                let revision = current.map(crate::object::Object::resource_version);
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
