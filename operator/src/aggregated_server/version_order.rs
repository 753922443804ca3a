//! Kubernetes version order, from which a version's default priority follows.

use std::cmp::Ordering;

/// Priority of the first version in order; each later one has [`STEP`] less, never below 1.
const FIRST: i32 = 100;
const STEP: i32 = 5;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Alpha,
    Beta,
    Stable,
}

/// `v2beta3` as (stage, major, minor); `None` for a name that is no Kubernetes version.
fn parse(version: &str) -> Option<(Stage, u64, u64)> {
    let rest = version.strip_prefix('v')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (major, suffix) = rest.split_at(digits);
    if major.starts_with('0') {
        return None;
    }
    let major = major.parse().ok()?;
    if suffix.is_empty() {
        return Some((Stage::Stable, major, 0));
    }
    let (stage, minor) = match suffix.strip_prefix("alpha") {
        Some(minor) => (Stage::Alpha, minor),
        None => (Stage::Beta, suffix.strip_prefix("beta")?),
    };
    Some((stage, major, minor.parse().ok()?))
}

/// Orders versions as Kubernetes does: stable before beta before alpha, newer before older, other names last and by
/// alphabet. (k8s.io/apimachinery/pkg/version, CompareKubeAwareVersionStrings.)
pub fn compare(left: &str, right: &str) -> Ordering {
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => right.cmp(&left),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => left.cmp(right),
    }
}

/// The default `versionPriority` of `version` among the versions of its group.
#[must_use]
pub fn default_priority(version: &str, versions_of_group: &[&str]) -> i32 {
    let before = versions_of_group
        .iter()
        .filter(|other| compare(other, version).is_lt())
        .count();
    let steps = i32::try_from(before).unwrap_or(i32::MAX);
    FIRST.saturating_sub(steps.saturating_mul(STEP)).max(1)
}

#[cfg(test)]
mod tests {
    use super::{compare, default_priority};

    #[test]
    fn versions_stand_in_kubernetes_order() {
        let mut versions = vec![
            "foo10",
            "v1alpha1",
            "v10",
            "v2",
            "v1beta1",
            "v11beta2",
            "foo1",
            "v1",
            "v12alpha1",
        ];
        versions.sort_by(|left, right| compare(left, right));
        assert_eq!(
            versions,
            [
                "v10",
                "v2",
                "v1",
                "v11beta2",
                "v1beta1",
                "v12alpha1",
                "v1alpha1",
                "foo1",
                "foo10"
            ]
        );
    }

    #[test]
    fn earlier_versions_have_the_higher_priority() {
        let group = ["v1alpha1", "v1beta1"];
        assert!(default_priority("v1beta1", &group) > default_priority("v1alpha1", &group));
        assert_eq!(default_priority("v1", &["v1"]), 100);
    }

    #[test]
    fn priorities_stay_in_range() {
        let names: Vec<String> = (1..=64).map(|n| format!("v{n}")).collect();
        let group: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(
            group
                .iter()
                .all(|version| (1..=1000).contains(&default_priority(version, &group)))
        );
    }
}
