//! Decoded JSON as Go holds it: `reflect.TypeOf`, and the words of `encoding/json`.

use std::fmt::{self, Display, Formatter};

use serde_json::Value;

/// The type in which Go's decoder holds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GoType {
    /// None: an interface that holds nothing.
    Null,
    /// `bool`
    Bool,
    /// `int64`: a number without a fraction that is in its range.
    Int64,
    /// `float64`
    Float64,
    /// `string`
    Text,
    /// `[]interface {}`
    List,
    /// `map[string]interface {}`
    Map,
}

impl GoType {
    pub(crate) fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Number(number) if number.as_i64().is_some() => Self::Int64,
            Value::Number(_) => Self::Float64,
            Value::String(_) => Self::Text,
            Value::Array(_) => Self::List,
            Value::Object(_) => Self::Map,
        }
    }

    /// Its `reflect.Kind`.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Null => "invalid",
            Self::Bool => "bool",
            Self::Int64 => "int64",
            Self::Float64 => "float64",
            Self::Text => "string",
            Self::List => "slice",
            Self::Map => "map",
        }
    }
}

impl Display for GoType {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "<nil>",
            Self::List => "[]interface {}",
            Self::Map => "map[string]interface {}",
            other => other.kind(),
        })
    }
}

/// Go's word for the kind of a value.
pub(crate) fn go_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
