//! What a store's error becomes: the one place that knows.

use super::Registry;
use crate::request::Verb;
use crate::status::ApiError;
use crate::storage::{Revision, StorageError};

/// What Kubernetes says to whoever writes an object that is no longer as it was.
pub(crate) const MODIFIED: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// Seconds until a store that did not answer is asked again, as in Go.
const UNREACHABLE_RETRY: u16 = 2;

impl Registry {
    /// The error that a client sees. Its texts are etcd's and k8s.io/apiserver's, since clients know those.
    pub(super) fn storage_error(&self, error: StorageError, name: &str, verb: Verb) -> ApiError {
        let resource = self.rules.resource.group_resource();
        let name = name.to_owned();
        match error {
            StorageError::AlreadyExists { .. } => ApiError::AlreadyExists {
                resource,
                name,
                prefix: "",
            },
            StorageError::Conflict { current: None, .. } if verb != Verb::Create => {
                ApiError::NotFound { resource, name }
            }
            StorageError::Conflict { .. } => ApiError::Conflict {
                resource,
                name,
                message: MODIFIED.into(),
            },
            StorageError::Compacted { requested, oldest } => expired(requested, oldest, verb),
            StorageError::FutureRevision { requested, current } => ApiError::ResourceVersionTooLarge {
                requested,
                current,
                retry_after: 1,
            },
            StorageError::ValueTooLarge { size, limit } => ApiError::RequestEntityTooLarge(format!(
                "the object has {size} bytes as it is stored, {limit}"
            )),
            StorageError::NoSpace(_) => ApiError::Plain("etcdserver: mvcc: database space exceeded".into()),
            StorageError::Unavailable(_) => ApiError::ServerTimeout {
                resource,
                operation: verb.as_str(),
                retry_after: UNREACHABLE_RETRY,
            },
            StorageError::Initializing => ApiError::TooManyRequests {
                message: "storage is (re)initializing".into(),
                retry_after: 1,
            },
            error @ (StorageError::Corrupt(_) | StorageError::Unreadable { .. }) => {
                ApiError::Internal(error.to_string())
            }
        }
    }
}

fn expired(requested: Revision, oldest: Revision, verb: Verb) -> ApiError {
    let message = match verb {
        Verb::Watch if requested > oldest => {
            format!("unknown resource version: {requested} (the store is at {oldest})")
        }
        Verb::Watch => {
            let last_gone = oldest.get().saturating_sub(1);
            format!("too old resource version: {requested} ({last_gone})")
        }
        _ => "The resourceVersion for the provided list is too old.".to_owned(),
    };
    ApiError::Expired {
        message,
        continue_token: String::new(),
    }
}
