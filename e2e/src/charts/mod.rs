//! The helm charts: what is generated in them, and the checks that need no cluster.
//!
//! ```text
//! crds/yaml/*.yaml      -> charts/annex-crds/templates/crd-*.yaml   (sync)
//! charts/*/values.yaml  -> the table in charts/*/README.md          (sync)
//! charts/*  x  values   -> helm lint, helm template -> documents -> findings (check)
//! ```
//!
//! A check never stops at the first fault: it collects [`Error::Findings`], one line each.

mod access;
mod cases;
mod check;
mod crd;
mod helm;
mod hooks;
mod inspect;
mod layout;
mod matrix;
mod ports;
mod rbac;
mod readme;
mod restricted;
mod sources;
mod strict;
mod sync;

use std::{
    fmt,
    path::{Path, PathBuf},
};

pub use access::{AccessCheck, Subject};
pub use check::check;
pub use crd::CrdError;
pub use layout::{Chart, Layout};
pub use matrix::{narrow_rbac_matrix, rbac_matrix};
pub use readme::ReadmeError;
pub use sync::{check_drift, sync};

/// The namespace that the charts are rendered for.
pub const RELEASE_NAMESPACE: &str = "annex-system";

/// What a successful [`check`] looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Sets of values rendered.
    pub cases: usize,
    /// Documents in all of them.
    pub documents: usize,
    /// Values that the schemas refused as they should.
    pub refusals: usize,
    /// Questions of the access matrix.
    pub access_checks: usize,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cases,
            documents,
            refusals,
            access_checks,
        } = self;
        write!(
            f,
            "{cases} sets of values, {documents} documents, {refusals} refusals, {access_checks} access checks"
        )
    }
}

/// The charts could not be checked, or are not right.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the repository could not be read.
    #[error("failed to read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A generated file could not be written or removed.
    #[error("failed to write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// helm could not be started or spoken to.
    #[error("failed to run {program}")]
    RunHelm {
        /// The program that was tried.
        program: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// helm ended with an error.
    #[error("helm {action} failed:\n{output}")]
    Helm {
        /// What it was asked to do.
        action: String,
        /// What it said.
        output: String,
    },
    /// A text that should be YAML is not.
    #[error("{what} is not valid YAML: {message}")]
    Yaml {
        /// The text.
        what: String,
        /// The parser's message.
        message: String,
    },
    /// A CRD cannot become a template.
    #[error("failed to make a template of {path}")]
    Crd {
        /// The CRD's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: CrdError,
    },
    /// A README's table cannot be generated.
    #[error("failed to generate {path}")]
    Readme {
        /// The README.
        path: PathBuf,
        /// Why.
        #[source]
        source: ReadmeError,
    },
    /// The charts are not right.
    #[error("{} findings in the charts:\n{}", .0.len(), .0.join("\n"))]
    Findings(Vec<String>),
}

impl Error {
    fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Read { path, source }
    }

    fn write(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Write { path, source }
    }
}
