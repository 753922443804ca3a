//! Merging lists: Go's `mergeSlice`, with `$patch` in elements. Go looks for each element in all others; here they are found by
//! what tells them apart.

use std::collections::HashSet;

use serde_json::Value;

use super::duplicates;
use super::error::Error;
use super::identity::{Identity, Positions};
use super::lookup::{self, PatchMeta};
use super::object;
use super::order::{self, Elements, Order, Wanted};
use super::remains::Remains;
use super::{DELETE, DIRECTIVE, MERGE, REPLACE};
use crate::decode::GoType;

/// What is done with a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// What the patch lists is deleted, where it is no object.
    Delete,
    /// The patch is merged into the list.
    Merge {
        /// Go's list has room for so many elements behind the others: a set is then merged in the list itself, and what Go takes
        /// for its order afterwards has changed.
        room: usize,
    },
}

/// A merged list.
#[derive(Debug)]
pub(super) struct Merged {
    /// Its elements.
    pub(super) elements: Vec<Value>,
    /// The order that the list has had, as Go has it after the merge; `None` where nothing was merged.
    pub(super) original: Option<Order>,
}

/// `original` after a change by `patch`.
pub(super) fn merge(
    original: Vec<Value>,
    patch: &mut [Value],
    meta: &PatchMeta<'_>,
    change: Change,
    remains: Remains,
) -> Result<Merged, Error> {
    if original.is_empty() && patch.is_empty() {
        return Ok(Merged {
            elements: original,
            original: None,
        });
    }
    match (element_type(&[&original, patch])?, change) {
        (Elements::Objects, _) if meta.merge_key.is_empty() => {
            Err(Error::NoMergeKeyDeclared(lookup::kind(meta.node).to_owned()))
        }
        (Elements::Objects, _) => merge_objects(original, patch, meta, remains),
        (Elements::Values, Change::Delete) => Ok(Merged {
            elements: without(original, patch)?,
            original: None,
        }),
        (Elements::Values, Change::Merge { room }) => {
            merge_values(original, patch, meta.merge_key, room, remains)
        }
    }
}

/// Of which type the elements of all lists are (Go: `sliceElementType`).
pub(super) fn element_type(lists: &[&[Value]]) -> Result<Elements, Error> {
    let mut elements = lists.iter().copied().flatten();
    let first = match elements.next().map(GoType::of) {
        None => return Err(Error::NoElements),
        Some(GoType::Null) => return Err(Error::NullElement),
        Some(GoType::List) => return Err(Error::ListOfLists),
        Some(first) => first,
    };
    if elements.any(|element| GoType::of(element) != first) {
        return Err(Error::mixed(lists));
    }
    Ok(match first {
        GoType::Map => Elements::Objects,
        _ => Elements::Values,
    })
}

fn without(mut list: Vec<Value>, deleted: &[Value]) -> Result<Vec<Value>, Error> {
    let deleted = identities(deleted)?;
    list.retain(|value| Identity::of(value).is_none_or(|value| !deleted.contains(&value)));
    Ok(list)
}

fn identities(list: &[Value]) -> Result<HashSet<Identity>, Error> {
    list.iter().map(Identity::required).collect()
}

/// A set of values.
fn merge_values(
    mut list: Vec<Value>,
    patch: &mut [Value],
    merge_key: &str,
    room: usize,
    remains: Remains,
) -> Result<Merged, Error> {
    let wanted = Wanted::of(&*patch, Elements::Values, merge_key)?;
    let length = list.len();
    let is_in_place = patch.len() <= room;
    let before = (!is_in_place).then(|| Order::of(&list, Elements::Values, merge_key));
    list.extend(patch.iter_mut().map(|value| remains.take(value)));
    if is_in_place {
        list = duplicates::removed_in_place(list)?;
    } else {
        let mut seen = HashSet::new();
        list.retain(|value| Identity::of(value).is_none_or(|value| seen.insert(value)));
    }
    let order =
        before.unwrap_or_else(|| Order::of(list.get(..length).unwrap_or(&list), Elements::Values, merge_key));
    Ok(Merged {
        elements: order::normalize(list, &wanted, &order, Elements::Values, merge_key)?,
        original: Some(order),
    })
}

/// Objects, told apart by the merge key.
fn merge_objects(
    original: Vec<Value>,
    patch: &mut [Value],
    meta: &PatchMeta<'_>,
    remains: Remains,
) -> Result<Merged, Error> {
    let merge_key = meta.merge_key;
    let length = original.len();
    let directives = Directives::read(&original, patch, merge_key)?;
    let mut merged = directives.delete_from(original, merge_key);
    let is_special = |element: &Value| element.get(DIRECTIVE).is_some();
    let mut patch: Vec<&mut Value> = patch.iter_mut().filter(|element| !is_special(element)).collect();
    let before = directives
        .replace
        .then(|| Order::of(&merged, Elements::Objects, merge_key));
    if directives.replace {
        merged = patch.into_iter().map(|element| remains.take(element)).collect();
        patch = Vec::new();
    }
    let survivors = merged.len();
    let wanted = Wanted::of(
        patch.iter().map(|element| &**element),
        Elements::Objects,
        merge_key,
    );
    let mut positions = Positions::of(&merged, merge_key);
    for element in patch {
        let Some(value) = element.get(merge_key) else {
            return Err(Error::no_merge_key(element, merge_key));
        };
        let is_null = value.is_null();
        let Some(at) = positions.find(value)? else {
            positions.add(merged.len(), element, merge_key);
            merged.push(remains.take(element));
            continue;
        };
        if let Some(current) = merged.get_mut(at)
            && let Value::Object(fields) = current.take()
        {
            *current = Value::Object(object::merge(fields, element, meta.node, remains)?);
        }
        if is_null {
            positions.forget_null(&merged, merge_key);
        }
    }
    let part = |end: usize| merged.get(..end).unwrap_or(&merged);
    let order = Order::of(part(survivors), Elements::Objects, merge_key);
    // In Go what is appended takes the places of what was deleted.
    let original = before.unwrap_or_else(|| Order::of(part(length), Elements::Objects, merge_key));
    Ok(Merged {
        elements: order::normalize(merged, &wanted?, &order, Elements::Objects, merge_key)?,
        original: Some(original),
    })
}

/// What `$patch` in elements of a list says to the list.
struct Directives {
    replace: bool,
    deleted: HashSet<Identity>,
}

impl Directives {
    fn read(original: &[Value], patch: &[Value], merge_key: &str) -> Result<Self, Error> {
        let mut directives = Self {
            replace: false,
            deleted: HashSet::new(),
        };
        let mut positions = None;
        for element in patch {
            let Some(directive) = element.get(DIRECTIVE) else {
                continue;
            };
            match directive.as_str() {
                Some(DELETE) => {
                    let Some(value) = element.get(merge_key) else {
                        return Err(Error::no_merge_key(element, merge_key));
                    };
                    let positions = positions.get_or_insert_with(|| Positions::of(original, merge_key));
                    positions.find(value)?;
                    directives.deleted.extend(Identity::of(value));
                }
                Some(REPLACE) => directives.replace = true,
                Some(MERGE) => return Err(Error::MergeDirectiveInList),
                _ => return Err(Error::unknown_directive(directive, element)),
            }
        }
        Ok(directives)
    }

    fn delete_from(&self, mut list: Vec<Value>, merge_key: &str) -> Vec<Value> {
        if !self.deleted.is_empty() {
            let is_deleted =
                |value: &Value| Identity::of(value).is_some_and(|value| self.deleted.contains(&value));
            list.retain(|element| !element.get(merge_key).is_some_and(is_deleted));
        }
        list
    }
}
