//! etcd's errors in the words of [`StorageError`].

use super::client::CallError;
use crate::storage::{StorageError, ValueLimit};

/// The limit of etcd's own, 1.5 MiB where it is not set. etcd does not say what it is.
const REQUEST_LIMIT: ValueLimit = ValueLimit {
    setting: "etcd's --max-request-bytes, 1572864 by default",
    bytes: None,
};

/// What etcd refused, where its refusal has a meaning of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The revision is compacted.
    Compacted,
    /// The revision is not reached.
    Future,
    /// The request is too large: for etcd, for gRPC before it, or for this client.
    TooLarge,
    /// The database is full.
    NoSpace,
    /// The answer is larger than this client takes in.
    AnswerTooLarge,
}

/// What etcd says by this error's text: `rpctypes` of etcd's API; its gRPC codes are too coarse.
pub(super) fn refusal(error: &CallError) -> Option<Refusal> {
    let status = match error {
        CallError::TooLarge(_) => return Some(Refusal::TooLarge),
        CallError::Refused(status) => status,
        _ => return None,
    };
    let message = status.message();
    let has = |words: &str| message.contains(words);
    if has("required revision has been compacted") {
        Some(Refusal::Compacted)
    } else if has("required revision is a future revision") {
        Some(Refusal::Future)
    } else if has("request is too large") || has("message larger than max") {
        Some(Refusal::TooLarge)
    } else if has("decoded message length too large") {
        Some(Refusal::AnswerTooLarge)
    } else if has("database space exceeded") {
        Some(Refusal::NoSpace)
    } else {
        None
    }
}

/// An error of a write of `size` bytes.
pub(super) fn of_write(error: CallError, size: usize) -> StorageError {
    match refusal(&error) {
        Some(Refusal::TooLarge) => StorageError::ValueTooLarge {
            size,
            limit: REQUEST_LIMIT,
        },
        Some(Refusal::NoSpace) => StorageError::NoSpace(Some(Box::new(error))),
        Some(Refusal::Compacted | Refusal::Future | Refusal::AnswerTooLarge) | None => unavailable(error),
    }
}

/// An etcd that did not answer.
pub(super) fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StorageError {
    StorageError::Unavailable(error.into())
}

#[cfg(test)]
mod tests {
    use tonic::{Code, Status};

    use super::*;

    #[test]
    fn every_way_to_be_too_large_is_told_with_the_limit_by_name() {
        let refused = |code, message: &str| CallError::Refused(Status::new(code, message));
        for error in [
            refused(Code::InvalidArgument, "etcdserver: request is too large"),
            refused(
                Code::ResourceExhausted,
                "grpc: received message larger than max (2097201 vs. 2097152)",
            ),
            refused(
                Code::ResourceExhausted,
                "trying to send message larger than max (3145840 vs. 2097152)",
            ),
            CallError::TooLarge(17_000_000),
        ] {
            let words = error.to_string();
            let error = of_write(error, 7);
            assert!(
                matches!(error, StorageError::ValueTooLarge { size: 7, limit }
                    if limit.setting.contains("--max-request-bytes")),
                "{words}"
            );
        }
        let answer = refused(
            Code::OutOfRange,
            "Error, decoded message length too large: found 17000000 bytes, the limit is: 16777216 bytes",
        );
        assert_eq!(refusal(&answer), Some(Refusal::AnswerTooLarge));
    }
}
