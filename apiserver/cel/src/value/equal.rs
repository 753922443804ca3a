//! Which values are equal, and which of two is less.

use std::cmp::Ordering;

use serde_json::{Map as JsonMap, Value as Json};

use super::{Fail, List, Map, Value, fail, list, map, no_overload, work};

/// `==`: whether two values are equal, numbers of different types by what they stand for.
pub(crate) fn equal<'a>(ours: &Value<'a>, theirs: &Value<'a>) -> Result<bool, Fail> {
    match (ours, theirs) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        _ => equal_inner(ours, theirs),
    }
}

/// Whether a value says that it is equal to another.
pub(crate) fn equal_inner<'a>(ours: &Value<'a>, theirs: &Value<'a>) -> Result<bool, Fail> {
    work::spend(1)?;
    match (ours, theirs) {
        (Value::String(ours), Value::String(theirs)) => {
            work::read(ours.len().min(theirs.len()))?;
            Ok(**ours == **theirs)
        }
        (
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
        ) => Ok(numbers(ours, theirs) == Some(Ordering::Equal)),
        (Value::Bool(ours), Value::Bool(theirs)) => Ok(ours == theirs),
        (Value::Null, Value::Null) => Ok(true),
        (Value::List(ours), _) => list::lists_are_equal(ours, theirs),
        (Value::Map(ours), _) => map::maps_are_equal(ours, theirs),
        (Value::Bytes(ours), Value::Bytes(theirs)) => Ok(ours == theirs),
        (Value::Duration(ours), Value::Duration(theirs)) => Ok(ours == theirs),
        (Value::Timestamp(ours), Value::Timestamp(theirs)) => Ok(ours.is_same_time(*theirs)),
        (Value::Type(ours), Value::Type(theirs)) => Ok(ours == theirs),
        (Value::Optional(ours), Value::Optional(theirs)) => match (ours, theirs) {
            (Some(ours), Some(theirs)) => equal_inner(ours, theirs),
            _ => Ok(ours.is_none() && theirs.is_none()),
        },
        (Value::Quantity(ours, _), Value::Quantity(theirs, false)) => Ok(ours.cmp(theirs) == Ordering::Equal),
        (Value::Url(ours), Value::Url(theirs)) => Ok(ours.to_string() == theirs.to_string()),
        (Value::Ip(ours), Value::Ip(theirs)) => Ok(ours == theirs),
        (Value::Cidr(ours), Value::Cidr(theirs)) => Ok(ours == theirs),
        (Value::Format(ours), Value::Format(theirs)) => Ok(ours.name == theirs.name),
        (Value::Semver(ours), Value::Semver(theirs)) => Ok(ours.compare(theirs) == Ordering::Equal),
        (
            Value::Quantity(..)
            | Value::Url(_)
            | Value::Ip(_)
            | Value::Cidr(_)
            | Value::Format(_)
            | Value::Semver(_),
            _,
        ) => no_overload(),
        (Value::Unknown(ours), Value::Unknown(theirs)) => is_same_json(ours, theirs),
        // What is of JSON is compared where it is.
        (Value::Unknown(Json::Array(ours)), Value::List(List::Json { elements, .. })) => {
            are_same_elements(ours, elements)
        }
        (Value::Unknown(Json::Object(ours)), Value::Map(Map::Json { map, .. })) => are_same_fields(ours, map),
        (Value::Unknown(_), Value::List(List::Json { .. }) | Value::Map(Map::Json { .. })) => Ok(false),
        (Value::Unknown(ours), _) => theirs
            .to_json()
            .map_or(Ok(false), |theirs| is_same_json(ours, &theirs)),
        _ => Ok(false),
    }
}

/// Whether JSON is the same.
pub(super) fn is_same_json(ours: &Json, theirs: &Json) -> Result<bool, Fail> {
    work::spend(1)?;
    match (ours, theirs) {
        (Json::Array(ours), Json::Array(theirs)) => are_same_elements(ours, theirs),
        (Json::Object(ours), Json::Object(theirs)) => are_same_fields(ours, theirs),
        (Json::String(ours), Json::String(theirs)) => {
            work::read(ours.len().min(theirs.len()))?;
            Ok(ours == theirs)
        }
        (ours, theirs) => Ok(ours == theirs),
    }
}

fn are_same_elements(ours: &[Json], theirs: &[Json]) -> Result<bool, Fail> {
    if ours.len() != theirs.len() {
        return Ok(false);
    }
    for (ours, theirs) in ours.iter().zip(theirs) {
        if !is_same_json(ours, theirs)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn are_same_fields(ours: &JsonMap<String, Json>, theirs: &JsonMap<String, Json>) -> Result<bool, Fail> {
    if ours.len() != theirs.len() {
        return Ok(false);
    }
    for (name, ours) in ours {
        match theirs.get(name) {
            Some(theirs) if is_same_json(ours, theirs)? => {}
            _ => return Ok(false),
        }
    }
    Ok(true)
}

/// `<` and its like: the order of two values.
pub(crate) fn compare(ours: &Value<'_>, theirs: &Value<'_>) -> Result<Ordering, Fail> {
    match (ours, theirs) {
        (
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
            Value::Int(_) | Value::Uint(_) | Value::Double(_),
        ) => match numbers(ours, theirs) {
            Some(ordering) => Ok(ordering),
            None => fail("NaN values cannot be ordered"),
        },
        (Value::Double(number), _) if number.is_nan() => fail("NaN values cannot be ordered"),
        (Value::String(ours), Value::String(theirs)) => Ok((**ours).cmp(&**theirs)),
        (Value::Bytes(ours), Value::Bytes(theirs)) => Ok(ours.cmp(theirs)),
        (Value::Bool(ours), Value::Bool(theirs)) => Ok(ours.cmp(theirs)),
        (Value::Duration(ours), Value::Duration(theirs)) => Ok(ours.cmp(theirs)),
        (Value::Timestamp(ours), Value::Timestamp(theirs)) => Ok(ours.order(*theirs)),
        _ => no_overload(),
    }
}

/// The order of numbers; none where one is not a number.
fn numbers(ours: &Value<'_>, theirs: &Value<'_>) -> Option<Ordering> {
    match (ours, theirs) {
        (Value::Int(ours), Value::Int(theirs)) => Some(ours.cmp(theirs)),
        (Value::Uint(ours), Value::Uint(theirs)) => Some(ours.cmp(theirs)),
        (Value::Double(ours), Value::Double(theirs)) => ours.partial_cmp(theirs),
        (Value::Int(ours), Value::Uint(theirs)) => Some(i128::from(*ours).cmp(&i128::from(*theirs))),
        (Value::Uint(ours), Value::Int(theirs)) => Some(i128::from(*ours).cmp(&i128::from(*theirs))),
        (Value::Double(ours), Value::Int(theirs)) => with_int(*ours, *theirs),
        (Value::Int(ours), Value::Double(theirs)) => with_int(*theirs, *ours).map(Ordering::reverse),
        (Value::Double(ours), Value::Uint(theirs)) => with_uint(*ours, *theirs),
        (Value::Uint(ours), Value::Double(theirs)) => with_uint(*theirs, *ours).map(Ordering::reverse),
        _ => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "cel-go compares so")]
fn with_int(double: f64, int: i64) -> Option<Ordering> {
    if double < i64::MIN as f64 {
        return Some(Ordering::Less);
    }
    if double > i64::MAX as f64 {
        return Some(Ordering::Greater);
    }
    double.partial_cmp(&(int as f64))
}

#[expect(clippy::cast_precision_loss, reason = "cel-go compares so")]
fn with_uint(double: f64, uint: u64) -> Option<Ordering> {
    if double < 0.0 {
        return Some(Ordering::Less);
    }
    if double > u64::MAX as f64 {
        return Some(Ordering::Greater);
    }
    double.partial_cmp(&(uint as f64))
}
