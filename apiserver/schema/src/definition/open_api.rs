//! What each schema within a definition's must be: `ValidateCustomResourceDefinitionOpenAPISchema`.

use std::collections::HashSet;

use super::rules::{self, Context, Rules};
use crate::field::{BadValue, Error, Path};
use crate::props::{JsonSchemaProps, SchemaOrBool, go_json};

/// How often the keys of one list are shown at most.
const MOST_LISTS_SHOWN: usize = 100;

/// What holds for a schema by where it stands.
#[derive(Debug, Clone, Copy)]
struct Place<'p> {
    is_root: bool,
    /// Why there may be no default.
    no_defaults: Option<&'p str>,
    /// Within the metadata of an object, or its `kind` or `apiVersion`.
    inside_meta: bool,
    /// What is known of the values that rules are about; none where rules are not looked at.
    rules: Option<Context>,
    /// From where on it is not known what a value was before.
    uncorrelated: Option<&'p Path<'p>>,
}

impl Place<'_> {
    /// Where no rules are looked at.
    fn without_rules(self) -> Self {
        Self { rules: None, ..self }
    }
}

/// Adds what is wrong with a definition's schema. Rules are looked at where it is structural, and its defaults are valid.
pub(super) fn validate(
    path: &Path<'_>,
    schema: &JsonSchemaProps,
    rules: Option<&mut Rules>,
    errors: &mut Vec<Error>,
) {
    let mut none = Rules::default();
    let root = Place {
        is_root: true,
        no_defaults: None,
        inside_meta: false,
        rules: rules.is_some().then(|| Context::root(schema)),
        uncorrelated: None,
    };
    let rules = rules.unwrap_or(&mut none);
    each(path, schema, root, errors, rules);
    errors.append(&mut rules.errors);
}

fn each(
    path: &Path<'_>,
    schema: &JsonSchemaProps,
    place: Place<'_>,
    errors: &mut Vec<Error>,
    rules: &mut Rules,
) {
    let before = errors.len();
    supported(path, schema, place, errors);
    if schema.unique_items {
        let detail = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic";
        errors.push(Error::forbidden(&path.child("uniqueItems"), detail));
    }
    let below = Place {
        is_root: false,
        ..place
    };
    additional_properties(path, schema, below, errors, rules);
    properties(path, schema, place, errors, rules);
    let values = below.without_rules();
    if let Some(not) = &schema.not {
        each(&path.child("not"), not, values, errors, rules);
    }
    for (name, of) in [
        ("allOf", schema.all_of()),
        ("oneOf", schema.one_of()),
        ("anyOf", schema.any_of()),
    ] {
        let path = path.child(name);
        for (index, of) in of.iter().enumerate() {
            each(&path.index(index), of, values, errors, rules);
        }
    }
    let definitions = path.child("definitions");
    for (name, definition) in schema.definitions.iter().flatten() {
        each(&definitions.key(name), definition, values, errors, rules);
    }
    list_items(path, schema, below, errors, rules);
    let dependencies = path.child("dependencies");
    for (name, dependency) in schema.dependencies.iter().flatten() {
        if let Some(schema) = &dependency.schema {
            each(&dependencies.key(name), schema, values, errors, rules);
        }
    }
    extensions(path, schema, errors);
    rules::validate(path, schema, errors);
    if errors.len() == before
        && let Some(context) = place.rules
    {
        rules.compile(path, schema, context, place.uncorrelated);
    }
}

fn list_items(
    path: &Path<'_>,
    schema: &JsonSchemaProps,
    place: Place<'_>,
    errors: &mut Vec<Error>,
    rules: &mut Rules,
) {
    let items = path.child("items");
    let is_map = schema.list_type.as_deref() == Some("map");
    let below = |item: &JsonSchemaProps| Place {
        uncorrelated: place.uncorrelated.or_else(|| (!is_map).then_some(path)),
        rules: place.rules.map(|context| context.below(schema, item)),
        ..place
    };
    if let Some(item) = schema.item() {
        each(&items, item, below(item), errors, rules);
    }
    let several = schema.items.as_ref().and_then(|items| items.schemas.as_deref());
    for (index, item) in several.unwrap_or_default().iter().enumerate() {
        each(&items.index(index), item, below(item), errors, rules);
    }
}

/// `specStandardValidatorV3`.
fn supported(path: &Path<'_>, schema: &JsonSchemaProps, place: Place<'_>, errors: &mut Vec<Error>) {
    const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
    let name = schema.type_name.as_str();
    if !name.is_empty() && !TYPES.contains(&name) {
        errors.push(Error::not_supported(&path.child("type"), name, &TYPES));
    }
    if let (Some(_), Some(reason)) = (&schema.default, place.no_defaults) {
        errors.push(Error::forbidden(
            &path.child("default"),
            format!("must not be set {reason}"),
        ));
    }
    let several = schema.items.as_ref().and_then(|items| items.schemas.as_ref());
    for (field, set) in [
        ("id", !schema.id.is_empty()),
        ("additionalItems", schema.additional_items.is_some()),
        (
            "patternProperties",
            schema
                .pattern_properties
                .as_ref()
                .is_some_and(|of| !of.is_empty()),
        ),
        (
            "definitions",
            schema.definitions.as_ref().is_some_and(|of| !of.is_empty()),
        ),
        ("dependencies", schema.dependencies.is_some()),
        ("$ref", schema.reference.is_some()),
    ] {
        if set {
            errors.push(Error::forbidden(
                &path.child(field),
                format!("{field} is not supported"),
            ));
        }
    }
    if name == "null" {
        let detail = "type cannot be set to null, use nullable as an alternative";
        errors.push(Error::forbidden(&path.child("type"), detail));
    }
    if several.is_some_and(|several| !several.is_empty()) {
        let detail = "items must be a schema object and not an array";
        errors.push(Error::forbidden(&path.child("items"), detail));
    }
    if place.inside_meta && schema.embedded_resource {
        let path = path.child("x-kubernetes-embedded-resource");
        errors.push(Error::forbidden(
            &path,
            "must not be used inside of resource meta",
        ));
    }
}

fn additional_properties(
    path: &Path<'_>,
    schema: &JsonSchemaProps,
    place: Place<'_>,
    errors: &mut Vec<Error>,
    rules: &mut Rules,
) {
    let Some(SchemaOrBool {
        allows,
        schema: additional,
    }) = schema.additional_properties.as_deref()
    else {
        return;
    };
    let path = path.child("additionalProperties");
    if schema.properties().next().is_some() && (!allows || additional.is_some()) {
        let detail = "additionalProperties and properties are mutual exclusive";
        errors.push(Error::forbidden(&path, detail));
    }
    if let Some(additional) = additional {
        let no_defaults = if place.inside_meta {
            Some("inside additionalProperties applying to object metadata")
        } else {
            place.no_defaults
        };
        let below = Place {
            no_defaults,
            rules: place.rules.map(|context| context.below(schema, additional)),
            ..place
        };
        each(&path, additional, below, errors, rules);
    }
}

fn properties(
    at: &Path<'_>,
    schema: &JsonSchemaProps,
    place: Place<'_>,
    errors: &mut Vec<Error>,
    rules: &mut Rules,
) {
    let path = at.child("properties");
    let correlates = matches!(schema.map_type.as_deref(), None | Some("granular" | "atomic"));
    for (name, property) in schema.properties() {
        let is_meta = ["metadata", "kind", "apiVersion"].contains(&name);
        let top_level = format!("in top-level {name}");
        let below = Place {
            is_root: false,
            no_defaults: if place.is_root && is_meta {
                Some(&top_level)
            } else {
                place.no_defaults
            },
            inside_meta: place.inside_meta || is_meta && (place.is_root || schema.embedded_resource),
            rules: place
                .rules
                .map(|context| context.property(schema, name, property)),
            uncorrelated: place.uncorrelated.or_else(|| (!correlates).then_some(at)),
        };
        each(&path.key(name), property, below, errors, rules);
    }
}

/// What Kubernetes' extensions ask for.
fn extensions(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    if schema.preserve_unknown_fields == Some(false) {
        let path = path.child("x-kubernetes-preserve-unknown-fields");
        errors.push(Error::invalid(&path, false, "must be true or undefined"));
    }
    let map_type = path.child("x-kubernetes-map-type");
    if let Some(kind) = schema.map_type.as_deref() {
        if schema.type_name != "object" {
            let detail = "must be object if x-kubernetes-map-type is specified";
            errors.push(wrong_type(path, schema, detail));
        }
        if !["atomic", "granular"].contains(&kind) {
            errors.push(Error::not_supported(&map_type, kind, &["atomic", "granular"]));
        }
    }
    list_type(path, schema, errors);
    list_of_sets_and_maps(path, schema, errors);
}

fn wrong_type(path: &Path<'_>, schema: &JsonSchemaProps, detail: &str) -> Error {
    let path = path.child("type");
    match schema.type_name.as_str() {
        "" => Error::required(&path, detail),
        name => Error::invalid(&path, name, detail),
    }
}

fn list_type(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let at = path.child("x-kubernetes-list-type");
    let kind = schema.list_type.as_deref();
    if kind.is_some() && schema.type_name != "array" {
        let detail = "must be array if x-kubernetes-list-type is specified";
        errors.push(wrong_type(path, schema, detail));
    } else if let (Some("set"), Some(item)) = (kind, schema.item()) {
        let wrong = match item.type_name.as_str() {
            "array" if item.list_type.as_deref().is_some_and(|kind| kind != "atomic") => {
                "x-kubernetes-list-type"
            }
            "object" if item.map_type.as_deref() != Some("atomic") => "x-kubernetes-map-type",
            _ => "",
        };
        if !wrong.is_empty() {
            // Go shows the list type in both errors, by a pointer.
            let shown = item
                .list_type
                .as_deref()
                .map_or_else(|| "null".to_owned(), json_string);
            let detail = "must be atomic as item of a list with x-kubernetes-list-type=set";
            let items = path.child("items");
            errors.push(Error::invalid(
                &items.child(wrong),
                BadValue::Written(shown),
                detail,
            ));
        }
    }
    if let Some(kind) = kind
        && !["atomic", "set", "map"].contains(&kind)
    {
        errors.push(Error::not_supported(&at, kind, &["atomic", "set", "map"]));
    }
    if !schema.list_map_keys().is_empty() {
        let detail = "must be map if x-kubernetes-list-map-keys is non-empty";
        match kind {
            None => errors.push(Error::required(&at, detail)),
            Some("map") => {}
            Some(kind) => errors.push(Error::invalid(&at, kind, detail)),
        }
    }
    if kind == Some("map") {
        map_list(path, schema, errors);
    }
}

fn json_string(text: &str) -> String {
    let mut out = String::new();
    crate::field::go::write_json_string(&mut out, text);
    out
}

/// A list of the type `map`.
fn map_list(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let keys_path = path.child("x-kubernetes-list-map-keys");
    let items_path = path.child("items");
    let keys = schema.list_map_keys();
    if keys.is_empty() {
        let detail = "must not be empty if x-kubernetes-list-type is map";
        errors.push(Error::required(&keys_path, detail));
    }
    let Some(items) = schema.items.as_deref() else {
        let detail = "must have a schema if x-kubernetes-list-type is map";
        errors.push(Error::required(&items_path, detail));
        return;
    };
    let Some(item) = &items.schema else {
        let shown = BadValue::Written(go_json::items(items));
        let detail = "must only have a single schema if x-kubernetes-list-type is map";
        errors.push(Error::invalid(&items_path, shown, detail));
        return;
    };
    if item.type_name != "object" {
        let detail = "must be object if parent array's x-kubernetes-list-type is map";
        errors.push(Error::invalid(
            &items_path.child("type"),
            &*item.type_name,
            detail,
        ));
        return;
    }
    let properties = items_path.child("properties");
    let mut seen = HashSet::new();
    // Each of these errors shows all keys.
    let mut shown = 0;
    for key in keys {
        if shown > MOST_LISTS_SHOWN {
            return;
        }
        match item.property(key) {
            Some(property) if ["array", "object"].contains(&property.type_name.as_str()) => {
                let at = properties.key(key);
                let detail = "must be a scalar type if parent array's x-kubernetes-list-type is map";
                errors.push(Error::invalid(&at.child("type"), &*item.type_name, detail));
            }
            Some(_) => {}
            None => {
                let detail = "entries must all be names of item properties";
                shown += 1;
                errors.push(Error::invalid(&keys_path, keys.to_vec(), detail));
            }
        }
        if !seen.insert(key) {
            shown += 1;
            errors.push(Error::invalid(
                &keys_path,
                keys.to_vec(),
                "must not contain duplicate entries",
            ));
        }
    }
}

/// `validateMapListKeysMapSet`.
fn list_of_sets_and_maps(path: &Path<'_>, schema: &JsonSchemaProps, errors: &mut Vec<Error>) {
    let (Some(kind @ ("set" | "map")), Some(item)) = (schema.list_type.as_deref(), schema.item()) else {
        return;
    };
    let items = path.child("items");
    if item.nullable {
        let detail = format!("cannot be nullable when x-kubernetes-list-type is {kind}");
        errors.push(Error::forbidden(&items.child("nullable"), detail));
    }
    if kind != "map" {
        return;
    }
    let properties = items.child("properties");
    for key in schema.list_map_keys() {
        let Some(property) = item.property(key) else {
            continue;
        };
        let at = properties.key(key);
        if !item.required().contains(key) && property.default.is_none() {
            let detail = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property";
            errors.push(Error::required(&at.child("default"), detail));
        }
        if property.nullable {
            let detail = "this property is in x-kubernetes-list-map-keys, so it cannot be nullable";
            errors.push(Error::forbidden(&at.child("nullable"), detail));
        }
    }
}
