//! Whether the structure has every field that values are validated of.

use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;

/// Finds what is validated under `allOf`, `anyOf`, `oneOf` and `not`, and is nowhere specified.
pub(super) fn validate(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    values(schema, schema, path, path, errors);
}

/// `values` is what validates, with its own path; `schema` is the structure of the same value.
fn values(
    values: &JsonSchemaProps,
    schema: &JsonSchemaProps,
    schema_path: &Path<'_>,
    path: &Path<'_>,
    errors: &mut Vec<Error>,
) {
    if let Some(not) = &values.not {
        nested(not, Some(schema), schema_path, &path.child("not"), errors);
    }
    for (name, of) in [
        ("allOf", values.all_of()),
        ("anyOf", values.any_of()),
        ("oneOf", values.one_of()),
    ] {
        let path = path.child(name);
        for (index, of) in of.iter().enumerate() {
            nested(of, Some(schema), schema_path, &path.index(index), errors);
        }
    }
}

fn nested(
    of: &JsonSchemaProps,
    schema: Option<&JsonSchemaProps>,
    schema_path: &Path<'_>,
    path: &Path<'_>,
    errors: &mut Vec<Error>,
) {
    let Some(schema) = schema else {
        errors.push(Error::required(
            schema_path,
            format!("because it is defined in {path}"),
        ));
        return;
    };
    values(of, schema, schema_path, path, errors);
    if let Some(item) = of.item() {
        nested(
            item,
            schema.item(),
            &schema_path.child("items"),
            &path.child("items"),
            errors,
        );
    }
    let (schema_properties, properties) = (schema_path.child("properties"), path.child("properties"));
    for (name, property) in of.properties() {
        let (schema_path, path) = (schema_properties.key(name), properties.key(name));
        nested(property, schema.property(name), &schema_path, &path, errors);
    }
}
