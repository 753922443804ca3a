//! Fields that another manager owns (Go: `merge/conflict.go`).

use std::fmt::{self, Display, Formatter};
use std::ops::ControlFlow;

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

/// All conflicts of an apply: the managers, and of each the fields. Go makes a path of every one; here whoever lists them
/// says how many, since they may be as many as the object has fields, and each as long as it is deep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflicts(ManagedFields);

impl Conflicts {
    /// One for every field that these managers have.
    #[must_use]
    pub fn from_managers(managers: ManagedFields) -> Self {
        Self(managers)
    }

    /// The managers, with the fields in conflict.
    #[must_use]
    pub fn managers(&self) -> &ManagedFields {
        &self.0
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.values().map(|fields| fields.set.len()).sum()
    }

    /// The first `limit` of them: by manager, and of each in the order of its set. Go's managers are in no order.
    #[must_use]
    pub fn first(&self, limit: usize) -> Vec<Conflict> {
        let mut conflicts = Vec::new();
        for (manager, fields) in &self.0 {
            let paths = fields.set.first_paths(limit - conflicts.len());
            conflicts.extend(paths.into_iter().map(|path| Conflict {
                manager: manager.clone(),
                api_version: fields.api_version.clone(),
                path,
            }));
        }
        conflicts
    }
}

/// All of them, as Go shows them.
impl Display for Conflicts {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let ([conflict], true) = (&*self.first(1), self.count() == 1) {
            return conflict.fmt(f);
        }
        for (index, (manager, fields)) in self.0.iter().enumerate() {
            f.write_str(if index > 0 {
                "\nconflicts with "
            } else {
                "conflicts with "
            })?;
            write_quoted(f, manager)?;
            f.write_str(":")?;
            let written = fields.set.try_for_each(|path| match write!(f, "\n- {path}") {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(error),
            });
            written.break_value().map_or(Ok(()), Err)?;
        }
        Ok(())
    }
}

impl std::error::Error for Conflicts {}
