//! How Go prints values: in paths, and in the JSON of json-iterator (Go: `value.ToString`, `strconv`).

use std::fmt::{self, Display, Formatter, Write};

use serde_json::{Number, Value};

use super::Numeric;

/// A value as `value.ToString` prints it in a path: strings quoted.
pub(crate) struct Quoted<'a>(pub(crate) &'a Value);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => value.fmt(f),
            Value::Number(number) => write_number(f, number),
            Value::String(text) => write_quoted(f, text),
            Value::Array(items) => {
                f.write_char('[')?;
                separated(f, items, ",", |f, item| Self(item).fmt(f))?;
                f.write_char(']')
            }
            Value::Object(fields) => separated(f, fields, "", |f, (key, value)| {
                write!(f, "{key}={}", Quoted(value))
            }),
        }
    }
}

pub(crate) fn separated<T>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    separator: &str,
    mut each: impl FnMut(&mut Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        each(f, item)?;
    }
    Ok(())
}

pub(crate) fn write_number(f: &mut Formatter<'_>, number: &Number) -> fmt::Result {
    match Numeric::of(number) {
        Numeric::Int(int) => int.fmt(f),
        Numeric::Float(float) => f.write_str(&verb_float(float)),
    }
}

/// A string as `%q` prints it.
pub(crate) fn write_quoted(f: &mut impl Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' | '\\' => {
                f.write_char('\\')?;
                f.write_char(character)?;
            }
            '\u{7}' => f.write_str("\\a")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{b}' => f.write_str("\\v")?,
            ' '..='~' => f.write_char(character)?,
            '\0'..='\u{7f}' => write!(f, "\\x{:02x}", u32::from(character))?,
            _ if is_printable(character) => f.write_char(character)?,
            '\u{80}'..='\u{ffff}' => write!(f, "\\u{:04x}", u32::from(character))?,
            _ => write!(f, "\\U{:08x}", u32::from(character))?,
        }
    }
    f.write_char('"')
}

// Of the characters beyond ASCII. Rust escapes what is not printable, and marks only where they begin a string.
fn is_printable(character: char) -> bool {
    let mut text = String::from("a");
    text.push(character);
    !character.is_whitespace() && text.escape_debug().count() == 2
}

/// A float as json-iterator writes it: a plain decimal from 1e-6 to 1e21, else with an exponent of at least two digits.
pub(crate) fn json_float(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        exponential(float)
    } else {
        float.to_string()
    }
}

// As `%v`: with an exponent from 1e6 on, and below 1e-4.
fn verb_float(float: f64) -> String {
    let size = float.abs();
    if size != 0.0 && !(1e-4..1e6).contains(&size) {
        exponential(float)
    } else {
        float.to_string()
    }
}

// Rust's shortest digits are Go's; the exponent has a sign and two digits there.
fn exponential(float: f64) -> String {
    let text = format!("{float:e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(exponent) => ('-', exponent),
                None => ('+', exponent),
            };
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_gos_exponents() {
        let json = [
            (80.0, "80"),
            (0.5, "0.5"),
            (1e-7, "1e-07"),
            (1.5e21, "1.5e+21"),
            (1e20, "100000000000000000000"),
            (-0.0, "-0"),
        ];
        for (float, text) in json {
            assert_eq!(json_float(float), text);
        }
        assert_eq!(verb_float(0.00001), "1e-05");
        assert_eq!(verb_float(3.25), "3.25");
    }

    #[test]
    fn strings_are_quoted_as_q_does() {
        let mut text = String::new();
        write_quoted(&mut text, "a\"\\\n\u{1}\u{7f}é\u{301}\u{200b}🚀\u{a0}").unwrap();
        assert_eq!(text, r#""a\"\\\n\x01\x7fé́\u200b🚀\u00a0""#);
    }

    #[test]
    fn lists_and_maps_are_printed_as_to_string_does() {
        let value = serde_json::json!({"a": 1, "b": ["x", null, true]});
        assert_eq!(Quoted(&value).to_string(), r#"a=1b=["x",null,true]"#);
    }
}
