//! What field selectors may use: `ValidateCustomResourceSelectableFields`, and `ValidFieldPath` of apiextensions'
//! `pkg/apiserver/schema/cel/validation.go` without the notation of arrays.

use serde_json::Value;

use crate::field::{Error, Path};
use crate::resource_definition::spec::{DefinitionVersion, SelectableField};

/// How many there may be.
const MOST: i64 = 8;

/// What is wrong with the selectable fields of a version.
pub(super) fn validate(path: &str, version: &DefinitionVersion, schema: Option<&Value>) -> Vec<Error> {
    let path = format!("{path}.selectableFields");
    match (version.selectable_fields.as_slice(), schema) {
        ([], _) => Vec::new(),
        (_, None) => {
            let detail = "may only be set when `version.schema.openAPIV3Schema` is not included";
            vec![Error::invalid(&Path::new(&path), "", detail)]
        }
        (fields, Some(schema)) => of_fields(&path, fields, schema),
    }
}

/// The same of what all versions say alike. `schema_is_shared`: of their schemas too.
pub(super) fn validate_shared(version: &DefinitionVersion, schema_is_shared: bool) -> Vec<Error> {
    let schema = version.document().filter(|_| schema_is_shared);
    match (version.selectable_fields.as_slice(), schema) {
        ([], _) => Vec::new(),
        (_, None) => {
            let detail = "may only be set when validations.schema is included";
            vec![Error::invalid(&Path::new("spec.selectableFields"), "", detail)]
        }
        (fields, Some(schema)) => of_fields("spec.selectableFields", fields, schema),
    }
}

fn of_fields(path: &str, fields: &[SelectableField], schema: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut unique: Vec<Vec<&str>> = Vec::new();
    for (index, field) in fields.iter().enumerate() {
        let path = format!("{path}[{index}].jsonPath");
        let json_path = field.json_path.as_str();
        if json_path.is_empty() {
            errors.push(Error::required(&Path::new(&path), ""));
            continue;
        }
        let (names, found) = match resolve(json_path, schema) {
            Ok(resolved) => resolved,
            Err(why) => {
                errors.push(Error::invalid(
                    &Path::new(&path),
                    json_path,
                    format!("is an invalid path: {why}"),
                ));
                continue;
            }
        };
        if names.first() == Some(&"metadata") {
            let detail = "must not point to fields in metadata";
            errors.push(Error::invalid(&Path::new(&path), json_path, detail));
        }
        if !matches!(found["type"].as_str(), Some("string" | "boolean" | "integer")) {
            let detail = "must point to a field of type string, boolean or integer. Enum string fields and strings with formats \
                          are allowed.";
            errors.push(Error::invalid(&Path::new(&path), json_path, detail));
        }
        if unique.contains(&names) {
            errors.push(Error::duplicate(&Path::new(&path), json_path));
        } else {
            unique.push(names);
        }
    }
    let count = i64::try_from(unique.len()).unwrap_or(i64::MAX);
    if count > MOST {
        errors.push(Error::too_many(&Path::new(path), count, MOST));
    }
    errors
}

/// The names that a path goes through, and the schema at its end.
fn resolve<'a>(json_path: &'a str, mut schema: &'a Value) -> Result<(Vec<&'a str>, &'a Value), String> {
    let mut names = Vec::new();
    let mut rest = json_path;
    while !rest.is_empty() {
        let Some(after) = rest.strip_prefix('.') else {
            let (token, _) = token(rest);
            return Err(match token {
                "[" => "array notation is not allowed".to_owned(),
                token => format!("expected [ or . but got: {token}"),
            });
        };
        if after.is_empty() {
            return Err("unexpected end of JSON path".to_owned());
        }
        let (name, after) = token(after);
        let below = match (schema["properties"].as_object(), &schema["additionalProperties"]) {
            (Some(properties), _) => properties.get(name),
            (None, Value::Null | Value::Bool(_)) => None,
            (None, each) => Some(each),
        };
        schema = below.ok_or("does not refer to a valid field")?;
        names.push(name);
        rest = after;
    }
    Ok((names, schema))
}

/// The next token of a path, which is not empty: one of `.`, `[`, `]`, or what stands before the next of them.
fn token(path: &str) -> (&str, &str) {
    let end = match path.find(['.', '[', ']']) {
        Some(0) => 1,
        Some(end) => end,
        None => path.len(),
    };
    path.split_at(end)
}
