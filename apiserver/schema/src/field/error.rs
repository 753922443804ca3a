//! An error about one field: `field.Error`.

use std::fmt;

use serde_json::Value;

use super::Path;
use super::go;

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The value is not what it must be.
    Invalid,
    /// The value has the wrong type.
    TypeInvalid,
    /// There is no value.
    Required,
    /// The value stands elsewhere already.
    Duplicate,
    /// There may be no value.
    Forbidden,
    /// The value is none of those that are possible.
    NotSupported,
    /// The value is longer than it may be.
    TooLong,
    /// There are more values than there may be.
    TooMany,
    /// Something went wrong that is not the value's fault.
    Internal,
}

impl ErrorKind {
    /// `metav1.CauseType`, as it stands in a Status's causes.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Invalid => "FieldValueInvalid",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::Required => "FieldValueRequired",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::NotSupported => "FieldValueNotSupported",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
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
            Self::TooLong => "Too long",
            Self::TooMany => "Too many",
            Self::Internal => "Internal error",
        }
    }
}

/// The value that is wrong, as an error shows it.
#[derive(Debug, Clone, PartialEq)]
pub enum BadValue {
    /// None is shown.
    Omitted,
    /// A value of JSON. A string is quoted as Go quotes it.
    Json(Value),
    /// The JSON of what is no plain value in Go.
    Written(String),
}

impl<T: Into<Value>> From<T> for BadValue {
    fn from(value: T) -> Self {
        Self::Json(value.into())
    }
}

impl fmt::Display for BadValue {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Omitted => Ok(()),
            Self::Written(json) => formatter.write_str(json),
            Self::Json(Value::String(text)) => formatter.write_str(&go::quoted(text)),
            Self::Json(Value::Number(number)) => formatter.write_str(&go::number(number)),
            Self::Json(value) => formatter.write_str(&go::json(value)),
        }
    }
}

/// An error about one field.
#[derive(Debug, Clone, PartialEq)]
pub struct Error {
    /// What kind of error.
    pub kind: ErrorKind,
    /// The field's path, such as `spec.replicas`.
    pub field: String,
    /// The value that is wrong.
    pub value: BadValue,
    /// What it should be.
    pub detail: String,
}

impl Error {
    fn new(kind: ErrorKind, path: &Path<'_>, value: BadValue, detail: impl Into<String>) -> Self {
        Self {
            kind,
            field: path.to_string(),
            value,
            detail: detail.into(),
        }
    }

    /// The value is not what it must be.
    #[must_use]
    pub fn invalid(path: &Path<'_>, value: impl Into<BadValue>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, path, value.into(), detail)
    }

    /// The value has the wrong type.
    #[must_use]
    pub fn type_invalid(path: &Path<'_>, value: impl Into<BadValue>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::TypeInvalid, path, value.into(), detail)
    }

    /// There is no value.
    #[must_use]
    pub fn required(path: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Required, path, BadValue::Omitted, detail)
    }

    /// The value stands elsewhere already.
    #[must_use]
    pub fn duplicate(path: &Path<'_>, value: impl Into<BadValue>) -> Self {
        Self::new(ErrorKind::Duplicate, path, value.into(), "")
    }

    /// There may be no value.
    #[must_use]
    pub fn forbidden(path: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Forbidden, path, BadValue::Omitted, detail)
    }

    /// Something went wrong.
    #[must_use]
    pub fn internal(path: &Path<'_>, detail: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, path, BadValue::Omitted, detail)
    }

    /// The value is none of these.
    #[must_use]
    pub fn not_supported<T: AsRef<str>>(
        path: &Path<'_>,
        value: impl Into<BadValue>,
        supported: &[T],
    ) -> Self {
        let quoted: Vec<String> = supported.iter().map(|text| go::quoted(text.as_ref())).collect();
        let detail = match &*quoted {
            [] => String::new(),
            quoted => format!("supported values: {}", quoted.join(", ")),
        };
        Self::new(ErrorKind::NotSupported, path, value.into(), detail)
    }

    /// The value is longer than this many bytes.
    #[must_use]
    pub fn too_long(path: &Path<'_>, most: i64) -> Self {
        let detail = match most {
            _ if most < 0 => "value is too long".to_owned(),
            1 => "may not be more than 1 byte".to_owned(),
            _ => format!("may not be more than {most} bytes"),
        };
        Self::new(ErrorKind::TooLong, path, BadValue::Omitted, detail)
    }

    /// There are more values than this.
    #[must_use]
    pub fn too_many(path: &Path<'_>, count: i64, most: i64) -> Self {
        let value = if count < 0 {
            BadValue::Omitted
        } else {
            count.into()
        };
        let detail = match most {
            _ if most < 0 => "has too many items".to_owned(),
            1 => "must have at most 1 item".to_owned(),
            _ => format!("must have at most {most} items"),
        };
        Self::new(ErrorKind::TooMany, path, value, detail)
    }

    /// The error without the field's path: what stands as a cause's message.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = self.kind.words().to_owned();
        if self.value != BadValue::Omitted {
            body.push_str(": ");
            body.push_str(&self.value.to_string());
        }
        if !self.detail.is_empty() {
            body.push_str(": ");
            body.push_str(&self.detail);
        }
        body
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.field, self.body())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_are_written_as_go_writes_them() {
        let path = Path::new("spec");
        let text = |error: Error| error.to_string();
        assert_eq!(
            text(Error::invalid(&path, "a\"<\u{1}", "wrong")),
            "spec: Invalid value: \"a\\\"<\\x01\": wrong"
        );
        assert_eq!(
            text(Error::duplicate(&path, json!({"b": "<", "a": [1.5, null]}))),
            r#"spec: Duplicate value: {"a":[1.5,null],"b":"\u003c"}"#
        );
        assert_eq!(
            text(Error::duplicate(&path, 1e21)),
            "spec: Duplicate value: 1e+21"
        );
        assert_eq!(text(Error::required(&path, "")), "spec: Required value");
        assert_eq!(
            text(Error::not_supported(&path, json!(null), &["a", "b"])),
            "spec: Unsupported value: null: supported values: \"a\", \"b\""
        );
        assert_eq!(
            text(Error::too_long(&path, 1)),
            "spec: Too long: may not be more than 1 byte"
        );
        assert_eq!(
            text(Error::too_many(&path, 3, 1)),
            "spec: Too many: 3: must have at most 1 item"
        );
    }
}
