//! A writer of JSON that writes the bytes that json-iterator writes.

use std::fmt::Write;

use serde_json::Value;

use crate::value::{Numeric, json_float};

/// Writes a string as the name of a field: `<`, `>` and `&` stay.
pub(crate) fn write_string(out: &mut String, text: &str) {
    escape(out, text, |_| false);
}

/// Writes a value compactly, keys sorted; in strings, what HTML or JavaScript would read is escaped.
pub(crate) fn write_value(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match Numeric::of(number) {
            Numeric::Int(int) => out.push_str(&int.to_string()),
            Numeric::Float(float) => out.push_str(&json_float(float)),
        },
        Value::String(text) => write_html_safe(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                separate(out, index);
                write_value(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in fields.into_iter().enumerate() {
                separate(out, index);
                write_html_safe(out, key);
                out.push(':');
                write_value(out, value);
            }
            out.push('}');
        }
    }
}

pub(crate) fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn write_html_safe(out: &mut String, text: &str) {
    escape(out, text, |character| {
        matches!(character, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
    });
}

fn escape(out: &mut String, text: &str, also: impl Fn(char) -> bool) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if character < ' ' || also(character) => {
                // A String takes whatever is written.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ => out.push(character),
        }
    }
    out.push('"');
}
