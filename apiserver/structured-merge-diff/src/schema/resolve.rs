//! From a reference to what its values are (Go: `schema/elements.go`, Resolve).

use super::{ElementRelationship, List, Map, Scalar, Schema, TypeRef};

/// What values of a type are, with the relationships that hold where it is referred to.
///
/// Go copies a type whose relationship is overridden, and caches the copy; here only the relationship is told.
#[derive(Clone, Copy, Debug)]
pub struct ResolvedAtom<'a> {
    /// The scalar.
    pub scalar: Option<Scalar>,
    /// The list, and the relationship of its items.
    pub list: Option<(&'a List, ElementRelationship)>,
    /// The map, and the relationship of its fields.
    pub map: Option<(&'a Map, ElementRelationship)>,
}

impl Schema {
    /// What values of the type referred to are. An overridden relationship is that of the map, or, where there is
    /// none, of the list. `None`: there is no such type, or no relationship to override.
    #[must_use]
    pub fn resolve<'a>(&'a self, type_ref: &'a TypeRef) -> Option<ResolvedAtom<'a>> {
        let (scalar, list, map) = match &type_ref.named_type {
            Some(name) => {
                let atom = self.find_named_type(name)?;
                (atom.scalar, &atom.list, &atom.map)
            }
            None => (type_ref.scalar, &type_ref.list, &type_ref.map),
        };
        let list = list.as_deref().map(|list| (list, list.element_relationship));
        let map = map.as_deref().map(|map| (map, map.element_relationship));
        let mut atom = ResolvedAtom { scalar, list, map };
        if let Some(relationship) = type_ref.element_relationship {
            match &mut atom {
                ResolvedAtom {
                    map: Some((_, overridden)),
                    ..
                }
                | ResolvedAtom {
                    list: Some((_, overridden)),
                    ..
                } => *overridden = relationship,
                ResolvedAtom {
                    map: None,
                    list: None,
                    ..
                } => return None,
            }
        }
        Some(atom)
    }
}

/// Whether it is a map of whatever, as objects without a schema are.
pub(crate) fn is_deduced_map(map: &Map) -> bool {
    let type_ref = &map.element_type;
    let is_deduced = match &type_ref.named_type {
        Some(name) => &**name == super::deduced::DEDUCED,
        None => type_ref.scalar == Some(Scalar::Untyped),
    };
    is_deduced && map.fields().is_empty()
}
