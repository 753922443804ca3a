//! Patterns of paths (Go: `fieldpath/set.go`, SetMatcher).

use std::collections::BTreeMap;

use super::set::Node;
use super::{PathElement, Set, TooDeep};
use crate::MAX_DEPTH;

/// Matches path elements.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ElementMatcher {
    /// Every element.
    Any,
    /// This one.
    Element(PathElement),
}

impl<E: Into<PathElement>> From<E> for ElementMatcher {
    fn from(element: E) -> Self {
        Self::Element(element.into())
    }
}

/// Matches members of a [`Set`]: a tree like one, with wildcards. At each level an [`ElementMatcher::Any`] is asked
/// before the others, and alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetMatcher(Matches);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Matches {
    Everything,
    Members(BTreeMap<ElementMatcher, SetMatcher>),
}

impl SetMatcher {
    /// Matches every member.
    #[must_use]
    pub fn everything() -> Self {
        Self(Matches::Everything)
    }

    /// Matches whatever begins with these elements.
    ///
    /// # Errors
    /// Where there are more than [`MAX_DEPTH`].
    pub fn prefix<E: Into<ElementMatcher>>(elements: impl IntoIterator<Item = E>) -> Result<Self, TooDeep> {
        let elements: Vec<ElementMatcher> = elements.into_iter().map(Into::into).collect();
        if elements.len() > MAX_DEPTH {
            return Err(TooDeep);
        }
        let below = |matcher, element| Self(Matches::Members(BTreeMap::from([(element, matcher)])));
        Ok(elements.into_iter().rev().fold(Self::everything(), below))
    }

    /// Matches what either matches.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let (Matches::Members(mut members), Matches::Members(others)) = (self.0, other.0) else {
            return Self::everything();
        };
        for (element, matcher) in others {
            let matcher = match members.remove(&element) {
                Some(there) => there.merge(matcher),
                None => matcher,
            };
            members.insert(element, matcher);
        }
        Self(Matches::Members(members))
    }

    fn of(&self, element: &PathElement) -> Option<&Self> {
        match &self.0 {
            Matches::Everything => Some(self),
            Matches::Members(members) => members
                .get(&ElementMatcher::Any)
                .or_else(|| members.get(&ElementMatcher::Element(element.clone()))),
        }
    }
}

impl Set {
    /// The members that `matcher` matches. A member that is a prefix of what is matched stays.
    #[must_use]
    pub fn filter_include_matches(&self, matcher: &SetMatcher) -> Self {
        if matches!(matcher.0, Matches::Everything) {
            return self.clone();
        }
        let mut out = Self::new();
        for (element, node) in &self.nodes {
            if let Some(matcher) = matcher.of(element) {
                let children = node.children.filter_include_matches(matcher);
                out.put(
                    element.clone(),
                    Node {
                        is_member: node.is_member,
                        children,
                    },
                );
            }
        }
        out
    }
}
