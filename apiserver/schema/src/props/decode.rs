//! Reads a schema from JSON as Kubernetes does: null is as if it were not there, unknown fields are left out.

use std::collections::BTreeMap;

use annex_cel::Rule;
use serde_json::{Number, Value};

use super::{ExternalDocs, JsonSchemaProps, SchemaOrArray, SchemaOrBool, SchemaOrStrings};

/// How many schemas may be within each other, and how many levels a value in one may have, so that no walk through it exhausts a
/// stack.
pub(super) const MAX_DEPTH: usize = 64;

/// What is no schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A value of the wrong type.
    #[error("{field} must be {expected}, not {found}")]
    Type {
        /// The field of the schema.
        field: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// Too many levels.
    #[error("at most {MAX_DEPTH} schemas may be within each other")]
    TooDeep,
}

type Read<T> = Result<T, DecodeError>;

impl JsonSchemaProps {
    /// Reads a schema.
    ///
    /// # Errors
    /// A field has the wrong type, or there are too many levels.
    pub fn decode(value: &Value) -> Read<Self> {
        schema("schema", value, MAX_DEPTH).map(|schema| *schema)
    }
}

fn wrong<T>(field: &str, expected: &'static str, found: &Value) -> Read<T> {
    Err(DecodeError::Type {
        field: field.to_owned(),
        expected,
        found: match found {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        },
    })
}

/// Reads a schema. It is boxed, and what calls this loops by hand: each move of a schema needs as much of the stack as the schema.
fn schema(field: &str, value: &Value, depth: usize) -> Read<Box<JsonSchemaProps>> {
    let mut props = Box::<JsonSchemaProps>::default();
    let Some(below) = depth.checked_sub(1) else {
        return Err(DecodeError::TooDeep);
    };
    match value {
        Value::Null => {}
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                set(&mut props, name, value, below)?;
            }
        }
        _ => return wrong(field, "an object", value),
    }
    Ok(props)
}

fn set(props: &mut JsonSchemaProps, name: &str, value: &Value, depth: usize) -> Read<()> {
    match name {
        "id" => props.id = string(name, value)?,
        "$schema" => props.schema = string(name, value)?,
        "$ref" => props.reference = Some(string(name, value)?),
        "description" => props.description = string(name, value)?,
        "type" => props.type_name = string(name, value)?,
        "nullable" => props.nullable = boolean(name, value)?,
        "format" => props.format = string(name, value)?,
        "title" => props.title = string(name, value)?,
        "default" => props.default = Some(any(value, depth)?),
        "maximum" => props.maximum = Some(float(name, value)?),
        "exclusiveMaximum" => props.exclusive_maximum = boolean(name, value)?,
        "minimum" => props.minimum = Some(float(name, value)?),
        "exclusiveMinimum" => props.exclusive_minimum = boolean(name, value)?,
        "maxLength" => props.max_length = Some(integer(name, value)?),
        "minLength" => props.min_length = Some(integer(name, value)?),
        "pattern" => props.pattern = string(name, value)?.into(),
        "maxItems" => props.max_items = Some(integer(name, value)?),
        "minItems" => props.min_items = Some(integer(name, value)?),
        "uniqueItems" => props.unique_items = boolean(name, value)?,
        "multipleOf" => props.multiple_of = Some(float(name, value)?),
        "enum" => props.enumeration = Some(list(name, value, |_, value| any(value, depth))?),
        "maxProperties" => props.max_properties = Some(integer(name, value)?),
        "minProperties" => props.min_properties = Some(integer(name, value)?),
        "required" => props.required = Some(list(name, value, string)?),
        "externalDocs" => props.external_docs = Some(external_docs(name, value)?),
        "example" => props.example = Some(any(value, depth)?),
        "x-kubernetes-preserve-unknown-fields" => props.preserve_unknown_fields = Some(boolean(name, value)?),
        "x-kubernetes-embedded-resource" => props.embedded_resource = boolean(name, value)?,
        "x-kubernetes-int-or-string" => props.int_or_string = boolean(name, value)?,
        "x-kubernetes-list-map-keys" => props.list_map_keys = Some(list(name, value, string)?),
        "x-kubernetes-list-type" => props.list_type = Some(string(name, value)?),
        "x-kubernetes-map-type" => props.map_type = Some(string(name, value)?),
        "x-kubernetes-validations" => {
            props.validations = Some(list(name, value, rule)?);
        }
        _ => return set_schemas(props, name, value, depth),
    }
    Ok(())
}

/// The fields that have schemas: apart from the others, so that reading schemas within schemas needs little of the stack.
fn set_schemas(props: &mut JsonSchemaProps, name: &str, value: &Value, depth: usize) -> Read<()> {
    match name {
        "items" => props.items = Some(items(name, value, depth)?),
        "allOf" => props.all_of = Some(schemas(name, value, depth)?),
        "oneOf" => props.one_of = Some(schemas(name, value, depth)?),
        "anyOf" => props.any_of = Some(schemas(name, value, depth)?),
        "not" => props.not = Some(schema(name, value, depth)?),
        "properties" => props.properties = Some(schema_map(name, value, depth)?),
        "additionalProperties" => props.additional_properties = Some(or_bool(name, value, depth)?),
        "patternProperties" => props.pattern_properties = Some(schema_map(name, value, depth)?),
        "dependencies" => props.dependencies = Some(dependencies(name, value, depth)?),
        "additionalItems" => props.additional_items = Some(or_bool(name, value, depth)?),
        "definitions" => props.definitions = Some(schema_map(name, value, depth)?),
        _ => {}
    }
    Ok(())
}

/// `ValidationRule`.
fn rule(field: &str, value: &Value) -> Read<Rule> {
    let mut rule = Rule::default();
    let fields = match value {
        Value::Null => return Ok(rule),
        Value::Object(fields) => fields,
        _ => return wrong(field, "an object", value),
    };
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        match name.as_str() {
            "rule" => rule.rule = string(name, value)?,
            "message" => rule.message = string(name, value)?,
            "messageExpression" => rule.message_expression = string(name, value)?,
            "reason" => rule.reason = Some(string(name, value)?),
            "fieldPath" => rule.field_path = string(name, value)?,
            "optionalOldSelf" => rule.optional_old_self = Some(boolean(name, value)?),
            _ => {}
        }
    }
    Ok(rule)
}

fn string(field: &str, value: &Value) -> Read<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Null => Ok(String::new()),
        _ => wrong(field, "a string", value),
    }
}

fn boolean(field: &str, value: &Value) -> Read<bool> {
    value
        .as_bool()
        .map_or_else(|| wrong(field, "a boolean", value), Ok)
}

fn float(field: &str, value: &Value) -> Read<f64> {
    value.as_f64().map_or_else(|| wrong(field, "a number", value), Ok)
}

fn integer(field: &str, value: &Value) -> Read<i64> {
    value
        .as_i64()
        .map_or_else(|| wrong(field, "an integer", value), Ok)
}

fn list<T>(field: &str, value: &Value, each: impl Fn(&str, &Value) -> Read<T>) -> Read<Vec<T>> {
    match value {
        Value::Array(items) => items.iter().map(|item| each(field, item)).collect(),
        _ => wrong(field, "a list", value),
    }
}

fn schemas(field: &str, value: &Value, depth: usize) -> Read<Vec<JsonSchemaProps>> {
    let Value::Array(items) = value else {
        return wrong(field, "a list", value);
    };
    let mut read = Vec::with_capacity(items.len());
    for item in items {
        read.push(*schema(field, item, depth)?);
    }
    Ok(read)
}

fn schema_map(field: &str, value: &Value, depth: usize) -> Read<BTreeMap<String, JsonSchemaProps>> {
    let Value::Object(fields) = value else {
        return wrong(field, "an object", value);
    };
    let mut read = BTreeMap::new();
    for (name, value) in fields {
        let schema = schema(field, value, depth)?;
        read.insert(name.clone(), *schema);
    }
    Ok(read)
}

/// What is neither an object nor a list is nothing there, as in Go.
fn items(field: &str, value: &Value, depth: usize) -> Read<Box<SchemaOrArray>> {
    let mut items = Box::<SchemaOrArray>::default();
    match value {
        Value::Object(_) => items.schema = Some(*schema(field, value, depth)?),
        Value::Array(_) => items.schemas = Some(schemas(field, value, depth)?),
        _ => {}
    }
    Ok(items)
}

fn or_bool(field: &str, value: &Value, depth: usize) -> Read<Box<SchemaOrBool>> {
    let mut read = Box::<SchemaOrBool>::default();
    match value {
        Value::Object(_) => {
            read.allows = true;
            read.schema = Some(*schema(field, value, depth)?);
        }
        Value::Bool(allows) => read.allows = *allows,
        _ => return wrong(field, "a boolean or a schema", value),
    }
    Ok(read)
}

/// What is neither an object nor a list is nothing there, as in Go.
fn dependencies(field: &str, value: &Value, depth: usize) -> Read<BTreeMap<String, SchemaOrStrings>> {
    let Value::Object(fields) = value else {
        return wrong(field, "an object", value);
    };
    let mut read = BTreeMap::new();
    for (name, value) in fields {
        let mut dependency = SchemaOrStrings::default();
        match value {
            Value::Object(_) => dependency.schema = Some(*schema(field, value, depth)?),
            Value::Array(_) => dependency.property = Some(list(field, value, string)?),
            _ => {}
        }
        read.insert(name.clone(), dependency);
    }
    Ok(read)
}

fn external_docs(field: &str, value: &Value) -> Read<ExternalDocs> {
    let Value::Object(fields) = value else {
        return wrong(field, "an object", value);
    };
    let text = |name: &str| {
        fields
            .get(name)
            .map_or_else(|| Ok(String::new()), |value| string(name, value))
    };
    Ok(ExternalDocs {
        description: text("description")?,
        url: text("url")?,
    })
}

/// A value as Kubernetes reads JSON: integers of 64 bits, what is beyond them is a float.
fn any(value: &Value, depth: usize) -> Read<Value> {
    let Some(below) = depth.checked_sub(1) else {
        return Err(DecodeError::TooDeep);
    };
    Ok(match value {
        Value::Number(number) if number.as_i64().is_none() => {
            let float = number.as_f64().and_then(Number::from_f64);
            float.map_or_else(|| value.clone(), Value::Number)
        }
        Value::Array(items) => items.iter().map(|item| any(item, below)).collect::<Read<_>>()?,
        Value::Object(fields) => {
            let read = |(name, value): (&String, &Value)| Ok((name.clone(), any(value, below)?));
            Value::Object(fields.iter().map(read).collect::<Read<_>>()?)
        }
        _ => value.clone(),
    })
}
