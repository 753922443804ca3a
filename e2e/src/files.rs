//! Reading and writing files with errors that name the path.

use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde::{Serialize, de::DeserializeOwned};

/// A file operation that failed, and on which path.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The directory could not be made.
    #[error("failed to make the directory {}", path.display())]
    MakeDirectory {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("failed to read {}", path.display())]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("failed to write {}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file or directory could not be removed.
    #[error("failed to remove {}", path.display())]
    Remove {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not hold what it should.
    #[error("failed to understand {}", path.display())]
    Parse {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Makes a directory and its parents.
///
/// # Errors
/// [`Error::MakeDirectory`].
pub fn make_directory(path: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(path).map_err(|source| Error::MakeDirectory {
        path: path.to_owned(),
        source,
    })
}

/// Reads a file as text.
///
/// # Errors
/// [`Error::Read`].
pub fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

/// The files of a directory, and of those below it, whose names end so, sorted.
///
/// # Errors
/// [`Error::Read`].
pub fn with_extension(directory: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let read = |source| Error::Read {
        path: directory.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        if path.is_dir() {
            paths.extend(with_extension(&path, extension)?);
        } else if path.extension().is_some_and(|found| found == extension) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Writes a file as a whole, its directory included: readers see the old or the new content, never a part.
/// Only the owner can read it, for most of what a cluster's state directory holds is secret.
///
/// # Errors
/// [`Error::MakeDirectory`] or [`Error::Write`].
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<(), Error> {
    if let Some(directory) = path.parent() {
        make_directory(directory)?;
    }
    write_and_rename(path, content.as_ref()).map_err(|source| Error::Write {
        path: path.to_owned(),
        source,
    })
}

fn write_and_rename(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    let partial = path.with_file_name(name);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)?;
    io::Write::write_all(&mut file, content)?;
    std::fs::rename(&partial, path)
}

/// Reads a JSON file that may not exist.
///
/// # Errors
/// [`Error::Read`] or [`Error::Parse`].
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|source| Error::Parse {
                path: path.to_owned(),
                source,
            }),
        Err(source) if source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(Error::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// Writes a value as JSON, which is YAML too: every component reads its configuration so.
///
/// # Errors
/// [`Error::MakeDirectory`] or [`Error::Write`].
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(value).map_err(|source| Error::Write {
        path: path.to_owned(),
        source: source.into(),
    })?;
    write(path, text)
}

/// Removes a file; one that is not there is as good as removed.
///
/// # Errors
/// [`Error::Remove`].
pub fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Remove {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Removes a directory with everything in it; one that is not there is as good as removed.
///
/// # Errors
/// [`Error::Remove`].
pub fn remove_directory(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::Remove {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
