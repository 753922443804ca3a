//! The way from an object's root to one of its fields (Go: `fieldpath/path.go`).

use std::fmt::{self, Display, Formatter};
use std::ops::Deref;

use super::PathElement;

/// The elements from the root of an object to a field; empty: the object itself. A path comes before those that it
/// begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(Vec<PathElement>);

impl Path {
    /// The path of these elements.
    pub fn new<E: Into<PathElement>>(elements: impl IntoIterator<Item = E>) -> Self {
        Self(elements.into_iter().map(Into::into).collect())
    }

    /// Goes one element further.
    pub fn push(&mut self, element: PathElement) {
        self.0.push(element);
    }

    /// Goes one element back.
    pub fn pop(&mut self) -> Option<PathElement> {
        self.0.pop()
    }
}

impl Deref for Path {
    type Target = [PathElement];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl From<Vec<PathElement>> for Path {
    fn from(elements: Vec<PathElement>) -> Self {
        Self(elements)
    }
}

impl FromIterator<PathElement> for Path {
    fn from_iter<I: IntoIterator<Item = PathElement>>(elements: I) -> Self {
        Self(elements.into_iter().collect())
    }
}

/// As errors and conflicts show it: `.spec.containers[name="a"].image`.
impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|element| element.fmt(f))
    }
}
