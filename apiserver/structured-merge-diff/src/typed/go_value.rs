//! How Go prints unstructured values in messages (Go: `fmt`).

use std::fmt::{self, Display, Formatter, Write};

use serde_json::Value;

use crate::value::{Numeric, separated, write_number, write_quoted};

/// A value as `%v` prints it.
pub(super) struct Plain<'a>(pub(super) &'a Value);

/// A value as `%#v` prints it.
pub(super) struct Syntax<'a>(pub(super) &'a Value);

/// What `%T` prints for a value.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) => match Numeric::of(number) {
            Numeric::Int(_) => "int64",
            Numeric::Float(_) => "float64",
        },
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

impl Display for Plain<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("<nil>"),
            Value::Bool(value) => value.fmt(f),
            Value::Number(number) => write_number(f, number),
            Value::String(text) => f.write_str(text),
            Value::Array(items) => {
                f.write_char('[')?;
                separated(f, items, " ", |f, item| Self(item).fmt(f))?;
                f.write_char(']')
            }
            Value::Object(fields) => {
                f.write_str("map[")?;
                separated(f, fields, " ", |f, (key, value)| {
                    write!(f, "{key}:{}", Plain(value))
                })?;
                f.write_char(']')
            }
        }
    }
}

impl Display for Syntax<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("interface {}(nil)"),
            Value::Bool(value) => value.fmt(f),
            Value::Number(number) => write_number(f, number),
            Value::String(text) => write_quoted(f, text),
            Value::Array(items) => {
                f.write_str("[]interface {}{")?;
                separated(f, items, ", ", |f, item| Self(item).fmt(f))?;
                f.write_char('}')
            }
            Value::Object(fields) => {
                f.write_str("map[string]interface {}{")?;
                separated(f, fields, ", ", |f, (key, value)| {
                    write_quoted(f, key)?;
                    write!(f, ":{}", Syntax(value))
                })?;
                f.write_char('}')
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_printed_as_fmt_prints_unstructured_ones() {
        let value = json!({"a": 1, "b": ["x", null, true]});
        assert_eq!(Plain(&value).to_string(), "map[a:1 b:[x <nil> true]]");
        assert_eq!(
            Syntax(&value).to_string(),
            r#"map[string]interface {}{"a":1, "b":[]interface {}{"x", interface {}(nil), true}}"#
        );
    }
}
