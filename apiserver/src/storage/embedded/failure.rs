//! What can go wrong with the file, by what is to be done about it.

use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::format::Damage;
use crate::storage::StorageError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why something was not read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// All is well: this is the answer.
    #[error(transparent)]
    Answer(#[from] StorageError),
    /// The disk is full. The database has to be opened again.
    #[error("there is no space left")]
    NoSpace(#[source] Source),
    /// The disk failed, now or before. The database has to be opened again.
    #[error("the file cannot be read or written")]
    Lost(#[source] Source),
    /// The file is not as it was written.
    #[error("the file is damaged: {0}")]
    Damaged(String),
    /// The file is of another version of this library.
    #[error("the file has format {0}")]
    Format(u64),
}

impl Failure {
    /// What a client is told.
    pub(super) fn into_error(self, path: &Path) -> StorageError {
        match self {
            Self::Answer(error) => error,
            Self::NoSpace(source) => StorageError::NoSpace(Some(source)),
            Self::Lost(source) => StorageError::Unavailable(source),
            Self::Damaged(reason) => corrupt(path, &reason),
            Self::Format(_) => corrupt(path, &self.to_string()),
        }
    }

    /// Whether the database has to be opened again.
    pub(super) fn is_lost(&self) -> bool {
        matches!(self, Self::NoSpace(_) | Self::Lost(_))
    }
}

/// Damage, with the file's name.
pub(super) fn corrupt(path: &Path, reason: &str) -> StorageError {
    StorageError::Corrupt(format!("{}: {reason}", path.display()))
}

/// Whether a write failed because there is no room.
pub(super) fn is_no_space(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge
    )
}

/// Does something with the file. redb checks most of what it reads, and panics on some of what it does not expect
/// there: that is damage, and no reason to end the server.
pub(super) fn guarded<T>(action: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Failure::Damaged(
            text.unwrap_or("it cannot be understood").to_owned(),
        ))
    })
}

impl From<Damage> for Failure {
    fn from(damage: Damage) -> Self {
        Self::Damaged(damage.0)
    }
}

impl From<redb::Error> for Failure {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) if is_no_space(&error) => Self::NoSpace(error.into()),
            redb::Error::Io(error) if error.kind() == ErrorKind::InvalidData => {
                Self::Damaged(error.to_string())
            }
            redb::Error::Io(error) => Self::Lost(error.into()),
            redb::Error::Corrupted(reason) => Self::Damaged(reason),
            error @ (redb::Error::TableDoesNotExist(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TypeDefinitionChanged { .. }) => Self::Damaged(error.to_string()),
            error => Self::Lost(error.into()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for Failure {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb! { StorageError TableError TransactionError CommitError DatabaseError }
