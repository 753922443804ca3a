//! Where an answer differs from that of a definition on the kube-apiserver, and why.

use super::super::differences::Difference;

/// What docs/crd-differences.md lists.
pub(super) const DECLARED: &[Difference] = &[];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{SECTIONS, all, sequence};
    use super::DECLARED;

    const PAGE: &str = include_str!("../../../../../docs/crd-differences.md");
    /// How many sequences each subsection has.
    const LEAST: usize = 20;

    #[test]
    fn every_declared_difference_is_of_a_request_and_stands_in_the_docs() {
        let sequences = all();
        let steps = || sequences.iter().flat_map(|sequence| &sequence.steps);
        for difference in DECLARED {
            assert!(
                steps().any(|step| step.request.title == difference.request),
                "{difference:?}"
            );
            let row = format!("| {} | {} |", difference.request, difference.reason);
            assert!(PAGE.contains(&row), "the page of differences lacks: {row}");
        }
        let rows = PAGE.lines().filter(|line| line.starts_with("| 3."));
        assert_eq!(rows.count(), DECLARED.len());
    }

    #[test]
    fn every_subsection_has_its_sequences_and_every_request_its_title() {
        let mut titles = BTreeSet::new();
        for (section, file) in SECTIONS {
            let sequences = sequence::sequences(file);
            assert!(sequences.len() >= LEAST, "{section}: {}", sequences.len());
            for sequence in &sequences {
                assert!(
                    sequence.title.starts_with(&format!("{section} ")),
                    "{}",
                    sequence.title
                );
                for step in &sequence.steps {
                    assert!(
                        titles.insert(step.request.title.clone()),
                        "{}",
                        step.request.title
                    );
                }
            }
            let written = file.lines().filter(|line| line.starts_with("### ")).count();
            let read: usize = sequences.iter().map(|sequence| sequence.steps.len()).sum();
            assert_eq!(read, written, "some requests of {section} cannot be read");
        }
    }
}
