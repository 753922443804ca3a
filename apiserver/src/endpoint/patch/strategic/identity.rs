//! What tells elements of a list apart: their values, or their merge keys. Go compares them with `==` in loops within
//! loops; here they are looked up.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use serde_json::Value;

use super::error::Error;
use crate::decode::GoType;

/// A value by which elements are told apart: equal where Go's `==` says so of two interfaces.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number; never equal to a float.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(Box<str>),
}

impl Identity {
    /// That of a value; `None` of objects and lists, which Go does not compare.
    pub(super) fn of(value: &Value) -> Option<Self> {
        Some(match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => Self::Int(whole),
                None => Self::Float(number.as_f64()?),
            },
            Value::String(text) => Self::Text(text.as_str().into()),
            Value::Array(_) | Value::Object(_) => return None,
        })
    }

    /// The same, where Go would panic.
    pub(super) fn required(value: &Value) -> Result<Self, Error> {
        Self::of(value).ok_or_else(|| Error::Incomparable(GoType::of(value)))
    }

    /// Bits by which a float is told from others: both zeros are one.
    fn bits(float: f64) -> u64 {
        (float + 0.0).to_bits()
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(one), Self::Bool(other)) => one == other,
            (Self::Int(one), Self::Int(other)) => one == other,
            (Self::Float(one), Self::Float(other)) => Self::bits(*one) == Self::bits(*other),
            (Self::Text(one), Self::Text(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Int(value) => value.hash(state),
            Self::Float(value) => Self::bits(*value).hash(state),
            Self::Text(text) => text.hash(state),
        }
    }
}

/// Whether two values are the same in Go.
///
/// # Errors
/// Both are objects, or both are lists.
pub(super) fn equal(one: &Value, other: &Value) -> Result<bool, Error> {
    match (Identity::of(one), Identity::of(other)) {
        (Some(one), Some(other)) => Ok(one == other),
        (None, None) if GoType::of(one) == GoType::of(other) => Err(Error::Incomparable(GoType::of(one))),
        _ => Ok(false),
    }
}

/// Where elements stand in a list, by their merge keys (Go: `findMapInSliceBasedOnKeyValue`).
#[derive(Debug, Default)]
pub(super) struct Positions {
    first: HashMap<Identity, usize>,
    /// The first element whose merge key is an object, and the first whose merge key is a list.
    incomparable: [Option<usize>; 2],
    /// The first element that is no object.
    not_a_map: Option<usize>,
}

impl Positions {
    pub(super) fn of<'a>(list: impl IntoIterator<Item = &'a Value>, merge_key: &str) -> Self {
        let mut positions = Self::default();
        for (at, element) in list.into_iter().enumerate() {
            positions.add(at, element, merge_key);
        }
        positions
    }

    /// Notes an element that stands at a later position than all others.
    pub(super) fn add(&mut self, at: usize, element: &Value, merge_key: &str) {
        let Value::Object(fields) = element else {
            self.not_a_map.get_or_insert(at);
            return;
        };
        let Some(value) = fields.get(merge_key) else {
            return;
        };
        match Identity::of(value) {
            Some(identity) => {
                self.first.entry(identity).or_insert(at);
            }
            None => {
                let [maps, lists] = &mut self.incomparable;
                let first = if value.is_object() { maps } else { lists };
                first.get_or_insert(at);
            }
        }
    }

    /// The first element with this merge key.
    ///
    /// # Errors
    /// Before it stands one that is no object, or with which Go would panic.
    pub(super) fn find(&self, value: &Value) -> Result<Option<usize>, Error> {
        let is_before = |one: usize, other: Option<usize>| other.is_none_or(|other| one < other);
        let found = match Identity::of(value) {
            Some(identity) => self.first.get(&identity).copied(),
            None => {
                let [maps, lists] = self.incomparable;
                match if value.is_object() { maps } else { lists } {
                    Some(at) if is_before(at, self.not_a_map) => {
                        return Err(Error::Incomparable(GoType::of(value)));
                    }
                    _ => None,
                }
            }
        };
        match self.not_a_map {
            Some(at) if is_before(at, found) => Err(Error::NotAMap(at)),
            _ => Ok(found),
        }
    }

    /// Notes that the first element whose merge key was null has none any more. `list`: what stands there now.
    pub(super) fn forget_null(&mut self, list: &[Value], merge_key: &str) {
        let Some(at) = self.first.remove(&Identity::Null) else {
            return;
        };
        let is_null = |element: &Value| element.get(merge_key).is_some_and(Value::is_null);
        let next = list.iter().skip(at + 1).position(is_null);
        if let Some(next) = next {
            self.first.insert(Identity::Null, at + 1 + next);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_equal_as_in_go() {
        for (one, other, is_equal) in [
            (json!("a"), json!("a"), true),
            (json!(1), json!(1.0), false),
            (json!(0.0), json!(-0.0), true),
            (
                json!(9_223_372_036_854_775_808_u64),
                json!(9_223_372_036_854_775_809_u64),
                true,
            ),
            (json!(null), json!(null), true),
            (json!(null), json!(false), false),
            (json!({}), json!([]), false),
        ] {
            assert_eq!(equal(&one, &other), Ok(is_equal), "{one} {other}");
        }
        assert_eq!(
            equal(&json!([]), &json!([])),
            Err(Error::Incomparable(GoType::List))
        );
    }

    #[test]
    fn elements_are_found_by_their_first_position() {
        let list = [
            json!({}),
            json!({"k": "a"}),
            json!({"k": "a"}),
            json!({"k": {}}),
            json!(1),
            json!({"k": "b"}),
        ];
        let positions = Positions::of(&list, "k");
        assert_eq!(positions.find(&json!("a")), Ok(Some(1)));
        assert_eq!(positions.find(&json!("b")), Err(Error::NotAMap(4)));
        assert_eq!(positions.find(&json!([])), Err(Error::NotAMap(4)));
        assert_eq!(positions.find(&json!({})), Err(Error::Incomparable(GoType::Map)));
    }
}
