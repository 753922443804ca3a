//! How a call of etcd fails.

use std::sync::Arc;
use std::time::Duration;

use tonic::{Code, Status};

use super::dial::{DialError, SendError};

/// Why a call has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(in crate::storage::etcd) enum CallError {
    /// No connection: nothing was sent.
    #[error("etcd at {endpoint} is not reached")]
    Unreached {
        endpoint: Arc<str>,
        #[source]
        source: Arc<DialError>,
    },
    /// The connection ended before the call was sent.
    #[error("the connection to etcd ended before the call: {0}")]
    Unsent(Arc<str>),
    /// The connection broke; the call may have taken place.
    #[error("the connection to etcd broke: {0}")]
    Broken(Arc<str>),
    /// No answer in time; the call may have taken place.
    #[error("etcd did not answer within {0:?}")]
    Overdue(Duration),
    /// etcd's own refusal.
    #[error("{}", .0.message())]
    Refused(Status),
    /// The request is larger than this client sends.
    #[error("a request of {0} bytes is larger than {limit}", limit = super::SEND_LIMIT)]
    TooLarge(usize),
    /// Credentials could not be read or are refused.
    #[error("failed to authenticate to etcd: {0}")]
    Authentication(Arc<str>),
}

impl CallError {
    /// Whether etcd cannot have seen the call.
    pub(super) const fn was_not_sent(&self) -> bool {
        matches!(self, Self::Unreached { .. } | Self::Unsent(_))
    }

    /// Whether another member may do better.
    pub(super) fn blames_member(&self) -> bool {
        match self {
            Self::Unreached { .. } | Self::Unsent(_) | Self::Broken(_) | Self::Overdue(_) => true,
            // No leader, stopped, a damaged member; a learner answers no linearizable reads.
            Self::Refused(status) => {
                matches!(status.code(), Code::Unavailable | Code::DataLoss)
                    || status.message().contains("not supported for learner")
            }
            Self::Authentication(_) | Self::TooLarge(_) => false,
        }
    }

    /// Whether the token is not, or no more, what etcd wants: `shouldRefreshToken` of Go's client. etcd did nothing.
    pub(super) fn wants_token(&self) -> bool {
        matches!(self, Self::Refused(status) if is_about_token(status.message()))
    }
}

/// Whether etcd's words are about the token of the call.
pub(super) fn is_about_token(message: &str) -> bool {
    [
        "etcdserver: invalid auth token",
        "etcdserver: revision of auth store is old",
        "etcdserver: user name is empty",
    ]
    .iter()
    .any(|words| message.contains(words))
}

/// A status that was made here names the cause as its source; one of etcd's has none.
impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        let Some(source) = std::error::Error::source(&status) else {
            return Self::Refused(status);
        };
        match source.downcast_ref::<SendError>() {
            Some(SendError::Unsent(reason)) => Self::Unsent(reason.as_str().into()),
            Some(SendError::Broken(reason)) => Self::Broken(reason.as_str().into()),
            None => Self::Broken(format!("{}: {source}", status.message()).into()),
        }
    }
}
