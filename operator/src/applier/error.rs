//! What can go wrong with a child, told apart by what somebody can do about it.
//!
//! The server's answers are the only source: which code and reason each refusal carries is that of
//! kube-apiserver 1.36 (observed), and texts are looked at only where code and reason do not tell.

use std::fmt;

use kube::core::Status;
use serde_json::Value;

use super::managed_fields::Drift;
use super::owner::Owner;
use super::plan::Because;

/// Kind, namespace and name of an object, for messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectName {
    /// The kind.
    pub kind: String,
    /// The namespace, where the kind has one.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

impl ObjectName {
    pub(super) fn of(object: &Value) -> Self {
        let metadata = &object["metadata"];
        Self {
            kind: object["kind"].as_str().unwrap_or_default().to_owned(),
            namespace: metadata["namespace"].as_str().map(str::to_owned),
            name: metadata["name"].as_str().unwrap_or_default().to_owned(),
        }
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// One field that the server refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldCause {
    /// The field's path, as the server writes it; empty where it names none.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Why a child could not be read, applied or deleted.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The object belongs to somebody else; nothing was written.
    #[error("{object} belongs to {owner}")]
    Foreign {
        /// The object.
        object: ObjectName,
        /// Whose it is.
        owner: Owner,
    },
    /// The object is being deleted; it can be made again once it is gone.
    #[error("{object} is being deleted")]
    Terminating {
        /// The object.
        object: ObjectName,
    },
    /// Somebody created, replaced, changed or deleted the object since it was read, or the server does not know the kind of
    /// its owner yet. Try again.
    #[error("{object} changed while it was worked on: {message}")]
    Raced {
        /// The object.
        object: ObjectName,
        /// The server's text.
        message: String,
    },
    /// The operator's own rights do not suffice.
    #[error("not allowed to {action} {object}: {message}")]
    Forbidden {
        /// What was tried.
        action: &'static str,
        /// The object.
        object: ObjectName,
        /// The server's text.
        message: String,
    },
    /// Admission refused the object: a webhook, a policy, pod security, a quota.
    #[error("admission refused {object}: {message}")]
    Rejected {
        /// The object.
        object: ObjectName,
        /// The server's text, which names who refused.
        message: String,
    },
    /// The object does not pass the API's validation.
    #[error("{object} is not valid: {message}")]
    Invalid {
        /// The object.
        object: ObjectName,
        /// The server's text.
        message: String,
        /// The fields that it refused, where it lists them.
        causes: Vec<FieldCause>,
        /// What others had changed in the live object: the cause, where the same object was valid before.
        drift: Vec<Drift>,
    },
    /// The object's namespace does not exist.
    #[error("namespace of {object} does not exist")]
    NamespaceNotFound {
        /// The object.
        object: ObjectName,
    },
    /// The object's namespace is going away.
    #[error("namespace of {object} is being deleted")]
    NamespaceTerminating {
        /// The object.
        object: ObjectName,
    },
    /// Anything else: the server could not be reached, or failed.
    #[error("failed to {action} {object}")]
    Request {
        /// What was tried.
        action: &'static str,
        /// The object.
        object: ObjectName,
        /// The client's error.
        source: Box<kube::Error>,
    },
}

impl ApplyError {
    pub(super) fn from_request(action: &'static str, object: &ObjectName, error: kube::Error) -> Self {
        let known = match &error {
            kube::Error::Api(status) => Self::from_status(action, object, status),
            _ => None,
        };
        known.unwrap_or_else(|| Self::Request {
            action,
            object: object.clone(),
            source: Box::new(error),
        })
    }

    fn from_status(action: &'static str, object: &ObjectName, status: &Status) -> Option<Self> {
        let object = object.clone();
        let message = status.message.clone();
        Some(match status.code {
            _ if is_admissions(status) => Self::Rejected { object, message },
            403 if has_cause(status, |cause| cause.reason == "NamespaceTerminating") => {
                Self::NamespaceTerminating { object }
            }
            // Authorization's text; every other 403 comes from an admission plugin.
            403 if message.contains(": User \"") && message.contains("\" cannot ") => Self::Forbidden {
                action,
                object,
                message,
            },
            _ if is_of_an_unknown_owner(status) => Self::Raced { object, message },
            403 => Self::Rejected { object, message },
            404 if names_namespace(status) => Self::NamespaceNotFound { object },
            409 => Self::Raced { object, message },
            // The uid that an update carries is another one's.
            422 if has_cause(status, |cause| cause.field == "metadata.uid") => {
                Self::Raced { object, message }
            }
            422 => Self::Invalid {
                object,
                message,
                causes: causes(status),
                drift: Vec::new(),
            },
            // What server-side apply answers for a field that the server's version does not know.
            500 if message.starts_with("failed to create typed patch object") => Self::Invalid {
                object,
                message,
                causes: Vec::new(),
                drift: Vec::new(),
            },
            _ => return None,
        })
    }

    /// Whether it is a plain 404 of the object itself.
    pub(super) fn is_object_missing(&self) -> bool {
        matches!(self, Self::Request { source, .. }
            if matches!(source.as_ref(), kube::Error::Api(status) if status.is_not_found()))
    }

    pub(super) fn with_drift(mut self, because: &Because) -> Self {
        if let (Self::Invalid { drift, .. }, Because::Drift(found)) = (&mut self, because) {
            drift.clone_from(found);
        }
        self
    }
}

/// Webhooks answer with any code that they like (400 by default), policies with 422.
fn is_admissions(status: &Status) -> bool {
    (400..500).contains(&status.code)
        && (status.message.starts_with("admission webhook \"")
            || status.message.contains("ValidatingAdmissionPolicy '"))
}

fn names_namespace(status: &Status) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| details.kind == "namespaces")
}

fn has_cause(status: &Status, is: impl Fn(&kube::core::response::StatusCause) -> bool) -> bool {
    status
        .details
        .as_ref()
        .is_some_and(|details| details.causes.iter().any(is))
}

fn causes(status: &Status) -> Vec<FieldCause> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let mut fields: Vec<_> = causes
        .map(|cause| FieldCause {
            field: cause.field.clone(),
            message: cause.message.clone(),
        })
        .collect();
    fields.dedup();
    fields
}

/// Whether the server refuses the object for an owner whose kind it has not discovered: right after the definition was
/// installed. Kubernetes: `plugin/pkg/admission/gc/gc_admission.go`, OwnerReferencesPermissionEnforcement, whose mapper is
/// refreshed twice a minute.
pub fn is_of_an_unknown_owner(status: &Status) -> bool {
    status.code == 403
        && status
            .message
            .contains("because cannot find RESTMapping for APIVersion")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn classify(status: Value) -> String {
        let object = ObjectName {
            kind: "Deployment".into(),
            namespace: Some("n".into()),
            name: "wardle".into(),
        };
        let status: Status = serde_json::from_value(status).expect("a Status");
        let error = ApplyError::from_request("apply", &object, kube::Error::Api(status.boxed()));
        let debug = format!("{error:?}");
        debug.split([' ', '{']).next().unwrap_or_default().to_owned()
    }

    #[test]
    fn each_answer_of_the_server_has_its_error() {
        for (status, expected) in [
            (
                json!({ "code": 403, "reason": "Forbidden", "message": "deployments.apps \"wardle\" is forbidden: User \"bob\" cannot patch resource \"deployments\" in API group \"apps\" in the namespace \"n\"" }),
                "Forbidden",
            ),
            (
                json!({ "code": 403, "reason": "Forbidden", "message": "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true" }),
                "Rejected",
            ),
            (
                json!({ "code": 403, "reason": "Forbidden", "message": "secrets \"x\" is forbidden: cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion annex.dev/v1alpha1 Kind AggregatedServer: no matches for kind \"AggregatedServer\" in version \"annex.dev/v1alpha1\"" }),
                "Raced",
            ),
            (
                json!({ "code": 403, "reason": "Forbidden", "message": "configmaps \"x\" is forbidden: unable to create new content in namespace n because it is being terminated", "details": { "causes": [{ "reason": "NamespaceTerminating", "field": "metadata.namespace" }] } }),
                "NamespaceTerminating",
            ),
            (
                json!({ "code": 400, "reason": "BadRequest", "message": "admission webhook \"w.example.com\" denied the request: no" }),
                "Rejected",
            ),
            (
                json!({ "code": 422, "reason": "Invalid", "message": "configmaps \"bad\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: bad name" }),
                "Rejected",
            ),
            (
                json!({ "code": 422, "reason": "Invalid", "message": "spec.replicas: Invalid value", "details": { "causes": [{ "field": "spec.replicas" }] } }),
                "Invalid",
            ),
            (
                json!({ "code": 422, "reason": "Invalid", "message": "metadata.uid: field is immutable", "details": { "causes": [{ "field": "metadata.uid" }] } }),
                "Raced",
            ),
            (
                json!({ "code": 409, "reason": "AlreadyExists", "message": "deployments.apps \"wardle\" already exists" }),
                "Raced",
            ),
            (
                json!({ "code": 409, "reason": "Conflict", "message": "uid mismatch" }),
                "Raced",
            ),
            (
                json!({ "code": 404, "reason": "NotFound", "message": "namespaces \"n\" not found", "details": { "kind": "namespaces" } }),
                "NamespaceNotFound",
            ),
            (
                json!({ "code": 404, "reason": "NotFound", "message": "deployments.apps \"wardle\" not found", "details": { "kind": "deployments" } }),
                "Request",
            ),
            (
                json!({ "code": 500, "message": "failed to create typed patch object (n/wardle; apps/v1, Kind=Deployment): .spec.nope: field not declared in schema" }),
                "Invalid",
            ),
            (
                json!({ "code": 500, "reason": "InternalError", "message": "Internal error occurred: failed calling webhook" }),
                "Request",
            ),
            (
                json!({ "code": 503, "reason": "ServiceUnavailable", "message": "etcd" }),
                "Request",
            ),
        ] {
            assert_eq!(classify(status.clone()), expected, "{status}");
        }
    }
}
