//! Maps, and objects of schemas, which are maps in CEL.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map as JsonMap, Value as Json};

use super::convert::{double_to_int_lossless, double_to_uint_lossless};
use super::{Fail, Outcome, Text, Value, equal, fail, from_json, from_schema, no_overload, work};
use crate::names;
use crate::schema::Schema;

/// A map: of JSON, or made.
#[derive(Debug, Clone)]
pub enum Map<'a> {
    /// Made.
    #[doc(hidden)]
    Values(Arc<Values<'a>>),
    /// Of JSON: by a schema, or as it is.
    #[doc(hidden)]
    Json {
        map: &'a JsonMap<String, Json>,
        schema: Option<&'a Schema>,
    },
}

/// The entries of a map that was made, in the order in which they came.
#[derive(Debug, Clone, Default)]
#[doc(hidden)]
pub struct Values<'a> {
    entries: Vec<(Value<'a>, Value<'a>)>,
    /// How deep what is in it is.
    depth: u32,
    /// Where each key is, where there are many.
    index: HashMap<Key, usize>,
}

/// Maps of at most this many entries are searched through.
const FEW: usize = 8;

/// A key by which entries are found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(u64),
    Text(Arc<str>),
    Other(String),
}

impl Key {
    fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            Value::Double(value) => Self::Double((value + 0.0).to_bits()),
            Value::String(Text::Shared(text)) => Self::Text(Arc::clone(text)),
            Value::String(text) => Self::Text((&**text).into()),
            other => Self::Other(format!("{} {other}", other.type_name())),
        }
    }
}

impl<'a> Values<'a> {
    /// How deep the map is, with itself.
    pub(crate) const fn depth(&self) -> u32 {
        self.depth.saturating_add(1)
    }

    fn position(&self, key: &Value<'a>) -> Option<usize> {
        if self.entries.len() <= FEW {
            return self.entries.iter().position(|(known, _)| is_same_key(known, key));
        }
        self.index.get(&Key::of(key)).copied()
    }

    pub(crate) fn contains_key(&self, key: &Value<'a>) -> bool {
        self.find(key).is_some()
    }

    /// The value of a key, numbers of other types included.
    pub(crate) fn find(&self, key: &Value<'a>) -> Option<&Value<'a>> {
        let exact = |key: &Value<'a>| {
            self.position(key)
                .and_then(|at| self.entries.get(at))
                .map(|(_, value)| value)
        };
        if let Some(value) = exact(key) {
            return Some(value);
        }
        let int = |value: i64| exact(&Value::Int(value));
        let uint = |value: u64| exact(&Value::Uint(value));
        match key {
            Value::Double(key) => double_to_int_lossless(*key)
                .and_then(int)
                .or_else(|| double_to_uint_lossless(*key).and_then(uint)),
            Value::Int(key) => u64::try_from(*key).ok().and_then(uint),
            Value::Uint(key) => i64::try_from(*key).ok().and_then(int),
            _ => None,
        }
    }

    /// Sets a key, as it is: numbers of other types are other keys.
    pub(crate) fn set(&mut self, key: Value<'a>, value: Value<'a>) {
        self.depth = self.depth.max(key.depth()).max(value.depth());
        match self.position(&key) {
            Some(at) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = value;
                }
            }
            None => {
                self.entries.push((key, value));
                if self.entries.len() == FEW + 1 {
                    self.index = self
                        .entries
                        .iter()
                        .enumerate()
                        .map(|(at, (key, _))| (Key::of(key), at))
                        .collect();
                } else if let Some((key, _)) = self.entries.last().filter(|_| self.entries.len() > FEW) {
                    self.index.insert(Key::of(key), self.entries.len() - 1);
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &Value<'a>) {
        if let Some(at) = self.position(key) {
            // The entries behind it move: that is told by the meter where it is too much.
            if work::spend(self.entries.len().saturating_mul(work::ELEMENT)).is_err() {
                return;
            }
            let entries = std::mem::take(self).entries;
            for (_, (key, value)) in entries.into_iter().enumerate().filter(|(other, _)| *other != at) {
                self.set(key, value);
            }
        }
    }
}

/// Whether Go takes two keys for one.
fn is_same_key(ours: &Value<'_>, theirs: &Value<'_>) -> bool {
    match (ours, theirs) {
        (Value::Bool(ours), Value::Bool(theirs)) => ours == theirs,
        (Value::Int(ours), Value::Int(theirs)) => ours == theirs,
        (Value::Uint(ours), Value::Uint(theirs)) => ours == theirs,
        (Value::Double(ours), Value::Double(theirs)) => ours == theirs,
        (Value::String(ours), Value::String(theirs)) => **ours == **theirs,
        (Value::Null, Value::Null) => true,
        (Value::Type(ours), Value::Type(theirs)) => ours == theirs,
        (Value::Duration(ours), Value::Duration(theirs)) => ours == theirs,
        (Value::Timestamp(ours), Value::Timestamp(theirs)) => ours == theirs,
        _ => false,
    }
}

/// What is common to all maps.
pub(crate) trait Mapper<'a> {
    /// How many entries there are.
    fn size(&self) -> usize;
    /// The value of a key, or that there is none.
    fn find(&self, key: &Value<'a>) -> Option<Outcome<'a>>;
}

impl<'a> Mapper<'a> for Map<'a> {
    fn size(&self) -> usize {
        match self {
            Self::Values(values) => values.entries.len(),
            Self::Json { map, .. } => map.len(),
        }
    }

    fn find(&self, key: &Value<'a>) -> Option<Outcome<'a>> {
        match (self, key) {
            (Self::Values(values), _) => values.find(key).cloned().map(Ok),
            (Self::Json { schema: None, map }, Value::String(key)) => {
                map.get(&**key).map(|json| Ok(from_json(json)))
            }
            (Self::Json { schema: None, .. }, _) => None,
            (Self::Json { schema: Some(_), .. }, Value::String(key)) => self.get_text(key),
            (Self::Json { schema: Some(_), .. }, _) => Some(no_overload()),
        }
    }
}

impl<'a> Map<'a> {
    /// The value of a name.
    pub(crate) fn get_text(&self, name: &str) -> Option<Outcome<'a>> {
        match self {
            Self::Json {
                map,
                schema: Some(schema),
            } if schema.properties.is_some() && name.contains("__") => {
                let name = names::unescape(name)?;
                self.get_field(map, schema, &name)
            }
            Self::Json {
                map,
                schema: Some(schema),
            } => self.get_field(map, schema, name),
            Self::Json { map, schema: None } => map.get(name).map(|json| Ok(from_json(json))),
            Self::Values(values) => values
                .find(&Value::String(Text::Shared(name.into())))
                .cloned()
                .map(Ok),
        }
    }

    /// The value of a field whose name is not escaped.
    #[expect(clippy::unused_self, reason = "it is a part of what reads maps")]
    fn get_field(
        &self,
        map: &'a JsonMap<String, Json>,
        schema: &'a Schema,
        name: &str,
    ) -> Option<Outcome<'a>> {
        let json = map.get(name)?;
        if schema.properties.is_some() && json.is_null() {
            return None;
        }
        Some(from_schema(json, schema.property(name)?))
    }

    /// The value of a key that is known when an expression is compiled, escaped and not.
    pub(crate) fn get_known(&self, name: &Value<'a>, unescaped: Option<&str>) -> Option<Outcome<'a>> {
        match self {
            Self::Json {
                map,
                schema: Some(schema),
            } if schema.properties.is_some() => self.get_field(map, schema, unescaped?),
            _ => self.find(name),
        }
    }

    /// The keys, those of objects escaped.
    pub(crate) fn keys(&self) -> Vec<Value<'a>> {
        match self {
            Self::Values(values) => values.entries.iter().map(|(key, _)| key.clone()).collect(),
            Self::Json { map, schema: None } => {
                map.keys().map(|key| Value::String(Text::Borrowed(key))).collect()
            }
            Self::Json {
                map,
                schema: Some(schema),
            } => map.keys().filter_map(|key| escaped(key, schema)).collect(),
        }
    }

    /// All entries.
    pub(crate) fn entries(&self) -> Vec<(Value<'a>, Outcome<'a>)> {
        if let Self::Values(values) = self {
            return values
                .entries
                .iter()
                .map(|(key, value)| (key.clone(), Ok(value.clone())))
                .collect();
        }
        self.keys()
            .into_iter()
            .filter_map(|key| {
                let value = self.find(&key)?;
                Some((key, value))
            })
            .collect()
    }

    /// The entry that comes first.
    pub(crate) fn first(&self) -> Option<(Value<'a>, Outcome<'a>)> {
        if let Self::Values(values) = self {
            return values
                .entries
                .first()
                .map(|(key, value)| (key.clone(), Ok(value.clone())));
        }
        let key = match self {
            Self::Json {
                map,
                schema: Some(schema),
            } => map.keys().find_map(|key| escaped(key, schema))?,
            Self::Json { map, schema: None } => Value::String(Text::Borrowed(map.keys().next()?)),
            Self::Values(_) => return None,
        };
        let value = self
            .find(&key)
            .unwrap_or_else(|| fail(format!("no such key: {key}")));
        Some((key, value))
    }
}

/// The key of a field, escaped; none for one that the schema does not know.
fn escaped<'a>(key: &'a str, schema: &Schema) -> Option<Value<'a>> {
    schema.property(key)?;
    let escaped = schema.properties.as_ref().and_then(|_| names::escape(key));
    Some(match escaped.filter(|escaped| escaped != key) {
        Some(escaped) => Value::text(escaped),
        None => Value::String(Text::Borrowed(key)),
    })
}

/// Whether two maps are equal.
pub(super) fn maps_are_equal<'a>(ours: &Map<'a>, theirs: &Value<'a>) -> Result<bool, Fail> {
    let Value::Map(theirs) = theirs else {
        return if matches!(ours, Map::Json { schema: Some(_), .. }) {
            no_overload()
        } else {
            Ok(false)
        };
    };
    if ours.size() != theirs.size() {
        return Ok(false);
    }
    let Map::Json {
        map,
        schema: Some(schema),
    } = ours
    else {
        for (key, our) in ours.entries() {
            let Some(their) = theirs.find(&key) else {
                return Ok(false);
            };
            match our.and_then(|our| equal(&our, &their?)) {
                Ok(false) => return Ok(false),
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
                _ => {}
            }
        }
        return Ok(true);
    };
    for (name, json) in *map {
        if schema.property(name).is_some() {
            let key = Value::String(Text::Borrowed(name));
            match (ours.find(&key), theirs.find(&key)) {
                (None, None) => {}
                (Some(our), Some(their)) => {
                    let (our, their) = (our?, their);
                    let equal = match their {
                        Ok(their) => super::equal_inner(&our, &their)?,
                        Err(fail) => {
                            let told = is_typed(&our) || fail == Fail::TooCostly;
                            return if told { Err(fail) } else { Ok(false) };
                        }
                    };
                    if !equal {
                        return Ok(false);
                    }
                }
                _ => return Ok(false),
            }
        } else {
            let Map::Json {
                map: others,
                schema: Some(_),
            } = theirs
            else {
                return no_overload();
            };
            if let Some(other) = others.get(name)
                && !super::is_same_json(other, json)?
            {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether a value tells errors of what it is compared with.
fn is_typed(value: &Value<'_>) -> bool {
    match value {
        Value::List(list) => list.schema().is_some(),
        Value::Map(Map::Json { schema, .. }) => schema.is_some(),
        _ => false,
    }
}
