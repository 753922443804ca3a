//! Errors about one field, in the words of k8s.io/apimachinery's `field.Error`.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

use super::quote::{MOST_SHOWN, cut};
use super::shown_value::{OWNER_REFERENCE, ShownValue};

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
    /// Something went wrong that is not the value's fault.
    Internal,
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
            Self::Internal => "InternalError",
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
            Self::Internal => "Internal error",
        }
    }

    fn shows_value(self) -> bool {
        !matches!(
            self,
            Self::Required | Self::Forbidden | Self::TooLong | Self::Internal
        )
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
    /// The value as it is shown, where that is not the JSON of `value`; empty: it is not shown.
    shown: Option<String>,
}

impl From<annex_schema::field::Error> for FieldError {
    fn from(error: annex_schema::field::Error) -> Self {
        use annex_schema::field::ErrorKind;
        let kind = match error.kind {
            ErrorKind::Invalid => FieldErrorKind::Invalid,
            ErrorKind::TypeInvalid => FieldErrorKind::TypeInvalid,
            ErrorKind::Required => FieldErrorKind::Required,
            ErrorKind::Duplicate => FieldErrorKind::Duplicate,
            ErrorKind::Forbidden => FieldErrorKind::Forbidden,
            ErrorKind::NotSupported => FieldErrorKind::NotSupported,
            ErrorKind::TooLong => FieldErrorKind::TooLong,
            ErrorKind::TooMany => FieldErrorKind::TooMany,
            ErrorKind::Internal => FieldErrorKind::Internal,
        };
        let shown = Some(error.value.to_string());
        Self {
            shown,
            ..Self::new(kind, error.field, Value::Null, error.detail)
        }
    }
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
            shown: None,
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
        let mut body = if let Some(shown) = &self.shown {
            match cut(shown, MOST_SHOWN) {
                shown if shown.is_empty() => words.to_owned(),
                shown => format!("{words}: {shown}"),
            }
        } else if self.kind.shows_value() {
            let order = if self.field == "metadata.ownerReferences" {
                &OWNER_REFERENCE
            } else {
                &[][..]
            };
            format!(
                "{words}: {}",
                ShownValue {
                    value: &self.value,
                    order
                }
            )
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

impl fmt::Display for FieldError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.shown_field(), self.body())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn owners_are_shown_in_the_order_of_their_type() {
        let owners =
            json!([{"controller": true, "name": "a", "apiVersion": "v1", "x": 1}, {"uid": "u", "kind": "K"}]);
        assert_eq!(
            FieldError::invalid("metadata.ownerReferences", owners, "").body(),
            r#"Invalid value: [{"apiVersion":"v1","name":"a","controller":true,"x":1},{"kind":"K","uid":"u"}]"#
        );
    }
}
