//! Looks that docs/kubernetes-tests.md, which says where each of Kubernetes' own integration tests is shown, names what exists.

use std::collections::BTreeSet;

use super::PAIRS;
use crate::scenarios::all;

const PAGE: &str = include_str!("../../../../docs/kubernetes-tests.md");

/// A row: the test, and what is said of it.
fn rows() -> Vec<(&'static str, &'static str)> {
    let rows = PAGE
        .lines()
        .filter_map(|line| line.strip_prefix("| Test")?.strip_suffix(" |"));
    rows.filter_map(|row| row.split_once(" | ")).collect()
}

/// What stands between pairs of `mark` in a text.
fn between(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

#[test]
fn what_shows_a_test_exists() {
    let titles: BTreeSet<String> = PAIRS
        .iter()
        .flat_map(|pair| pair.requests())
        .map(|request| request.title)
        .collect();
    let scenarios: BTreeSet<&str> = all().iter().map(|scenario| scenario.name).collect();
    for (test, shown) in rows() {
        for title in between(shown, '"') {
            assert!(
                titles.contains(title),
                "Test{test}: no request is called {title:?}"
            );
        }
        for scenario in between(shown, '`') {
            assert!(
                scenarios.contains(scenario),
                "Test{test}: no scenario is called {scenario:?}"
            );
        }
        let named = between(shown, '"').chain(between(shown, '`')).next().is_some();
        assert!(named || shown.starts_with("not shown: "), "Test{test}: {shown}");
    }
}

#[test]
fn every_test_has_a_row_of_its_own() {
    let tests: BTreeSet<&str> = rows().into_iter().map(|(test, _)| test).collect();
    assert_eq!(tests.len(), rows().len());
    // Those of `apply` of Kubernetes 1.36, and then some.
    assert!(tests.len() > 57, "{}", tests.len());
}
