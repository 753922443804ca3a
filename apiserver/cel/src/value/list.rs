//! Lists.

use std::sync::Arc;

use serde_json::Value as Json;

use super::{Fail, Outcome, Value, equal, fail, from_json, from_schema, no_overload};
use crate::schema::{ListType, Schema};

/// A list: of JSON, or made.
#[derive(Debug, Clone)]
pub enum List<'a> {
    /// Made.
    Values(Arc<Vec<Value<'a>>>),
    /// Of JSON: by a schema, or as it is.
    #[doc(hidden)]
    Json {
        elements: &'a [Json],
        schema: Option<&'a Schema>,
    },
    /// One of a schema to which something was added: it is of that schema.
    #[doc(hidden)]
    Grown {
        elements: Arc<Vec<Element<'a>>>,
        schema: &'a Schema,
    },
    /// Two, one behind the other, and how many elements the first has.
    #[doc(hidden)]
    Chain(Arc<(Self, Self, usize, usize)>),
}

/// An element of a list of a schema: of JSON, or added.
#[derive(Debug, Clone)]
#[doc(hidden)]
pub enum Element<'a> {
    Json(&'a Json),
    Added(Value<'a>),
}

/// What is common to all lists.
pub(crate) trait Lister<'a> {
    /// How many elements there are.
    fn size(&self) -> usize;
    /// The element at an index, which must be within the list.
    fn get(&self, at: usize) -> Outcome<'a>;
}

fn no_items(schema: &Schema) -> Result<&Schema, Fail> {
    match schema.items.as_deref() {
        Some(items) => Ok(items),
        None => fail("invalid array type, expected Items with a non-empty Schema"),
    }
}

impl<'a> Lister<'a> for List<'a> {
    fn size(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Json { elements, .. } => elements.len(),
            Self::Grown { elements, .. } => elements.len(),
            Self::Chain(chain) => chain.3,
        }
    }

    fn get(&self, at: usize) -> Outcome<'a> {
        let value = match self {
            Self::Values(values) => values.get(at).cloned().map(Ok),
            Self::Json {
                elements,
                schema: None,
            } => elements.get(at).map(|json| Ok(from_json(json))),
            Self::Json {
                elements,
                schema: Some(schema),
            } => elements.get(at).map(|json| from_schema(json, no_items(schema)?)),
            Self::Grown { elements, schema } => elements.get(at).map(|element| match element {
                Element::Json(json) => from_schema(json, no_items(schema)?),
                Element::Added(value) => value.retyped(no_items(schema)?),
            }),
            Self::Chain(chain) => {
                let (first, second, length, _) = &**chain;
                return if at < *length {
                    first.get(at)
                } else {
                    second.get(at - length)
                };
            }
        };
        value.unwrap_or_else(|| fail(format!("index out of bounds: {at}")))
    }
}

impl<'a> List<'a> {
    /// All elements, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Outcome<'a>> + '_ {
        (0..self.size()).map(|at| self.get(at))
    }

    /// The schema by which the list compares and grows.
    pub(crate) const fn schema(&self) -> Option<&'a Schema> {
        match self {
            Self::Json {
                schema: Some(schema), ..
            }
            | Self::Grown { schema, .. } => Some(schema),
            _ => None,
        }
    }

    pub(crate) const fn is_of_a_schema(&self) -> bool {
        self.schema().is_some()
    }

    pub(crate) fn element(&self, at: usize) -> Option<Element<'a>> {
        match self {
            Self::Json { elements, .. } => elements.get(at).map(Element::Json),
            Self::Grown { elements, .. } => elements.get(at).cloned(),
            _ => self.get(at).ok().map(Element::Added),
        }
    }

    /// Both lists, one behind the other; a set or a list of maps takes what it has not, or what replaces what it has.
    pub(crate) fn add(&self, other: &Self) -> Result<Self, Fail> {
        let Some(schema) = self.schema() else {
            let (ours, theirs) = (self.size(), other.size());
            return Ok(match (ours, theirs) {
                (0, _) => other.clone(),
                (_, 0) => self.clone(),
                _ => Self::Chain(Arc::new((self.clone(), other.clone(), ours, ours + theirs))),
            });
        };
        let mut elements: Vec<Element<'a>> = (0..self.size()).filter_map(|at| self.element(at)).collect();
        for at in 0..other.size() {
            // What has no value is kept as nothing is: it is refused when it is looked at.
            let added = match other.get(at) {
                Ok(value) => Element::Added(value.native()),
                Err(fail) => return Err(fail),
            };
            let same = match &schema.list_type {
                ListType::Set => elements.iter().position(|known| known.is_same(&added)),
                ListType::Map => {
                    let key = added.key(&schema.list_map_keys);
                    elements
                        .iter()
                        .position(|known| known.key(&schema.list_map_keys) == key)
                }
                _ => None,
            };
            match (same, &schema.list_type) {
                (Some(_), ListType::Set) => {}
                (Some(at), _) => {
                    if let Some(known) = elements.get_mut(at) {
                        *known = added;
                    }
                }
                (None, _) => elements.push(added),
            }
        }
        Ok(Self::Grown {
            elements: Arc::new(elements),
            schema,
        })
    }

    /// Whether an element is in the list.
    pub(crate) fn contains(&self, value: &Value<'a>) -> Outcome<'a> {
        if self.schema().is_none() {
            let found = self
                .iter()
                .any(|element| element.is_ok_and(|element| super::equal_inner(value, &element) == Ok(true)));
            return Ok(Value::Bool(found));
        }
        let mut error = None;
        for element in self.iter() {
            match element.and_then(|element| super::equal_inner(&element, value)) {
                Ok(true) => return Ok(Value::Bool(true)),
                Ok(false) => {}
                Err(fail) => error = error.or(Some(fail)),
            }
        }
        error.map_or(Ok(Value::Bool(false)), Err)
    }

    /// The element that `[index]` reads.
    pub(crate) fn read(&self, index: &Value<'a>) -> Result<Option<Value<'a>>, Fail> {
        let at = index_of(index)?;
        match usize::try_from(at) {
            Ok(at) if at < self.size() => self.get(at).map(Some),
            _ => Ok(None),
        }
    }
}

impl Element<'_> {
    fn is_same(&self, other: &Self) -> bool {
        let dynamic = |element: &Self| match element {
            Element::Json(json) => json.to_string(),
            Element::Added(value) => value.to_json_text(),
        };
        dynamic(self) == dynamic(other)
    }

    /// The keys of an object in a list of maps, in JSON.
    pub(super) fn key(&self, keys: &[String]) -> Vec<String> {
        let of = |key: &String| match self {
            Element::Json(json) => json
                .get(key)
                .map_or_else(|| "null".to_owned(), ToString::to_string),
            Element::Added(Value::Map(map)) => map
                .get_text(key)
                .and_then(Result::ok)
                .map_or_else(|| "null".to_owned(), |value| value.to_json_text()),
            Element::Added(_) => "null".to_owned(),
        };
        keys.iter().map(of).collect()
    }
}

/// The index that a value stands for.
pub(crate) fn index_of(index: &Value<'_>) -> Result<i64, Fail> {
    let lossless = match index {
        Value::Int(at) => return Ok(*at),
        Value::Double(at) => super::convert::double_to_int_lossless(*at),
        Value::Uint(at) => i64::try_from(*at).ok(),
        other => return fail(format!("unsupported index type '{}' in list", other.type_name())),
    };
    match lossless {
        Some(at) => Ok(at),
        None => fail(format!("unsupported index value {index} in list")),
    }
}

/// Whether two lists are equal. `strict` is where errors of elements are the answer.
pub(super) fn lists_are_equal<'a>(ours: &List<'a>, theirs: &Value<'a>) -> Result<bool, Fail> {
    let schema = ours.schema();
    let Value::List(theirs) = theirs else {
        return if schema.is_some() {
            no_overload()
        } else {
            Ok(false)
        };
    };
    if ours.size() != theirs.size() {
        return Ok(false);
    }
    let Some(schema) = schema else {
        let mut error = None;
        for at in 0..ours.size() {
            let (our, their) = (ours.get(at), theirs.get(at));
            match our.and_then(|our| equal(&our, &their?)) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(fail) => error = error.or(Some(fail)),
            }
        }
        let chained = matches!(ours, List::Chain(_));
        return error.filter(|_| chained).map_or(Ok(true), Err);
    };
    match &schema.list_type {
        ListType::Set => {
            let all: Vec<_> = (0..ours.size()).filter_map(|at| ours.element(at)).collect();
            let mut others = (0..theirs.size()).filter_map(|at| theirs.element(at));
            Ok(others.all(|other| all.iter().any(|element| element.is_same(&other))))
        }
        ListType::Map => {
            let keys = &schema.list_map_keys;
            let all: std::collections::HashMap<_, _> = (0..ours.size())
                .filter_map(|at| Some((ours.element(at)?.key(keys), at)))
                .collect();
            for at in 0..theirs.size() {
                let their = theirs.get(at)?;
                let Some(our) = theirs.element(at).and_then(|element| all.get(&element.key(keys))) else {
                    return Ok(false);
                };
                if !super::equal_inner(&ours.get(*our)?, &their)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => {
            for at in 0..ours.size() {
                if !super::equal_inner(&ours.get(at)?, &theirs.get(at)?)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}
