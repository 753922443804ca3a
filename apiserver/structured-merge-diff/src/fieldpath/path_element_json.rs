//! Path elements as the keys of FieldsV1 (Go: `fieldpath/serialize-pe.go`).

use super::{KeyField, PathElement};
use crate::json::{self, Reader, SyntaxError, write_string, write_value};

/// Why a text is no path element.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ElementError {
    /// It has fewer than two bytes.
    #[error("key must be 2 characters long:")]
    TooShort,
    /// Its second byte is no colon.
    #[error("missing colon: {0}")]
    MissingColon(String),
    /// Its first byte is none of `f`, `k`, `v` and `i`. Who reads FieldsV1 ignores such keys: a later version may know
    /// them.
    #[error("unknown path element type")]
    UnknownType,
    /// What follows `i:` is no integer.
    #[error("invalid index: {0}")]
    Index(String),
    /// What follows `k:` or `v:` is not read as JSON.
    #[error(transparent)]
    Json(#[from] SyntaxError),
}

impl PathElement {
    /// Reads a key of FieldsV1. Numbers in it are floats, as in Go.
    ///
    /// # Errors
    /// Where Go refuses it: see [`ElementError`].
    pub fn from_fields_v1_key(key: &str) -> Result<Self, ElementError> {
        let &[kind, colon, ..] = key.as_bytes() else {
            return Err(ElementError::TooShort);
        };
        if colon != b':' {
            return Err(ElementError::MissingColon(key.to_owned()));
        }
        // Both bytes are whole characters where the kind is known.
        let content = key.get(2..).unwrap_or_default();
        match kind {
            b'f' => Ok(Self::field(content)),
            b'v' => Ok(Self::value(Reader::new(content).value()?)),
            b'k' => {
                let mut fields = Vec::new();
                Reader::new(content).object::<SyntaxError>(|reader, name| {
                    fields.push(KeyField {
                        name: name.into(),
                        value: reader.value()?,
                    });
                    Ok(())
                })?;
                Ok(Self::key_of(fields))
            }
            b'i' => content
                .parse()
                .map(Self::Index)
                .map_err(|_| ElementError::Index(content.to_owned())),
            _ => Err(ElementError::UnknownType),
        }
    }

    /// The key of FieldsV1, as Go writes it.
    #[must_use]
    pub fn to_fields_v1_key(&self) -> String {
        let mut key = String::new();
        match self {
            Self::FieldName(name) => {
                key.reserve_exact(name.len() + "f:".len());
                key.push_str("f:");
                key.push_str(name);
            }
            Self::Key(fields) => {
                key.push_str("k:{");
                for (index, field) in fields.iter().enumerate() {
                    json::separate(&mut key, index);
                    write_string(&mut key, &field.name);
                    key.push(':');
                    write_value(&mut key, &field.value);
                }
                key.push('}');
            }
            Self::Value(value) => {
                key.push_str("v:");
                write_value(&mut key, value);
            }
            Self::Index(index) => {
                key.push_str("i:");
                key.push_str(&index.to_string());
            }
        }
        key
    }
}
