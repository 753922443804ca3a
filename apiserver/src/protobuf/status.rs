//! `metav1.Status`, with the field numbers of k8s.io/apimachinery's `pkg/apis/meta/v1/generated.proto`.

use prost::Message;

use super::envelope::enveloped;
use super::list::ListMeta;
use crate::status;

#[derive(Clone, PartialEq, Eq, Message)]
struct Status {
    #[prost(message, required, tag = "1")]
    metadata: ListMeta,
    #[prost(string, required, tag = "2")]
    status: String,
    #[prost(string, required, tag = "3")]
    message: String,
    #[prost(string, required, tag = "4")]
    reason: String,
    #[prost(message, optional, tag = "5")]
    details: Option<StatusDetails>,
    #[prost(int32, required, tag = "6")]
    code: i32,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct StatusDetails {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(string, required, tag = "2")]
    group: String,
    #[prost(string, required, tag = "3")]
    kind: String,
    #[prost(message, repeated, tag = "4")]
    causes: Vec<StatusCause>,
    #[prost(int32, required, tag = "5")]
    retry_after_seconds: i32,
    #[prost(string, required, tag = "6")]
    uid: String,
}

#[derive(Clone, PartialEq, Eq, Message)]
struct StatusCause {
    #[prost(string, required, tag = "1")]
    reason: String,
    #[prost(string, required, tag = "2")]
    message: String,
    #[prost(string, required, tag = "3")]
    field: String,
}

/// A Status in its envelope.
#[must_use]
pub fn encode(status: &status::Status) -> Vec<u8> {
    let message = Status {
        metadata: ListMeta {
            continue_token: status.metadata.continue_token.clone(),
            ..ListMeta::default()
        },
        status: status.status.clone(),
        message: status.message.clone(),
        reason: status.reason.clone(),
        details: status.details.as_ref().map(details),
        code: status.code.into(),
    };
    enveloped(&status.api_version, &status.kind, &message)
}

fn details(details: &status::StatusDetails) -> StatusDetails {
    let cause = |cause: &status::StatusCause| StatusCause {
        reason: cause.reason.clone(),
        message: cause.message.clone(),
        field: cause.field.clone(),
    };
    StatusDetails {
        name: details.name.clone(),
        group: details.group.clone(),
        kind: details.kind.clone(),
        causes: details.causes.iter().map(cause).collect(),
        retry_after_seconds: details.retry_after_seconds.into(),
        uid: details.uid.clone(),
    }
}
