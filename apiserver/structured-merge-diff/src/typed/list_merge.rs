//! The order of two associative lists that are merged (Go: `typed/merge.go`, visitListItems).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::error::{Problem, Problems};
use super::list_item::list_item_to_path_element;
use super::merge::Walker;
use crate::fieldpath::PathElement;
use crate::schema::List;

static NULL: Value = Value::Null;

/// A list's items with what they are known by: in order, and by that.
struct Index<'a> {
    in_order: Vec<(PathElement, &'a Value)>,
    by_element: BTreeMap<PathElement, &'a Value>,
}

impl<'a> Index<'a> {
    fn get(&self, element: &PathElement) -> Option<&'a Value> {
        self.by_element.get(element).copied()
    }

    fn has(&self, element: &PathElement) -> bool {
        self.by_element.contains_key(element)
    }
}

impl Walker<'_> {
    /// The items of both lists, each once: those of the right one in its order; those that only the left one has, where
    /// they are between items that both have. Items that are several times on the left are replaced as one by one on the
    /// right, and stay where there is none.
    ///
    /// What is wrong within an item is not told: Go drops it too, and both lists were validated.
    pub(super) fn items(
        &self,
        list: &List,
        [left, right]: [&[Value]; 2],
        problems: &mut Problems,
    ) -> Option<Value> {
        let found = problems.count();
        let right = self.index(list, right, false, problems);
        let left = self.index(list, left, true, problems);
        if problems.count() > found {
            return None;
        }
        let mut out = Vec::with_capacity(left.in_order.len().max(right.in_order.len()));
        let mut merge = |left: Option<&Value>, right: Option<&Value>| {
            out.extend(self.merged(&list.element_type, left, right, &mut Problems::default()));
        };
        // Those of the right list that the left one has too: the next one divides what is taken from the left one.
        let mut shared = right
            .in_order
            .iter()
            .map(|(element, _)| element)
            .filter(|element| left.has(element));
        let mut next_shared = shared.next();
        let mut merged = BTreeSet::new();
        let mut of_left = left.in_order.iter().peekable();
        let mut of_right = right.in_order.iter().peekable();
        while of_left.peek().is_some() || of_right.peek().is_some() {
            if let (Some((element, _)), Some((right_element, _))) = (of_left.peek(), of_right.peek()) {
                if element == right_element {
                    merged.insert(element);
                    merge(left.get(element), right.get(element));
                    of_left.next();
                    of_right.next();
                    next_shared = shared.next();
                    continue;
                }
                if right.has(element) && next_shared.is_some_and(|next| next != element) {
                    // It comes where the right list has it.
                    of_left.next();
                    continue;
                }
            }
            if let Some((element, item)) = of_left.peek() {
                if !right.has(element) {
                    merge(Some(item), None);
                    of_left.next();
                    continue;
                }
                if merged.contains(element) {
                    of_left.next();
                }
            }
            if let Some((element, _)) = of_right.next() {
                merged.insert(element);
                merge(left.get(element), right.get(element));
                if next_shared == Some(element) {
                    next_shared = shared.next();
                }
            }
        }
        (!out.is_empty()).then_some(Value::Array(out))
    }

    // Items that are several times in the list are null for those that are merged with them.
    fn index<'a>(
        &self,
        list: &List,
        items: &'a [Value],
        allow_duplicates: bool,
        problems: &mut Problems,
    ) -> Index<'a> {
        let mut in_order = Vec::with_capacity(items.len());
        let mut by_element = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let element = match list_item_to_path_element(self.schema, list, item) {
                Ok(element) => element,
                Err(error) => {
                    problems.push(Problem::Element { index, error });
                    continue;
                }
            };
            if !by_element.contains_key(&element) {
                by_element.insert(element.clone(), item);
            } else if allow_duplicates {
                by_element.insert(element.clone(), &NULL);
            } else {
                problems.push(Problem::Duplicate(element));
                continue;
            }
            in_order.push((element, item));
        }
        Index { in_order, by_element }
    }
}
