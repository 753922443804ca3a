//! Go's `deduplicateScalars`: the last value takes the place of each one that stands there already.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::error::Error;
use super::identity::Identity;

/// The list with each of its values once, in the order that Go leaves them in.
pub(super) fn removed_in_place(mut list: Vec<Value>) -> Result<Vec<Value>, Error> {
    let mut numbers: HashMap<Identity, usize> = HashMap::new();
    // Which value stands at each position, and at which positions each value stands.
    let mut values = Vec::with_capacity(list.len());
    let mut positions: Vec<BTreeSet<usize>> = Vec::new();
    for (at, value) in list.iter().enumerate() {
        let next = numbers.len();
        let number = *numbers.entry(Identity::required(value)?).or_insert(next);
        if number == next {
            positions.push(BTreeSet::new());
        }
        if let Some(positions) = positions.get_mut(number) {
            positions.insert(at);
        }
        values.push(number);
    }
    let mut kept = 0;
    while let Some(number) = values.get(kept).copied() {
        while let Some(again) = later(&positions, number, kept) {
            let last = values.len() - 1;
            let moved = values.swap_remove(again);
            debug_assert_eq!(moved, number);
            list.swap_remove(again);
            if let Some(positions) = positions.get_mut(number) {
                positions.remove(&again);
            }
            // The last value, unless it was the one that went.
            if let Some(positions) = values.get(again).and_then(|moved| positions.get_mut(*moved)) {
                positions.remove(&last);
                positions.insert(again);
            }
        }
        kept += 1;
    }
    Ok(list)
}

/// The first position of a value behind another position.
fn later(positions: &[BTreeSet<usize>], number: usize, than: usize) -> Option<usize> {
    positions.get(number)?.range(than + 1..).next().copied()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_last_value_takes_the_place_of_a_duplicate() {
        for (list, expected) in [
            (json!(["a", "a", "b", "c"]), json!(["a", "c", "b"])),
            (json!(["a", "b", "a", "a"]), json!(["a", "b"])),
            (json!(["a", "b", "b", "a", "c", "c"]), json!(["a", "b", "c"])),
            (json!([1, 1.5, 2]), json!([1, 1.5, 2])),
            (json!([]), json!([])),
        ] {
            let Value::Array(list) = list else { panic!() };
            assert_eq!(Value::Array(removed_in_place(list).unwrap()), expected);
        }
    }
}
