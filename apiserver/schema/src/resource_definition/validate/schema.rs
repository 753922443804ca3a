//! The schema of a version: `validateCustomResourceDefinitionValidation`, whose rules are those of `crate::definition`.

use crate::definition;
use crate::props::JsonSchemaProps;
use serde_json::Value;

use crate::field::{Error, Path};
use crate::resource_definition::spec::DefinitionVersion;

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
pub(super) fn validate(path: &str, version: &DefinitionVersion) -> Vec<Error> {
    validate_as(path, version, version.has_status())
}

/// The same, where `/status` is served in some version.
pub(super) fn validate_as(path: &str, version: &DefinitionVersion, has_status: bool) -> Vec<Error> {
    let Some(document) = version.document() else {
        return Vec::new();
    };
    match JsonSchemaProps::decode(document) {
        Ok(schema) => definition::validate(&Path::new(path), &schema, has_status),
        Err(error) => {
            let path = format!("{path}.openAPIV3Schema");
            vec![Error::invalid(&Path::new(&path), "", error.to_string())]
        }
    }
}
