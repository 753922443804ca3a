//! Every way in which a request can fail, and the Status that says so.

use super::listing::{Limit, MOST_LISTED, MOST_OF_MESSAGE, listed};
use super::quote::{MOST_SHOWN, Quoted, cut};
use super::wire::{Status, StatusCause, StatusDetails, StatusMetadata};
use super::{FieldError, FieldErrorKind};
use crate::request::{GroupKind, GroupResource};
use crate::storage::Revision;

/// A request that failed: the last of the layers' errors, with all that its [`Status`] tells.
///
/// Texts and codes are those of k8s.io/apimachinery's `api/errors`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// 400: what the request says cannot be understood.
    #[error("{0}")]
    BadRequest(String),
    /// 401: no credential, or one that proves nothing.
    #[error("Unauthorized")]
    Unauthorized,
    /// 403: the user may not, or an admission plugin refuses. `resource` is `None` for a path that is no resource.
    #[error("forbidden: {message}")]
    Forbidden {
        /// About which resource.
        resource: Option<GroupResource>,
        /// Which object; empty: none in particular.
        name: String,
        /// Why.
        message: String,
        /// Further causes, such as NamespaceTerminating.
        causes: Vec<StatusCause>,
    },
    /// 404: no such object.
    #[error("{resource} {} not found", Quoted(name))]
    NotFound {
        /// Of which resource.
        resource: GroupResource,
        /// Which object.
        name: String,
    },
    /// 404: nothing is served at this path.
    #[error("the server could not find the requested resource")]
    UnknownPath,
    /// 404 that Kubernetes answers as plain text, without a Status, where no resource of a type has the path.
    #[error("404 page not found")]
    PageNotFound,
    /// 405.
    #[error("the server does not allow this method on the requested resource")]
    MethodNotAllowed,
    /// 405: the resource does not have this verb at a path that has others. Go: `errors.NewMethodNotSupported`.
    #[error("{action} is not supported on resources of kind {}", Quoted(&resource.to_string()))]
    MethodNotSupported {
        /// Which resource.
        resource: GroupResource,
        /// The verb.
        action: &'static str,
    },
    /// 406: none of the media types that the client accepts can be made; the ones that can.
    #[error("only the following media types are accepted: {}", .0.join(", "))]
    NotAcceptable(Vec<String>),
    /// 406: no media type that the client accepts is one that is made at this path; the ones that are. The text is that of the
    /// router in k8s.io/apiserver.
    #[error("406: Not Acceptable\n\nAvailable representations: {}", .0.join(", "))]
    NotProduced(Vec<String>),
    /// 406: this answer cannot be made in the form that the client wants.
    #[error("{0}")]
    NotTransformable(String),
    /// 409: the name is taken. `prefix` stands before the message (`object is being deleted: `).
    #[error("{prefix}{resource} {} already exists", Quoted(name))]
    AlreadyExists {
        /// Of which resource.
        resource: GroupResource,
        /// Which object.
        name: String,
        /// What stands before the message.
        prefix: &'static str,
    },
    /// 409: all generated names were taken.
    #[error(
        "{prefix}{resource} {} already exists, the server was not able to generate a unique name for the object",
        Quoted(name)
    )]
    NameNotGenerated {
        /// Of which resource.
        resource: GroupResource,
        /// The last name that was tried.
        name: String,
        /// What stands before the message.
        prefix: &'static str,
    },
    /// 409: somebody else was first, or a precondition does not hold.
    #[error("Operation cannot be fulfilled on {resource} {}: {message}", Quoted(name))]
    Conflict {
        /// Of which resource.
        resource: GroupResource,
        /// Which object.
        name: String,
        /// Why.
        message: String,
    },
    /// 409: fields that are applied are managed by others, with other values.
    #[error("{message}")]
    ApplyConflict {
        /// All conflicts in one text: `Apply failed with 1 conflict: …`.
        message: String,
        /// Each by itself: FieldManagerConflict.
        causes: Vec<StatusCause>,
    },
    /// 410: the revision, or the continue token, is too old.
    #[error("{message}")]
    Expired {
        /// What has expired.
        message: String,
        /// A token to go on with, at the newest revision.
        continue_token: String,
    },
    /// 413.
    #[error("Request entity too large: {0}")]
    RequestEntityTooLarge(String),
    /// 415: the body's media type is none of these.
    #[error("the body of the request was in an unknown format - accepted media types include: {}", .0.join(", "))]
    UnsupportedMediaType(Vec<String>),
    /// 415: the body is no kind of patch. The text is that of the router in k8s.io/apiserver.
    #[error("415: Unsupported Media Type")]
    UnknownPatchType,
    /// 422: a JSON patch that does not apply. Kubernetes does not say which operation failed, or why.
    #[error("the server rejected our request due to an error in our request")]
    PatchNotApplicable,
    /// 422: fields are wrong.
    #[error("{kind} {} is invalid", Quoted(name))]
    Invalid {
        /// Of which kind (of some errors Kubernetes says the resource here, or nothing).
        kind: GroupKind,
        /// Which object.
        name: String,
        /// What is wrong.
        errors: Vec<FieldError>,
    },
    /// 429.
    #[error("{message}")]
    TooManyRequests {
        /// Why.
        message: String,
        /// Seconds.
        retry_after: u16,
    },
    /// 500: the server cannot answer now, and the client should try again (reason ServerTimeout).
    #[error(
        "The {operation} operation against {resource} could not be completed at this time, please try again."
    )]
    ServerTimeout {
        /// Of which resource.
        resource: GroupResource,
        /// The verb.
        operation: &'static str,
        /// Seconds.
        retry_after: u16,
    },
    /// 500: the fault is the server's.
    #[error("Internal error occurred: {0}")]
    Internal(String),
    /// 500 without a reason: an error that Kubernetes passes on as it is (`resourceVersion should not be set …`).
    #[error("{0}")]
    Plain(String),
    /// 500 that Kubernetes answers as plain text, without a Status: [`Self::plain_text`].
    #[error("{0}")]
    PlainText(String),
    /// 503.
    #[error("{message}")]
    ServiceUnavailable {
        /// Why.
        message: String,
        /// Seconds; 0: unsaid.
        retry_after: u16,
    },
    /// 504: the request took too long.
    #[error("Timeout: {0}")]
    Timeout(String),
    /// 504: a revision that the store has not reached.
    #[error("Timeout: Too large resource version: {requested}, current: {current}")]
    ResourceVersionTooLarge {
        /// What was asked for.
        requested: Revision,
        /// Where the store is.
        current: Revision,
        /// Seconds; 0: unsaid.
        retry_after: u16,
    },
}

impl ApiError {
    /// Seconds for a `Retry-After` header.
    #[must_use]
    pub fn retry_after(&self) -> Option<u16> {
        let seconds = match self {
            Self::NameNotGenerated { .. } => 1,
            Self::TooManyRequests { retry_after, .. }
            | Self::ServerTimeout { retry_after, .. }
            | Self::ServiceUnavailable { retry_after, .. }
            | Self::ResourceVersionTooLarge { retry_after, .. } => *retry_after,
            _ => 0,
        };
        (seconds > 0).then_some(seconds)
    }

    /// The whole body, where Kubernetes answers plain text (`text/plain; charset=utf-8`) instead of a Status.
    #[must_use]
    pub fn plain_text(&self) -> Option<&str> {
        match self {
            Self::PlainText(text) => Some(text),
            Self::PageNotFound => Some("404 page not found"),
            _ => None,
        }
    }

    /// The Status that tells it.
    #[must_use]
    pub fn status(&self) -> Status {
        let (code, reason, details) = self.parts();
        let continue_token = match self {
            Self::Expired { continue_token, .. } => continue_token.clone(),
            _ => String::new(),
        };
        Status {
            kind: "Status".into(),
            api_version: "v1".into(),
            metadata: StatusMetadata { continue_token },
            status: "Failure".into(),
            message: cut(&self.message(), MOST_OF_MESSAGE).into_owned(),
            reason: reason.into(),
            details,
            code,
        }
    }

    fn parts(&self) -> (u16, &'static str, Option<StatusDetails>) {
        match self {
            Self::BadRequest(_) => (400, "BadRequest", None),
            Self::Unauthorized => (401, "Unauthorized", None),
            Self::Forbidden {
                resource,
                name,
                causes,
                ..
            } => {
                let mut details = resource
                    .as_ref()
                    .map(|resource| of_object(resource, name))
                    .unwrap_or_default();
                details.causes.clone_from(causes);
                (403, "Forbidden", Some(details))
            }
            Self::NotFound { resource, name } => (404, "NotFound", Some(of_object(resource, name))),
            Self::UnknownPath | Self::PageNotFound => (404, "NotFound", Some(StatusDetails::default())),
            Self::MethodNotSupported { resource, .. } => {
                (405, "MethodNotAllowed", Some(of_object(resource, "")))
            }
            Self::MethodNotAllowed => (405, "MethodNotAllowed", Some(StatusDetails::default())),
            Self::NotAcceptable(_) | Self::NotTransformable(_) => (406, "NotAcceptable", None),
            Self::NotProduced(_) => (406, "NotAcceptable", Some(StatusDetails::default())),
            Self::AlreadyExists { resource, name, .. } => {
                (409, "AlreadyExists", Some(of_object(resource, name)))
            }
            Self::NameNotGenerated { resource, name, .. } => {
                let mut details = of_object(resource, name);
                details.retry_after_seconds = 1;
                (409, "AlreadyExists", Some(details))
            }
            Self::Conflict { resource, name, .. } => (409, "Conflict", Some(of_object(resource, name))),
            Self::ApplyConflict { causes, .. } => {
                let details = StatusDetails {
                    causes: causes.iter().map(shortened).collect(),
                    ..StatusDetails::default()
                };
                (409, "Conflict", Some(details))
            }
            Self::Expired { .. } => (410, "Expired", None),
            Self::RequestEntityTooLarge(_) => (413, "RequestEntityTooLarge", None),
            Self::UnsupportedMediaType(_) => (415, "UnsupportedMediaType", None),
            Self::UnknownPatchType => (415, "UnsupportedMediaType", Some(StatusDetails::default())),
            Self::PatchNotApplicable => (422, "Invalid", Some(StatusDetails::default())),
            Self::Invalid { kind, name, errors } => {
                let details = StatusDetails {
                    name: cut(name, MOST_SHOWN).into_owned(),
                    group: kind.group.clone(),
                    kind: kind.kind.clone(),
                    causes: causes(errors),
                    ..StatusDetails::default()
                };
                (422, "Invalid", Some(details))
            }
            Self::TooManyRequests { retry_after, .. } => (429, "TooManyRequests", retry(*retry_after)),
            Self::ServerTimeout {
                resource,
                retry_after,
                ..
            } => {
                let mut details = of_object(resource, "");
                details.retry_after_seconds = *retry_after;
                (500, "ServerTimeout", Some(details))
            }
            Self::Internal(message) => {
                let details = StatusDetails {
                    causes: vec![StatusCause {
                        message: cut(message, MOST_OF_MESSAGE).into_owned(),
                        ..StatusCause::default()
                    }],
                    ..StatusDetails::default()
                };
                (500, "InternalError", Some(details))
            }
            Self::Plain(_) | Self::PlainText(_) => (500, "", None),
            Self::ServiceUnavailable { retry_after, .. } => (503, "ServiceUnavailable", retry(*retry_after)),
            Self::Timeout(_) => (504, "Timeout", Some(StatusDetails::default())),
            Self::ResourceVersionTooLarge { retry_after, .. } => {
                let details = StatusDetails {
                    causes: vec![StatusCause {
                        reason: "ResourceVersionTooLarge".into(),
                        message: "Too large resource version".into(),
                        ..StatusCause::default()
                    }],
                    retry_after_seconds: *retry_after,
                    ..StatusDetails::default()
                };
                (504, "Timeout", Some(details))
            }
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Forbidden {
                resource,
                name,
                message,
                ..
            } => match resource {
                Some(resource) if name.is_empty() => format!("{resource} is forbidden: {message}"),
                Some(resource) => format!("{resource} {} is forbidden: {message}", Quoted(name)),
                None => format!("forbidden: {message}"),
            },
            Self::Invalid { kind, name, errors } => {
                format!("{kind} {} is invalid: {}", Quoted(name), listed(errors))
            }
            other => other.to_string(),
        }
    }

    /// 403 for an object of a resource; an empty `name`: for none in particular. Go: `errors.NewForbidden`.
    #[must_use]
    pub fn forbidden(resource: GroupResource, name: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Forbidden {
            resource: Some(resource),
            name: name.into(),
            message: message.into(),
            causes: Vec::new(),
        }
    }

    /// 422 for one field of an object.
    #[must_use]
    pub fn invalid_field(kind: GroupKind, name: impl Into<String>, error: FieldError) -> Self {
        Self::Invalid {
            kind,
            name: name.into(),
            errors: vec![error],
        }
    }

    /// 422 for options of a request, which Kubernetes calls by their kind in the group `meta.k8s.io`.
    #[must_use]
    pub fn invalid_options(kind: &str, field: &str, value: &str, detail: impl Into<String>) -> Self {
        Self::invalid_field(
            GroupKind::new("meta.k8s.io", kind),
            "",
            FieldError::new(FieldErrorKind::Invalid, field, value, detail),
        )
    }
}

/// The causes of a Status: one for each error, up to where a list ends.
fn causes(errors: &[FieldError]) -> Vec<StatusCause> {
    let mut limit = Limit::default();
    let mut causes = Vec::with_capacity(errors.len().min(MOST_LISTED + 1));
    for error in errors {
        let (message, field) = (error.body(), error.shown_field());
        if !limit.admits(message.len() + field.len()) {
            causes.push(StatusCause {
                message: limit.rest(),
                ..StatusCause::default()
            });
            break;
        }
        causes.push(StatusCause {
            reason: error.kind.reason().into(),
            message,
            field: field.into_owned(),
        });
    }
    causes
}

fn shortened(cause: &StatusCause) -> StatusCause {
    StatusCause {
        reason: cause.reason.clone(),
        message: cut(&cause.message, MOST_SHOWN).into_owned(),
        field: cut(&cause.field, MOST_SHOWN).into_owned(),
    }
}

fn of_object(resource: &GroupResource, name: &str) -> StatusDetails {
    StatusDetails {
        name: cut(name, MOST_SHOWN).into_owned(),
        group: cut(&resource.group, MOST_SHOWN).into_owned(),
        kind: cut(&resource.resource, MOST_SHOWN).into_owned(),
        ..StatusDetails::default()
    }
}

fn retry(seconds: u16) -> Option<StatusDetails> {
    (seconds > 0).then(|| StatusDetails {
        retry_after_seconds: seconds,
        ..StatusDetails::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of each long text.
    const LONG: usize = 300_000;

    fn size(error: &ApiError) -> usize {
        serde_json::to_vec(&error.status()).unwrap().len()
    }

    #[test]
    fn no_part_of_an_error_is_sent_back_whole() {
        let long = "k".repeat(LONG);
        let resource = || GroupResource::new("g", "r");
        let invalid = |count: usize| ApiError::Invalid {
            kind: GroupKind::new("g", "k"),
            name: long.clone(),
            errors: vec![FieldError::invalid(format!("spec.{long}"), long.as_str(), long.as_str()); count],
        };
        let status = invalid(1).status();
        let cause = &status.details.as_ref().unwrap().causes[0];
        assert!(cause.field.starts_with("spec.k") && cause.field.ends_with("k..."));
        assert!(status.message.contains("k...: Invalid value: \"kkk"));
        for error in [
            invalid(1),
            ApiError::NotFound {
                resource: GroupResource::new(&long, &long),
                name: long.clone(),
            },
            ApiError::AlreadyExists {
                resource: resource(),
                name: long.clone(),
                prefix: "",
            },
            ApiError::Forbidden {
                resource: Some(resource()),
                name: long.clone(),
                message: "no".into(),
                causes: Vec::new(),
            },
            ApiError::BadRequest(listed([format!("unknown field \"{long}\"")])),
            ApiError::ApplyConflict {
                message: "no".into(),
                causes: vec![StatusCause {
                    reason: "FieldManagerConflict".into(),
                    message: long.clone(),
                    field: long.clone(),
                }],
            },
        ] {
            assert!(size(&error) < 128 * 1024, "{}", size(&error));
        }
        for error in [
            invalid(1000),
            ApiError::BadRequest(long.clone()),
            ApiError::Internal(long.clone()),
            ApiError::Plain(long.clone()),
        ] {
            assert!(size(&error) < 256 * 1024, "{}", size(&error));
        }
    }
}
