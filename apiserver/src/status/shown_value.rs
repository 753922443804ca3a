//! Values in errors, as k8s.io/apimachinery's `field.Error` shows them.

use std::fmt::{self, Write as _};

use serde_json::Value;

use super::quote::{MOST_SHOWN, Quoted};

/// The fields of an OwnerReference in the order of its Go type.
pub(super) const OWNER_REFERENCE: [&str; 6] = [
    "apiVersion",
    "kind",
    "name",
    "uid",
    "controller",
    "blockOwnerDeletion",
];

/// A value as Go's `field.Error` shows it: texts quoted, null as `null`, anything else as JSON. Of a long one the beginning,
/// and `...`.
pub(super) struct ShownValue<'a> {
    pub(super) value: &'a Value,
    /// The fields that come first in an object, or in each of a list: Go writes those of a struct in the order of its type.
    pub(super) order: &'a [&'static str],
}

impl fmt::Display for ShownValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = Start {
            text: String::new(),
            is_cut: false,
        };
        // It fails as soon as there is enough, so that a long value is not written to its end.
        let written = match self.value {
            Value::String(text) => write!(start, "{}", Quoted(text)),
            value => write_ordered(&mut start, value, self.order),
        };
        formatter.write_str(&start.text)?;
        match written {
            Err(_) if start.is_cut => formatter.write_str("..."),
            written => written,
        }
    }
}

fn write_ordered(start: &mut Start, value: &Value, order: &[&'static str]) -> fmt::Result {
    match value {
        _ if order.is_empty() => write!(start, "{value}"),
        Value::Array(elements) => {
            start.write_char('[')?;
            for (index, element) in elements.iter().enumerate() {
                start.write_str(if index == 0 { "" } else { "," })?;
                write_ordered(start, element, order)?;
            }
            start.write_char(']')
        }
        Value::Object(fields) => {
            let known = order.iter().filter_map(|name| fields.get_key_value(*name));
            let rest = fields.iter().filter(|(name, _)| !order.contains(&name.as_str()));
            start.write_char('{')?;
            for (index, (name, value)) in known.chain(rest).enumerate() {
                start.write_str(if index == 0 { "" } else { "," })?;
                write!(start, "{}:{value}", Value::from(name.as_str()))?;
            }
            start.write_char('}')
        }
        scalar => write!(start, "{scalar}"),
    }
}

/// As much of a value as an error shows of it: for errors that each show the same long one.
pub(crate) fn shown_part(value: &Value) -> Value {
    // A few bytes more, where a character ends behind the last that is shown.
    part(value, &mut (MOST_SHOWN + 8))
}

/// At most `left` bytes of it, of which each value takes at least one.
fn part(value: &Value, left: &mut usize) -> Value {
    match value {
        Value::String(text) if text.len() > *left => {
            let end = (0..=*left).rev().find(|end| text.is_char_boundary(*end));
            *left = 0;
            text[..end.unwrap_or_default()].into()
        }
        Value::String(text) => {
            spend(left, text.len());
            value.clone()
        }
        Value::Array(elements) => {
            spend(left, 1);
            let mut parts = Vec::new();
            for element in elements {
                if *left == 0 {
                    break;
                }
                parts.push(part(element, left));
            }
            parts.into()
        }
        Value::Object(fields) => {
            spend(left, 1);
            let mut parts = serde_json::Map::new();
            for (key, field) in fields {
                if *left == 0 {
                    break;
                }
                spend(left, key.len());
                parts.insert(key.clone(), part(field, left));
            }
            parts.into()
        }
        scalar => {
            spend(left, 1);
            scalar.clone()
        }
    }
}

fn spend(left: &mut usize, bytes: usize) {
    *left = left.saturating_sub(bytes.max(1));
}

/// Takes the first [`MOST_SHOWN`] bytes.
struct Start {
    text: String,
    is_cut: bool,
}

impl fmt::Write for Start {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut end = text.len().min(MOST_SHOWN - self.text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.text.push_str(&text[..end]);
        if end < text.len() {
            self.is_cut = true;
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: &Value) -> String {
        ShownValue { value, order: &[] }.to_string()
    }

    #[test]
    fn of_a_long_value_the_beginning_is_shown() {
        assert_eq!(shown(&json!("a\n")), r#""a\n""#);
        assert_eq!(shown(&json!({"a": [1, null]})), r#"{"a":[1,null]}"#);
        let exact = "x".repeat(MOST_SHOWN - 2);
        assert_eq!(shown(&json!(exact)), format!("\"{exact}\""));
        let long = "\u{e9}".repeat(MOST_SHOWN);
        let text = shown(&json!(long));
        assert!(
            text.starts_with("\"\u{e9}") && text.ends_with("\u{e9}..."),
            "{}",
            &text[text.len() - 9..]
        );
        assert!(text.len() <= MOST_SHOWN + 3);
    }

    #[test]
    fn a_part_is_shown_as_the_whole() {
        let owner = json!({"uid": "u", "name": "", "more": [true, {}, 1.5], "text": "x".repeat(50)});
        for count in [1, 10, 100, 1000] {
            let whole = Value::from(vec![owner.clone(); count]);
            let part = shown_part(&whole);
            assert_eq!(shown(&part), shown(&whole), "{count}");
            assert!(part.to_string().len() < 4 * MOST_SHOWN);
        }
        for whole in [json!("x".repeat(100_000)), json!([["\u{e9}".repeat(100_000)]])] {
            assert_eq!(shown(&shown_part(&whole)), shown(&whole));
        }
    }
}
