//! Annex as it was at the commit that the file `e2e/previous` names: its charts, and its operator's image. Both are made of this
//! repository's own history, once for each commit, and kept in the cache.

use std::path::{Path, PathBuf};

use crate::exec::{self, command};
use crate::images::programs::Program;
use crate::images::{self, ImageSpec, catalog};
use crate::layout::Layout;
use crate::tools::Tools;
use crate::{files, install, packages, paths, product, progress, tools};

/// Why an older Annex cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cache has no place.
    #[error(transparent)]
    Paths(#[from] paths::Error),
    /// A file could not be written, or an older copy removed.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The file names no commit.
    #[error("e2e/previous should hold the 40 hexadecimal digits of a commit; it holds {0:?}")]
    Commit(String),
    /// The clone lacks the commit.
    #[error(
        "e2e/previous names {commit}, which this clone does not have; where it is shallow: git fetch --unshallow"
    )]
    NotHere {
        /// The commit.
        commit: String,
        /// What git said.
        source: exec::Error,
    },
    /// git or tar failed.
    #[error("failed to take the sources out of the history")]
    Extract(#[source] exec::Error),
    /// A package is missing.
    #[error(transparent)]
    Packages(#[from] packages::Error),
    /// Its operator could not be built.
    #[error("failed to build the operator of {commit}")]
    Build {
        /// The commit.
        commit: String,
        /// Why.
        source: images::programs::Error,
    },
    /// Its image could not be made.
    #[error("failed to make the image of an older operator")]
    Image(#[from] images::Error),
    /// containerd did not take it.
    #[error(transparent)]
    Load(#[from] product::Error),
    /// helm failed.
    #[error(transparent)]
    Helm(#[from] tools::Error),
}

/// The older Annex, ready to be installed.
#[derive(Debug)]
pub struct Previous {
    commit: String,
    directory: PathBuf,
}

impl Previous {
    /// Takes its sources out of the history and builds its operator, where the cache does not have them. What the cache has of other
    /// commits goes.
    ///
    /// # Errors
    /// See [`Error`]; a shallow clone has no history to take it from.
    pub async fn prepare() -> Result<Self, Error> {
        let commit = commit(include_str!("../previous"))?;
        let all = paths::cache()?.join("previous");
        let previous = Self {
            directory: all.join(&commit),
            commit,
        };
        if !previous.operator().is_file() {
            remove(&all)?;
            previous.extract().await?;
            progress::step("building the operator of e2e/previous", previous.build()).await?;
        }
        Ok(previous)
    }

    fn source(&self) -> PathBuf {
        self.directory.join("source")
    }

    fn operator(&self) -> PathBuf {
        self.directory.join("annex-operator")
    }

    async fn extract(&self) -> Result<(), Error> {
        let (commit, source) = (&self.commit, self.source());
        let git = |arguments: &[&str]| {
            let mut git = command("git", arguments);
            git.current_dir(product::workspace());
            git
        };
        exec::run(&mut git(&["cat-file", "-e", &format!("{commit}^{{commit}}")]))
            .await
            .map_err(|source| Error::NotHere {
                commit: commit.clone(),
                source,
            })?;
        files::make_directory(&source)?;
        let archive = self.directory.join("source.tar");
        let (archive, source) = (archive.display().to_string(), source.display().to_string());
        exec::run(&mut git(&["archive", "--format=tar", "-o", &archive, commit]))
            .await
            .map_err(Error::Extract)?;
        exec::run(&mut command("tar", ["-xf", &archive, "-C", &source]))
            .await
            .map_err(Error::Extract)?;
        remove(Path::new(&archive))
    }

    /// In the target directory of the programs of now, which have most dependencies in common with it; the program is copied out of it.
    async fn build(&self) -> Result<(), Error> {
        packages::ensure_image_tools().await?;
        let target = paths::cache()?.join("target");
        let built = images::programs::build(&self.source(), &target, &[Program::Operator]).await;
        let built = built.map_err(|source| Error::Build {
            commit: self.commit.clone(),
            source,
        })?;
        let operator = self.operator();
        // Half a copy is none.
        let half = operator.with_extension("half");
        let written = |source| files::Error::Write {
            path: operator.clone(),
            source,
        };
        for built in built {
            std::fs::copy(built, &half).map_err(written)?;
        }
        std::fs::rename(&half, &operator).map_err(written)?;
        Ok(())
    }

    /// Its operator's image, called by its commit.
    fn image(&self) -> ImageSpec {
        let now = catalog::operator(&self.operator());
        let repository = now.reference.rsplit_once(':').map(|(repository, _)| repository);
        ImageSpec {
            reference: format!("{}:{}", repository.unwrap_or(&now.reference), self.commit),
            ..now
        }
    }

    /// Loads its image into the cluster.
    ///
    /// # Errors
    /// It could not be made, or was not taken.
    pub async fn load(&self, layout: &Layout) -> Result<(), Error> {
        let built = images::build(&[self.image()], &paths::cache()?.join("images")).await?;
        let archives: Vec<PathBuf> = built.into_iter().map(|image| image.archive).collect();
        product::load(layout, &archives, None).await?;
        Ok(())
    }

    /// Installs its charts over what there is, and waits until its operator is ready.
    ///
    /// # Errors
    /// helm failed.
    pub async fn install(&self, tools: &Tools) -> Result<(), Error> {
        let reference = self.image().reference;
        for (release, name, image_value) in install::CHARTS {
            let chart = self.source().join("charts").join(name).display().to_string();
            let arguments = install::arguments(release, &chart, image_value, &reference, &[]);
            tools
                .helm(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
                .await?;
        }
        Ok(())
    }
}

/// The commit that the file names.
fn commit(file: &str) -> Result<String, Error> {
    let commit = file.trim();
    let is_commit = commit.len() == 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_commit {
        Ok(commit.to_owned())
    } else {
        Err(Error::Commit(commit.to_owned()))
    }
}

fn remove(path: &Path) -> Result<(), Error> {
    let removed = if path.is_dir() {
        std::fs::remove_dir_all(path)
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(files::Error::Remove {
            path: path.to_owned(),
            source: error,
        }
        .into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_names_a_commit() {
        assert!(commit(include_str!("../previous")).is_ok());
        for wrong in ["", "main", "0123", &"g".repeat(40)] {
            assert!(matches!(commit(wrong), Err(Error::Commit(_))), "{wrong}");
        }
    }
}
