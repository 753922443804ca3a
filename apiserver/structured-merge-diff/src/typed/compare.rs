//! What changed between two values of a type (Go: `typed/compare.go`).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde_json::Value;

use super::ValidationErrors;
use super::error::{Problem, Problems};
use super::list_item::list_item_to_path_element;
use super::walk::{self, Kind};
use crate::fieldpath::{Filter, Node, PathElement, Set};
use crate::schema::{ElementRelationship, List, Map, ResolvedAtom, Schema, TypeRef};
use crate::value;

/// What is different between two values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Fields that only the left one has.
    pub removed: Set,
    /// Leaves that both have, with different values.
    pub modified: Set,
    /// Fields that only the right one has.
    pub added: Set,
}

impl Comparison {
    /// Whether nothing is different.
    #[must_use]
    pub fn is_same(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }

    /// Without what is filtered.
    #[must_use]
    pub fn filter(self, filter: &Filter) -> Self {
        Self {
            removed: filter.filter(self.removed),
            modified: filter.filter(self.modified),
            added: filter.filter(self.added),
        }
    }
}

/// A list of each, where there is any.
impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sets = [
            ("Modified", &self.modified),
            ("Added", &self.added),
            ("Removed", &self.removed),
        ];
        let mut sets = sets.into_iter().filter(|(_, set)| !set.is_empty());
        sets.try_for_each(|(name, set)| writeln!(f, "- {name} Fields:\n{set}"))
    }
}

/// # Errors
/// Where neither value fits the type.
pub(super) fn compare(
    schema: &Schema,
    type_ref: &TypeRef,
    left: &Value,
    right: &Value,
) -> Result<Comparison, ValidationErrors> {
    let mut problems = Problems::default();
    let changes = Walker { schema }.changes(type_ref, Pair(Some(left), Some(right)), &mut problems);
    problems.into_result()?;
    Ok(Comparison {
        removed: changes.removed.children,
        modified: changes.modified.children,
        added: changes.added.children,
    })
}

/// The left value and the right one: at least one is there.
#[derive(Clone, Copy)]
struct Pair<'a>(Option<&'a Value>, Option<&'a Value>);

#[derive(Default)]
struct Changes {
    removed: Node,
    modified: Node,
    added: Node,
}

impl Changes {
    fn add_leaf(&mut self, Pair(left, right): Pair<'_>) {
        match (left, right) {
            (None, _) => self.added.is_member = true,
            (_, None) => self.removed.is_member = true,
            (Some(left), Some(right)) => self.modified.is_member |= !value::equals(left, right),
        }
    }

    fn add(&mut self, element: &PathElement, below: Self) {
        self.removed.children.extend_at(element.clone(), below.removed);
        self.modified.children.extend_at(element.clone(), below.modified);
        self.added.children.extend_at(element.clone(), below.added);
    }

    fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.modified.is_empty() && self.added.is_empty()
    }
}

struct Walker<'a> {
    schema: &'a Schema,
}

impl Walker<'_> {
    fn changes(&self, type_ref: &TypeRef, pair: Pair<'_>, problems: &mut Problems) -> Changes {
        let mut changes = Changes::default();
        let atom = match walk::resolve(self.schema, type_ref) {
            Ok(atom) => atom,
            Err(problem) => {
                problems.push(problem);
                return changes;
            }
        };
        let (left, right) = (walk::deduce(atom, pair.0), walk::deduce(atom, pair.1));
        let mut as_kind = |atom: ResolvedAtom<'_>| match walk::kind(atom, type_ref) {
            Ok(kind) => self.as_kind(kind, pair, &mut changes, problems),
            Err(problem) => {
                problems.push(problem);
                false
            }
        };
        let is_leaf = match pair {
            Pair(_, None) => as_kind(left),
            Pair(None, _) => as_kind(right),
            Pair(..) if walk::is_same(&left, &right) => as_kind(right),
            // Of different kinds: what each has as its kind.
            Pair(..) => {
                as_kind(left);
                as_kind(right)
            }
        };
        if !is_leaf {
            match pair {
                Pair(None, _) => changes.added.is_member = true,
                Pair(_, None) => changes.removed.is_member = true,
                Pair(..) => {}
            }
        }
        changes
    }

    // Whether it is a leaf: nothing below it is looked at. Two empty lists or maps, or one of them and null, are leaves, so
    // that they differ.
    fn as_kind(
        &self,
        kind: Kind<'_>,
        pair: Pair<'_>,
        changes: &mut Changes,
        problems: &mut Problems,
    ) -> bool {
        let Pair(left, right) = pair;
        match kind {
            Kind::Scalar(scalar) => {
                if let Err(both) = walk::validate_either(scalar, left, right) {
                    both.into_iter().for_each(|problem| problems.push(problem));
                    return false;
                }
            }
            Kind::List(list, ElementRelationship::Associative) => {
                let lists = walk::lists(left, right);
                if lists.iter().any(|items| !items.is_empty()) {
                    self.items(list, lists, changes, problems);
                    return false;
                }
            }
            Kind::List(..) | Kind::Map(_, ElementRelationship::Atomic) => {}
            Kind::Map(map, _) => {
                if walk::maps(left, right).iter().any(Option::is_some) {
                    self.fields(map, pair, changes, problems);
                    return false;
                }
            }
        }
        changes.add_leaf(pair);
        true
    }

    fn fields(&self, map: &Map, Pair(left, right): Pair<'_>, changes: &mut Changes, problems: &mut Problems) {
        let [left, right] = walk::maps(left, right);
        for (name, left, right) in walk::zip(left, right) {
            let mut below = Problems::default();
            let of_field = self.changes(walk::field_type(map, name), Pair(left, right), &mut below);
            if !of_field.is_empty() || !below.is_empty() {
                let element = PathElement::field(name.as_str());
                changes.add(&element, of_field);
                problems.extend_under(&element, below);
            }
        }
    }

    fn items(&self, list: &List, lists: [&[Value]; 2], changes: &mut Changes, problems: &mut Problems) {
        for (element, [left, right]) in self.by_element(list, lists, problems) {
            let below = match (&*left, &*right) {
                ([] | [_], [] | [_]) => Some(Pair(left.first().copied(), right.first().copied())),
                // Several items that are the same are as one leaf.
                ([], _) | ([_], _) => {
                    changes.added.children.put_member(element.clone());
                    left.first().map(|left| Pair(Some(left), None))
                }
                (_, [] | [_]) => {
                    changes.removed.children.put_member(element.clone());
                    right.first().map(|right| Pair(None, Some(right)))
                }
                (_, _) => {
                    let are_equal = left.len() == right.len()
                        && left
                            .iter()
                            .zip(&right)
                            .all(|(left, right)| value::equals(left, right));
                    if !are_equal {
                        changes.modified.children.put_member(element.clone());
                    }
                    None
                }
            };
            if let Some(pair) = below {
                let mut below = Problems::default();
                let of_item = self.changes(&list.element_type, pair, &mut below);
                changes.add(&element, of_item);
                problems.extend_under(&element, below);
            }
        }
    }

    // Sorted by what they are known by: one step each, where Go searches and moves a slice.
    fn by_element<'a>(
        &self,
        list: &List,
        lists: [&'a [Value]; 2],
        problems: &mut Problems,
    ) -> BTreeMap<PathElement, [Vec<&'a Value>; 2]> {
        let mut by_element: BTreeMap<PathElement, [Vec<&Value>; 2]> = BTreeMap::new();
        for (side, items) in lists.into_iter().enumerate() {
            for (index, item) in items.iter().enumerate() {
                match list_item_to_path_element(self.schema, list, item) {
                    Ok(element) => by_element.entry(element).or_default()[side].push(item),
                    Err(error) => problems.push(Problem::Element { index, error }),
                }
            }
        }
        by_element
    }
}
