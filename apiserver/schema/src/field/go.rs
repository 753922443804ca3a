//! How Go prints values: `%q` and `%v` of fmt, and encoding/json.

use std::fmt::Write as _;

use serde_json::{Number, Value};

pub(crate) use annex_cel::go::{float, quote as quoted};

/// Bytes of a path that are shown: keys are as long as a client likes, and each error shows the whole path. Kubernetes shows all of it.
pub(crate) const MOST_OF_A_PATH: usize = 1024;

/// A number as `%v` prints it.
pub(crate) fn number(number: &Number) -> String {
    number.as_i64().map_or_else(
        || float(number.as_f64().unwrap_or_default()),
        |integer| integer.to_string(),
    )
}

/// Rust's shortest digits are Go's; the exponent has a sign there.
fn exponential(value: f64) -> String {
    let text = format!("{value:e}");
    let Some((mantissa, exponent)) = text.split_once('e') else {
        return text;
    };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{mantissa}e{sign}{exponent}")
}

/// A value as client-go's JSONPath prints it (`evalToText`): arrays and objects as encoding/json, all else as `fmt.Fprint`.
#[must_use]
pub fn json_path_text(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".into(),
        Value::String(text) => text.clone(),
        Value::Number(value) => number(value),
        other => json(other),
    }
}

/// A value as encoding/json writes it.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

/// Writes a value as encoding/json does.
pub(crate) fn write_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => out.push_str(&integer.to_string()),
            None => out.push_str(&json_float(number.as_f64().unwrap_or_default())),
        },
        Value::String(text) => write_json_string(out, text),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json(out, item);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_json_string(out, key);
                out.push(':');
                write_json(out, value);
            }
            out.push('}');
        }
    }
}

/// A float as encoding/json writes it.
pub(crate) fn json_float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        exponential(value)
    } else {
        value.to_string()
    }
}

/// Writes a string as encoding/json does: what HTML could take for markup is escaped.
pub(crate) fn write_json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a String does not fail.
                _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_as_q_does() {
        assert_eq!(
            quoted("a\"\\\n\u{1}\u{7f}é\u{301}\u{200b}🚀\u{a0}\u{e000}\u{1c89}"),
            r#""a\"\\\n\x01\x7fé́\u200b🚀\u00a0\ue000\u1c89""#
        );
    }

    #[test]
    fn floats_are_written_as_go_writes_them() {
        for (value, v, json) in [
            (80.0, "80", "80"),
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (1e-5, "1e-05", "0.00001"),
            (1.5e21, "1.5e+21", "1.5e+21"),
            (1e-7, "1e-07", "1e-7"),
            (1e20, "1e+20", "100000000000000000000"),
        ] {
            assert_eq!((&*float(value), &*json_float(value)), (v, json));
        }
    }
}
