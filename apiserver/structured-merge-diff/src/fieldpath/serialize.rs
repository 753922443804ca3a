//! Sets as FieldsV1, what managedFields hold (Go: `fieldpath/serialize.go`).

use serde_json::{Map, Value};

use super::set::Node;
use super::{ElementError, PathElement, Set, TooDeep};
use crate::MAX_DEPTH;
use crate::json::{self, Reader, SyntaxError, write_string};

/// Why FieldsV1 is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldsV1Error {
    /// It is not read as JSON, or something else stands where an object is expected.
    #[error(transparent)]
    Json(#[from] SyntaxError),
    /// A key is no path element.
    #[error("parsing key as path element: {0}")]
    Element(#[from] ElementError),
    /// Something else than an object or null stands where one is expected.
    #[error("expected an object or null")]
    NoObject,
    /// It is nested deeper than [`MAX_DEPTH`].
    #[error(transparent)]
    TooDeep(#[from] TooDeep),
}

impl Set {
    /// Reads FieldsV1 in time linear in its length, where it is sorted; what follows the object is ignored.
    ///
    /// Go's reader goes 10 000 levels deep, this one [`MAX_DEPTH`]; no decoder of objects goes deeper.
    ///
    /// # Errors
    /// Where Go refuses it: see [`FieldsV1Error`].
    pub fn from_fields_v1(text: &str) -> Result<Self, FieldsV1Error> {
        Ok(read(&mut Reader::new(text))?.children)
    }

    /// Reads FieldsV1 that was decoded as JSON already.
    ///
    /// # Errors
    /// As [`from_fields_v1`](Self::from_fields_v1).
    pub fn from_fields_v1_value(value: &Value) -> Result<Self, FieldsV1Error> {
        Ok(read_value(value, MAX_DEPTH)?.children)
    }

    /// The FieldsV1 that Go writes for this set, byte for byte: keys in the order of path elements.
    #[must_use]
    pub fn to_fields_v1(&self) -> String {
        let mut out = String::new();
        write(&mut out, self, false);
        out
    }

    /// The same, decoded: what an object has in `fieldsV1`.
    #[must_use]
    pub fn to_fields_v1_value(&self) -> Value {
        value_of(self, false)
    }
}

fn value_of(set: &Set, itself: bool) -> Value {
    // Most have a few fields: inserted, they are not gathered and sorted first.
    let mut fields = Map::new();
    if itself {
        fields.insert(".".to_owned(), Value::Object(Map::new()));
    }
    for (element, node) in &set.nodes {
        let itself = node.is_member && !node.children.is_empty();
        fields.insert(element.to_fields_v1_key(), value_of(&node.children, itself));
    }
    Value::Object(fields)
}

fn write(out: &mut String, set: &Set, itself: bool) {
    out.push('{');
    if itself {
        out.push_str("\".\":{}");
    }
    for (index, (element, node)) in set.nodes.iter().enumerate() {
        json::separate(out, index + usize::from(itself));
        write_string(out, &element.to_fields_v1_key());
        out.push(':');
        write(out, &node.children, node.is_member && !node.children.is_empty());
    }
    out.push('}');
}

// A field below which nothing is known is a member, whether it says so or not.
fn read(reader: &mut Reader<'_>) -> Result<Node, FieldsV1Error> {
    let mut node = Node::default();
    reader.object::<FieldsV1Error>(|reader, key| {
        if key == "." {
            node.is_member = true;
            reader.value()?;
            return Ok(());
        }
        match PathElement::from_fields_v1_key(&key) {
            Ok(element) => add(&mut node.children, element, read(reader)?),
            Err(ElementError::UnknownType) => drop(reader.value()?),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    })?;
    node.is_member |= node.children.is_empty();
    Ok(node)
}

fn read_value(value: &Value, depth: usize) -> Result<Node, FieldsV1Error> {
    let mut node = Node::default();
    let fields = match value {
        Value::Object(fields) => fields,
        Value::Null => return Ok(Node::member()),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err(FieldsV1Error::NoObject);
        }
    };
    for (key, value) in fields {
        if key == "." {
            node.is_member = true;
            continue;
        }
        match PathElement::from_fields_v1_key(key) {
            Ok(element) => {
                let depth = depth.checked_sub(1).ok_or(TooDeep)?;
                add(&mut node.children, element, read_value(value, depth)?);
            }
            Err(ElementError::UnknownType) => {}
            Err(error) => return Err(error.into()),
        }
    }
    node.is_member |= node.children.is_empty();
    Ok(node)
}

// A key may come twice; the later one's children replace those of the earlier one.
fn add(set: &mut Set, element: PathElement, node: Node) {
    let there = set.nodes.entry(element).or_default();
    there.is_member |= node.is_member;
    if !node.children.is_empty() {
        there.children = node.children;
    }
}
