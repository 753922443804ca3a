//! ObjectMeta, which every object has.

use std::sync::LazyLock;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Map, Value, json};

use super::node::{ANY, Fields, Node, PATCH_MERGE_KEY, PATCH_STRATEGY, Rest, Shape};

static OBJECT_META: LazyLock<Node> = LazyLock::new(|| {
    let mut document = super::generate::document_of::<ObjectMeta>("v1");
    declare_patches(&mut document);
    let mut node = Node::compile(&document);
    permit_absence(&mut node);
    // What manages which field is kept as it is.
    if let Some(entry) = field(&mut node, "managedFields").and_then(element)
        && let Some(fields) = field(entry, "fieldsV1")
    {
        *fields = ANY.clone();
    }
    let uid = "types.UID";
    if let Some(field) = field(&mut node, "uid") {
        field.type_name = uid.into();
    }
    if let Some(owner) = field(&mut node, "ownerReferences").and_then(element)
        && let Some(field) = field(owner, "uid")
    {
        field.type_name = uid.into();
    }
    node
});

/// Declares in a schema of ObjectMeta how strategic merge patches change its lists, as the tags of Go's type do.
pub(crate) fn declare_patches(document: &mut Value) {
    for (list, merge_key) in [("ownerReferences", Some("uid")), ("finalizers", None)] {
        let Some(field) = document.pointer_mut(&format!("/properties/{list}")) else {
            continue;
        };
        field[PATCH_STRATEGY] = "merge".into();
        if let Some(merge_key) = merge_key {
            field[PATCH_MERGE_KEY] = merge_key.into();
        }
    }
}

/// Kubernetes' decoder requires no field of metadata; what must be there is validated with the object.
fn permit_absence(node: &mut Node) {
    match &mut node.shape {
        Shape::Struct(fields) => {
            fields.required.clear();
            fields.known.values_mut().for_each(permit_absence);
        }
        Shape::List(each) | Shape::Map(each) => permit_absence(each),
        _ => {}
    }
}

fn field<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Node> {
    match &mut node.shape {
        Shape::Struct(fields) => fields.known.get_mut(name),
        _ => None,
    }
}

fn element(node: &mut Node) -> Option<&mut Node> {
    match &mut node.shape {
        Shape::List(each) => Some(each),
        _ => None,
    }
}

/// Makes `root` the schema of an API object: it has `apiVersion`, `kind` and the one `metadata` that there is, and none
/// of the three is required.
pub(super) fn complete(root: &mut Node) {
    if !matches!(root.shape, Shape::Struct(_)) {
        root.shape = Shape::Struct(Fields::default());
    }
    let Shape::Struct(fields) = &mut root.shape else {
        return;
    };
    let text = Node::text();
    fields.known.insert("apiVersion".into(), text.clone());
    fields.known.insert("kind".into(), text);
    fields.known.insert("metadata".into(), OBJECT_META.clone());
    fields
        .required
        .retain(|name| !matches!(&**name, "apiVersion" | "kind" | "metadata"));
}

/// What every API object has, with anything beside it: Go's `unstructured.Unstructured`. Its metadata is read by itself.
pub(super) fn of_any_object() -> Node {
    let fields = Fields {
        rest: Rest::Kept,
        ..Fields::default()
    };
    let mut root = ANY.clone();
    root.shape = Shape::Struct(fields);
    complete(&mut root);
    if let Some(metadata) = field(&mut root, "metadata") {
        *metadata = ANY.clone();
    }
    root
}

/// The same for the document of a Rust type.
pub(super) fn complete_document(document: &mut Value) {
    complete_custom_document(document);
    if let Some(required) = document.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !matches!(name.as_str(), Some("apiVersion" | "kind" | "metadata")));
        if required.is_empty()
            && let Some(document) = document.as_object_mut()
        {
            document.remove("required");
        }
    }
}

/// The same for the document of a definition, of which Kubernetes tells what it requires as it stands.
pub(super) fn complete_custom_document(document: &mut Value) {
    if !document.is_object() {
        *document = json!({});
    }
    document["type"] = "object".into();
    if !document["properties"].is_object() {
        document["properties"] = json!({});
    }
    document["properties"]["apiVersion"] = json!({
        "type": "string",
        "description": "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources",
    });
    document["properties"]["kind"] = json!({
        "type": "string",
        "description": "Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
    });
    document["properties"]["metadata"] = json!({"type": "object"});
}

/// Fields of ObjectMeta that Go leaves out where they are empty; the others are pointers.
const OMITTED_WHEN_EMPTY: [&str; 13] = [
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
];

/// Brings metadata that was read by the schema to the form in which Go writes it.
pub(crate) fn tidy(metadata: &mut Map<String, Value>) {
    // A list of managedFields without entries forgets all managers, where none says nothing of them.
    let is_reset = |name: &str, value: &Value| name == "managedFields" && value.is_array();
    metadata.retain(|name, value| {
        is_reset(name, value) || !(OMITTED_WHEN_EMPTY.contains(&name.as_str()) && is_empty(value))
    });
    if let Some(owners) = metadata.get_mut("ownerReferences").and_then(Value::as_array_mut) {
        for owner in owners.iter_mut().filter_map(Value::as_object_mut) {
            for name in ["apiVersion", "kind", "name", "uid"] {
                owner.entry(name).or_insert_with(|| "".into());
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) => false,
    }
}
