//! What makes a schema structural: `ValidateStructural`.

use super::{as_metadata_is_empty, complete, is_int_or_string, nested};
use crate::field::{Error, Path};
use crate::props::JsonSchemaProps;

/// Where a schema stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Item,
    Field,
}

/// Why a schema is not structural, in the order of the errors' texts.
#[must_use]
pub fn validate(path: &Path<'_>, schema: &JsonSchemaProps) -> Vec<Error> {
    let mut errors = Vec::new();
    invariants(path, schema, Level::Root, &mut errors);
    complete::validate(path, schema, &mut errors);
    errors.sort_by_cached_key(Error::to_string);
    errors
}

fn invariants(path: &Path<'_>, schema: &JsonSchemaProps, level: Level, errors: &mut Vec<Error>) {
    match schema.item() {
        Some(item) => invariants(&path.child("items"), item, Level::Item, errors),
        None if schema.type_name == "array" => {
            errors.push(Error::required(&path.child("items"), "must be specified"));
        }
        None => {}
    }
    let properties = path.child("properties");
    for (name, property) in schema.properties() {
        invariants(&properties.key(name), property, Level::Field, errors);
    }
    let additional_path = path.child("additionalProperties");
    if schema.additional_properties.is_some() && level == Level::Root {
        errors.push(Error::forbidden(&additional_path, "must not be used at the root"));
    }
    if let Some(additional) = schema.additional() {
        invariants(&additional_path, additional, Level::Field, errors);
    }
    extensions(path, schema, errors);
    let skip = nested::Skip {
        any_of: is_int_or_string(schema.any_of()),
        first_all_of: schema
            .all_of()
            .first()
            .is_some_and(|first| is_int_or_string(first.any_of())),
    };
    nested::values(path, schema, skip, errors);
    types(path, schema, level, errors);
    metadata(path, schema, level, errors);
    let empty = schema.properties().next().is_none();
    if schema.embedded_resource && !schema.preserves_unknown_fields() && empty {
        let detail = "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields";
        errors.push(Error::required(&properties, detail));
    }
}

fn extensions(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let detail = "must be false if x-kubernetes-int-or-string is true";
    if schema.int_or_string && schema.preserves_unknown_fields() {
        let path = path.child("x-kubernetes-preserve-unknown-fields");
        errors.push(Error::invalid(&path, true, detail));
    }
    if schema.int_or_string && schema.embedded_resource {
        errors.push(Error::invalid(
            &path.child("x-kubernetes-embedded-resource"),
            true,
            detail,
        ));
    }
}

fn types(path: &Path<'_>, schema: &JsonSchemaProps, level: Level, errors: &mut Vec<Error>) {
    let name = schema.type_name.as_str();
    let at = path.child("type");
    if schema.embedded_resource && name != "object" {
        let detail = "must be object if x-kubernetes-embedded-resource is true";
        errors.push(match name {
            "" => Error::required(&at, detail),
            _ => Error::invalid(&at, name, detail),
        });
    } else if name.is_empty() && !schema.int_or_string && !schema.preserves_unknown_fields() {
        let detail = match level {
            Level::Root => "must not be empty at the root",
            Level::Item => "must not be empty for specified array items",
            Level::Field => "must not be empty for specified object fields",
        };
        errors.push(Error::required(&at, detail));
    }
    if schema.embedded_resource && schema.additional_properties.is_some() {
        let detail = "must not be used if x-kubernetes-embedded-resource is set";
        errors.push(Error::forbidden(&path.child("additionalProperties"), detail));
    }
    if level == Level::Root && !name.is_empty() && name != "object" {
        errors.push(Error::invalid(&at, name, "must be object at the root"));
    }
}

/// `kind`, `apiVersion` and `metadata` of objects and of embedded ones.
fn metadata(path: &Path<'_>, schema: &JsonSchemaProps, level: Level, errors: &mut Vec<Error>) {
    let checked = level == Level::Root || schema.embedded_resource;
    let properties = path.child("properties");
    for (name, expected) in [
        ("kind", "string"),
        ("apiVersion", "string"),
        ("metadata", "object"),
    ] {
        if let Some(property) = schema.property(name)
            && checked
            && property.type_name != expected
        {
            let detail = format!("must be {expected}");
            let at = properties.key(name);
            errors.push(Error::invalid(&at.child("type"), &*property.type_name, detail));
        }
    }
    if let Some(metadata) = schema.property("metadata")
        && level == Level::Root
        && !as_metadata_is_empty(metadata)
    {
        let detail = "must not specify anything other than name and generateName, but metadata is implicitly specified";
        errors.push(Error::forbidden(&properties.key("metadata"), detail));
    }
}
