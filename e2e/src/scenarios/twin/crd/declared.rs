//! Where an answer differs from that of a definition on the kube-apiserver, and why.

use super::super::differences::Difference;

/// What docs/crd-differences.md lists.
pub(super) const DECLARED: &[Difference] = &[
    Difference {
        request: "3.5 list in pages: with any revision",
        reason: "a page goes on where its token says; the kube-apiserver's watch cache, which is asked for any revision, begins anew with all",
    },
    Difference {
        request: "3.5 objects of many sizes: deep within",
        reason: "objects are nested 100 deep at most, so that whatever is stored can be read again; Go's reader takes 10,000",
    },
    Difference {
        request: "3.6 from where it is refused: nothing of the future",
        reason: "a revision that was never given is 410 at once, since it is of a store that was lost; the kube-apiserver waits for it",
    },
    Difference {
        request: "3.7 names: of a namespace that is none",
        reason: STANDALONE,
    },
    Difference {
        request: "3.7 in v1beta1: a namespace that is none",
        reason: STANDALONE,
    },
    Difference {
        request: "3.8 replace: of another uid",
        reason: PRECONDITION,
    },
    Difference {
        request: "3.8 what may not change: the uid of nobody",
        reason: PRECONDITION,
    },
    Difference {
        request: "3.8 scale by a whole one: of another uid",
        reason: PRECONDITION,
    },
    Difference {
        request: "3.9 a patch that creates: apply in a namespace that is none",
        reason: STANDALONE,
    },
    Difference {
        request: "3.11 scale: apply",
        reason: "a Scale can be applied; the kube-apiserver tries to convert it as if it were an object of the definition, and fails with 500",
    },
    Difference {
        request: "3.11 dry runs in a namespace that is none: create",
        reason: STANDALONE,
    },
];

const STANDALONE: &str =
    "without a cluster there are no namespaces, and none is missing; in a cluster it is 404 here too";
const PRECONDITION: &str = "the kube-apiserver names the object's key in etcd too";

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
