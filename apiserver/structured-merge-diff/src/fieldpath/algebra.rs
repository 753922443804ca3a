//! Union, intersection and differences of sets (Go: `fieldpath/set.go`).
//!
//! Go goes through both sets in order. Here the left one is gone through and the right one is looked up: an object may have
//! thousands of managers with a few fields each, and each is compared with the same large change.

use std::collections::btree_map::Entry;

use super::set::Node;
use super::{PathElement, Set};

impl Node {
    /// Adds what `other` has. What is new is moved, not gone through.
    pub(crate) fn extend(&mut self, other: Self) {
        self.is_member |= other.is_member;
        self.children.extend(other.children);
    }
}

impl Set {
    /// Adds the members of `other`.
    pub fn extend(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        for (element, node) in other.nodes {
            match self.nodes.entry(element) {
                Entry::Vacant(there) => drop(there.insert(node)),
                Entry::Occupied(mut there) => there.get_mut().extend(node),
            }
        }
    }

    /// The members of either set.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut union = self.clone();
        union.extend(other.clone());
        union
    }

    /// The members of both sets.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.map_nodes(|element, node| {
            let other = other.nodes.get(element)?;
            Some(Node {
                is_member: node.is_member && other.is_member,
                children: node.children.intersection(&other.children),
            })
        })
    }

    /// The members of this set that are none of `other`. A field and what is below it have nothing to do with each
    /// other: neither takes the other away.
    #[must_use]
    pub fn difference(mut self, other: &Self) -> Self {
        self.remove_members(other, |node, other| {
            node.is_member &= !other.is_member;
            true
        });
        self
    }

    /// The members of this set that are none of `other`, nor below one of it.
    #[must_use]
    pub fn recursive_difference(mut self, other: &Self) -> Self {
        self.remove_members(other, |_, other| !other.is_member);
        self
    }

    /// Whether each member is one of `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.nodes.iter().all(|(element, node)| {
            other.nodes.get(element).is_some_and(|other| {
                (other.is_member || !node.is_member) && node.children.is_subset(&other.children)
            })
        })
    }

    // What both have is changed by `keep`, and goes where that says no or where nothing is left.
    fn remove_members(&mut self, other: &Self, keep: fn(&mut Node, &Node) -> bool) {
        if other.nodes.is_empty() {
            return;
        }
        self.nodes.retain(|element, node| {
            let Some(other) = other.nodes.get(element) else {
                return true;
            };
            if !keep(node, other) {
                return false;
            }
            node.children.remove_members(&other.children, keep);
            !node.is_empty()
        });
    }

    /// The members below which there is none.
    #[must_use]
    pub fn leaves(&self) -> Self {
        self.map_nodes(|_, node| {
            Some(Node {
                is_member: node.children.is_empty(),
                children: node.children.leaves(),
            })
        })
    }

    // In order already, so collected in linear time. What comes out empty is left out.
    fn map_nodes(&self, node: impl Fn(&PathElement, &Node) -> Option<Node>) -> Self {
        let entry = |(element, there): (&PathElement, &Node)| {
            let node = node(element, there).filter(|node| !node.is_empty())?;
            Some((element.clone(), node))
        };
        Self {
            nodes: self.nodes.iter().filter_map(entry).collect(),
        }
    }
}
