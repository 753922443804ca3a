//! The files that definitions are in: one, or those of a directory, as a mounted ConfigMap has them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::definition::{self, Definition, DocumentError};

/// How many files a directory may have.
const MOST_FILES: usize = 10_000;
/// Bytes of all files.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// What their names end with.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Why files with definitions cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The system does not give them.
    #[error("{}", path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// There are more of them than anybody has.
    #[error("{}: more than {MOST_FILES} files, or {MOST_BYTES} bytes", path.display())]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
    /// One holds what is no definition.
    #[error("{}", path.display())]
    Document {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        source: DocumentError,
    },
    /// Two definitions have one name.
    #[error("{name} is defined twice, in {} too", path.display())]
    Twice {
        /// The name.
        name: String,
        /// The second file.
        path: PathBuf,
    },
}

/// What tells one state of files from another: their names, times and sizes.
pub(super) type Stamp = Vec<(PathBuf, Option<SystemTime>, u64)>;

/// The state of the files at `path`: of itself, or of the files in it, sorted by name.
///
/// # Errors
/// [`FilesError`]
pub(super) fn stamp(path: &Path) -> Result<Stamp, FilesError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| FilesError::Io { path, source }
    };
    let mut files = Vec::new();
    if std::fs::metadata(path).map_err(failed(path))?.is_dir() {
        for entry in std::fs::read_dir(path).map_err(failed(path))? {
            let file = entry.map_err(failed(path))?.path();
            let extension = file.extension().and_then(OsStr::to_str).unwrap_or_default();
            if EXTENSIONS.contains(&extension) {
                files.push(file);
            }
            if files.len() > MOST_FILES {
                return Err(FilesError::TooMany {
                    path: path.to_owned(),
                });
            }
        }
        files.sort_unstable();
    } else {
        files.push(path.to_owned());
    }
    let mut bytes = 0_u64;
    let mut stamp = Vec::with_capacity(files.len());
    for file in files {
        // Links are followed: those of a ConfigMap change their targets.
        let metadata = std::fs::metadata(&file).map_err(failed(&file))?;
        if !metadata.is_file() {
            continue;
        }
        bytes = bytes.saturating_add(metadata.len());
        if bytes > MOST_BYTES {
            return Err(FilesError::TooMany {
                path: path.to_owned(),
            });
        }
        stamp.push((file, metadata.modified().ok(), metadata.len()));
    }
    Ok(stamp)
}

/// The definitions in the files of `stamp`, in their order.
///
/// # Errors
/// [`FilesError`]
pub(super) fn read(stamp: &Stamp) -> Result<Vec<Definition>, FilesError> {
    let mut definitions: Vec<Definition> = Vec::new();
    let mut names = HashSet::new();
    for (path, _, _) in stamp {
        let bytes = std::fs::read(path).map_err(|source| FilesError::Io {
            path: path.clone(),
            source,
        })?;
        let read = definition::read(&bytes).map_err(|source| FilesError::Document {
            path: path.clone(),
            source,
        })?;
        for definition in read {
            if !names.insert(definition.name.clone()) {
                return Err(FilesError::Twice {
                    name: definition.name,
                    path: path.clone(),
                });
            }
            definitions.push(definition);
        }
    }
    Ok(definitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFINITION: &str =
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: NAME}\n";

    #[test]
    fn a_file_or_a_directory_of_files_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(directory.path().join(name), text).unwrap();
        write("b.yaml", &DEFINITION.replace("NAME", "b.x"));
        write(
            "a.json",
            r#"{"apiVersion":"annex.dev/v1alpha1","kind":"AggregatedResourceDefinition","metadata":{"name":"a.x"}}"#,
        );
        write("notes.txt", "[");
        let names = |path: &Path| -> Vec<String> {
            let read = read(&stamp(path).unwrap()).unwrap();
            read.into_iter().map(|definition| definition.name).collect()
        };
        assert_eq!(names(directory.path()), ["a.x", "b.x"]);
        assert_eq!(names(&directory.path().join("b.yaml")), ["b.x"]);
        let before = stamp(directory.path()).unwrap();
        assert_eq!(before, stamp(directory.path()).unwrap());
        write("c.yml", &DEFINITION.replace("NAME", "b.x"));
        let after = stamp(directory.path()).unwrap();
        assert_ne!(before, after);
        let error = read(&after).unwrap_err().to_string();
        assert!(error.starts_with("b.x is defined twice"), "{error}");
        assert!(matches!(stamp(Path::new("/nowhere")), Err(FilesError::Io { .. })));
        write("c.yml", "[");
        assert!(matches!(
            read(&stamp(directory.path()).unwrap()),
            Err(FilesError::Document { .. })
        ));
    }
}
