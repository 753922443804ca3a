//! Names of kinds and resources.

use std::fmt;

/// A resource of a group; written `flunders.wardle.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupResource {
    /// Empty: the core group.
    pub group: String,
    /// Plural, lower case.
    pub resource: String,
}

/// A kind of a group; written `Flunder.wardle.example.com`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupKind {
    /// Empty: the core group.
    pub group: String,
    /// Singular, in camel case.
    pub kind: String,
}

impl GroupResource {
    /// `resource` of `group`.
    #[must_use]
    pub fn new(group: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            resource: resource.into(),
        }
    }
}

impl GroupKind {
    /// `kind` of `group`.
    #[must_use]
    pub fn new(group: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
        }
    }
}

fn dotted(formatter: &mut fmt::Formatter<'_>, name: &str, group: &str) -> fmt::Result {
    if group.is_empty() {
        formatter.write_str(name)
    } else {
        write!(formatter, "{name}.{group}")
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(formatter, &self.resource, &self.group)
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        dotted(formatter, &self.kind, &self.group)
    }
}
