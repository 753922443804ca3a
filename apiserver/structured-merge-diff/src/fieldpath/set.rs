//! A set of fields (Go: `fieldpath/set.go`).

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::ops::ControlFlow;

use super::{Path, PathElement};
use crate::MAX_DEPTH;

/// A path is longer than [`MAX_DEPTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a path has more than {MAX_DEPTH} elements")]
pub struct TooDeep;

/// A set of fields, as a tree of path elements; at each, whether the field itself is a member and which of those below
/// it are. A field's parents are no members for that. The object itself is never one.
///
/// Go keeps sorted slices and moves what follows an insertion; these are ordered maps, so that `n` insertions in
/// whatever order take `n log n` steps. The tree is never deeper than
/// [`MAX_DEPTH`], which bounds every recursion on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Set {
    pub(super) nodes: BTreeMap<PathElement, Node>,
}

/// What a set says of one field: never that neither it nor any below it is a member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) is_member: bool,
    pub(crate) children: Set,
}

impl Node {
    pub(crate) fn member() -> Self {
        Self {
            is_member: true,
            children: Set::default(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.is_member && self.children.is_empty()
    }
}

impl Set {
    /// The empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The set of these paths.
    ///
    /// # Errors
    /// Where one has more than [`MAX_DEPTH`] elements.
    pub fn from_paths<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Result<Self, TooDeep> {
        let mut set = Self::new();
        for path in paths {
            set.insert(path)?;
        }
        Ok(set)
    }

    /// Adds the field at `path`, not its parents; the empty path adds nothing.
    ///
    /// # Errors
    /// Where `path` has more than [`MAX_DEPTH`] elements.
    pub fn insert(&mut self, path: &[PathElement]) -> Result<(), TooDeep> {
        if path.len() > MAX_DEPTH {
            return Err(TooDeep);
        }
        let Some((last, parents)) = path.split_last() else {
            return Ok(());
        };
        let mut set = self;
        for element in parents {
            set = &mut set.nodes.entry(element.clone()).or_default().children;
        }
        set.nodes.entry(last.clone()).or_default().is_member = true;
        Ok(())
    }

    /// Puts `node` at `element`, where it is not empty.
    pub(crate) fn put(&mut self, element: PathElement, node: Node) {
        if !node.is_empty() {
            self.nodes.insert(element, node);
        }
    }

    /// Makes the field `element` a member.
    pub(crate) fn put_member(&mut self, element: PathElement) {
        self.nodes.entry(element).or_default().is_member = true;
    }

    /// Adds `node` to what the set says of the field `element`.
    pub(crate) fn extend_at(&mut self, element: PathElement, node: Node) {
        if !node.is_empty() {
            self.nodes.entry(element).or_default().extend(node);
        }
    }

    /// What the set says of the field `element`.
    pub(crate) fn node(&self, element: &PathElement) -> Option<&Node> {
        self.nodes.get(element)
    }

    /// The fields at this level, members or not, in their order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&PathElement, &Node)> {
        self.nodes.iter()
    }

    /// Whether the field at `path` is a member. The object itself never is.
    #[must_use]
    pub fn has(&self, path: &[PathElement]) -> bool {
        let Some((last, parents)) = path.split_last() else {
            return false;
        };
        let mut set = self;
        for element in parents {
            match set.nodes.get(element) {
                Some(node) => set = &node.children,
                None => return false,
            }
        }
        set.nodes.get(last).is_some_and(|node| node.is_member)
    }

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes
            .values()
            .map(|node| usize::from(node.is_member) + node.children.len())
            .sum()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The members below `element`, without that prefix. `None`: there are none.
    #[must_use]
    pub fn with_prefix(&self, element: &PathElement) -> Option<&Self> {
        self.nodes
            .get(element)
            .map(|node| &node.children)
            .filter(|children| !children.is_empty())
    }

    /// Calls `each` with every member, until it breaks: at each level first the level's members, then what is below
    /// them. The path is the same one, changed.
    ///
    /// # Errors
    /// What `each` breaks with.
    pub fn try_for_each<B>(&self, mut each: impl FnMut(&Path) -> ControlFlow<B>) -> ControlFlow<B> {
        self.visit(&mut Path::default(), &mut each)
    }

    /// Every member, in the order of [`try_for_each`](Self::try_for_each): as many paths as there are members, each as
    /// long as it is deep.
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        self.first_paths(usize::MAX)
    }

    /// The first `limit` members, in that order.
    #[must_use]
    pub fn first_paths(&self, limit: usize) -> Vec<Path> {
        let mut paths = Vec::new();
        let _ = self.try_for_each(|path| {
            if paths.len() == limit {
                return ControlFlow::Break(());
            }
            paths.push(path.clone());
            ControlFlow::Continue(())
        });
        paths
    }

    fn visit<B>(&self, prefix: &mut Path, each: &mut impl FnMut(&Path) -> ControlFlow<B>) -> ControlFlow<B> {
        for (element, node) in &self.nodes {
            if node.is_member {
                prefix.push(element.clone());
                each(prefix)?;
                prefix.pop();
            }
        }
        for (element, node) in &self.nodes {
            if !node.children.is_empty() {
                prefix.push(element.clone());
                node.children.visit(prefix, each)?;
                prefix.pop();
            }
        }
        ControlFlow::Continue(())
    }
}

/// One path a line.
impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let written = self.try_for_each(|path| match write!(f, "{separator}{path}") {
            Ok(()) => {
                separator = "\n";
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        });
        written.break_value().map_or(Ok(()), Err)
    }
}
