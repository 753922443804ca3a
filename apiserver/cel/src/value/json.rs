//! JSON as values: by a schema, or as it is.

use serde_json::Value as Json;

use super::layout::layout_error;
use super::time::{parse_date, parse_date_time, parse_open_api_duration};
use super::{List, Map, Outcome, Text, Value, fail};
use crate::schema::{Format, ListType, Schema, SchemaKind};

/// JSON as it is.
pub(crate) fn from_json(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number
            .as_i64()
            .map_or_else(|| Value::Double(number.as_f64().unwrap_or(f64::NAN)), Value::Int),
        Json::String(text) => Value::String(Text::Borrowed(text)),
        Json::Array(elements) => Value::List(List::Json {
            elements,
            schema: None,
        }),
        Json::Object(map) => Value::Map(Map::Json { map, schema: None }),
    }
}

/// JSON by a schema.
pub(crate) fn from_schema<'a>(json: &'a Json, schema: &'a Schema) -> Outcome<'a> {
    if json.is_null() {
        if schema.nullable {
            return Ok(Value::Null);
        }
        return fail("invalid data, got null for schema with nullable=false");
    }
    if schema.int_or_string {
        return match json {
            Json::String(text) => Ok(Value::String(Text::Borrowed(text))),
            Json::Number(number) if number.is_i64() => Ok(Value::Int(number.as_i64().unwrap_or_default())),
            _ => fail("invalid data, expected XIntOrString value to be either a string or integer"),
        };
    }
    match schema.kind {
        SchemaKind::Object => match json {
            Json::Object(map) => Ok(Value::Map(Map::Json {
                map,
                schema: Some(schema),
            })),
            _ => fail("invalid data, expected a map for the provided schema with type=object"),
        },
        SchemaKind::Array => {
            let Json::Array(elements) = json else {
                return fail("invalid data, expected an array for the provided schema with type=array");
            };
            if schema.items.is_none() {
                return fail("invalid array type, expected Items with a non-empty Schema");
            }
            if let ListType::Other(other) = &schema.list_type {
                return fail(format!(
                    "invalid x-kubernetes-list-type, expected 'map', 'set' or 'atomic' but got {other}"
                ));
            }
            Ok(Value::List(List::Json {
                elements,
                schema: Some(schema),
            }))
        }
        SchemaKind::String => {
            let Json::String(text) = json else {
                return fail(format!("invalid data, expected string, got {}", go_type(json)));
            };
            formatted(text, schema.format)
        }
        SchemaKind::Number => match json {
            Json::Number(number) => Ok(Value::Double(number.as_f64().unwrap_or(f64::NAN))),
            _ => fail(format!("invalid data, expected float, got {}", go_type(json))),
        },
        SchemaKind::Integer => match json {
            Json::Number(number) if number.is_i64() => Ok(Value::Int(number.as_i64().unwrap_or_default())),
            _ => fail(format!("invalid data, expected int, got {}", go_type(json))),
        },
        SchemaKind::Boolean => match json {
            Json::Bool(value) => Ok(Value::Bool(*value)),
            _ => fail(format!("invalid data, expected bool, got {}", go_type(json))),
        },
        SchemaKind::Other if schema.preserves_unknown_fields => Ok(Value::Unknown(json)),
        SchemaKind::Other => fail(format!(
            "invalid type, expected object, array, number, integer, boolean or string, or no type with \
             x-kubernetes-int-or-string or x-kubernetes-preserve-unknown-fields is true, got {}",
            schema.type_name
        )),
    }
}

fn formatted(text: &str, format: Format) -> Outcome<'_> {
    match format {
        Format::Other => Ok(Value::String(Text::Borrowed(text))),
        Format::Duration => match parse_open_api_duration(text) {
            Ok(duration) => Ok(Value::Duration(duration)),
            Err(error) => fail(format!("Invalid duration {text}: {error}")),
        },
        Format::Date => match parse_date(text) {
            Some(time) => Ok(Value::Timestamp(time)),
            None => fail(format!(
                "Invalid date formatted string {text}: {}",
                layout_error(text, "2006-01-02")
            )),
        },
        Format::DateTime => match parse_date_time(text) {
            Some(time) => Ok(Value::Timestamp(time)),
            None => fail(format!(
                "Invalid date-time formatted string {text}: {}",
                layout_error(text, "2006-01-02T15:04:05")
            )),
        },
        Format::Byte => match decode_base64_url(text) {
            Ok(bytes) => Ok(Value::Bytes(bytes.into())),
            Err(at) => fail(format!(
                "Invalid byte formatted string {text}: illegal base64 data at input byte {at}"
            )),
        },
    }
}

/// What a text stands for as Go's `base64.URLEncoding` reads it, which is what kube-openapi reads `byte` with; or the byte that is wrong.
fn decode_base64_url(text: &str) -> Result<Vec<u8>, usize> {
    let (source, mut at) = (text.as_bytes(), 0);
    let mut out = Vec::with_capacity(source.len() / 4 * 3);
    let after_breaks = |mut at: usize| {
        while matches!(source.get(at), Some(b'\n' | b'\r')) {
            at += 1;
        }
        at
    };
    while at < source.len() {
        let (mut bits, mut count) = (0_u32, 0);
        while count < 4 {
            let Some(c) = source.get(at) else {
                return if count == 0 { Ok(out) } else { Err(at - count) };
            };
            at += 1;
            let value = match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                b'\n' | b'\r' => continue,
                b'=' if count >= 2 => {
                    if count == 2 {
                        at = after_breaks(at);
                        match source.get(at) {
                            None => return Err(source.len()),
                            Some(b'=') => at += 1,
                            Some(_) => return Err(at - 1),
                        }
                    }
                    at = after_breaks(at);
                    if at < source.len() {
                        return Err(at);
                    }
                    break;
                }
                _ => return Err(at - 1),
            };
            bits = bits << 6 | u32::from(value);
            count += 1;
        }
        bits <<= 6 * (4 - count);
        out.extend(bits.to_be_bytes().into_iter().take(count).skip(1));
    }
    Ok(out)
}

/// The type in which Go holds JSON.
fn go_type(json: &Json) -> &'static str {
    match json {
        Json::Null => "<nil>",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_i64() => "int64",
        Json::Number(_) => "float64",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    }
}

impl<'a> Value<'a> {
    /// The value without what a schema says of it, as Go's `Value()` and back.
    pub(crate) fn native(self) -> Self {
        match self {
            Self::List(List::Json { elements, .. }) => Self::List(List::Json {
                elements,
                schema: None,
            }),
            Self::List(List::Grown { elements, .. }) => {
                let native = |element: &super::list::Element<'a>| match element {
                    super::list::Element::Json(json) => from_json(json),
                    super::list::Element::Added(value) => value.clone(),
                };
                Self::list(elements.iter().map(native).collect())
            }
            Self::Map(Map::Json { map, .. }) => Self::Map(Map::Json { map, schema: None }),
            Self::Unknown(json) => from_json(json),
            other => other,
        }
    }

    /// A value that was added to a list, by the schema of its items.
    pub(crate) fn retyped(&self, schema: &'a Schema) -> Outcome<'a> {
        if matches!(self, Self::Null) {
            return if schema.nullable {
                Ok(Self::Null)
            } else {
                fail("invalid data, got null for schema with nullable=false")
            };
        }
        if schema.int_or_string {
            return match self {
                Self::String(_) | Self::Int(_) => Ok(self.clone()),
                _ => fail("invalid data, expected XIntOrString value to be either a string or integer"),
            };
        }
        match (schema.kind, self) {
            (SchemaKind::Object, Self::Map(Map::Json { map, .. })) => Ok(Self::Map(Map::Json {
                map,
                schema: Some(schema),
            })),
            (SchemaKind::Object, _) => {
                fail("invalid data, expected a map for the provided schema with type=object")
            }
            (SchemaKind::Array, Self::List(List::Json { elements, .. })) => Ok(Self::List(List::Json {
                elements,
                schema: Some(schema),
            })),
            (SchemaKind::Array, _) => {
                fail("invalid data, expected an array for the provided schema with type=array")
            }
            (SchemaKind::String, Self::String(text)) if schema.format == Format::Other => {
                Ok(Self::String(text.clone()))
            }
            (SchemaKind::String, Self::String(Text::Borrowed(text))) => formatted(text, schema.format),
            (SchemaKind::String, _) => fail(format!("invalid data, expected string, got {}", self.go_type())),
            (SchemaKind::Number, Self::Double(_))
            | (SchemaKind::Integer, Self::Int(_))
            | (SchemaKind::Boolean, Self::Bool(_)) => Ok(self.clone()),
            #[expect(clippy::cast_precision_loss, reason = "Go converts so")]
            (SchemaKind::Number, Self::Int(number)) => Ok(Self::Double(*number as f64)),
            (SchemaKind::Number, _) => fail(format!("invalid data, expected float, got {}", self.go_type())),
            (SchemaKind::Integer, _) => fail(format!("invalid data, expected int, got {}", self.go_type())),
            (SchemaKind::Boolean, _) => fail(format!("invalid data, expected bool, got {}", self.go_type())),
            (SchemaKind::Other, _) => Ok(self.clone()),
        }
    }

    /// The type in which Go holds the value.
    fn go_type(&self) -> &'static str {
        match self {
            Self::Null => "structpb.NullValue",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int64",
            Self::Uint(_) => "uint64",
            Self::Double(_) => "float64",
            Self::String(_) | Self::Type(_) => "string",
            Self::Bytes(_) => "[]uint8",
            Self::Duration(_) => "time.Duration",
            Self::Timestamp(_) => "time.Time",
            Self::Map(_) => "map[string]interface {}",
            _ => "[]interface {}",
        }
    }

    /// The value as JSON, where it is one.
    pub(crate) fn to_json(&self) -> Option<Json> {
        Some(match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(*value),
            Self::Int(value) => Json::from(*value),
            Self::Uint(value) => Json::from(*value),
            Self::Double(value) => Json::from(*value),
            Self::String(text) => Json::from(&**text),
            Self::List(List::Json { elements, .. }) => Json::from(elements.to_vec()),
            Self::Map(Map::Json { map, .. }) => Json::Object((*map).clone()),
            Self::Unknown(json) => (*json).clone(),
            _ => return None,
        })
    }

    /// The value as JSON, by which elements of sets are compared.
    pub(crate) fn to_json_text(&self) -> String {
        self.to_json()
            .map_or_else(|| format!("{} {self}", self.type_name()), |json| json.to_string())
    }
}
