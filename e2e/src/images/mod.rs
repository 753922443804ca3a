//! Container images without a container daemon: one static program, wrapped as an OCI archive, the same bytes from
//! the same program every time.
//!
//! ```text
//! programs (cargo) ─┐
//!                   ├─> ImageSpec -> archive (pure) -> FILE.tar -> load (ctr) -> containerd
//! Go programs ──────┘                                     └ inspect: refuses what would not run
//! ```
//!
//! [`catalog`] says which images there are, [`build`] makes their archives, [`load::load`] brings an archive,
//! ours or somebody else's, into a containerd.

pub mod archive;
pub mod catalog;
pub mod inspect;
pub mod load;
pub mod platform;
mod prefixes;
pub mod programs;

use std::path::{Path, PathBuf};

pub use catalog::ImageSpec;

/// An image that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The name that a pod uses for it.
    pub reference: String,
    /// The OCI archive.
    pub archive: PathBuf,
    /// The digest of the image's manifest, `sha256:…`.
    pub digest: String,
}

/// Why an image was not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `SOURCE_DATE_EPOCH` is set, and is no number of seconds.
    #[error("SOURCE_DATE_EPOCH {0:?} is not a number of seconds since 1970")]
    SourceDateEpoch(String),
    /// The program's file cannot be read.
    #[error("failed to read {}", path.display())]
    ReadProgram {
        /// The program.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The program cannot be the only file of an image.
    #[error("{} cannot be the only file of an image", path.display())]
    Program {
        /// The program.
        path: PathBuf,
        /// What is wrong with it.
        source: platform::Error,
    },
    /// The archive's contents could not be made.
    #[error("failed to lay out the image {reference}")]
    LayOut {
        /// The image.
        reference: String,
        /// What was wrong.
        source: archive::Error,
    },
    /// The archive cannot be written.
    #[error("failed to write {}", path.display())]
    Write {
        /// The archive, or its directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread that makes the image ended early.
    #[error("making the image {reference} was interrupted")]
    Interrupted {
        /// The image.
        reference: String,
        /// What tokio said.
        source: tokio::task::JoinError,
    },
}

/// Makes the archives of `specs` in `out_dir`, one after the other, and returns them in that order.
///
/// A file of a former build is replaced in one step, so that a reader never sees half of one. The date in the
/// images is `SOURCE_DATE_EPOCH`, or 1970.
///
/// # Errors
/// The first image that could not be made, with its cause.
pub async fn build(specs: &[ImageSpec], out_dir: &Path) -> Result<Vec<Built>, Error> {
    let created = created(std::env::var("SOURCE_DATE_EPOCH").ok())?;
    let write = |source| Error::Write {
        path: out_dir.to_owned(),
        source,
    };
    tokio::fs::create_dir_all(out_dir).await.map_err(write)?;
    let mut built = Vec::with_capacity(specs.len());
    for spec in specs {
        let (owned, out_dir) = (spec.clone(), out_dir.to_owned());
        let made = tokio::task::spawn_blocking(move || build_one(&owned, created, &out_dir)).await;
        built.push(made.map_err(|source| Error::Interrupted {
            reference: spec.reference.clone(),
            source,
        })??);
    }
    Ok(built)
}

/// Seconds since 1970 that the images are dated with.
fn created(source_date_epoch: Option<String>) -> Result<u64, Error> {
    source_date_epoch.map_or(Ok(0), |text| {
        text.parse().map_err(|_| Error::SourceDateEpoch(text))
    })
}

fn build_one(spec: &ImageSpec, created: u64, out_dir: &Path) -> Result<Built, Error> {
    let path = &spec.program;
    let program = std::fs::read(path).map_err(|source| Error::ReadProgram {
        path: path.clone(),
        source,
    })?;
    let architecture = platform::static_program(&program).map_err(|source| Error::Program {
        path: path.clone(),
        source,
    })?;
    let image = archive::lay_out(spec, architecture, &program, created).map_err(|source| Error::LayOut {
        reference: spec.reference.clone(),
        source,
    })?;
    let archive = out_dir.join(spec.archive_name());
    replace_file(&archive, &image.archive).map_err(|source| Error::Write {
        path: archive.clone(),
        source,
    })?;
    Ok(Built {
        reference: spec.reference.clone(),
        archive,
        digest: image.digest,
    })
}

fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut partial = path.as_os_str().to_owned();
    partial.push(format!(".{}.partial", std::process::id()));
    std::fs::write(&partial, bytes)
        .and_then(|()| std::fs::rename(&partial, path))
        .inspect_err(|_| {
            // The error that matters is the first one; what is left is a file that nobody reads.
            let _ = std::fs::remove_file(&partial);
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> PathBuf {
        let dir = std::env::temp_dir().join(format!("annex-images-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a scratch directory");
        dir
    }

    #[tokio::test]
    async fn builds_an_archive_that_is_accepted_for_loading() {
        let dir = scratch("build");
        let (host, _) = platform::tests::host_and_foreign_machine();
        std::fs::write(dir.join("program"), platform::tests::program(host, &[1])).expect("written");
        let spec = catalog::operator(&dir.join("program"));

        let built = build(std::slice::from_ref(&spec), &dir.join("out"))
            .await
            .expect("built");

        assert_eq!(built[0].reference, spec.reference);
        let contents = inspect::inspect(
            &built[0].archive,
            platform::Architecture::host().expect("supported"),
        )
        .expect("a good archive");
        assert_eq!(contents.references, [spec.reference]);
        assert_eq!(
            std::fs::read_dir(dir.join("out")).expect("listed").count(),
            1,
            "no partial file is left"
        );
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[tokio::test]
    async fn a_dynamic_program_is_refused_by_name() {
        let dir = scratch("dynamic");
        let error = build(&[catalog::operator(Path::new("/bin/sh"))], &dir)
            .await
            .expect_err("refused");
        assert!(
            matches!(
                error,
                Error::Program {
                    source: platform::Error::DynamicallyLinked,
                    ..
                }
            ),
            "{error}"
        );
        assert!(error.to_string().contains("/bin/sh"), "{error}");
        std::fs::remove_dir_all(dir).expect("removed");
    }

    #[test]
    fn the_date_is_1970_unless_told_otherwise() {
        assert_eq!(created(None).expect("default"), 0);
        assert_eq!(
            created(Some("1700000000".to_owned())).expect("parsed"),
            1_700_000_000
        );
        assert!(matches!(
            created(Some("yesterday".to_owned())),
            Err(Error::SourceDateEpoch(_))
        ));
    }
}
