//! Which version of a group comes first.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How stable a version is, by its name, and its numbers: `v1beta2` is `(Beta, 1, 2)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stability {
    Alpha,
    Beta,
    Stable,
}

fn parse(version: &str) -> Option<(Stability, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let split = rest
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(rest.len());
    let (major, suffix) = rest.split_at(split);
    let major = number(major)?;
    if suffix.is_empty() {
        return Some((Stability::Stable, major, 0));
    }
    for (name, stability) in [("alpha", Stability::Alpha), ("beta", Stability::Beta)] {
        if let Some(minor) = suffix.strip_prefix(name) {
            return Some((stability, major, number(minor)?));
        }
    }
    None
}

fn number(text: &str) -> Option<u64> {
    let is_number =
        !text.is_empty() && !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// Kubernetes' order of versions, the most preferred first: `v2`, `v1`, `v1beta2`, `v1alpha1`, then all other names by
/// the alphabet.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => right.cmp(&left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// One order of all versions that keeps to that of every list; where the lists leave it open, or contradict each other,
/// Kubernetes' order.
pub(super) fn merge(lists: &[Vec<&str>]) -> Vec<String> {
    let mut ordered: Vec<&str> = lists.iter().flatten().copied().collect();
    ordered.sort_by(|left, right| compare(left, right));
    ordered.dedup();
    let places: HashMap<&str, usize> = ordered
        .iter()
        .enumerate()
        .map(|(place, version)| (*version, place))
        .collect();
    let mut merge = Merge::new(lists, &places);
    let mut merged = Vec::with_capacity(ordered.len());
    while let Some(place) = merge.next() {
        merged.extend(ordered.get(place).map(|version| (*version).to_owned()));
    }
    merged
}

/// Versions that are being merged, by their places in Kubernetes' order.
struct Merge {
    /// What is left of each list, its next version last.
    lists: Vec<Vec<usize>>,
    /// Of each version the lists in which it is the next one, and those in which others come before it.
    heads: Vec<Vec<usize>>,
    blocked: Vec<usize>,
    left: BTreeSet<usize>,
    /// Those of them that nothing comes before.
    free: BTreeSet<usize>,
}

impl Merge {
    fn new(lists: &[Vec<&str>], places: &HashMap<&str, usize>) -> Self {
        let mut merge = Self {
            lists: Vec::with_capacity(lists.len()),
            heads: vec![Vec::new(); places.len()],
            blocked: vec![0; places.len()],
            left: (0..places.len()).collect(),
            free: (0..places.len()).collect(),
        };
        for list in lists {
            let mut seen = HashSet::new();
            let mut list: Vec<usize> = list
                .iter()
                .filter_map(|version| places.get(version).copied())
                .collect();
            list.retain(|place| seen.insert(*place));
            for place in &list {
                merge.blocked[*place] += 1;
                merge.free.remove(place);
            }
            list.reverse();
            merge.lists.push(list);
        }
        (0..lists.len()).for_each(|list| merge.advance(list));
        merge
    }

    /// The next version of a list is not held back by it any more.
    fn advance(&mut self, list: usize) {
        let Some(rest) = self.lists.get_mut(list) else {
            return;
        };
        while let Some(place) = rest.pop() {
            if !self.left.contains(&place) {
                continue;
            }
            self.heads[place].push(list);
            self.blocked[place] -= 1;
            if self.blocked[place] == 0 {
                self.free.insert(place);
            }
            return;
        }
    }

    fn next(&mut self) -> Option<usize> {
        let next = self.free.first().or_else(|| self.left.first()).copied()?;
        self.free.remove(&next);
        self.left.remove(&next);
        for list in std::mem::take(&mut self.heads[next]) {
            self.advance(list);
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stable_versions_come_first_then_the_newer() {
        let mut versions = [
            "foo10",
            "v1",
            "v11alpha2",
            "v10beta3",
            "v12alpha1",
            "v3beta1",
            "v2",
            "foo1",
            "v01",
        ];
        versions.sort_by(|left, right| compare(left, right));
        assert_eq!(
            versions,
            [
                "v2",
                "v1",
                "v10beta3",
                "v3beta1",
                "v12alpha1",
                "v11alpha2",
                "foo1",
                "foo10",
                "v01"
            ]
        );
    }

    #[test]
    fn the_order_of_each_resource_is_kept() {
        assert_eq!(
            merge(&[vec!["v1alpha1"], vec!["v1beta1", "v1alpha1"]]),
            ["v1beta1", "v1alpha1"]
        );
        assert_eq!(
            merge(&[vec!["v1alpha1", "v1"], vec!["v2"]]),
            ["v2", "v1alpha1", "v1"]
        );
        assert_eq!(merge(&[vec!["v1", "v2"], vec!["v2", "v1"]]), ["v2", "v1"]);
        assert_eq!(
            merge(&[vec!["v1", "v3", "v2"], vec!["v2", "v3"], vec!["v1alpha1", "v1"]]),
            ["v1alpha1", "v1", "v3", "v2"]
        );
        assert_eq!(merge(&[]), Vec::<String>::new());
    }
}
