//! One step from an object, list or map to what it contains (Go: `fieldpath/element.go`, `value/fields.go`).

use std::cmp::Ordering;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use serde_json::Value;

use crate::value::{self, Quoted};

/// One field of the key of an item in an associative list.
#[derive(Clone, Debug)]
pub struct KeyField {
    /// The field's name.
    pub name: Arc<str>,
    /// The field's value.
    pub value: Value,
}

/// One element of a [`Path`](super::Path). Cheap to clone. They are ordered as Go orders them: names, keys, values,
/// indices; numbers by their value, so that the integer `1` and the float `1.0` are the same.
#[derive(Clone, Debug)]
pub enum PathElement {
    /// A field of a map or struct. FieldsV1: `f:NAME`.
    FieldName(Arc<str>),
    /// The item of an associative list whose key fields have these values; sorted by name. FieldsV1: `k:{…}`.
    Key(Arc<[KeyField]>),
    /// The item of a set that has this value. FieldsV1: `v:VALUE`.
    Value(Arc<Value>),
    /// The item at this place of an atomic list. FieldsV1: `i:INDEX`.
    Index(i64),
}

impl PathElement {
    /// A field of a map or struct.
    pub fn field(name: impl Into<Arc<str>>) -> Self {
        Self::FieldName(name.into())
    }

    /// An item of an associative list, by its key fields in any order; equal names stay in theirs.
    pub fn key<N: Into<Arc<str>>, V: Into<Value>>(fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let fields = fields.into_iter();
        Self::key_of(
            fields
                .map(|(name, value)| KeyField {
                    name: name.into(),
                    value: value.into(),
                })
                .collect(),
        )
    }

    pub(crate) fn key_of(mut fields: Vec<KeyField>) -> Self {
        fields.sort_by(|left, right| left.name.cmp(&right.name));
        Self::Key(fields.into())
    }

    /// An item of a set.
    pub fn value(value: impl Into<Value>) -> Self {
        Self::Value(Arc::new(value.into()))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::FieldName(_) => 0,
            Self::Key(_) => 1,
            Self::Value(_) => 2,
            Self::Index(_) => 3,
        }
    }
}

impl Ord for PathElement {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::FieldName(left), Self::FieldName(right)) => left.cmp(right),
            (Self::Key(left), Self::Key(right)) => compare_keys(left, right),
            (Self::Value(left), Self::Value(right)) => value::compare(left, right),
            (Self::Index(left), Self::Index(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for PathElement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for PathElement {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for PathElement {}

fn compare_keys(left: &[KeyField], right: &[KeyField]) -> Ordering {
    let fields = left.iter().zip(right);
    let mut orders = fields.map(|(left, right)| {
        left.name
            .cmp(&right.name)
            .then_with(|| value::compare(&left.value, &right.value))
    });
    orders
        .find(|order| order.is_ne())
        .unwrap_or_else(|| left.len().cmp(&right.len()))
}

/// As errors and conflicts show it: `.spec`, `[name="a",port=80]`, `[="a"]`, `[3]`.
impl Display for PathElement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::FieldName(name) => write!(f, ".{name}"),
            Self::Key(fields) => {
                f.write_str("[")?;
                for (index, field) in fields.iter().enumerate() {
                    let separator = if index > 0 { "," } else { "" };
                    write!(f, "{separator}{}={}", field.name, Quoted(&field.value))?;
                }
                f.write_str("]")
            }
            Self::Value(value) => write!(f, "[={}]", Quoted(value)),
            Self::Index(index) => write!(f, "[{index}]"),
        }
    }
}

/// A field's name.
impl From<&str> for PathElement {
    fn from(name: &str) -> Self {
        Self::field(name)
    }
}

/// An index.
impl From<i64> for PathElement {
    fn from(index: i64) -> Self {
        Self::Index(index)
    }
}
