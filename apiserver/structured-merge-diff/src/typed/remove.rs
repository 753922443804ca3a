//! Values without some of their fields, or with only those (Go: `typed/remove.go`).

use serde_json::{Map as Object, Value};

use super::list_item::list_item_to_path_element;
use super::walk::{Kind, field_type, kind_of};
use crate::fieldpath::{PathElement, Set};
use crate::schema::{ElementRelationship, List, Map, Schema, TypeRef};

/// What is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// The fields of the set.
    Items,
    /// The fields that are not in the set: those in it are extracted.
    Others,
}

/// What is left of `value`; null where nothing is, or where it does not fit the type.
pub(super) fn remove(schema: &Schema, type_ref: &TypeRef, value: &Value, items: &Set, what: What) -> Value {
    Walker { schema, what }.left_of(type_ref, value, items)
}

struct Walker<'a> {
    schema: &'a Schema,
    what: What,
}

impl Walker<'_> {
    fn left_of(&self, type_ref: &TypeRef, value: &Value, set: &Set) -> Value {
        let Ok(kind) = kind_of(self.schema, type_ref, value) else {
            return Value::Null;
        };
        match (kind, value) {
            (Kind::Scalar(_), _) => value.clone(),
            (Kind::List(list, ElementRelationship::Associative), Value::Array(items))
                if !items.is_empty() =>
            {
                self.items(list, items, set)
            }
            (Kind::Map(map, relationship), Value::Object(fields))
                if !fields.is_empty() && relationship != ElementRelationship::Atomic =>
            {
                self.fields(map, fields, set)
            }
            // Atomic or empty: extracted as a whole, since empty and null are not the same; removed as a whole.
            (Kind::List(..), Value::Array(_)) | (Kind::Map(..), Value::Object(_))
                if self.what == What::Others =>
            {
                value.clone()
            }
            (Kind::List(..) | Kind::Map(..), _) => Value::Null,
        }
    }

    fn items(&self, list: &List, items: &[Value], set: &Set) -> Value {
        let mut left = Vec::new();
        for item in items {
            let element = list_item_to_path_element(self.schema, list, item).ok();
            let node = element.as_ref().and_then(|element| set.node(element));
            let (is_member, children) =
                node.map_or((false, None), |node| (node.is_member, Some(&node.children)));
            let below = children.filter(|children| !children.is_empty());
            let stays = match self.what {
                What::Items => !is_member,
                What::Others => is_member || below.is_some(),
            };
            if stays {
                left.push(below.map_or_else(
                    || item.clone(),
                    |below| self.left_of(&list.element_type, item, below),
                ));
            }
        }
        if left.is_empty() {
            Value::Null
        } else {
            Value::Array(left)
        }
    }

    fn fields(&self, map: &Map, fields: &Object<String, Value>, set: &Set) -> Value {
        let mut left = Object::new();
        for (name, value) in fields {
            let node = set.node(&PathElement::field(name.as_str()));
            let type_ref = field_type(map, name);
            let (is_member, children) =
                node.map_or((false, None), |node| (node.is_member, Some(&node.children)));
            let value = match (children.filter(|children| !children.is_empty()), self.what) {
                _ if is_member && self.what == What::Items => continue,
                // Go hands the set of this level on, not that below the field: kept, since what is extracted depends on
                // it.
                _ if is_member => self.left_of(type_ref, value, set),
                (Some(below), _) => self.left_of(type_ref, value, below),
                (None, What::Items) => value.clone(),
                (None, What::Others) => continue,
            };
            left.insert(name.clone(), value);
        }
        if left.is_empty() {
            Value::Null
        } else {
            Value::Object(left)
        }
    }
}
