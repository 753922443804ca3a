//! Structs as members of the sets that hold their fields (Go: `fieldpath/set.go`, EnsureNamedFieldsAreMembers).

use super::set::Node;
use super::{PathElement, Set};
use crate::schema::{Schema, TypeRef};

impl Set {
    /// The set with every parent of a member added that `schema` declares as a field: of `.a.b.c`, `.a` where it is a
    /// declared field, and not `.a.b` where `.a` is a map.
    #[must_use]
    pub fn ensure_named_fields_are_members(&self, schema: &Schema, type_ref: &TypeRef) -> Self {
        let map = schema.resolve(type_ref).and_then(|atom| atom.map);
        let list = schema.resolve(type_ref).and_then(|atom| atom.list);
        let mut out = Self::new();
        for (element, node) in &self.nodes {
            if node.children.is_empty() {
                out.put(element.clone(), node.clone());
                continue;
            }
            let field = match (element, map) {
                (PathElement::FieldName(name), Some((map, _))) => map.find_field(name),
                _ => None,
            };
            let below = match (element, map, list) {
                (PathElement::FieldName(_), Some((map, _)), _) => {
                    field.map_or(&map.element_type, |field| &field.type_ref)
                }
                (PathElement::Key(_), _, Some((list, _))) => &list.element_type,
                _ => TypeRef::NONE,
            };
            let children = node.children.ensure_named_fields_are_members(schema, below);
            out.put(
                element.clone(),
                Node {
                    is_member: node.is_member || field.is_some(),
                    children,
                },
            );
        }
        out
    }
}
