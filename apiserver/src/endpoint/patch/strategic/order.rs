//! The order of a merged list (Go: `normalizeElementOrder`): what the patch names in the patch's order, the others in the order
//! that they had, each before what stood behind it.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::error::Error;
use super::identity::{Identity, Positions};
use super::stable;
use super::{DELETE, DIRECTIVE};
use crate::decode::GoType;

/// What a list has as elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Elements {
    /// Objects.
    Objects,
    /// Anything else.
    Values,
}

/// An order: the place of each element, by what tells it apart.
#[derive(Debug)]
pub(super) struct Order {
    places: HashMap<Identity, usize>,
    /// The first element that cannot be told apart.
    fault: Option<Error>,
}

impl Order {
    /// The order of a list.
    pub(super) fn of<'a>(
        list: impl IntoIterator<Item = &'a Value>,
        elements: Elements,
        merge_key: &str,
    ) -> Self {
        let mut order = Self {
            places: HashMap::new(),
            fault: None,
        };
        for (at, element) in list.into_iter().enumerate() {
            if elements == Elements::Objects && order.fault.is_none() {
                order.fault = check_merge_key(element, merge_key).err();
            }
            if let Some(identity) = identity(element, elements, merge_key) {
                order.places.entry(identity).or_insert(at);
            }
        }
        order
    }

    fn place(&self, element: &Value, elements: Elements, merge_key: &str) -> Option<usize> {
        self.places.get(&identity(element, elements, merge_key)?).copied()
    }
}

fn identity(element: &Value, elements: Elements, merge_key: &str) -> Option<Identity> {
    match elements {
        Elements::Values => Identity::of(element),
        Elements::Objects => element.get(merge_key).and_then(Identity::of),
    }
}

fn check_merge_key(element: &Value, merge_key: &str) -> Result<(), Error> {
    match element {
        Value::Object(fields) if fields.contains_key(merge_key) => Ok(()),
        Value::Object(_) => Err(Error::no_merge_key(element, merge_key)),
        other => Err(Error::wrong_type(GoType::Map, other)),
    }
}

/// The elements that a patch, or its `$setElementOrder`, names, and their order.
#[derive(Debug)]
pub(super) struct Wanted {
    members: Members,
    order: Order,
}

#[derive(Debug)]
enum Members {
    Values(HashSet<Identity>),
    Objects(Positions),
}

impl Wanted {
    /// `elements`: what the merged list has as elements; `list` is what a client says.
    pub(super) fn of<'a>(
        list: impl IntoIterator<Item = &'a Value> + Clone,
        elements: Elements,
        merge_key: &str,
    ) -> Result<Self, Error> {
        let members = if merge_key.is_empty() {
            Members::Values(
                list.clone()
                    .into_iter()
                    .map(Identity::required)
                    .collect::<Result<_, _>>()?,
            )
        } else {
            Members::Objects(Positions::of(list.clone(), merge_key))
        };
        Ok(Self {
            members,
            order: Order::of(list, elements, merge_key),
        })
    }

    fn contains(&self, element: &Value, merge_key: &str) -> Result<bool, Error> {
        match &self.members {
            Members::Values(values) => Ok(values.contains(&Identity::required(element)?)),
            Members::Objects(positions) => {
                check_merge_key(element, merge_key)?;
                match element.get(merge_key) {
                    Some(value) => Ok(positions.find(value)?.is_some()),
                    None => Ok(false),
                }
            }
        }
    }
}

/// A merged list in its order: `wanted` decides before `original`.
pub(super) fn normalize(
    merged: Vec<Value>,
    wanted: &Wanted,
    original: &Order,
    elements: Elements,
    merge_key: &str,
) -> Result<Vec<Value>, Error> {
    let (named, others) = partition(merged, wanted, merge_key)?;
    arrange(named, others, wanted, original, elements, merge_key)
}

/// What is wanted, and what is not.
pub(super) fn partition(
    merged: Vec<Value>,
    wanted: &Wanted,
    merge_key: &str,
) -> Result<(Vec<Value>, Vec<Value>), Error> {
    let (mut named, mut others) = (Vec::new(), Vec::new());
    for element in merged {
        let part = if wanted.contains(&element, merge_key)? {
            &mut named
        } else {
            &mut others
        };
        part.push(element);
    }
    Ok((named, others))
}

/// Both parts in their orders, and together.
pub(super) fn arrange(
    named: Vec<Value>,
    others: Vec<Value>,
    wanted: &Wanted,
    original: &Order,
    elements: Elements,
    merge_key: &str,
) -> Result<Vec<Value>, Error> {
    let named = sorted(named, &wanted.order, elements, merge_key)?;
    let others = sorted(others, original, elements, merge_key)?;
    let mut together = Vec::with_capacity(named.len() + others.len());
    let place = |element: &Value| original.place(element, elements, merge_key);
    let mut others = others.into_iter().peekable();
    for element in named {
        let behind = place(&element);
        let is_before = |other: &Value| place(other).zip(behind).is_some_and(|(one, other)| one < other);
        while let Some(other) = others.next_if(is_before) {
            together.push(other);
        }
        together.push(element);
    }
    together.extend(others);
    Ok(together)
}

/// Go: `normalizeSliceOrder`. What is marked as deleted comes last.
fn sorted(list: Vec<Value>, order: &Order, elements: Elements, merge_key: &str) -> Result<Vec<Value>, Error> {
    let mut deleted = Vec::new();
    let mut kept = Vec::with_capacity(list.len());
    if elements == Elements::Objects {
        for element in &list {
            check_merge_key(element, merge_key)?;
        }
        if let Some(fault) = &order.fault {
            return Err(fault.clone());
        }
    }
    for element in list {
        if elements == Elements::Objects
            && element
                .get(DIRECTIVE)
                .is_some_and(|directive| directive == DELETE)
        {
            deleted.push(element);
        } else {
            kept.push((order.place(&element, elements, merge_key), element));
        }
    }
    stable::sort(&mut kept);
    Ok(kept
        .into_iter()
        .map(|(_, element)| element)
        .chain(deleted)
        .collect())
}
