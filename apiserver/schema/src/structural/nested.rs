//! What may stand under `allOf`, `anyOf`, `oneOf` and `not`: what validates values, and no structure.

use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;

/// Which alternatives are those of an integer or a string, which may name types.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Skip {
    pub(super) any_of: bool,
    /// That of the first of `allOf`.
    pub(super) first_all_of: bool,
}

/// What is wrong with what a schema says of values.
pub(super) fn values(path: &Path<'_>, schema: &JsonSchemaProps, skip: Skip, errors: &mut Vec<Error>) {
    let each = |name: &str, of: &[JsonSchemaProps], skip_first: bool, errors: &mut Vec<Error>| {
        let path = path.child(name);
        for (index, of) in of.iter().enumerate() {
            let skip = Skip {
                any_of: skip_first && index == 0,
                first_all_of: false,
            };
            nested(&path.index(index), of, skip, errors);
        }
    };
    if !skip.any_of {
        each("anyOf", schema.any_of(), false, errors);
    }
    each("allOf", schema.all_of(), skip.first_all_of, errors);
    each("oneOf", schema.one_of(), false, errors);
    if let Some(not) = &schema.not {
        nested(&path.child("not"), not, Skip::default(), errors);
    }
    let pattern = schema.pattern.as_str();
    if !pattern.is_empty()
        && let Err(error) = schema.pattern.compiled()
    {
        let detail = format!("must be a valid regular expression, but isn't: {error}");
        errors.push(Error::invalid(&path.child("pattern"), pattern, detail));
    }
}

fn nested(path: &Path<'_>, schema: &JsonSchemaProps, skip: Skip, errors: &mut Vec<Error>) {
    values(path, schema, skip, errors);
    if let Some(item) = schema.item() {
        nested(&path.child("items"), item, Skip::default(), errors);
    }
    let properties = path.child("properties");
    for (name, property) in schema.properties() {
        nested(&properties.key(name), property, Skip::default(), errors);
    }
    let additional = schema
        .additional_properties
        .as_ref()
        .is_some_and(|additional| additional.allows);
    for (name, set, must) in [
        ("type", !schema.type_name.is_empty(), "empty"),
        ("additionalProperties", additional, "undefined"),
        ("default", schema.default.is_some(), "undefined"),
        ("title", !schema.title.is_empty(), "empty"),
        ("description", !schema.description.is_empty(), "empty"),
        ("nullable", schema.nullable, "false"),
        (
            "x-kubernetes-preserve-unknown-fields",
            schema.preserves_unknown_fields(),
            "false",
        ),
        (
            "x-kubernetes-embedded-resource",
            schema.embedded_resource,
            "false",
        ),
        ("x-kubernetes-int-or-string", schema.int_or_string, "false"),
        (
            "x-kubernetes-list-map-keys",
            !schema.list_map_keys().is_empty(),
            "empty",
        ),
        ("x-kubernetes-list-type", schema.list_type.is_some(), "undefined"),
        ("x-kubernetes-map-type", schema.map_type.is_some(), "undefined"),
        (
            "x-kubernetes-validations",
            !schema.validations().is_empty(),
            "empty",
        ),
    ] {
        if set {
            errors.push(Error::forbidden(
                &path.child(name),
                format!("must be {must} to be structural"),
            ));
        }
    }
    if schema.property("metadata").is_some() {
        let detail = "must not be specified in a nested context";
        errors.push(Error::forbidden(&properties.key("metadata"), detail));
    }
}
