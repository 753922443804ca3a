//! What a structural schema is made of: `NewStructural`.

use crate::props::JsonSchemaProps;

/// Why a schema cannot be made structural at all.
pub(crate) fn unsupported(schema: &JsonSchemaProps) -> Option<String> {
    let values = || {
        let nested = schema.not.iter().map(|not| &**not);
        let nested = nested
            .chain(schema.all_of())
            .chain(schema.any_of())
            .chain(schema.one_of());
        nested.into_iter().find_map(unsupported)
    };
    let preserved = || {
        (schema.preserve_unknown_fields == Some(false)).then(|| {
            "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined".to_owned()
        })
    };
    let items = || {
        let items = schema.items.as_deref()?;
        if items.schemas.as_ref().is_some_and(|schemas| !schemas.is_empty()) {
            return Some("OpenAPIV3Schema 'items' must be a schema, but is an array".to_owned());
        }
        unsupported(items.schema.as_ref()?)
    };
    unsupported_field(schema)
        .map(|field| format!("OpenAPIV3Schema '{field}' is not supported"))
        .or_else(values)
        .or_else(preserved)
        .or_else(items)
        .or_else(|| {
            schema
                .properties()
                .find_map(|(_, property)| unsupported(property))
        })
        .or_else(|| schema.additional().and_then(unsupported))
}

fn unsupported_field(schema: &JsonSchemaProps) -> Option<&'static str> {
    let fields = [
        ("id", !schema.id.is_empty()),
        ("schema", !schema.schema.is_empty()),
        (
            "$ref",
            schema
                .reference
                .as_ref()
                .is_some_and(|reference| !reference.is_empty()),
        ),
        (
            "patternProperties",
            schema
                .pattern_properties
                .as_ref()
                .is_some_and(|of| !of.is_empty()),
        ),
        (
            "dependencies",
            schema.dependencies.as_ref().is_some_and(|of| !of.is_empty()),
        ),
        ("additionalItems", schema.additional_items.is_some()),
        (
            "definitions",
            schema.definitions.as_ref().is_some_and(|of| !of.is_empty()),
        ),
    ];
    fields.into_iter().find_map(|(name, set)| set.then_some(name))
}

/// A schema with what a structural one keeps of it: nothing where there is none.
pub(super) fn as_structural(schema: &JsonSchemaProps) -> JsonSchemaProps {
    let mut kept = schema.clone();
    kept.reference = None;
    kept.pattern_properties = None;
    kept.dependencies = None;
    kept.definitions = None;
    let none_of = |of: &mut Option<Vec<_>>| {
        if of.as_ref().is_some_and(Vec::is_empty) {
            *of = None;
        }
    };
    none_of(&mut kept.all_of);
    none_of(&mut kept.any_of);
    none_of(&mut kept.one_of);
    if kept.items.as_ref().is_some_and(|items| items.schema.is_none()) {
        kept.items = None;
    }
    if kept.enumeration.as_ref().is_some_and(Vec::is_empty) {
        kept.enumeration = None;
    }
    kept
}
