//! Decoded JSON as Go prints it: the verbs `%v` and `%s` of package `fmt`.

use std::fmt::{self, Write};

use serde_json::{Number, Value};

use crate::decode::GoType;

/// Bytes of a value that an error shows.
const MOST_SHOWN: usize = 4096;

/// A verb of package `fmt`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::endpoint::patch) enum Verb {
    /// `%v`; `%+v` prints the same.
    V,
    /// `%s`
    S,
}

/// A value as Go prints it; of a long one the beginning.
pub(in crate::endpoint::patch) fn text(value: &Value, verb: Verb) -> String {
    let mut out = Bounded::default();
    // An error says that it is full.
    let _ = match (value, verb) {
        // Within a list or an object it is printed as with `%v`.
        (Value::Null, Verb::S) => out.write_str("%!s(<nil>)"),
        _ => write_value(&mut out, value, verb),
    };
    out.0
}

/// Several lists as Go prints them with `%v`, within the same bound.
pub(super) fn lists(lists: &[&[Value]]) -> String {
    let mut out = Bounded::default();
    let _ = out.write_char('[').and_then(|()| {
        separated(&mut out, lists, |out, list| write_list(out, list, Verb::V))?;
        out.write_char(']')
    });
    out.0
}

#[derive(Default)]
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_SHOWN.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        let end = (0..=room).rev().find(|end| text.is_char_boundary(*end));
        self.0.push_str(&text[..end.unwrap_or_default()]);
        self.0.push_str("...");
        Err(fmt::Error)
    }
}

fn separated<T>(
    out: &mut Bounded,
    items: impl IntoIterator<Item = T>,
    mut each: impl FnMut(&mut Bounded, T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.write_char(' ')?;
        }
        each(out, item)?;
    }
    Ok(())
}

fn write_list(out: &mut Bounded, list: &[Value], verb: Verb) -> fmt::Result {
    out.write_char('[')?;
    separated(out, list, |out, item| write_value(out, item, verb))?;
    out.write_char(']')
}

fn write_value(out: &mut Bounded, value: &Value, verb: Verb) -> fmt::Result {
    match value {
        Value::String(text) => out.write_str(text),
        Value::Array(list) => write_list(out, list, verb),
        // Go sorts the keys, and so does this map.
        Value::Object(fields) => {
            out.write_str("map[")?;
            separated(out, fields, |out, (name, value)| {
                out.write_str(name)?;
                out.write_char(':')?;
                write_value(out, value, verb)
            })?;
            out.write_char(']')
        }
        Value::Null => out.write_str("<nil>"),
        other if verb == Verb::S => {
            write!(out, "%!s({}=", GoType::of(other))?;
            write_value(out, other, Verb::V)?;
            out.write_char(')')
        }
        Value::Bool(value) => write!(out, "{value}"),
        Value::Number(number) => write_number(out, number),
    }
}

/// Floats have an exponent from 1e21 on, and below 1e-4.
fn write_number(out: &mut Bounded, number: &Number) -> fmt::Result {
    if let Some(whole) = number.as_i64() {
        return write!(out, "{whole}");
    }
    let float = number.as_f64().unwrap_or_default();
    let size = float.abs();
    if size == 0.0 || (1e-4..1e21).contains(&size) {
        return write!(out, "{float}");
    }
    // Rust's shortest digits are Go's; there the exponent has a sign and two digits.
    let text = format!("{float:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    write!(out, "{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_printed_as_fmt_prints_them() {
        let value = json!({"b": [1, 2.5, null, true], "a": {"c": "x y"}, "d": 1e21, "e": 0.00001, "f": 1e20, "g": u64::MAX});
        assert_eq!(
            text(&value, Verb::V),
            "map[a:map[c:x y] b:[1 2.5 <nil> true] d:1e+21 e:1e-05 f:100000000000000000000 g:18446744073709552000]"
        );
        assert_eq!(
            text(&json!(["a", 1, null, false, {"x": 1.5}]), Verb::S),
            "[a %!s(int64=1) <nil> %!s(bool=false) map[x:%!s(float64=1.5)]]"
        );
        assert_eq!(text(&json!(null), Verb::S), "%!s(<nil>)");
        assert_eq!(lists(&[&[json!("a"), json!(1)], &[]]), "[[a 1] []]");
    }

    #[test]
    fn of_a_long_value_the_beginning_is_printed() {
        let shown = text(&json!(vec!["é"; 10_000]), Verb::V);
        assert!(
            shown.len() <= MOST_SHOWN + 3 && shown.ends_with("é ..."),
            "{}",
            shown.len()
        );
    }
}
