//! Errors about one field, in the words of k8s.io/apimachinery's `field.Error`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde_json::Value;

use super::quote::{MOST_SHOWN, Quoted, cut};

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldErrorKind {
    /// The value is not what it must be.
    Invalid,
    /// There is no value.
    Required,
    /// The value stands elsewhere already.
    Duplicate,
    /// There may be no value.
    Forbidden,
    /// The value is none of those that are possible; `detail` lists them.
    NotSupported,
    /// What the value names is not there.
    NotFound,
    /// The value is longer than `detail` says.
    TooLong,
    /// There are more values than `detail` says.
    TooMany,
    /// The value has the wrong type.
    TypeInvalid,
}

impl FieldErrorKind {
    /// `metav1.CauseType`, as it stands in a Status's causes.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
            Self::NotFound => "FieldValueNotFound",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Invalid | Self::TypeInvalid => "Invalid value",
            Self::Required => "Required value",
            Self::Duplicate => "Duplicate value",
            Self::Forbidden => "Forbidden",
            Self::NotSupported => "Unsupported value",
            Self::NotFound => "Not found",
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
        }
    }

    fn shows_value(self) -> bool {
        !matches!(self, Self::Required | Self::Forbidden | Self::TooLong)
    }
}

/// An error about one field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldError {
    /// What kind of error.
    pub kind: FieldErrorKind,
    /// The field's path, such as `spec.reference`.
    pub field: String,
    /// The value that is wrong.
    pub value: Value,
    /// What it should be.
    pub detail: String,
}

impl FieldError {
    /// An error of `kind`.
    #[must_use]
    pub fn new(
        kind: FieldErrorKind,
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            field: field.into(),
            value: value.into(),
            detail: detail.into(),
        }
    }

    /// The value is not what it must be.
    #[must_use]
    pub fn invalid(field: impl Into<String>, value: impl Into<Value>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Invalid, field, value, detail)
    }

    /// There is no value.
    #[must_use]
    pub fn required(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Required, field, Value::Null, detail)
    }

    /// There may be no value.
    #[must_use]
    pub fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(FieldErrorKind::Forbidden, field, Value::Null, detail)
    }

    /// The field's path as an error shows it: a key that a client sent may be as long as the request.
    pub(super) fn shown_field(&self) -> Cow<'_, str> {
        cut(&self.field, MOST_SHOWN)
    }

    /// The error without the field's path: what stands as a cause's message.
    #[must_use]
    pub fn body(&self) -> String {
        let words = self.kind.words();
        let mut body = if self.kind.shows_value() {
            format!("{words}: {}", ShownValue(&self.value))
        } else {
            words.to_owned()
        };
        if !self.detail.is_empty() {
            body.push_str(": ");
            body.push_str(&cut(&self.detail, MOST_SHOWN));
        }
        body
    }
}

/// A value as Go's `field.Error` shows it: texts quoted, null as `null`, anything else as JSON. Of a long one the beginning,
/// and `...`.
struct ShownValue<'a>(&'a Value);

impl fmt::Display for ShownValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut start = Start {
            text: String::new(),
            is_cut: false,
        };
        // It fails as soon as there is enough, so that a long value is not written to its end.
        let written = match self.0 {
            Value::String(text) => write!(start, "{}", Quoted(text)),
            other => write!(start, "{other}"),
        };
        formatter.write_str(&start.text)?;
        match written {
            Err(_) if start.is_cut => formatter.write_str("..."),
            written => written,
        }
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

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.shown_field(), self.body())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(value: &Value) -> String {
        ShownValue(value).to_string()
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
