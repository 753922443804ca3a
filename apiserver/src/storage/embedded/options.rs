//! Where an embedded store lies, and why it does not open.

use std::path::PathBuf;
use std::time::Duration;

/// No history is forgotten sooner: continue tokens and resumed watches live on it.
pub const LEAST_RETENTION: Duration = Duration::from_secs(300);

/// Where an embedded store lies and how it is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// The directory, for this store alone. It is made where it is not there.
    pub directory: PathBuf,
    /// How long history is kept; [`LEAST_RETENTION`] where this is shorter.
    pub retention: Duration,
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
