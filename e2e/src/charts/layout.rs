//! Where the charts and what they are generated from are found.

use std::path::{Path, PathBuf};

/// A chart of the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// The API types and the grants that servers share.
    Crds,
    /// The operator.
    Operator,
}

impl Chart {
    /// All charts, in the order in which they are installed.
    pub const ALL: [Self; 2] = [Self::Crds, Self::Operator];

    /// Name of the chart and of its directory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Crds => "annex-crds",
            Self::Operator => "annex",
        }
    }
}

/// The directories of a checkout.
#[derive(Clone, Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// The checkout at `root`.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// The checkout that this program was built from.
    #[must_use]
    pub fn of_workspace() -> Self {
        let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::new(crate_dir.parent().unwrap_or(crate_dir))
    }

    /// The directory of a chart.
    #[must_use]
    pub fn chart(&self, chart: Chart) -> PathBuf {
        self.root.join("charts").join(chart.name())
    }

    /// The directory of the generated CRDs.
    #[must_use]
    pub fn crds(&self) -> PathBuf {
        self.root.join("crds").join("yaml")
    }

    /// `path` as people know it, for messages.
    pub(super) fn relative<'a>(&self, path: &'a Path) -> &'a Path {
        path.strip_prefix(&self.root).unwrap_or(path)
    }
}
