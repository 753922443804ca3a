//! Fields that another manager owns (Go: `merge/conflict.go`).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use crate::fieldpath::{ApiVersion, ManagedFields, Path};
use crate::value::write_quoted;

/// A field that is applied with another value than its manager gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// Who manages the field.
    pub manager: String,
    /// The version in which `path` names it.
    pub api_version: ApiVersion,
    /// The field.
    pub path: Path,
}

impl Display for Conflict {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("conflict with ")?;
        write_quoted(f, &self.manager)?;
        write!(f, ": {}", self.path)
    }
}

/// All conflicts of an apply: by manager, and of each in the order of its set. Go's are in no order of managers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conflicts(Vec<Conflict>);

impl Conflicts {
    /// One for every field that these managers have.
    #[must_use]
    pub fn from_managers(managers: &ManagedFields) -> Self {
        let mut conflicts = Vec::new();
        for (manager, fields) in managers {
            fields.set.for_each(|path| {
                conflicts.push(Conflict {
                    manager: manager.clone(),
                    api_version: fields.api_version.clone(),
                    path: path.clone(),
                });
            });
        }
        Self(conflicts)
    }

    /// The conflicts.
    #[must_use]
    pub fn conflicts(&self) -> &[Conflict] {
        &self.0
    }
}

impl Display for Conflicts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let [conflict] = &*self.0 {
            return conflict.fmt(f);
        }
        let mut by_manager: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
        for conflict in &self.0 {
            by_manager
                .entry(&conflict.manager)
                .or_default()
                .push(&conflict.path);
        }
        for (index, (manager, paths)) in by_manager.into_iter().enumerate() {
            f.write_str(if index > 0 {
                "\nconflicts with "
            } else {
                "conflicts with "
            })?;
            write_quoted(f, manager)?;
            f.write_str(":")?;
            paths.into_iter().try_for_each(|path| write!(f, "\n- {path}"))?;
        }
        Ok(())
    }
}

impl std::error::Error for Conflicts {}
