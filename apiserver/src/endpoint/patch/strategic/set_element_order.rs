//! `$setElementOrder`: the order that a list is to have, with the change of the list itself (Go: `mergePatchIntoOriginal`).

use serde_json::{Map, Value};

use super::error::Error;
use super::go_value::{self, Verb};
use super::identity;
use super::list::{self, Change, Merged, element_type};
use super::lookup;
use super::order::{self, Elements, Order, Wanted};
use super::remains::Remains;
use super::{DELETE, DIRECTIVE, SET_ELEMENT_ORDER};
use crate::decode::GoType;
use crate::schema::Node;

/// Takes each `$setElementOrder` of a patch, and the list that it is about, and carries them out on `original`.
pub(super) fn merge(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    node: &Node,
    remains: Remains,
) -> Result<(), Error> {
    let is_directive = |name: &&String| name.starts_with(SET_ELEMENT_ORDER);
    let directives: Vec<String> = patch.keys().filter(is_directive).cloned().collect();
    for directive in directives {
        let wanted = match patch.remove(&directive) {
            Some(Value::Array(wanted)) => wanted,
            Some(other) => return Err(Error::wrong_type(GoType::List, &other)),
            None => continue,
        };
        let name = match directive.split_once('/') {
            Some((SET_ELEMENT_ORDER, name)) => name,
            _ => return Err(Error::SetElementOrderFormat),
        };
        if let Some(list) = merge_list(original, patch, name, &wanted, node, remains)? {
            original.insert(name.to_owned(), Value::Array(list));
            patch.remove(name);
        }
    }
    Ok(())
}

/// The list in the field `name`; `None` where there is none and none comes.
fn merge_list(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    name: &str,
    wanted: &[Value],
    node: &Node,
    remains: Remains,
) -> Result<Option<Vec<Value>>, Error> {
    let current = match original.get_mut(name) {
        Some(Value::Array(current)) => Some(current),
        Some(other) => return Err(Error::wrong_type(GoType::List, other)),
        None => None,
    };
    let change = match patch.get_mut(name) {
        Some(change) if change.is_array() => Some(change),
        Some(other) => return Err(Error::wrong_type(GoType::List, other)),
        None => None,
    };
    let meta = lookup::of_list(node, name)?;
    let merge_key = meta.merge_key;
    let changes = change.as_deref().and_then(Value::as_array);
    check(changes.map_or(&[], Vec::as_slice), wanted, merge_key)?;
    let current_list = current.as_deref().map_or(&[][..], Vec::as_slice);
    let elements = element_type(&[current_list, changes.map_or(&[], Vec::as_slice)]);
    // What was found wrong with the types is told after what the merge finds.
    let kind = elements.as_ref().copied().unwrap_or(Elements::Values);
    let before = Order::of(current_list, kind, merge_key);
    let merged = match (current, change) {
        (Some(current), None) => unchanged(std::mem::take(current)),
        (None, Some(change)) => match remains.take_without_directives(change) {
            Some(Value::Array(list)) => unchanged(list),
            _ => return Ok(None),
        },
        (Some(current), Some(Value::Array(change))) if meta.is_merged => list::merge(
            std::mem::take(current),
            change,
            &meta,
            Change::Merge { room: 0 },
            remains,
        )?,
        (Some(_), Some(change)) => match remains.take(change) {
            Value::Array(list) => unchanged(list),
            _ => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let wanted = Wanted::of(wanted, kind, merge_key)?;
    let (named, others) = order::partition(merged.elements, &wanted, merge_key)?;
    let elements = elements?;
    let before = merged.original.unwrap_or(before);
    order::arrange(named, others, &wanted, &before, elements, merge_key).map(Some)
}

fn unchanged(elements: Vec<Value>) -> Merged {
    Merged {
        elements,
        original: None,
    }
}

/// Whether the list of a patch has the order of its `$setElementOrder`, and nothing that is not in it (Go:
/// `validatePatchWithSetOrderList`).
fn check(list: &[Value], wanted: &[Value], merge_key: &str) -> Result<(), Error> {
    if list.is_empty() || wanted.is_empty() {
        return Ok(());
    }
    let by_key = !merge_key.is_empty();
    if by_key && let Some(other) = list.iter().find(|element| !element.is_object()) {
        return Err(Error::wrong_type(GoType::Map, other));
    }
    let is_deletion = |element: &&Value| {
        by_key
            && element
                .get(DIRECTIVE)
                .is_some_and(|directive| directive == DELETE)
    };
    let mut elements = list.iter().filter(|element| !is_deletion(element)).peekable();
    let mut wanted_elements = wanted.iter().peekable();
    while let (Some(element), Some(wanted)) = (elements.peek(), wanted_elements.peek()) {
        if element.get(DIRECTIVE).is_some() {
            elements.next();
            continue;
        }
        if is_same(element, wanted, merge_key)? {
            elements.next();
        }
        wanted_elements.next();
    }
    if elements.peek().is_none() || wanted_elements.peek().is_some() {
        return Ok(());
    }
    Err(Error::OrderMismatch {
        list: shown(list),
        order: shown(wanted),
    })
}

fn shown(list: &[Value]) -> String {
    go_value::text(&Value::Array(list.to_vec()), Verb::V)
}

/// Go: `mergeKeyValueEqual`.
fn is_same(one: &Value, other: &Value, merge_key: &str) -> Result<bool, Error> {
    if merge_key.is_empty() {
        return identity::equal(one, other);
    }
    for element in [one, other] {
        if !element.is_object() {
            return Err(Error::wrong_type(GoType::Map, element));
        }
    }
    match (one.get(merge_key), other.get(merge_key)) {
        (None, _) => Err(Error::no_merge_key(one, merge_key)),
        (_, None) => Err(Error::no_merge_key(other, merge_key)),
        (Some(one), Some(other)) => identity::equal(one, other),
    }
}
