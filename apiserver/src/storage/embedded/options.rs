//! Where an embedded store lies, and why it does not open.

use std::path::PathBuf;
use std::time::Duration;

/// No history is forgotten sooner: continue tokens and resumed watches live on it.
pub const LEAST_RETENTION: Duration = Duration::from_secs(300);

/// What an object may have in bytes where nobody says something else: what a request of 3 MiB may become.
pub const OBJECT_BYTES: usize = 4 << 20;

/// The most that may be said: what waits to be written is held in memory.
pub const MOST_OBJECT_BYTES: usize = 32 << 20;

/// Where an embedded store lies and how it is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory, for this store alone. It is made where it is not there.
    pub directory: PathBuf,
    /// How long history is kept; [`LEAST_RETENTION`] where this is shorter.
    pub retention: Duration,
    /// Bytes of history that are kept, whatever its age: beyond them, what is older than 75 s is forgotten, and beyond
    /// twice as many, what is younger. `None`: an eighth of the file system, at most 4 GiB.
    pub history_bytes: Option<u64>,
    /// Bytes that an object may have, encoded; at most [`MOST_OBJECT_BYTES`].
    pub object_bytes: usize,
    /// Bytes of memory for the file's pages. Objects are cached elsewhere, so it may be small.
    pub cache_bytes: usize,
}

impl Options {
    /// A store in `directory`, kept as is good for most.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            retention: LEAST_RETENTION,
            history_bytes: None,
            object_bytes: OBJECT_BYTES,
            cache_bytes: 8 << 20,
        }
    }
}

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it, or this one.
    #[error("{} is in use by another process", directory.display())]
    InUse {
        /// The store's directory.
        directory: PathBuf,
    },
    /// The file is not as it was written. It is left as it is.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file was written by a later version of this library.
    #[error("{} has format {found}; this version knows format {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u64,
        /// The newest one that is known.
        known: u64,
    },
    /// The directory, or a file in it, is not this user's alone: who may write there would write the objects.
    #[error("{} cannot be trusted: {reason}", path.display())]
    Untrusted {
        /// The directory or file.
        path: PathBuf,
        /// Whose it is, or who may write to it.
        reason: String,
    },
    /// The directory or the file cannot be made, read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}
