//! From an OpenAPI v3 structural schema to a type (Go: kube-openapi's `schemaconv/openapi.go`; what a
//! CustomResourceDefinition's schema has beside, apiextensions-apiserver's `openapi/builder`).

use std::sync::Arc;

use annex_structured_merge_diff::schema::{
    self, Atom, List, Map as StructOrMap, Scalar, Schema, StructField, TypeRef,
};
use annex_structured_merge_diff::typed::ParseableType;
use serde_json::{Map, Value};

use super::SchemaError;
use super::extensions::{list_relationship, map_relationship};
use super::object_meta::{self, object_meta};

/// What is not declared: fields of maps have an owner each, lists are atomic.
pub(super) const DEDUCED: &str = "__untyped_deduced_";
/// What is not declared, as one value.
const UNTYPED: &str = "__untyped_atomic_";
/// The kind itself, among the types of its schema.
const ROOT: &str = "root";

/// The type of objects that `document` describes: OpenAPI v3 without references. Whatever it says of `apiVersion`, `kind`
/// and `metadata`, they are those of every object.
///
/// Of a kind without a schema the type is [`ParseableType::deduced`].
///
/// # Errors
/// Where the document says something of a list, map or type that has no meaning.
pub fn parseable_type(document: &Value) -> Result<ParseableType, SchemaError> {
    let nothing = Map::new();
    let root = document.as_object().unwrap_or(&nothing);
    let preserve = preserves_unknown_fields(root);
    let map = struct_or_map(root, preserve, true)?;
    let (deduced, _) = schema::deduced();
    let schema = Schema::clone(&deduced)
        .with_type(object_meta::NAME, object_meta())
        .with_type(ROOT, map);
    Ok(ParseableType::named(Arc::new(schema), ROOT))
}

fn preserves_unknown_fields(schema: &Map<String, Value>) -> bool {
    flag(schema, "x-kubernetes-preserve-unknown-fields")
}

fn flag(schema: &Map<String, Value>, name: &str) -> bool {
    schema.get(name) == Some(&Value::Bool(true))
}

/// A type where it is referred to. `preserve`: an object around it keeps fields that nobody declared.
fn type_ref(schema: &Value, preserve: bool) -> Result<TypeRef, SchemaError> {
    let nothing = Map::new();
    let schema = schema.as_object().unwrap_or(&nothing);
    let preserve = preserve || preserves_unknown_fields(schema);
    let is_resource = flag(schema, "x-kubernetes-embedded-resource");
    let atom = match type_name(schema) {
        // Any type is taken.
        "" => Atom {
            scalar: Some(Scalar::Untyped),
            list: Some(Arc::new(list(schema, preserve)?)),
            map: Some(Arc::new(struct_or_map(schema, preserve, is_resource)?)),
        },
        "object" => struct_or_map(schema, preserve, is_resource)?.into(),
        "array" => list(schema, preserve)?.into(),
        "integer" | "number" => Scalar::Numeric.into(),
        "boolean" => Scalar::Boolean.into(),
        "string" => string(schema).into(),
        other => return Err(SchemaError::Type(other.to_owned())),
    };
    Ok(TypeRef::inlined(atom))
}

fn type_name(schema: &Map<String, Value>) -> &str {
    let name = match schema.get("type") {
        Some(Value::Array(names)) => names.first(),
        name => name,
    };
    name.and_then(Value::as_str).unwrap_or_default()
}

// What has a format may be written as something else than a string: `int-or-string`, `date-time`.
fn string(schema: &Map<String, Value>) -> Scalar {
    match schema.get("format").and_then(Value::as_str) {
        None | Some("" | "byte") => Scalar::String,
        Some(_) => Scalar::Untyped,
    }
}

fn list(schema: &Map<String, Value>, preserve: bool) -> Result<List, SchemaError> {
    let (element_relationship, keys) = list_relationship(schema)?;
    let element_type = match schema.get("items") {
        Some(items) => type_ref(items, preserve)?,
        None => TypeRef::named(UNTYPED),
    };
    Ok(List {
        element_type,
        element_relationship,
        keys,
    })
}

/// `is_resource`: an object with `apiVersion`, `kind` and `metadata`.
fn struct_or_map(
    schema: &Map<String, Value>,
    preserve: bool,
    is_resource: bool,
) -> Result<StructOrMap, SchemaError> {
    let of_resources = |name: &str| is_resource && matches!(name, "apiVersion" | "kind" | "metadata");
    let properties = schema.get("properties").and_then(Value::as_object);
    let mut fields = Vec::new();
    for (name, property) in properties.into_iter().flatten() {
        if !of_resources(name) {
            fields.push(StructField {
                name: name.as_str().into(),
                type_ref: type_ref(property, preserve)?,
                default: property.get("default").filter(|value| !value.is_null()).cloned(),
            });
        }
    }
    if is_resource {
        fields.extend(resource_fields());
    }
    let element_type = match schema.get("additionalProperties") {
        // An object of which nothing is declared may have anything.
        None if preserve || fields.is_empty() => TypeRef::named(DEDUCED),
        None | Some(Value::Bool(false)) => TypeRef::default(),
        Some(Value::Bool(true)) => TypeRef::named(DEDUCED),
        Some(each) => type_ref(each, preserve)?,
    };
    Ok(StructOrMap::of_struct_fields(fields)
        .with_element_type(element_type)
        .with_element_relationship(map_relationship(schema)?))
}

fn resource_fields() -> [StructField; 3] {
    let field = |name: &str, type_ref: TypeRef| StructField {
        name: name.into(),
        type_ref,
        default: None,
    };
    [
        field("apiVersion", Scalar::String.into()),
        field("kind", Scalar::String.into()),
        field("metadata", TypeRef::named(object_meta::NAME)),
    ]
}
