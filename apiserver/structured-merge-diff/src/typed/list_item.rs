//! What items of associative lists are known by (Go: `typed/helpers.go`, listItemToPathElement).

use std::sync::Arc;

use serde_json::Value;

use crate::fieldpath::{KeyField, PathElement};
use crate::schema::{List, Schema};

/// Why an item of an associative list has nothing to be known by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ListItemError {
    /// Null among items with keys.
    #[error("associative list with keys may not have a null element")]
    NullItem,
    /// Neither map nor null among items with keys.
    #[error("associative list with keys may not have non-map elements")]
    NotMap,
    /// A key field is absent, and the type of the items, which could have a default for it, is not there.
    #[error("couldn't find default value for {0}: invalid elementType for list")]
    NoElementType(Arc<str>),
    /// A key field is absent, and the items are no maps.
    #[error("couldn't find default value for {0}: associative list may not have non-map types")]
    NotMapType(Arc<str>),
    /// All key fields are absent, without defaults.
    #[error("associative list with keys has an element that omits all key fields {} (and doesn't have default values for any key fields)", quoted(.0))]
    NoKeys(Vec<Arc<str>>),
    /// A map in a set.
    #[error("associative list without keys has an element that's a map type")]
    MapInSet,
    /// A list in a set.
    #[error("not supported: associative list with lists as elements")]
    ListInSet,
    /// Null in a set.
    #[error("associative list without keys has an element that's an explicit null")]
    NullInSet,
}

fn quoted(names: &[Arc<str>]) -> String {
    let mut text = String::from("[");
    for (index, name) in names.iter().enumerate() {
        text.push_str(if index > 0 { " " } else { "" });
        // A String takes whatever is written.
        let _ = crate::value::write_quoted(&mut text, name);
    }
    text.push(']');
    text
}

/// What `item` of an associative list is known by: its key fields, or, where the list has none, its value. An absent key
/// field has its default, or is left out.
///
/// # Errors
/// Where there is nothing: see [`ListItemError`].
pub(super) fn list_item_to_path_element(
    schema: &Schema,
    list: &List,
    item: &Value,
) -> Result<PathElement, ListItemError> {
    if list.keys.is_empty() {
        return match item {
            Value::Object(_) => Err(ListItemError::MapInSet),
            Value::Array(_) => Err(ListItemError::ListInSet),
            Value::Null => Err(ListItemError::NullInSet),
            Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(PathElement::value(item.clone())),
        };
    }
    let fields = match item {
        Value::Object(fields) => fields,
        Value::Null => return Err(ListItemError::NullItem),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(ListItemError::NotMap);
        }
    };
    let mut key = Vec::with_capacity(list.keys.len());
    for name in &list.keys {
        let value = match fields.get(&**name) {
            Some(value) => Some(value.clone()),
            None => default_of(schema, list, name)?,
        };
        key.extend(value.map(|value| KeyField {
            name: name.clone(),
            value,
        }));
    }
    if key.is_empty() {
        return Err(ListItemError::NoKeys(list.keys.clone()));
    }
    Ok(PathElement::key_of(key))
}

fn default_of(schema: &Schema, list: &List, name: &Arc<str>) -> Result<Option<Value>, ListItemError> {
    let atom = schema
        .resolve(&list.element_type)
        .ok_or_else(|| ListItemError::NoElementType(name.clone()))?;
    let (map, _) = atom.map.ok_or_else(|| ListItemError::NotMapType(name.clone()))?;
    Ok(map.find_field(name).and_then(|field| field.default.clone()))
}
