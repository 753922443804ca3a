//! Structural schemas: what of a schema is structure, and what only validates values.

mod complete;
mod convert;
mod nested;
mod validate;

pub(crate) use convert::unsupported;
pub use validate::validate;

use crate::props::JsonSchemaProps;

/// Whether alternatives are those of an integer or a string, and nothing else.
fn is_int_or_string(any_of: &[JsonSchemaProps]) -> bool {
    let of_type = |schema: &JsonSchemaProps, name: &str| {
        let only = JsonSchemaProps {
            type_name: name.to_owned(),
            ..JsonSchemaProps::default()
        };
        let mut kept = convert::as_structural(schema);
        if kept
            .additional_properties
            .as_ref()
            .is_some_and(|additional| !additional.allows)
        {
            kept.additional_properties = None;
        }
        kept == only
    };
    matches!(any_of, [first, second] if of_type(first, "integer") && of_type(second, "string"))
}

/// Whether a schema of an object's own metadata says nothing, or something of `name` and `generateName` alone.
fn as_metadata_is_empty(schema: &JsonSchemaProps) -> bool {
    let mut rest = convert::as_structural(schema);
    rest.type_name.clear();
    rest.default = None;
    let names = rest
        .properties()
        .all(|(name, _)| ["name", "generateName"].contains(&name));
    if names {
        rest.properties = None;
    }
    rest == JsonSchemaProps::default()
}
