//! Lists.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::{Fail, Outcome, Value, equal, fail, from_json, from_schema, no_overload, work};
use crate::schema::{ListType, Schema};

/// A list: of JSON, or made.
#[derive(Debug, Clone)]
pub enum List<'a> {
    /// Made.
    #[doc(hidden)]
    Values(Arc<Elements<'a>>),
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
        /// How deep the values in it are.
        depth: u32,
    },
    /// Two, one behind the other.
    #[doc(hidden)]
    Chain(Arc<Chain<'a>>),
}

/// Elements that were made.
#[derive(Debug, Clone, Default)]
#[doc(hidden)]
pub struct Elements<'a> {
    values: Vec<Value<'a>>,
    /// How deep the list is, with itself.
    depth: u32,
}

impl<'a> Elements<'a> {
    pub(crate) fn push(&mut self, value: Value<'a>) {
        self.depth = self.depth.max(value.depth().saturating_add(1));
        self.values.push(value);
    }
}

impl<'a> From<Vec<Value<'a>>> for Elements<'a> {
    fn from(values: Vec<Value<'a>>) -> Self {
        let depth = values.iter().map(Value::depth).max().unwrap_or_default();
        Self {
            values,
            depth: depth.saturating_add(1),
        }
    }
}

/// Two lists, one behind the other.
#[derive(Debug)]
#[doc(hidden)]
pub struct Chain<'a> {
    first: List<'a>,
    second: List<'a>,
    /// How many elements the first has.
    length: usize,
    /// How many elements both have.
    size: usize,
    /// How deep the list is, with itself.
    depth: u32,
    /// How many chains are within each other.
    height: u32,
}

/// How many elements a list has at most that others are put together to.
const MAX_CHAIN: usize = 4_000_000;
/// How many chains are within each other before their elements are put into one list.
const MAX_HEIGHT: u32 = 64;
/// What an element takes of a list that grows.
const GROWN: usize = 16;

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
            Self::Values(values) => values.values.len(),
            Self::Json { elements, .. } => elements.len(),
            Self::Grown { elements, .. } => elements.len(),
            Self::Chain(chain) => chain.size,
        }
    }

    fn get(&self, at: usize) -> Outcome<'a> {
        let value = match self {
            Self::Values(values) => values.values.get(at).cloned().map(Ok),
            Self::Json {
                elements,
                schema: None,
            } => elements.get(at).map(|json| Ok(from_json(json))),
            Self::Json {
                elements,
                schema: Some(schema),
            } => elements.get(at).map(|json| from_schema(json, no_items(schema)?)),
            Self::Grown { elements, schema, .. } => elements.get(at).map(|element| match element {
                Element::Json(json) => from_schema(json, no_items(schema)?),
                Element::Added(value) => value.retyped(no_items(schema)?),
            }),
            Self::Chain(chain) => {
                return if at < chain.length {
                    chain.first.get(at)
                } else {
                    chain.second.get(at - chain.length)
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

    /// How deep the list is, with itself, as far as it was made.
    pub(crate) fn depth(&self) -> u32 {
        match self {
            Self::Values(values) => values.depth,
            Self::Json { .. } => 0,
            Self::Grown { depth, .. } => *depth,
            Self::Chain(chain) => chain.depth,
        }
    }

    fn height(&self) -> u32 {
        match self {
            Self::Chain(chain) => chain.height,
            _ => 0,
        }
    }

    /// Both lists, one behind the other.
    fn chain(&self, other: &Self) -> Result<Self, Fail> {
        let (ours, theirs) = (self.size(), other.size());
        match (ours, theirs) {
            (0, _) => return Ok(other.clone()),
            (_, 0) => return Ok(self.clone()),
            _ => {}
        }
        let size = ours.saturating_add(theirs);
        if size > MAX_CHAIN {
            return Err(Fail::TooCostly);
        }
        let height = self.height().max(other.height()) + 1;
        if height > MAX_HEIGHT {
            work::spend(size.saturating_mul(work::ELEMENT))?;
            let values: Vec<Value<'a>> = self.iter().chain(other.iter()).collect::<Result<_, _>>()?;
            return Ok(Self::Values(Arc::new(values.into())));
        }
        Ok(Self::Chain(Arc::new(Chain {
            depth: self.depth().max(other.depth()).max(1),
            first: self.clone(),
            second: other.clone(),
            length: ours,
            size,
            height,
        })))
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
            return self.chain(other);
        };
        let size = self.size().saturating_add(other.size());
        work::spend(size.saturating_mul(GROWN))?;
        let mut elements: Vec<Element<'a>> = (0..self.size()).filter_map(|at| self.element(at)).collect();
        let mut known: HashMap<Vec<String>, usize> = HashMap::new();
        let identify = |element: &Element<'_>| match &schema.list_type {
            ListType::Set => element.text().map(|text| Some(vec![text])),
            ListType::Map => element.key(&schema.list_map_keys).map(Some),
            _ => Ok(None),
        };
        for (at, element) in elements.iter().enumerate() {
            if let Some(key) = identify(element)? {
                known.entry(key).or_insert(at);
            }
        }
        let mut depth = self.depth();
        for at in 0..other.size() {
            // What has no value is kept as nothing is: it is refused when it is looked at.
            let added = match other.get(at) {
                Ok(value) => {
                    let value = value.native();
                    depth = depth.max(value.depth().saturating_add(1));
                    Element::Added(value)
                }
                Err(fail) => return Err(fail),
            };
            let Some(key) = identify(&added)? else {
                elements.push(added);
                continue;
            };
            match (known.get(&key), &schema.list_type) {
                (Some(_), ListType::Set) => {}
                (Some(at), _) => {
                    if let Some(known) = elements.get_mut(*at) {
                        *known = added;
                    }
                }
                (None, _) => {
                    known.insert(key, elements.len());
                    elements.push(added);
                }
            }
        }
        Ok(Self::Grown {
            elements: Arc::new(elements),
            schema,
            depth,
        })
    }

    /// Whether an element is in the list.
    pub(crate) fn contains(&self, value: &Value<'a>) -> Outcome<'a> {
        if self.schema().is_none() {
            let found = self
                .iter()
                .take_while(|_| !work::is_done())
                .any(|element| element.is_ok_and(|element| super::equal_inner(value, &element) == Ok(true)));
            return Ok(Value::Bool(found));
        }
        let mut error = None;
        for element in self.iter() {
            match element.and_then(|element| super::equal_inner(&element, value)) {
                Ok(true) => return Ok(Value::Bool(true)),
                Ok(false) => {}
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
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
    /// The element in JSON, by which those of sets are the same.
    fn text(&self) -> Result<String, Fail> {
        let text = match self {
            Element::Json(json) => json.to_string(),
            Element::Added(value) => value.to_json_text(),
        };
        work::spend(text.len() / GROWN + 1)?;
        Ok(text)
    }

    /// The keys of an object in a list of maps, in JSON.
    pub(super) fn key(&self, keys: &[String]) -> Result<Vec<String>, Fail> {
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
        let key: Vec<String> = keys.iter().map(of).collect();
        work::spend(key.iter().map(|part| part.len() / GROWN + 1).sum())?;
        Ok(key)
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
                Err(Fail::TooCostly) => return Err(Fail::TooCostly),
                Err(fail) => error = error.or(Some(fail)),
            }
        }
        let chained = matches!(ours, List::Chain(_));
        return error.filter(|_| chained).map_or(Ok(true), Err);
    };
    match &schema.list_type {
        ListType::Set => {
            let all: HashSet<String> = (0..ours.size())
                .filter_map(|at| ours.element(at))
                .map(|element| element.text())
                .collect::<Result<_, _>>()?;
            for other in (0..theirs.size()).filter_map(|at| theirs.element(at)) {
                if !all.contains(&other.text()?) {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        ListType::Map => {
            let keys = &schema.list_map_keys;
            let all: HashMap<_, _> = (0..ours.size())
                .filter_map(|at| Some(ours.element(at)?.key(keys).map(|key| (key, at))))
                .collect::<Result<_, _>>()?;
            for at in 0..theirs.size() {
                let their = theirs.get(at)?;
                let key = theirs.element(at).map(|element| element.key(keys)).transpose()?;
                let Some(our) = key.and_then(|key| all.get(&key)) else {
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
