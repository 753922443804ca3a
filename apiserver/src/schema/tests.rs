use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::*;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tree {
    leaves: i32,
    children: Vec<Self>,
}

/// How it is lit.
#[derive(Serialize, Deserialize, JsonSchema)]
enum Mode {
    /// All the time.
    On,
    /// Never.
    Off,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum Tagged {
    A { x: String },
    B { y: bool },
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum External {
    File { path: String },
    Url(String),
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Size {
    width: Option<i32>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Thing {
    size: Size,
    metadata: ObjectMeta,
    /// Said here.
    mode: Option<Mode>,
    tagged: Tagged,
    external: External,
    port: IntOrString,
    tree: Tree,
    map: BTreeMap<String, u8>,
    #[serde(default)]
    anything: Value,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[test]
fn a_document_has_no_references_and_no_alternatives() {
    let document = Schema::of::<Thing>("v1").document;
    let text = document.to_string();
    for word in ["$ref", "oneOf", "anyOf", "allOf", "x-annex", "definitions"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let properties = &document["properties"];
    assert_eq!(properties["mode"]["enum"], json!(["On", "Off"]));
    assert_eq!(properties["mode"]["nullable"], true);
    let width = json!({"type": "integer", "format": "int32", "nullable": true});
    assert_eq!(properties["size"]["properties"]["width"], width);
    assert_eq!(properties["mode"]["description"], "Said here.");
    assert_eq!(
        properties["tagged"]["properties"]["type"]["enum"],
        json!(["A", "B"])
    );
    assert_eq!(properties["tagged"]["required"], json!(["type"]));
    assert_eq!(properties["external"]["properties"]["url"]["type"], "string");
    assert_eq!(properties["port"]["x-kubernetes-int-or-string"], true);
    let inner = &properties["tree"]["properties"]["children"]["items"];
    assert_eq!(inner["x-kubernetes-preserve-unknown-fields"], true, "{inner}");
    assert_eq!(properties["metadata"], json!({"type": "object"}));
    let required = document["required"].as_array().unwrap();
    assert!(!required.contains(&"metadata".into()), "{required:?}");
    assert!(!required.contains(&"mode".into()), "{required:?}");
}

#[test]
fn a_compiled_schema_knows_shapes_and_names() {
    let schema = Schema::of::<Thing>("v1");
    let Shape::Struct(fields) = &schema.root().shape else {
        panic!("no struct")
    };
    assert_eq!(schema.root().type_name, "v1.Thing");
    let name = |field: &str| fields.known[field].type_name.to_string();
    assert_eq!(name("tree"), "v1.Tree");
    assert_eq!(name("metadata"), "v1.ObjectMeta");
    assert!(matches!(fields.known["port"].shape, Shape::IntOrString));
    assert!(matches!(fields.known["anything"].shape, Shape::Any));
    assert!(
        matches!(&fields.known["map"].shape, Shape::Map(each) if matches!(each.shape, Shape::Integer(0, 255)))
    );
    assert!(!matches!(fields.rest, Rest::Unknown));
}

#[test]
fn a_fingerprint_tells_documents_apart() {
    let one = Schema::new(json!({"properties": {"a": {"type": "string"}}}));
    let same = Schema::new(json!({"properties": {"a": {"type": "string"}}}));
    let other = Schema::new(json!({"properties": {"a": {"type": "integer"}}}));
    assert_eq!(one.fingerprint, same.fingerprint);
    assert_ne!(one.fingerprint, other.fingerprint);
}
