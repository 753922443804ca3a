//! Ratcheting: what did not change since the last write may stay wrong (KEP-4008). Which old value belongs to a new one, and whether
//! they are the same, as `common.CorrelatedObject` says.

use serde_json::Value;

use crate::props::JsonSchemaProps;

/// The old value in the place of a new one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correlated<'o>(pub(super) &'o Value);

impl<'o> Correlated<'o> {
    /// The old value of a field, if the schema knows of the field.
    pub(super) fn field(self, schema: &JsonSchemaProps, name: &str) -> Option<Self> {
        schema.property(name).or_else(|| schema.additional())?;
        self.0.as_object()?.get(name).map(Self)
    }

    /// The old items of a list, to look new ones up in.
    pub(super) fn items(self, schema: &JsonSchemaProps) -> OldItems<'o> {
        let items = self.0.as_array().map(Vec::as_slice).unwrap_or_default();
        let keys = schema.list_map_keys();
        let is_map = schema.list_type.as_deref() == Some("map");
        let mut keyed = std::collections::HashMap::new();
        if is_map && schema.type_name == "array" && !keys.is_empty() {
            for item in items {
                if let Some(key) = key_of(item, keys) {
                    keyed.entry(key).or_insert(item);
                }
            }
        }
        OldItems {
            keys: keys.to_vec(),
            is_map,
            keyed,
        }
    }

    /// Whether a new value is the old one. Items of lists of the type `map` may be in another order; a field that the schema does not
    /// know of makes its object another one.
    pub(super) fn is(self, value: &Value, schema: &JsonSchemaProps) -> bool {
        match (value, self.0) {
            (Value::Array(items), Value::Array(old)) => {
                if items.len() != old.len() {
                    return false;
                }
                let by_key = self.items(schema);
                if !by_key.is_map || schema.item().is_none() {
                    return items == old;
                }
                items.iter().all(|item| {
                    let old = by_key.of(item);
                    old.zip(schema.item())
                        .is_some_and(|(old, schema)| old.is(item, schema))
                })
            }
            (Value::Object(fields), Value::Object(old)) => {
                fields.len() == old.len()
                    && fields.iter().all(|(name, value)| {
                        let below = schema.property(name).or_else(|| schema.additional());
                        self.field(schema, name)
                            .zip(below)
                            .is_some_and(|(old, schema)| old.is(value, schema))
                    })
            }
            (value, old) => value == old,
        }
    }
}

/// The items of an old list by their keys.
pub(super) struct OldItems<'o> {
    keys: Vec<String>,
    is_map: bool,
    keyed: std::collections::HashMap<String, &'o Value>,
}

impl<'o> OldItems<'o> {
    /// The old item with the keys of a new one.
    pub(super) fn of(&self, item: &Value) -> Option<Correlated<'o>> {
        let key = key_of(item, &self.keys)?;
        self.keyed.get(&key).copied().map(Correlated)
    }
}

/// The keys of an item as one text, if all are there and none is a list or an object.
fn key_of(item: &Value, keys: &[String]) -> Option<String> {
    let item = item.as_object()?;
    let mut all = String::new();
    for key in keys {
        let value = item.get(key)?;
        if value.is_null() || value.is_array() || value.is_object() {
            return None;
        }
        all.push('\0');
        crate::field::go::write_json(&mut all, value);
    }
    Some(all)
}
