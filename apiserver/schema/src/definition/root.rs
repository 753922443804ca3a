//! What may stand at the root of a schema beside a status.

use crate::field::{BadValue, Error, Path};
use crate::props::{JsonSchemaProps, go_json};

/// The fields that may stand there, as Go names them.
const ALLOWED: &str = "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern \
    MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields XValidations]";

/// What is wrong with the root of a schema whose objects have a status of its own: the status is validated by itself.
pub(super) fn with_status(path: &Path<'_>, schema: &JsonSchemaProps) -> Option<Error> {
    let before_type = !schema.id.is_empty() || !schema.schema.is_empty() || schema.reference.is_some();
    let type_name = schema.type_name.as_str();
    if !before_type && !type_name.is_empty() && type_name != "object" {
        let detail = r#"only "object" is allowed as the type at the root of the schema if the status subresource is enabled"#;
        return Some(Error::invalid(
            &path.child("openAPIV3Schema.type"),
            type_name,
            detail,
        ));
    }
    let forbidden = before_type
        || schema.nullable
        || schema.default.is_some()
        || schema.enumeration.is_some()
        || schema.max_properties.is_some()
        || schema.min_properties.is_some()
        || schema.all_of.is_some()
        || schema.one_of.is_some()
        || schema.any_of.is_some()
        || schema.not.is_some()
        || schema.additional_properties.is_some()
        || schema.pattern_properties.is_some()
        || schema.dependencies.is_some()
        || schema.additional_items.is_some()
        || schema.definitions.is_some()
        || schema.embedded_resource
        || schema.int_or_string
        || schema.list_map_keys.is_some()
        || schema.list_type.is_some()
        || schema.map_type.is_some();
    forbidden.then(|| {
        let detail = format!(
            "only {ALLOWED} fields are allowed at the root of the schema if the status subresource is enabled"
        );
        let shown = BadValue::Written(go_json::schema(schema));
        Error::invalid(&path.child("openAPIV3Schema"), shown, detail)
    })
}
