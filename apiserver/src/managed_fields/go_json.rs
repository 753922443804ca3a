//! JSON in the bytes that Go's `encoding/json` writes: names of managers and the annotation of the last applied
//! configuration are kept as such texts.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// `value` compactly, in strings escaped what HTML or JavaScript would read.
///
/// # Errors
/// Where a value has no JSON; what was decoded from it has.
pub(super) fn to_go_json(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, GoFormatter))?;
    Ok(String::from_utf8(out).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Whether a text stands in Go's JSON as it is.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&'))
}

struct GoFormatter;

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let is_escaped = |letter: char| matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}');
        let mut rest = fragment;
        while let Some(at) = rest.find(is_escaped) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut letters = from.chars();
            if let Some(letter) = letters.next() {
                write!(writer, "\\u{:04x}", u32::from(letter))?;
            }
            rest = letters.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    // Go reads a whole number beyond 64 bits with a sign as a float.
    fn write_u64<W: ?Sized + Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        match i64::try_from(value) {
            Ok(value) => self.write_i64(writer, value),
            #[expect(clippy::cast_precision_loss, reason = "as Go reads it")]
            Err(_) => self.write_f64(writer, value as f64),
        }
    }

    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        let size = value.abs();
        if size == 0.0 || (1e-6..1e21).contains(&size) {
            return write!(writer, "{value}");
        }
        let text = format!("{value:e}");
        match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => write!(writer, "{digits}e+{exponent}"),
            _ => writer.write_all(text.as_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn texts_and_numbers_are_written_as_go_writes_them() {
        let cases = [
            (
                json!("a<b>&\u{2028}\"\\\u{8}\u{c}\u{1}\u{7f}é"),
                "\"a\\u003cb\\u003e\\u0026\\u2028\\\"\\\\\\b\\f\\u0001\u{7f}é\"",
            ),
            (
                json!([1.0, -0.0, 2.5, 1e20, 1e21, 1.5e22]),
                "[1,-0,2.5,100000000000000000000,1e+21,1.5e+22]",
            ),
            (
                json!([0.000_001, 0.000_000_1, -1.25e-9]),
                "[0.000001,1e-7,-1.25e-9]",
            ),
            (
                json!([9_223_372_036_854_775_807_u64, 18_446_744_073_709_551_615_u64]),
                "[9223372036854775807,18446744073709552000]",
            ),
            (
                json!({"b": null, "a": {"<": true}}),
                r#"{"a":{"\u003c":true},"b":null}"#,
            ),
            (Value::Array(Vec::new()), "[]"),
        ];
        for (value, text) in cases {
            assert_eq!(to_go_json(&value).unwrap(), text);
        }
    }
}
