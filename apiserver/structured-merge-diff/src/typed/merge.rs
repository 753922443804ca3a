//! One value set on another (Go: `typed/merge.go`).

use serde_json::{Map as Object, Value};

use super::ValidationErrors;
use super::error::Problems;
use super::walk::{self, Kind};
use crate::fieldpath::PathElement;
use crate::schema::{ElementRelationship, Map, ResolvedAtom, Schema, TypeRef};

/// # Errors
/// Where neither value fits the type.
pub(super) fn merge(
    schema: &Schema,
    type_ref: &TypeRef,
    left: &Value,
    right: &Value,
) -> Result<Value, ValidationErrors> {
    let mut problems = Problems::default();
    let merged = Walker { schema }.merged(type_ref, Some(left), Some(right), &mut problems);
    problems.into_result()?;
    Ok(merged.unwrap_or_default())
}

pub(super) struct Walker<'a> {
    pub(super) schema: &'a Schema,
}

impl Walker<'_> {
    /// What is there of two values of which at least one is: the right one where it is a leaf. `None`: nothing.
    pub(super) fn merged(
        &self,
        type_ref: &TypeRef,
        left: Option<&Value>,
        right: Option<&Value>,
        problems: &mut Problems,
    ) -> Option<Value> {
        let atom = match walk::resolve(self.schema, type_ref) {
            Ok(atom) => atom,
            Err(problem) => {
                problems.push(problem);
                return None;
            }
        };
        let (of_left, of_right) = (walk::deduce(atom, left), walk::deduce(atom, right));
        let mut as_kind = |atom: ResolvedAtom<'_>| match walk::kind(atom, type_ref) {
            Ok(kind) => self.as_kind(kind, left, right, problems),
            Err(problem) => {
                problems.push(problem);
                None
            }
        };
        if right.is_none() {
            return as_kind(of_left);
        }
        if left.is_some() && !walk::is_same(&of_left, &of_right) {
            // Of different kinds: what is wrong with the left one counts, what it has does not.
            as_kind(of_left);
        }
        as_kind(of_right)
    }

    // Two empty lists or maps, or one of them and null, are leaves, so that the right one is kept as it is.
    fn as_kind(
        &self,
        kind: Kind<'_>,
        left: Option<&Value>,
        right: Option<&Value>,
        problems: &mut Problems,
    ) -> Option<Value> {
        match kind {
            Kind::Scalar(scalar) => {
                if let Err(both) = walk::validate_either(scalar, left, right) {
                    both.into_iter().for_each(|problem| problems.push(problem));
                    return None;
                }
            }
            Kind::List(list, ElementRelationship::Associative) => {
                let lists = walk::lists(left, right);
                if lists.iter().any(|items| !items.is_empty()) {
                    return self.items(list, lists, problems);
                }
            }
            Kind::List(..) | Kind::Map(_, ElementRelationship::Atomic) => {}
            Kind::Map(map, _) => {
                let maps = walk::maps(left, right);
                if maps.iter().any(Option::is_some) {
                    return self.fields(map, maps, problems);
                }
            }
        }
        right.or(left).cloned()
    }

    fn fields(
        &self,
        map: &Map,
        [left, right]: [Option<&Object<String, Value>>; 2],
        problems: &mut Problems,
    ) -> Option<Value> {
        let mut out = Object::new();
        for (name, left, right) in walk::zip(left, right) {
            let mut below = Problems::default();
            let merged = self.merged(walk::field_type(map, name), left, right, &mut below);
            if !below.is_empty() {
                problems.extend_under(&PathElement::field(name.as_str()), below);
            }
            if let Some(value) = merged {
                out.insert(name.clone(), value);
            }
        }
        (!out.is_empty()).then_some(Value::Object(out))
    }
}
