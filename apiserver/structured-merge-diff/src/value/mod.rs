//! Unstructured values as structured-merge-diff compares them (Go: `value/value.go`, `value/scalar.go`).
//!
//! A [`serde_json::Value`] stands for Go's unstructured `interface{}`. An integer that no `int64` holds is a float, as
//! in the objects that apimachinery decodes.

mod go_format;

use std::cmp::Ordering;

use serde_json::{Number, Value};

pub(crate) use go_format::{Quoted, json_float, separated, write_number, write_quoted};

/// A number as Go's unstructured objects hold it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Numeric {
    /// `int64`.
    Int(i64),
    /// `float64`.
    Float(f64),
}

impl Numeric {
    pub(crate) fn of(number: &Number) -> Self {
        match number.as_i64() {
            Some(int) if !number.is_f64() => Self::Int(int),
            _ => Self::Float(number.as_f64().unwrap_or_default()),
        }
    }

    // Go converts the integer where one side is a float, so large integers equal the float that is nearest to them.
    // What was read from FieldsV1 is always a float: ownership of a large integer in a set depends on this.
    fn float(self) -> f64 {
        match self {
            Self::Int(int) => int as f64,
            Self::Float(float) => float,
        }
    }

    fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(left), Self::Int(right)) => left.cmp(&right),
            // JSON has no NaN.
            _ => self
                .float()
                .partial_cmp(&other.float())
                .unwrap_or(Ordering::Equal),
        }
    }
}

/// The order of values: numbers, strings, booleans, lists, maps, null; numbers by their value, whatever their kind;
/// lists and maps element by element. Goes as deep as the values are.
#[must_use]
pub fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Numeric::of(left).compare(Numeric::of(right)),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => compare_lists(left, right),
        (Value::Object(left), Value::Object(right)) => compare_maps(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

/// Whether two values are the same: as [`compare`] has it, so `1` equals `1.0`.
#[must_use]
pub fn equals(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equals(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| equals(left, right)))
        }
        (Value::String(left), Value::String(right)) => left == right,
        _ => compare(left, right) == Ordering::Equal,
    }
}

/// Whether `value` has at most `limit` levels; stops at the first that is too deep, so it recurses no further itself.
pub(crate) fn is_no_deeper_than(value: &Value, limit: usize) -> bool {
    let below = |value: &Value| limit > 0 && is_no_deeper_than(value, limit - 1);
    match value {
        Value::Array(items) => items.iter().all(below),
        Value::Object(fields) => fields.values().all(below),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Number(_) => 0,
        Value::String(_) => 1,
        Value::Bool(_) => 2,
        Value::Array(_) => 3,
        Value::Object(_) => 4,
        Value::Null => 5,
    }
}

fn compare_lists(left: &[Value], right: &[Value]) -> Ordering {
    let different = left
        .iter()
        .zip(right)
        .map(|(left, right)| compare(left, right))
        .find(|order| order.is_ne());
    different.unwrap_or_else(|| left.len().cmp(&right.len()))
}

type Object = serde_json::Map<String, Value>;

// The keys of both in their order: the shorter map comes first once all its entries were seen, else the map that lacks
// a key comes after the one that has it.
fn compare_maps(left: &Object, right: &Object) -> Ordering {
    let (left_keys, right_keys) = (sorted_keys(left), sorted_keys(right));
    for (left_key, right_key) in left_keys.iter().zip(&right_keys) {
        match left_key.cmp(right_key) {
            Ordering::Equal => {}
            Ordering::Less => return Ordering::Less,
            Ordering::Greater => return Ordering::Greater,
        }
        let order = match (left.get(*left_key), right.get(*right_key)) {
            (Some(left), Some(right)) => compare(left, right),
            _ => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    left_keys.len().cmp(&right_keys.len())
}

fn sorted_keys(map: &Object) -> Vec<&String> {
    let mut keys: Vec<&String> = map.keys().collect();
    keys.sort_unstable();
    keys
}
