//! Reads metadata as Go decodes it, in Go's words where it does not.

use serde_json::{Map, Value};

use super::time;
use super::types::{OBJECT_META, Struct, Type};
use crate::field::go;

/// Metadata that was read.
#[derive(Debug, Default)]
pub struct Metadata {
    /// Its fields, as Go would write them again.
    pub fields: Map<String, Value>,
    /// The paths of the fields that are unknown, below the metadata.
    pub unknown: Vec<String>,
}

/// Reads metadata.
///
/// # Errors
/// A field has the wrong type: Go's words.
pub fn read(value: &Value) -> Result<Metadata, String> {
    let mut reader = Reader::default();
    let fields = reader.object(value, &OBJECT_META, "", "")?;
    match reader.wrong {
        Some(wrong) => Err(wrong),
        None => Ok(Metadata {
            fields: fields.unwrap_or_default(),
            unknown: reader.unknown,
        }),
    }
}

/// Reads what of metadata can be read, field by field.
pub(super) fn read_leniently(fields: &Map<String, Value>) -> Metadata {
    let mut all = Metadata::default();
    for (name, value) in fields {
        let one = Value::Object(Map::from_iter([(name.clone(), value.clone())]));
        if let Ok(read) = read(&one) {
            all.fields.extend(read.fields);
            all.unknown.extend(read.unknown);
        }
    }
    all
}

#[derive(Default)]
struct Reader {
    /// The first that is wrong: Go reads on.
    wrong: Option<String>,
    unknown: Vec<String>,
}

/// A field that is read: of which struct, and its names from the root.
#[derive(Clone, Copy)]
struct Place<'p> {
    of: &'p str,
    field: &'p str,
}

impl Reader {
    fn wrong(&mut self, value: &Value, place: Place<'_>, type_name: &str) {
        let found = match value {
            Value::Null => "null".to_owned(),
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if type_name == "int64" => {
                format!("number {}", go::json(&Value::Number(number.clone())))
            }
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let Place { of, field } = place;
        let into = match field {
            "" => "value".to_owned(),
            _ => format!("struct field {of}.{field}"),
        };
        self.wrong.get_or_insert_with(|| {
            format!("json: cannot unmarshal {found} into Go {into} of type {type_name}")
        });
    }

    /// Reads a struct; nothing is read of what has another type. `path` has indexes, `field` has none. What cannot be a time ends
    /// everything.
    fn object(
        &mut self,
        value: &Value,
        of: &Struct,
        path: &str,
        field: &str,
    ) -> Result<Option<Map<String, Value>>, String> {
        let fields = match value {
            Value::Object(fields) => fields,
            Value::Null => &Map::new(),
            _ => {
                let owner = if path.is_empty() { "" } else { OBJECT_META.name };
                let place = Place { of: owner, field };
                self.wrong(value, place, &format!("v1.{}", of.name));
                return Ok(None);
            }
        };
        let mut read = Map::new();
        if of.keeps_empty_texts {
            let texts = of.fields.iter().filter(|(_, kind)| matches!(kind, Type::Text(_)));
            read.extend(texts.map(|(name, _)| ((*name).to_owned(), "".into())));
        }
        let joined = |before: &str, name: &str| {
            if before.is_empty() {
                name.to_owned()
            } else {
                format!("{before}.{name}")
            }
        };
        let mut sorted: Vec<_> = fields.iter().collect();
        sorted.sort_unstable_by_key(|(name, _)| *name);
        for (name, value) in sorted {
            let Some((_, kind)) = of.fields.iter().find(|(known, _)| known == name) else {
                self.unknown.push(joined(path, name));
                continue;
            };
            let field = joined(field, name);
            let place = Place {
                of: of.name,
                field: &field,
            };
            if let Some(value) = self.field(value, *kind, &joined(path, name), place)? {
                read.insert(name.clone(), value);
            }
        }
        Ok(Some(read))
    }

    /// A field, if it is not empty.
    fn field(
        &mut self,
        value: &Value,
        kind: Type,
        path: &str,
        place: Place<'_>,
    ) -> Result<Option<Value>, String> {
        let wrong = match (kind, value) {
            (_, Value::Null) => return Ok(None),
            (Type::Any, _) => return Ok(Some(value.clone())),
            (Type::Text(_), Value::String(text)) => return Ok((!text.is_empty()).then(|| value.clone())),
            (Type::Text(name), _) => name,
            (Type::OptionalInteger | Type::Integer, Value::Number(number)) if number.as_i64().is_some() => {
                let kept = matches!(kind, Type::OptionalInteger) || number.as_i64() != Some(0);
                return Ok(kept.then(|| value.clone()));
            }
            (Type::OptionalInteger | Type::Integer, _) => "int64",
            (Type::OptionalBoolean, Value::Bool(_)) => return Ok(Some(value.clone())),
            (Type::OptionalBoolean, _) => "bool",
            (Type::Time, Value::String(text)) => {
                return time::parse(text).map(|time| time.map(Value::String));
            }
            (Type::Time, _) => {
                self.wrong = None;
                self.wrong(value, place, "string");
                return Err(self.wrong.take().unwrap_or_default());
            }
            (Type::TextMap, Value::Object(fields)) => {
                let mut sorted: Vec<_> = fields.iter().collect();
                sorted.sort_unstable_by_key(|(name, _)| *name);
                let mut read = Map::new();
                for (name, value) in sorted {
                    read.insert(name.clone(), self.text(value, place).into());
                }
                return Ok((!read.is_empty()).then_some(Value::Object(read)));
            }
            (Type::TextMap, _) => "map[string]string",
            (Type::Texts, Value::Array(items)) => {
                let read: Vec<String> = items.iter().map(|item| self.text(item, place)).collect();
                return Ok((!read.is_empty()).then(|| read.into()));
            }
            (Type::Texts, _) => "[]string",
            (Type::List(of), Value::Array(items)) => {
                let mut read = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    let item = self.object(item, of, &format!("{path}[{index}]"), place.field)?;
                    read.push(Value::Object(item.unwrap_or_default()));
                }
                return Ok((!read.is_empty()).then_some(Value::Array(read)));
            }
            (Type::List(of), _) => &format!("[]v1.{}", of.name),
        };
        self.wrong(value, place, wrong);
        Ok(None)
    }

    fn text(&mut self, value: &Value, place: Place<'_>) -> String {
        match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            _ => {
                self.wrong(value, place, "string");
                String::new()
            }
        }
    }
}
