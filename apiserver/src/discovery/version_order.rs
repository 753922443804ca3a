//! Which version of a group comes first.

use std::cmp::Ordering;

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
    let mut left: Vec<&str> = lists.iter().flatten().copied().collect();
    left.sort_by(|left, right| compare(left, right));
    left.dedup();
    let mut merged: Vec<String> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_first = |version: &str| {
            lists.iter().all(|list| {
                let mut open = list.iter().filter(|listed| left.contains(listed));
                open.next().is_none_or(|first| *first == version) || !list.contains(&version)
            })
        };
        let next = left
            .iter()
            .position(|version| is_first(version))
            .unwrap_or_default();
        merged.push(left.remove(next).to_owned());
    }
    merged
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
        assert_eq!(merge(&[]), Vec::<String>::new());
    }
}
