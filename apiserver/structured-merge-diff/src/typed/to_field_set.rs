//! The fields that a value sets (Go: `typed/tofieldset.go`).

use std::collections::BTreeMap;

use serde_json::{Map as Object, Value};

use super::ValidationErrors;
use super::error::Problems;
use super::list_item::list_item_to_path_element;
use super::walk::{Kind, field_type, kind_of};
use crate::fieldpath::{Node, PathElement, Set};
use crate::schema::{ElementRelationship, List, Map, Schema, TypeRef};

/// The fields of `value`. The set is built level by level, not by inserting paths: linear but for the sorting.
///
/// # Errors
/// Where the schema lacks a type.
pub(super) fn to_field_set(
    schema: &Schema,
    type_ref: &TypeRef,
    value: &Value,
) -> Result<Set, ValidationErrors> {
    let mut walker = Walker {
        schema,
        problems: Problems::default(),
    };
    let node = walker.node(type_ref, value);
    walker.problems.into_result()?;
    Ok(node.children)
}

struct Walker<'a> {
    schema: &'a Schema,
    // Without paths, as Go has them.
    problems: Problems,
}

impl Walker<'_> {
    fn node(&mut self, type_ref: &TypeRef, value: &Value) -> Node {
        let kind = match kind_of(self.schema, type_ref, value) {
            Ok(kind) => kind,
            Err(problem) => {
                self.problems.push(problem);
                return Node::default();
            }
        };
        match (kind, value) {
            (Kind::List(list, ElementRelationship::Associative), Value::Array(items)) => {
                self.items(list, items)
            }
            (Kind::List(_, ElementRelationship::Associative), _) => Node::default(),
            (Kind::Scalar(_) | Kind::List(..) | Kind::Map(_, ElementRelationship::Atomic), _) => {
                Node::member()
            }
            (Kind::Map(map, _), Value::Object(fields)) => self.fields(map, fields),
            (Kind::Map(..), _) => Node::default(),
        }
    }

    // Items without a key or value to be known by are in no set; only values that were not validated have them.
    fn items(&mut self, list: &List, items: &[Value]) -> Node {
        let mut by_element: BTreeMap<PathElement, Option<&Value>> = BTreeMap::new();
        for item in items {
            if let Ok(element) = list_item_to_path_element(self.schema, list, item) {
                by_element
                    .entry(element)
                    .and_modify(|single| *single = None)
                    .or_insert(Some(item));
            }
        }
        let mut node = Node::default();
        for (element, single) in by_element {
            let mut of_item = single
                .map(|item| self.node(&list.element_type, item))
                .unwrap_or_default();
            of_item.is_member = true;
            node.children.put(element, of_item);
        }
        node
    }

    fn fields(&mut self, map: &Map, fields: &Object<String, Value>) -> Node {
        let mut node = Node::default();
        for (name, value) in fields {
            let mut of_field = self.node(field_type(map, name), value);
            let is_empty = value.is_null() || value.as_object().is_some_and(Object::is_empty);
            of_field.is_member |= is_empty || map.find_field(name).is_none();
            node.children.put(PathElement::field(name.as_str()), of_field);
        }
        node
    }
}
