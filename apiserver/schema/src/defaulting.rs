//! Sets defaults, and removes nulls where there may be none: `structuralschema/defaulting`.

use serde_json::Value;

use crate::props::JsonSchemaProps;

/// How many bytes, about, defaults may add to one object: the items of a long list may each have a large one.
pub const MOST_ADDED: usize = 32 << 20;

/// Defaults would add more than [`MOST_ADDED`] bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the defaults of the schema make the object larger by more than {MOST_ADDED} bytes")]
pub struct TooLarge;

/// Sets the defaults of the schema in a value, where nothing is or a null that may not be there.
///
/// # Errors
/// That would make it too large. It has some of the defaults then.
pub fn apply(value: &mut Value, schema: &JsonSchemaProps) -> Result<(), TooLarge> {
    let mut left = MOST_ADDED;
    defaults(value, schema, &mut left)
}

fn is_wrong_null(value: &Value, schema: &JsonSchemaProps) -> bool {
    value.is_null() && !schema.nullable
}

fn copy(default: &Value, left: &mut usize) -> Result<Value, TooLarge> {
    *left = left.checked_sub(size(default)).ok_or(TooLarge)?;
    Ok(default.clone())
}

fn size(value: &Value) -> usize {
    const NODE: usize = size_of::<Value>();
    match value {
        Value::String(text) => NODE + text.len(),
        Value::Array(items) => NODE + items.iter().map(size).sum::<usize>(),
        Value::Object(fields) => {
            NODE + fields
                .iter()
                .map(|(name, value)| name.len() + NODE + size(value))
                .sum::<usize>()
        }
        _ => NODE,
    }
}

fn defaults(value: &mut Value, schema: &JsonSchemaProps, left: &mut usize) -> Result<(), TooLarge> {
    match value {
        Value::Object(fields) => {
            for (name, property) in schema.properties() {
                if let Some(default) = &property.default
                    && fields
                        .get(name)
                        .is_none_or(|value| is_wrong_null(value, property))
                {
                    let default = copy(default, left)?;
                    fields.insert(name.to_owned(), default);
                }
            }
            for (name, value) in fields.iter_mut() {
                match (schema.property(name), schema.additional()) {
                    (Some(property), _) => defaults(value, property, left)?,
                    (None, Some(additional)) => item(value, additional, left)?,
                    (None, None) => {}
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.item() {
                for value in items {
                    item(value, schema, left)?;
                }
            }
        }
        _ => {}
    }
    Ok(())
}

/// A value that is there already.
fn item(value: &mut Value, schema: &JsonSchemaProps, left: &mut usize) -> Result<(), TooLarge> {
    if let Some(default) = &schema.default
        && is_wrong_null(value, schema)
    {
        *value = copy(default, left)?;
    }
    defaults(value, schema, left)
}

/// Removes fields that are null where there may be no null and no default is for them.
pub fn prune_nulls(value: &mut Value, schema: &JsonSchemaProps) {
    prune_nulls_of(value, Some(schema));
}

fn prune_nulls_of(value: &mut Value, schema: Option<&JsonSchemaProps>) {
    let Some(schema) = schema else {
        return;
    };
    match value {
        Value::Object(fields) => {
            let of = |name: &str| schema.property(name).or_else(|| schema.additional());
            fields.retain(|name, value| {
                let unwanted =
                    |schema: &JsonSchemaProps| is_wrong_null(value, schema) && schema.default.is_none();
                !of(name).is_some_and(unwanted)
            });
            for (name, value) in fields.iter_mut() {
                prune_nulls_of(value, of(name));
            }
        }
        Value::Array(items) => {
            for item in items {
                prune_nulls_of(item, schema.item());
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn defaults_that_would_make_an_object_too_large_are_refused() {
        let large = "x".repeat(1 << 20);
        let schema = json!({"properties": {"list": {"items": {"properties": {"a": {"default": large}}}}}});
        let schema = JsonSchemaProps::decode(&schema).unwrap();
        let of = |count| json!({"list": vec![json!({}); count]});
        assert_eq!(apply(&mut of(20), &schema), Ok(()));
        assert_eq!(apply(&mut of(40), &schema), Err(TooLarge));
    }
}
