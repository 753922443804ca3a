//! Whether a value is one of its type (Go: `typed/validate.go`).

use std::collections::BTreeSet;

use serde_json::{Map as Object, Value};

use super::Duplicates;
use super::error::{Problem, Problems};
use super::list_item::list_item_to_path_element;
use super::walk::{Kind, kind_of, validate_scalar};
use crate::fieldpath::PathElement;
use crate::schema::{ElementRelationship, List, Map, Schema, TypeRef};

/// What is wrong with `value` as one of the type.
pub(super) fn validate(
    schema: &Schema,
    type_ref: &TypeRef,
    value: &Value,
    duplicates: Duplicates,
) -> Problems {
    Validator { schema, duplicates }.validate(type_ref, value)
}

struct Validator<'a> {
    schema: &'a Schema,
    duplicates: Duplicates,
}

impl Validator<'_> {
    fn validate(&self, type_ref: &TypeRef, value: &Value) -> Problems {
        let kind = match kind_of(self.schema, type_ref, value) {
            Ok(kind) => kind,
            Err(problem) => return problem.into(),
        };
        match (kind, value) {
            (Kind::Scalar(scalar), _) => match validate_scalar(scalar, Some(value)) {
                Ok(()) => Problems::default(),
                Err(problem) => problem.into(),
            },
            (_, Value::Null) => Problems::default(),
            (Kind::List(list, ElementRelationship::Associative), Value::Array(items)) => {
                self.keyed(list, items)
            }
            (Kind::List(list, _), Value::Array(items)) => self.indexed(list, items),
            (Kind::List(..), _) => Problem::NotList(value.clone()).into(),
            (Kind::Map(map, _), Value::Object(fields)) => self.fields(map, fields),
            (Kind::Map(..), _) => Problem::NotMap(value.clone()).into(),
        }
    }

    fn indexed(&self, list: &List, items: &[Value]) -> Problems {
        let mut problems = Problems::default();
        for (index, item) in (0..).zip(items) {
            let of_item = self.validate(&list.element_type, item);
            problems.extend_under(&PathElement::Index(index), of_item);
        }
        problems
    }

    fn keyed(&self, list: &List, items: &[Value]) -> Problems {
        let mut problems = Problems::default();
        let mut seen = BTreeSet::new();
        for (index, item) in items.iter().enumerate() {
            let element = match list_item_to_path_element(self.schema, list, item) {
                Ok(element) => element,
                // As in Go, the items behind it are not looked at.
                Err(error) => {
                    problems.push(Problem::Element { index, error });
                    break;
                }
            };
            let of_item = self.validate(&list.element_type, item);
            if seen.contains(&element) && self.duplicates == Duplicates::Refuse {
                problems.push(Problem::Duplicate(element.clone()));
            }
            problems.extend_under(&element, of_item);
            seen.insert(element);
        }
        problems
    }

    fn fields(&self, map: &Map, fields: &Object<String, Value>) -> Problems {
        let mut problems = Problems::default();
        for (name, value) in fields {
            let field = map.find_field(name);
            let type_ref = field.map_or(&map.element_type, |field| &field.type_ref);
            let element = || PathElement::field(name.as_str());
            if field.is_none() && type_ref.is_none() {
                // As in Go, the fields behind it are not looked at.
                problems.extend_under(&element(), Problem::NotDeclared.into());
                break;
            }
            let of_field = self.validate(type_ref, value);
            if !of_field.is_empty() {
                problems.extend_under(&element(), of_field);
            }
        }
        problems
    }
}
