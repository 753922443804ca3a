//! Why a configuration is not applied, and the Status that says so.

use std::fmt::{self, Display, Formatter};

use annex_structured_merge_diff::merge::{self, Conflicts};
use annex_structured_merge_diff::typed;
use serde_json::{Map, Value};

use super::conflicts::{causes, message};
use super::entry::DecodeError;
use super::update::UpdateError;
use crate::status::ApiError;

/// Why a configuration is not applied.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApplyError {
    /// 409: others manage what is applied with other values.
    #[error("{}", message(.0))]
    Conflicts(Conflicts),
    /// 400: the configuration is of another version or kind.
    #[error("invalid object type: {0}")]
    ObjectType(String),
    /// 400: who applies says nothing of managers.
    #[error("metadata.managedFields must be nil")]
    ManagedFieldsInConfig,
    /// 500, as Kubernetes answers it: the configuration is none of its type.
    #[error("failed to create typed patch object ({object}): {cause}")]
    Config {
        /// Namespace, name, version and kind.
        object: String,
        /// Why.
        cause: typed::Error,
    },
    /// 500: the live object is none of its type.
    #[error("failed to create typed live object ({object}): {cause}")]
    Live {
        /// Namespace, name, version and kind.
        object: String,
        /// Why.
        cause: typed::Error,
    },
    /// 500: the live object's managedFields are not understood.
    #[error("failed to decode managed fields: {0}")]
    ManagedFields(DecodeError),
    /// 500: what was there before the first apply has no managers.
    #[error("failed to create manager for existing fields: {0}")]
    BeforeFirstApply(UpdateError),
    /// 500: the two do not merge, or are not converted.
    #[error(transparent)]
    Merge(merge::Error),
    /// 500: nothing is left of the object.
    #[error(
        "failed to convert new typed object ({0}) to object: failed to convert value to unstructured for type <nil>"
    )]
    NoObject(String),
    /// 500: kubectl's annotation is not made.
    #[error(
        "failed to build last-applied annotation: couldn't encode object into last applied annotation: {0}"
    )]
    LastApplied(serde_json::Error),
}

impl From<merge::Error> for ApplyError {
    fn from(error: merge::Error) -> Self {
        match error {
            merge::Error::Conflicts(conflicts) => Self::Conflicts(conflicts),
            error => Self::Merge(error),
        }
    }
}

impl ApplyError {
    /// The error of a request that tells it.
    #[must_use]
    pub fn into_api_error(self) -> ApiError {
        match &self {
            Self::Conflicts(conflicts) => ApiError::ApplyConflict {
                message: self.to_string(),
                causes: causes(conflicts),
            },
            Self::ObjectType(_) | Self::ManagedFieldsInConfig => ApiError::BadRequest(self.to_string()),
            _ => ApiError::Plain(self.to_string()),
        }
    }
}

/// An object's namespace, name, version and kind, as errors show them: `NS/NAME; GROUP/VERSION, Kind=KIND`.
pub(super) fn shown(object: &Value) -> String {
    object.as_object().map_or_else(String::new, shown_fields)
}

/// The same of an object's fields.
pub(crate) fn shown_fields(object: &Map<String, Value>) -> String {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let metadata = object.get("metadata");
    let [namespace, name] =
        ["namespace", "name"].map(|field| text(metadata.and_then(|metadata| metadata.get(field))));
    let [version, kind] = ["apiVersion", "kind"].map(|field| text(object.get(field)));
    format!("{namespace}/{name}; {}", GroupVersionKind::new(&version, &kind))
}

/// A kind in a version, as Go reads and shows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupVersionKind<'a> {
    group: &'a str,
    version: &'a str,
    kind: &'a str,
}

impl<'a> GroupVersionKind<'a> {
    /// Nothing, where `api_version` is none.
    pub(super) fn new(api_version: &'a str, kind: &'a str) -> Self {
        let (group, version) = match api_version.split_once('/') {
            None => ("", api_version),
            Some((_, version)) if version.contains('/') => return Self::default(),
            Some(parts) => parts,
        };
        Self { group, version, kind }
    }
}

impl Display for GroupVersionKind<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}, Kind={}", self.group, self.version, self.kind)
    }
}
