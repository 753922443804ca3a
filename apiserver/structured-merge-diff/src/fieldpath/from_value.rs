//! The fields of an object without a schema (Go: `fieldpath/fromvalue.go`).

use serde_json::Value;

use super::set::Node;
use super::{KeyField, PathElement, Set, TooDeep};
use crate::MAX_DEPTH;
use crate::value::is_no_deeper_than;

// Fields by which an item of a list is known, where it has any of them.
const KEYS: [&str; 3] = ["key", "id", "name"];

impl Set {
    /// The leaves of `value`: whatever is no list or map. Items of lists are named by what looks like a key (`key`,
    /// `id`, `name`), else by their index.
    ///
    /// # Errors
    /// Where `value` is nested deeper than [`MAX_DEPTH`].
    pub fn from_value(value: &Value) -> Result<Self, TooDeep> {
        if is_no_deeper_than(value, MAX_DEPTH) {
            Ok(node_of(value).children)
        } else {
            Err(TooDeep)
        }
    }
}

fn node_of(value: &Value) -> Node {
    let mut node = Node::default();
    match value {
        Value::Array(items) => {
            for (index, item) in (0..).zip(items) {
                let element = key_of(item).unwrap_or(PathElement::Index(index));
                node.children.extend_at(element, node_of(item));
            }
        }
        Value::Object(fields) => {
            for (name, value) in fields {
                node.children
                    .put(PathElement::field(name.as_str()), node_of(value));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => node.is_member = true,
    }
    node
}

fn key_of(item: &Value) -> Option<PathElement> {
    let scalar = |value: &&Value| matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_));
    let field = |name: &str| {
        let value = item.get(name).filter(scalar)?;
        Some(KeyField {
            name: name.into(),
            value: value.clone(),
        })
    };
    let fields: Vec<_> = KEYS.into_iter().filter_map(field).collect();
    (!fields.is_empty()).then(|| PathElement::key_of(fields))
}
