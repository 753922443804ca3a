//! Why a body is no object of the expected kind.

use crate::resource::Resource;
use crate::status::ApiError;

/// A body, or a patched object, that is no object of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DecodeError {
    message: String,
    /// Whether its kind was understood, so that the message begins with it; and in which version.
    recognized: bool,
}

impl DecodeError {
    /// Not even the kind could be read.
    pub(super) fn unrecognized(message: String) -> Self {
        Self {
            message,
            recognized: false,
        }
    }

    /// The kind is known, the rest is wrong.
    pub(super) fn recognized(message: String) -> Self {
        Self {
            message,
            recognized: true,
        }
    }

    /// What `fieldValidation=Strict` says to these findings.
    #[must_use]
    pub fn strict(findings: &[String]) -> Self {
        Self::recognized(format!("strict decoding error: {}", findings.join(", ")))
    }

    /// 400, as Kubernetes answers a create or an update.
    #[must_use]
    pub fn into_bad_request(self, resource: &Resource, version: &str, body: &[u8]) -> ApiError {
        let kind = &resource.names.kind;
        let message = self.message;
        let _ = body;
        ApiError::BadRequest(if self.recognized {
            format!("{kind} in version {version:?} cannot be handled as a {kind}: {message}")
        } else {
            format!("the object provided is unrecognized (must be of type {kind}): {message}")
        })
    }
}
