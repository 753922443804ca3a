//! Owned fields after a change of the schema (Go: `typed/reconcile_schema.go`).

use super::ValidationErrors;
use super::error::{Problem, Problems};
use super::walk::{self, Kind};
use crate::fieldpath::{Node, PathElement, Set};
use crate::schema::{ElementRelationship, List, Map, Schema, TypeRef, is_deduced_map};

/// `set` with every list and map that is atomic owned as a whole, where parts of it were owned. What was atomic and is
/// granular now stays as it is. `None`: nothing is different.
///
/// # Errors
/// Where the schema lacks a type that it refers to.
pub(super) fn reconcile(
    schema: &Schema,
    type_ref: &TypeRef,
    set: &Set,
) -> Result<Option<Set>, ValidationErrors> {
    let mut walker = Walker {
        schema,
        problems: Problems::default(),
    };
    let atomics = walker.atomics(type_ref, Some(set), false).children;
    walker.problems.into_result()?;
    if atomics.is_empty() {
        return Ok(None);
    }
    let mut reconciled = set.clone().recursive_difference(&atomics);
    reconciled.extend(atomics);
    Ok(Some(reconciled))
}

struct Walker<'a> {
    schema: &'a Schema,
    problems: Problems,
}

impl Walker<'_> {
    // The lists and maps at and below a field that are atomic, and were not owned so. `is_whole`: the field is owned and
    // nothing below it.
    fn atomics(&mut self, type_ref: &TypeRef, set: Option<&Set>, is_whole: bool) -> Node {
        let Some(atom) = self.schema.resolve(type_ref) else {
            self.problems
                .push(Problem::Unresolved(type_ref.named_type.clone()));
            return Node::default();
        };
        match (walk::kind(atom, type_ref), set) {
            (Ok(Kind::Scalar(_)), _) => Node::default(),
            (Ok(Kind::Map(map, _)), _) if is_deduced_map(map) => Node::default(),
            (Ok(Kind::Map(_, ElementRelationship::Atomic)), set) if !is_whole => Node {
                is_member: set.is_some_and(|set| !set.is_empty()),
                children: Set::new(),
            },
            (Ok(Kind::Map(map, _)), Some(set)) => self.below(set, |element| field_type(map, element)),
            (Ok(Kind::List(list, ElementRelationship::Associative)), Some(set)) => self.below_list(list, set),
            (Ok(Kind::List(_, ElementRelationship::Associative)), None) => Node::default(),
            (Ok(Kind::List(..)), _) if !is_whole => Node::member(),
            (Ok(Kind::List(list, _)), Some(set)) => self.below_list(list, set),
            (Ok(Kind::List(..) | Kind::Map(..)), None) => Node::default(),
            (Err(problem), _) => {
                self.problems.push(problem);
                Node::default()
            }
        }
    }

    fn below_list(&mut self, list: &List, set: &Set) -> Node {
        self.below(set, |_| Some(&list.element_type))
    }

    fn below<'a>(&mut self, set: &Set, type_of: impl Fn(&PathElement) -> Option<&'a TypeRef>) -> Node {
        let mut atomics = Node::default();
        for (element, node) in set.nodes() {
            // Fields that the schema does not have are left alone.
            let Some(type_ref) = type_of(element) else {
                continue;
            };
            let children = Some(&node.children).filter(|children| !children.is_empty());
            let is_whole = node.is_member && children.is_none();
            atomics
                .children
                .put(element.clone(), self.atomics(type_ref, children, is_whole));
        }
        atomics
    }
}

fn field_type<'a>(map: &'a Map, element: &PathElement) -> Option<&'a TypeRef> {
    let type_ref = match element {
        PathElement::FieldName(name) => walk::field_type(map, name),
        PathElement::Key(_) | PathElement::Value(_) | PathElement::Index(_) => &map.element_type,
    };
    Some(type_ref).filter(|type_ref| !type_ref.is_none())
}
