//! Why a body is no object of the expected kind.

use serde_json::Value;

use crate::request::GroupKind;
use crate::resource::{ConversionError, Resource};
use crate::status::{ApiError, FieldError, Quoted};

/// How much of a body an error shows.
const SHOWN_BYTES: usize = 30;

/// A body, or a patched object, that is no object of the expected kind.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum DecodeError {
    /// Not even its kind could be read.
    #[error("{0}")]
    Unrecognized(String),
    /// It says no kind, where one must be said.
    #[error("Object 'Kind' is missing")]
    NoKind,
    /// It says that it is of this kind and version, and is not the one that is wanted.
    #[error("{message}")]
    Unusable {
        /// The kind.
        kind: String,
        /// The version, without the group.
        version: String,
        /// What is wrong.
        message: String,
    },
    /// It is in another version than the request's.
    #[error("the API version in the data ({found}) does not match the expected API version ({expected})")]
    OtherVersion {
        /// The `apiVersion` of the body.
        found: String,
        /// The request's.
        expected: String,
    },
    /// Fields are missing or have impossible values.
    #[error("{}", messages(.errors))]
    Invalid {
        /// `metadata.name`
        name: String,
        /// What is wrong.
        errors: Vec<FieldError>,
    },
}

fn messages(errors: &[FieldError]) -> String {
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    messages.join(", ")
}

impl DecodeError {
    /// The answer to a create or an update with this `body`: 400, or 422 about fields.
    #[must_use]
    pub fn into_api_error(self, resource: &Resource, body: &[u8]) -> ApiError {
        let wanted = &resource.names.kind;
        match self {
            Self::Unrecognized(message) => ApiError::BadRequest(format!(
                "the object provided is unrecognized (must be of type {wanted}): {message} ({})",
                summary(body)
            )),
            Self::NoKind => {
                let message = no_kind(&String::from_utf8_lossy(body));
                Self::Unrecognized(message).into_api_error(resource, body)
            }
            Self::Unusable {
                kind,
                version,
                message,
            } => ApiError::BadRequest(format!(
                "{kind} in version {} cannot be handled as a {wanted}: {message}",
                Quoted(&version)
            )),
            Self::OtherVersion { .. } => ApiError::BadRequest(self.to_string()),
            Self::Invalid { name, errors } => ApiError::Invalid {
                kind: resource.group_kind(),
                name,
                errors,
            },
        }
    }

    /// The same of a body that nobody looks at strictly: Go reads it into an object that wants to know its kind.
    #[must_use]
    pub(crate) fn unchecked(self, resource: &Resource, version: &str, body: &[u8]) -> Self {
        match self {
            Self::NoKind => Self::Unusable {
                kind: resource.names.kind.clone(),
                version: version.to_owned(),
                message: no_kind(&String::from_utf8_lossy(body)),
            },
            other => other,
        }
    }

    /// The answer to a patch whose result is `patched`: 422, about the field `patch` or about the object's fields.
    #[must_use]
    pub fn into_patch_error(self, resource: &Resource, patched: &Value) -> ApiError {
        let message = match self {
            Self::Invalid { name, errors } => {
                return ApiError::Invalid {
                    kind: resource.group_kind(),
                    name,
                    errors,
                };
            }
            Self::NoKind => no_kind(&patched.to_string()),
            other => other.to_string(),
        };
        let error = FieldError::invalid("patch", patched.to_string(), message);
        ApiError::invalid_field(GroupKind::default(), "", error)
    }

    /// What a type says to an object that its schema let pass.
    pub(super) fn of_type(error: ConversionError, resource: &Resource, version: &str) -> Self {
        Self::Unusable {
            kind: resource.names.kind.clone(),
            version: version.to_owned(),
            message: error.0,
        }
    }
}

/// Go's words to `text`, which is an object of no kind.
fn no_kind(text: &str) -> String {
    format!("Object 'Kind' is missing in '{text}'")
}

/// The beginning of a body: as it is where it looks like JSON, otherwise in hexadecimal.
fn summary(body: &[u8]) -> String {
    let shown = &body[..body.len().min(SHOWN_BYTES)];
    let text = match body.first() {
        None => return "<empty>".into(),
        Some(b'{') => String::from_utf8_lossy(shown).into_owned(),
        Some(_) => shown.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    if body.len() > SHOWN_BYTES {
        format!("{text} ...")
    } else {
        text
    }
}
