//! The schema of a version: `validateCustomResourceDefinitionValidation`, whose rules are `annex-schema`'s.

use annex_schema::definition;
use annex_schema::field::Path;
use annex_schema::props::JsonSchemaProps;
use serde_json::Value;

use crate::definition::spec::DefinitionVersion;
use crate::status::FieldError;

/// Whether the schema of a version has defaults somewhere.
pub(super) fn has_defaults(version: &DefinitionVersion) -> bool {
    fn has(schema: &Value) -> bool {
        match schema {
            Value::Object(fields) => {
                fields.get("default").is_some_and(|default| !default.is_null()) || fields.values().any(has)
            }
            Value::Array(elements) => elements.iter().any(has),
            _ => false,
        }
    }
    version.document().is_some_and(has)
}

/// What is wrong with the schema of a version, which stands at `path`.
pub(super) fn validate(path: &str, version: &DefinitionVersion) -> Vec<FieldError> {
    validate_as(path, version, version.has_status())
}

/// The same, where `/status` is served in some version.
pub(super) fn validate_as(path: &str, version: &DefinitionVersion, has_status: bool) -> Vec<FieldError> {
    let Some(document) = version.document() else {
        return Vec::new();
    };
    match JsonSchemaProps::decode(document) {
        Ok(schema) => {
            let found = definition::validate(&Path::new(path), &schema, has_status);
            found.into_iter().map(FieldError::from).collect()
        }
        Err(error) => {
            let path = format!("{path}.openAPIV3Schema");
            vec![FieldError::invalid(path, "", error.to_string())]
        }
    }
}
