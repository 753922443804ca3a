//! Schemas of Rust types.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::{AddNullable, Transform};
use serde_json::{Map, Value};

use super::inline::Inliner;
use super::node::TYPE_NAME;

/// Where generated references point.
const PREFIX: &str = "#/components/schemas/";

/// The document of a type, without references, with the names of types in it.
pub(super) fn document_of<T: JsonSchema>(version: &str) -> Value {
    let (root, definitions) = generate::<T>();
    let mut document = Inliner::new(&definitions, PREFIX, version).inline(&root);
    let name = go_name(&T::schema_name(), version);
    document[TYPE_NAME] = name.into();
    document
}

/// The document of a type by itself, and those of the types that it refers to by `#/components/schemas/NAME`.
pub(crate) fn components_of<T: JsonSchema>() -> (Value, Map<String, Value>) {
    generate::<T>()
}

fn generate<T: JsonSchema>() -> (Value, Map<String, Value>) {
    let mut root = SchemaSettings::openapi3()
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value();
    let definitions = root
        .get_mut("components")
        .and_then(|components| components.get_mut("schemas"))
        .map(Value::take);
    if let Some(root) = root.as_object_mut() {
        root.remove("components");
        root.remove("$schema");
        root.remove("title");
    }
    match definitions {
        Some(Value::Object(mut definitions)) => {
            // schemars looks for definitions to transform in `$defs` and `definitions` alone.
            let schemas = definitions
                .values_mut()
                .filter_map(|schema| schema.try_into().ok());
            schemas.for_each(|schema| AddNullable::default().transform(schema));
            (root, definitions)
        }
        _ => (root, Map::new()),
    }
}

/// `v1alpha1.FlunderSpec`; the types of Kubernetes know their own package.
pub(super) fn go_name(schema_name: &str, version: &str) -> String {
    let mut parts = schema_name.rsplit('.');
    match (parts.next(), parts.next()) {
        (Some(name), Some(package)) => format!("{package}.{name}"),
        _ => format!("{version}.{schema_name}"),
    }
}

/// Removes the names of types.
pub(super) fn forget_type_names(document: &mut Value) {
    match document {
        Value::Object(map) => {
            map.remove(TYPE_NAME);
            map.values_mut().for_each(forget_type_names);
        }
        Value::Array(list) => list.iter_mut().for_each(forget_type_names),
        _ => {}
    }
}
