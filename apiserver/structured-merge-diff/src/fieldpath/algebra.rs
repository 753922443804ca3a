//! Union, intersection and differences of sets (Go: `fieldpath/set.go`). Each goes through both sets once, in order.

use std::cmp::Ordering;
use std::collections::btree_map::Iter;
use std::iter::Peekable;

use super::set::Node;
use super::{PathElement, Set};

impl Set {
    /// The members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        combine(self, other, |left, right| match (left, right) {
            (Some(left), Some(right)) => Node {
                is_member: left.is_member || right.is_member,
                children: left.children.union(&right.children),
            },
            (Some(node), None) | (None, Some(node)) => node.clone(),
            (None, None) => Node::default(),
        })
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        combine(self, other, |left, right| match (left, right) {
            (Some(left), Some(right)) => Node {
                is_member: left.is_member && right.is_member,
                children: left.children.intersection(&right.children),
            },
            _ => Node::default(),
        })
    }

    /// The members of this set that are none of `other`. A field and what is below it have nothing to do with each
    /// other: neither takes the other away.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        combine(self, other, |left, right| match (left, right) {
            (Some(left), Some(right)) => Node {
                is_member: left.is_member && !right.is_member,
                children: left.children.difference(&right.children),
            },
            (Some(node), None) => node.clone(),
            (None, _) => Node::default(),
        })
    }

    /// The members of this set that are none of `other`, nor below one of it.
    #[must_use]
    pub fn recursive_difference(&self, other: &Self) -> Self {
        combine(self, other, |left, right| match (left, right) {
            (Some(left), Some(right)) if !right.is_member => Node {
                is_member: left.is_member,
                children: left.children.recursive_difference(&right.children),
            },
            (Some(node), None) => node.clone(),
            _ => Node::default(),
        })
    }

    /// The members below which there is none.
    #[must_use]
    pub fn leaves(&self) -> Self {
        let leaf = |(element, node): (&PathElement, &Node)| {
            let children = node.children.leaves();
            (
                element.clone(),
                Node {
                    is_member: node.children.is_empty(),
                    children,
                },
            )
        };
        Self {
            nodes: self.nodes.iter().map(leaf).collect(),
        }
    }
}

fn combine(left: &Set, right: &Set, node: impl Fn(Option<&Node>, Option<&Node>) -> Node) -> Set {
    let (mut left, mut right) = (left.nodes.iter().peekable(), right.nodes.iter().peekable());
    // Already sorted, so collected in linear time.
    let entries = std::iter::from_fn(|| next_of_either(&mut left, &mut right));
    let nodes = entries.map(|(element, left, right)| (element, node(left, right)));
    Set {
        nodes: nodes
            .filter(|(_, node)| !node.is_empty())
            .map(|(element, node)| (element.clone(), node))
            .collect(),
    }
}

type Nodes<'a> = Peekable<Iter<'a, PathElement, Node>>;

fn next_of_either<'a>(
    left: &mut Nodes<'a>,
    right: &mut Nodes<'a>,
) -> Option<(&'a PathElement, Option<&'a Node>, Option<&'a Node>)> {
    let order = match (left.peek(), right.peek()) {
        (Some((left, _)), Some((right, _))) => left.cmp(right),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => return None,
    };
    let from_left = if order.is_le() { left.next() } else { None };
    let from_right = if order.is_ge() { right.next() } else { None };
    let element = from_left.or(from_right)?.0;
    Some((
        element,
        from_left.map(|(_, node)| node),
        from_right.map(|(_, node)| node),
    ))
}
