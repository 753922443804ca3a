//! What a version's resource does not track (Go: `fieldpath/set.go`, Filter).

use super::{Set, SetMatcher};

/// Takes fields out of a set: a strategy's reset fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Takes these fields and whatever is below them.
    Exclude(Set),
    /// Keeps only what is matched.
    Include(SetMatcher),
}

impl Filter {
    /// Keeps only what one of the matchers matches; without matchers, everything.
    #[must_use]
    pub fn include(matchers: impl IntoIterator<Item = SetMatcher>) -> Self {
        Self::Include(
            matchers
                .into_iter()
                .reduce(SetMatcher::merge)
                .unwrap_or_else(SetMatcher::everything),
        )
    }

    /// The set without what is filtered.
    #[must_use]
    pub fn filter(&self, set: Set) -> Set {
        match self {
            Self::Exclude(excluded) => set.recursive_difference(excluded),
            Self::Include(matcher) => set.filter_include_matches(matcher),
        }
    }
}
