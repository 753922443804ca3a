//! etcd's errors in the words of [`StorageError`].

use etcd_client::Error;

use crate::storage::{StorageError, limits::VALUE_LIMIT};

/// What etcd refused, where its refusal has a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The revision is compacted.
    Compacted,
    /// The revision is not reached.
    Future,
    /// The request is too large.
    TooLarge,
    /// The database is full.
    NoSpace,
}

/// What etcd says by this error's text: `rpctypes` of etcd's API; its gRPC codes are too coarse.
pub(super) fn refusal(error: &Error) -> Option<Refusal> {
    let Error::GRpcStatus(status) = error else {
        return None;
    };
    let message = status.message();
    if message.contains("required revision has been compacted") {
        Some(Refusal::Compacted)
    } else if message.contains("required revision is a future revision") {
        Some(Refusal::Future)
    } else if message.contains("request is too large") || message.contains("message larger than max") {
        Some(Refusal::TooLarge)
    } else if message.contains("database space exceeded") {
        Some(Refusal::NoSpace)
    } else {
        None
    }
}

/// An error of a write of `size` bytes.
pub(super) fn of_write(error: Error, size: usize) -> StorageError {
    match refusal(&error) {
        Some(Refusal::TooLarge) => StorageError::ValueTooLarge {
            size,
            limit: VALUE_LIMIT,
        },
        Some(Refusal::NoSpace) => StorageError::NoSpace(Some(Box::new(error))),
        Some(Refusal::Compacted | Refusal::Future) | None => unavailable(error),
    }
}

/// An etcd that did not answer.
pub(super) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::Unavailable(error.into())
}
