//! What kube-openapi finds, and the field error that apiextensions-apiserver makes of it.

use serde_json::Value;

use crate::field::go;
use crate::field::{Error, Path};

/// Something that is wrong with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Issue {
    pub(super) kind: Kind,
    /// Two with the same are one.
    pub(super) message: String,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// An error without a place of its own.
    Plain,
    /// A value of the wrong type, or without the format.
    Type {
        name: String,
        value: Value,
    },
    Required {
        name: String,
    },
    Enumeration {
        name: String,
        value: Value,
        values: Vec<Value>,
    },
    TooLong {
        name: String,
        most: i64,
    },
    /// Items or properties.
    TooMany {
        name: String,
        count: i64,
        most: i64,
    },
    /// Anything else about a value.
    Other {
        name: String,
        value: Value,
    },
}

impl Issue {
    /// Whether two are one. Long messages that begin alike are told apart by their lengths, mostly.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.message.len() == other.message.len() && self.message == other.message
    }

    pub(super) fn plain(message: String) -> Self {
        Self {
            kind: Kind::Plain,
            message,
        }
    }

    /// `errors.InvalidType` with the type, or the text, that was found.
    pub(super) fn wrong_type(name: String, expected: &str, found: &str) -> Self {
        Self {
            message: format!("{name} in body must be of type {expected}: {}", go::quoted(found)),
            kind: Kind::Type {
                name,
                value: found.into(),
            },
        }
    }

    pub(super) fn other(name: String, value: Value, what: &str) -> Self {
        Self {
            message: format!("{name} in body {what}"),
            kind: Kind::Other { name, value },
        }
    }

    pub(super) fn to_error(&self, path: &Path<'_>) -> Error {
        let name = match &self.kind {
            Kind::Plain => return Error::invalid(path, "", &*self.message),
            Kind::Type { name, .. }
            | Kind::Required { name }
            | Kind::Enumeration { name, .. }
            | Kind::TooLong { name, .. }
            | Kind::TooMany { name, .. }
            | Kind::Other { name, .. } => name,
        };
        let path = match name.as_str() {
            "" | "." => *path,
            name => path.child(name.strip_prefix('.').unwrap_or(name)),
        };
        match &self.kind {
            Kind::Type { value, .. } => Error::type_invalid(&path, value.clone(), &*self.message),
            Kind::Required { .. } => Error::required(&path, ""),
            Kind::Enumeration { value, values, .. } => {
                let values: Vec<String> = values
                    .iter()
                    .map(|value| value.as_str().map_or_else(|| go::json(value), str::to_owned))
                    .collect();
                Error::not_supported(&path, value.clone(), &values)
            }
            Kind::TooLong { most, .. } => Error::too_long(&path, *most),
            Kind::TooMany { count, most, .. } => Error::too_many(&path, *count, *most),
            Kind::Plain => Error::invalid(&path, "", &*self.message),
            Kind::Other { value, .. } => Error::invalid(&path, value.clone(), &*self.message),
        }
    }
}
