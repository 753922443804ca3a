//! Reads an object by its schema in one pass: what does not belong there is dropped and told, in the order in which
//! Go's decoder tells it.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::LazyLock;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::base64;
use super::place::Place;
use super::strict::StrictFindings;
use super::time;
use crate::schema::{ANY, Fields, Node, Rest, Shape};
use crate::status::{FieldError, FieldErrorKind, MOST_LISTED, Quoted};

/// How deep an object may be. Less than what the JSON parser reads, so that whatever is stored can be read again.
pub(super) const MAX_DEPTH: usize = 100;

/// Bytes of errors about fields after which no further one is kept: each says the whole path to its field.
const MOST_INVALID_BYTES: usize = 64 * 1024;

/// What was found while an object was read.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Unknown and duplicate fields.
    pub(super) strict: StrictFindings,
    /// `apiVersion` or `kind` is no text, or the whole is no object: not even the kind is known.
    pub(super) kind_error: Option<String>,
    /// Why the rest was not read.
    pub(super) gave_up: Option<String>,
    /// The error that ends Go's reading at once.
    pub(super) fatal: Option<String>,
    /// The first value of a wrong type.
    pub(super) type_error: Option<String>,
    /// What is missing, or none of the possible values. Of more than are listed, one more than these.
    pub(super) invalid: Vec<FieldError>,
    /// Bytes of their paths.
    invalid_bytes: usize,
}

impl Findings {
    /// Whether no further error about a field will be listed.
    fn is_full(&self) -> bool {
        self.invalid.len() > MOST_LISTED || self.invalid_bytes > MOST_INVALID_BYTES
    }

    /// Keeps an error about the field at `place`, where it will be listed.
    fn add_invalid(&mut self, place: &Place<'_>, error: impl FnOnce(String) -> FieldError) {
        if self.is_full() {
            return;
        }
        let path = place.path();
        self.invalid_bytes += path.len();
        self.invalid.push(error(path));
    }
}

/// Reads a value by `node`; what it gives may be null: nothing, or nothing that fits.
pub(super) fn read<'de, D: Deserializer<'de>>(
    node: &Node,
    source: D,
    findings: &mut Findings,
) -> Result<Value, D::Error> {
    let reader = Reader {
        node,
        place: &Place::Root,
        depth: 0,
        findings,
    };
    reader.deserialize(source)
}

/// Whether a value below so many others is no deeper than what is read.
pub(crate) fn is_shallow(value: &Value, depth: usize) -> bool {
    let below = |value| is_shallow(value, depth + 1);
    match value {
        Value::Array(list) => depth < MAX_DEPTH && list.iter().all(below),
        Value::Object(fields) => depth < MAX_DEPTH && fields.values().all(below),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

struct Reader<'a> {
    node: &'a Node,
    place: &'a Place<'a>,
    depth: usize,
    findings: &'a mut Findings,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(mut self, value: bool) -> Result<Value, E> {
        match self.node.shape {
            Shape::Boolean | Shape::Any => Ok(value.into()),
            _ => Ok(self.mistyped("bool")),
        }
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(self.number(value.into(), Some(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(self.number(value.into(), Some(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(self.number(value.into(), None))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E>(mut self, value: String) -> Result<Value, E> {
        match self.node.shape {
            Shape::Text | Shape::Any | Shape::IntOrString => {}
            Shape::Bytes => match base64::canonical(&value) {
                Ok(canonical) => return Ok(canonical.into()),
                Err(error) => {
                    self.findings.type_error.get_or_insert_with(|| error.to_string());
                    return Ok(Value::Null);
                }
            },
            Shape::Time => {
                if let Err(message) = time::check(&value) {
                    self.findings.fatal.get_or_insert(message);
                    return Ok(Value::Null);
                }
            }
            _ => return Ok(self.mistyped("string")),
        }
        Ok(self.chosen(Value::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut source: A) -> Result<Value, A::Error> {
        let each = match &self.node.shape {
            Shape::List(each) => each,
            Shape::Any => &ANY,
            Shape::Bytes => &BYTE,
            _ => {
                while source.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(self.mistyped("array"));
            }
        };
        self.check_depth()?;
        let mut list = Vec::new();
        loop {
            let place = Place::Index(self.place, list.len());
            let Some(value) = source.next_element_seed(self.inner(each, &place))? else {
                return Ok(match self.node.shape {
                    Shape::Bytes => base64::encode(&bytes_of(&list)).into(),
                    _ => Value::Array(list),
                });
            };
            list.push(if value.is_null() { each.zero() } else { value });
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut source: A) -> Result<Value, A::Error> {
        let node = self.node;
        if !matches!(node.shape, Shape::Struct(_) | Shape::Map(_) | Shape::Any) {
            while source.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(self.mistyped("object"));
        }
        self.check_depth()?;
        let mut map = Map::new();
        // Names whose value was null, or did not fit: they stand for nothing, and a second one is a duplicate.
        let mut void: HashSet<String> = HashSet::new();
        while let Some(name) = source.next_key::<String>()? {
            if map.contains_key(&name) || void.contains(&name) {
                self.strict("duplicate", &Place::Key(self.place, &name));
            }
            match &node.shape {
                Shape::Struct(fields) => match member(fields, &name) {
                    Member::Field(child) => {
                        let place = Place::Field(self.place, &name, node.struct_name());
                        let value = source.next_value_seed(self.inner(child, &place))?;
                        if value.is_null() && !map.contains_key(&name) {
                            void.insert(name);
                        } else {
                            put(&mut map, name, value, &child.shape);
                        }
                    }
                    Member::Other(child) => {
                        let place = Place::Key(self.place, &name);
                        let value = source.next_value_seed(self.inner(child, &place))?;
                        map.insert(name, value);
                    }
                    Member::Unknown => {
                        self.strict("unknown", &Place::Key(self.place, &name));
                        source.next_value::<IgnoredAny>()?;
                    }
                },
                Shape::Map(each) => {
                    let place = Place::Key(self.place, &name);
                    let value = source.next_value_seed(self.inner(each, &place))?;
                    map.insert(name, if value.is_null() { each.zero() } else { value });
                }
                _ => {
                    let place = Place::Key(self.place, &name);
                    let value = source.next_value_seed(self.inner(&ANY, &place))?;
                    map.insert(name, value);
                }
            }
        }
        if let Shape::Struct(fields) = &node.shape {
            self.require(fields, &map);
        }
        Ok(Value::Object(map))
    }
}

/// An element of a list of bytes.
pub(super) static BYTE: LazyLock<Node> = LazyLock::new(Node::byte);

/// The bytes that were read one by one; what was none of them is an error already.
fn bytes_of(list: &[Value]) -> Vec<u8> {
    let byte = |value: &Value| value.as_u64().and_then(|number| u8::try_from(number).ok());
    list.iter().filter_map(byte).collect()
}

enum Member<'a> {
    Field(&'a Node),
    Other(&'a Node),
    Unknown,
}

fn member<'a>(fields: &'a Fields, name: &str) -> Member<'a> {
    match (fields.known.get(name), &fields.rest) {
        (Some(child), _) => Member::Field(child),
        (None, Rest::Kept) => Member::Other(&ANY),
        (None, Rest::Each(each)) => Member::Other(each),
        (None, Rest::Unknown) => Member::Unknown,
    }
}

/// Sets a field of a struct. A null leaves it as it was, or takes away a map or a list; an object that comes a second
/// time is read over the first, as Go's decoder does.
fn put(map: &mut Map<String, Value>, name: String, value: Value, shape: &Shape) {
    match (value, shape) {
        (Value::Null, Shape::Map(_) | Shape::List(_) | Shape::Bytes | Shape::Any) => {
            map.remove(&name);
        }
        (Value::Null, _) => {}
        (Value::Object(new), Shape::Struct(_) | Shape::Map(_)) => match map.get_mut(&name) {
            Some(Value::Object(old)) => merge(old, new, shape),
            _ => {
                map.insert(name, Value::Object(new));
            }
        },
        (value, _) => {
            map.insert(name, value);
        }
    }
}

fn merge(old: &mut Map<String, Value>, new: Map<String, Value>, shape: &Shape) {
    for (name, value) in new {
        match shape {
            Shape::Struct(fields) => {
                let child = fields.known.get(name.as_str()).unwrap_or(&ANY);
                put(old, name, value, &child.shape);
            }
            _ => {
                old.insert(name, value);
            }
        }
    }
}

impl Reader<'_> {
    fn inner<'b>(&'b mut self, node: &'b Node, place: &'b Place<'b>) -> Reader<'b> {
        Reader {
            node,
            place,
            depth: self.depth + 1,
            findings: self.findings,
        }
    }

    fn check_depth<E: serde::de::Error>(&mut self) -> Result<(), E> {
        if self.depth < MAX_DEPTH {
            return Ok(());
        }
        let message = format!("exceeded max depth of {MAX_DEPTH}");
        let error = E::custom(&message);
        self.findings.gave_up.get_or_insert(message);
        Err(error)
    }

    fn strict(&mut self, what: &str, place: &Place<'_>) {
        self.findings.strict.add_field(what, || place.path());
    }

    fn number(mut self, value: Value, whole: Option<i128>) -> Value {
        match (&self.node.shape, whole) {
            (Shape::Integer(least, most), Some(whole)) if (*least..=*most).contains(&whole) => {
                self.chosen(value)
            }
            (Shape::IntOrString, Some(whole)) if i32::try_from(whole).is_ok() => value,
            (Shape::Integer(..) | Shape::IntOrString, _) => self.mistyped(&format!("number {value}")),
            (Shape::Number | Shape::Any, _) => self.chosen(value),
            _ => self.mistyped("number"),
        }
    }

    /// Notes a value of a wrong type. Nothing stands there then; the first such error is the answer.
    fn mistyped(&mut self, found: &str) -> Value {
        let of_kind = self.place.is_field_of_root(&["apiVersion", "kind"]);
        let noted = if of_kind || self.place.is_root() {
            &self.findings.kind_error
        } else if self.reads_itself() {
            &self.findings.fatal
        } else {
            &self.findings.type_error
        };
        // The text says the whole path: it is made once.
        if noted.is_some() {
            return Value::Null;
        }
        let message = self.type_message(found, of_kind);
        let reads_itself = self.reads_itself();
        let findings = &mut *self.findings;
        if of_kind || self.place.is_root() {
            findings.kind_error = Some(message);
        } else if reads_itself {
            findings.fatal = Some(message);
        } else {
            findings.type_error = Some(message);
        }
        Value::Null
    }

    /// Whether the type has a reader of its own in Go (`json.Unmarshaler`), whose error ends all reading.
    fn reads_itself(&self) -> bool {
        matches!(self.node.shape, Shape::Time | Shape::IntOrString)
    }

    fn type_message(&self, found: &str, of_kind: bool) -> String {
        let wanted = match self.node.shape {
            // Go reads a time as a text first, and what is no text as an integer.
            Shape::Time => "string",
            Shape::IntOrString => "int32",
            _ => &self.node.type_name,
        };
        match self.place {
            Place::Field(_, name, _) if of_kind => {
                format!("json: cannot unmarshal {found} into Go struct field .{name} of type string")
            }
            Place::Root => format!("json: cannot unmarshal {found} into Go value of type {GO_TYPE_META}"),
            place => match place.go_field() {
                Some(field) => {
                    format!("json: cannot unmarshal {found} into Go struct field {field} of type {wanted}")
                }
                None => format!("json: cannot unmarshal {found} into Go value of type {wanted}"),
            },
        }
    }

    fn chosen(self, value: Value) -> Value {
        let choices = &self.node.choices;
        if !self.node.permits(&value) {
            self.findings.add_invalid(self.place, |path| {
                let shown: Vec<Cow<'_, str>> = choices
                    .iter()
                    .map(|choice| match choice {
                        Value::String(text) => Quoted(text).to_string().into(),
                        other => other.to_string().into(),
                    })
                    .collect();
                let detail = format!("supported values: {}", shown.join(", "));
                FieldError::new(FieldErrorKind::NotSupported, path, value.clone(), detail)
            });
        }
        value
    }

    fn require(&mut self, fields: &Fields, map: &Map<String, Value>) {
        // An empty object is two bytes, whatever it lacks: what is not listed is not looked for.
        if self.findings.is_full() {
            return;
        }
        for name in &fields.required {
            if !map.contains_key(&**name) {
                let place = Place::Key(self.place, name);
                self.findings
                    .add_invalid(&place, |path| FieldError::required(path, ""));
            }
        }
    }
}

/// What Kubernetes' decoder reads a kind into.
pub(crate) const GO_TYPE_META: &str =
    r#"struct { APIVersion string "json:\"apiVersion,omitempty\""; Kind string "json:\"kind,omitempty\"" }"#;
