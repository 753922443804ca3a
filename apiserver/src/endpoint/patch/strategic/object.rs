//! Merging objects: Go's `mergeMap`, with `$patch`, `$retainKeys` and `$deleteFromPrimitiveList`.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::merge::remove_nulls;
use super::error::Error;
use super::identity::Identity;
use super::list::{self, Change};
use super::lookup;
use super::remains::Remains;
use super::set_element_order;
use super::{DELETE, DELETE_FROM_PRIMITIVE_LIST, DIRECTIVE, REPLACE, RETAIN_KEYS, SET_ELEMENT_ORDER};
use crate::decode::GoType;
use crate::schema::Node;

/// `original` with `patch` merged into it. Objects are nested no deeper than what the JSON parser reads.
pub(super) fn merge(
    mut original: Map<String, Value>,
    patch: &mut Value,
    node: &Node,
    remains: Remains,
) -> Result<Map<String, Value>, Error> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return directed(directive.clone(), patch, remains);
    }
    let Value::Object(patch) = patch else {
        return Err(Error::wrong_type(GoType::Map, patch));
    };
    retain_keys(&mut original, patch)?;
    set_element_order::merge(&mut original, patch, node, remains)?;
    // Of lists from which something was deleted, for how many elements there is room behind the others.
    let mut room: HashMap<String, usize> = HashMap::new();
    for (name, change) in patch.iter_mut() {
        let (name, is_deletion) = match target(name)? {
            Target::Field(name) => (name, false),
            Target::DeletionsOf(name) => (name, true),
        };
        if change.is_null() {
            original.remove(name);
            continue;
        }
        let types = original
            .get(name)
            .map(|value| (GoType::of(value), GoType::of(change)));
        let merged = match types {
            Some((GoType::Map, GoType::Map)) => {
                let meta = lookup::of_object(node, name)?;
                let current = original.get_mut(name).map(Value::take);
                match current {
                    Some(Value::Object(current)) if !meta.is_replaced => {
                        Some(Value::Object(merge(current, change, meta.node, remains)?))
                    }
                    _ => Some(remains.take(change)),
                }
            }
            Some((GoType::List, GoType::List)) => {
                let meta = lookup::of_list(node, name)?;
                let current = original.get_mut(name).map(Value::take);
                match (current, change) {
                    (Some(Value::Array(current)), Value::Array(change)) if meta.is_merged || is_deletion => {
                        let length = current.len();
                        let how = if is_deletion {
                            Change::Delete
                        } else {
                            Change::Merge {
                                room: room.remove(name).unwrap_or_default(),
                            }
                        };
                        let merged = list::merge(current, change, &meta, how, remains)?.elements;
                        if is_deletion {
                            room.insert(name.to_owned(), length.saturating_sub(merged.len()));
                        }
                        Some(Value::Array(merged))
                    }
                    (_, change) => Some(remains.take(change)),
                }
            }
            // Of one type: a value takes the other's place.
            Some((current, new)) if current == new => remains.take_without_directives(change),
            // There is nothing to delete from.
            _ if is_deletion => continue,
            _ => {
                remove_nulls(change);
                remains.take_without_directives(change)
            }
        };
        match merged {
            Some(merged) => {
                original.insert(name.to_owned(), merged);
            }
            None => {
                original.remove(name);
            }
        }
    }
    Ok(original)
}

/// The object that a patch with `$patch` makes.
fn directed(directive: Value, patch: &mut Value, remains: Remains) -> Result<Map<String, Value>, Error> {
    match directive.as_str() {
        Some(REPLACE) => {
            if let Value::Object(patch) = patch {
                patch.remove(DIRECTIVE);
            }
            match remains.take(patch) {
                Value::Object(replacement) => Ok(replacement),
                other => Err(Error::wrong_type(GoType::Map, &other)),
            }
        }
        Some(DELETE) => Ok(Map::new()),
        _ => Err(Error::unknown_directive(&directive, patch)),
    }
}

/// What a field of a patch is about.
enum Target<'a> {
    Field(&'a str),
    /// What is to be deleted from the list in this field.
    DeletionsOf(&'a str),
}

fn target(name: &str) -> Result<Target<'_>, Error> {
    if !name.starts_with(DELETE_FROM_PRIMITIVE_LIST) {
        return Ok(Target::Field(name));
    }
    match name.split_once('/') {
        // Go then takes the directive for the field's name.
        Some((DELETE_FROM_PRIMITIVE_LIST, "")) => Ok(Target::DeletionsOf(name)),
        Some((DELETE_FROM_PRIMITIVE_LIST, field)) => Ok(Target::DeletionsOf(field)),
        _ => Err(Error::PrimitiveListFormat),
    }
}

/// Removes what `$retainKeys` does not list. All that the patch sets must be listed.
fn retain_keys(original: &mut Map<String, Value>, patch: &mut Map<String, Value>) -> Result<(), Error> {
    let Some(directive) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    let Value::Array(names) = directive else {
        return Err(Error::RetainKeysFormat);
    };
    for name in &names {
        Identity::required(name)?;
    }
    let names: HashSet<&str> = names.iter().filter_map(Value::as_str).collect();
    let is_directive =
        |name: &str| name.starts_with(DELETE_FROM_PRIMITIVE_LIST) || name.starts_with(SET_ELEMENT_ORDER);
    let is_listed = |(name, change): (&String, &Value)| {
        change.is_null() || is_directive(name) || names.contains(name.as_str())
    };
    if !patch.iter().all(is_listed) {
        return Err(Error::RetainKeysFormat);
    }
    original.retain(|name, _| names.contains(name.as_str()));
    Ok(())
}
