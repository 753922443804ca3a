//! The step that a rotation stands at, derived from what is there.

use annex_crds::v1alpha1::RotationStep;

/// What decides about the step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// An older authority is still trusted.
    pub previous_trusted: bool,
    /// A new leaf is due.
    pub leaf_due: bool,
    /// What keeps the new authority from being known everywhere; `None` once it is.
    pub widening: Option<String>,
    /// What keeps the new leaf from being issued, though its authority is known.
    pub held_back: Option<String>,
    /// The endpoints that do not serve the Secret's leaf, each with what it does instead.
    pub not_serving: Vec<String>,
}

/// A step, and what it waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The step.
    pub step: RotationStep,
    /// What it waits for; `None` where it can be taken now.
    pub blocked_by: Option<String>,
}

/// How many endpoints a message names.
const NAMED: usize = 5;

/// The step that the facts call for; `None` where nothing is under way.
#[must_use]
pub fn derive(facts: &Facts) -> Option<Progress> {
    if facts.leaf_due {
        // A new leaf may be used only where its authority is known already.
        return Some(match (&facts.widening, facts.previous_trusted) {
            (Some(why), true) => Progress {
                step: RotationStep::Widen,
                blocked_by: Some(why.clone()),
            },
            _ => Progress {
                step: RotationStep::Swap,
                blocked_by: facts.held_back.clone(),
            },
        });
    }
    if !facts.not_serving.is_empty() {
        return Some(Progress {
            step: RotationStep::Probe,
            blocked_by: Some(name(&facts.not_serving)),
        });
    }
    facts.previous_trusted.then_some(Progress {
        step: RotationStep::Narrow,
        blocked_by: None,
    })
}

/// Why the endpoints' answers do not prove that the old authority can go: there are no answers. `None` where `endpoints`
/// answered or were asked, and where nothing is meant to serve.
#[must_use]
pub fn unproven(endpoints: Option<usize>, scaled_to_zero: bool) -> Option<String> {
    match endpoints {
        Some(0) if scaled_to_zero => None,
        Some(0) => Some("the Service has no endpoint".to_owned()),
        Some(_) => None,
        None => Some("the Service does not lead to its endpoints".to_owned()),
    }
}

fn name(endpoints: &[String]) -> String {
    let named = endpoints
        .iter()
        .take(NAMED)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("; ");
    match endpoints.len().checked_sub(NAMED) {
        Some(more) if more > 0 => format!("{named}; and {more} more"),
        _ => named,
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, Progress, RotationStep, derive, unproven};

    fn quiet() -> Facts {
        Facts {
            previous_trusted: false,
            leaf_due: false,
            widening: None,
            held_back: None,
            not_serving: Vec::new(),
        }
    }

    fn step(facts: &Facts) -> Option<RotationStep> {
        derive(facts).map(|progress| progress.step)
    }

    #[test]
    fn nothing_to_do_is_no_step() {
        assert_eq!(derive(&quiet()), None);
    }

    #[test]
    fn a_new_authority_widens_before_it_swaps() {
        let widening = Facts {
            previous_trusted: true,
            leaf_due: true,
            widening: Some("10.0.0.1:6443 has not answered".into()),
            ..quiet()
        };
        assert_eq!(
            derive(&widening),
            Some(Progress {
                step: RotationStep::Widen,
                blocked_by: Some("10.0.0.1:6443 has not answered".into())
            })
        );
        assert_eq!(
            step(&Facts {
                widening: None,
                ..widening
            }),
            Some(RotationStep::Swap)
        );
    }

    #[test]
    fn an_authority_is_not_dropped_before_every_endpoint_serves_the_new_leaf() {
        let probing = Facts {
            previous_trusted: true,
            not_serving: vec!["pod a".into()],
            ..quiet()
        };
        assert_eq!(step(&probing), Some(RotationStep::Probe));
        assert_eq!(
            step(&Facts {
                not_serving: Vec::new(),
                ..probing
            }),
            Some(RotationStep::Narrow)
        );
    }

    #[test]
    fn an_authority_is_not_dropped_while_a_leaf_is_due() {
        let due = Facts {
            previous_trusted: true,
            leaf_due: true,
            ..quiet()
        };
        assert_eq!(step(&due), Some(RotationStep::Swap));
    }

    #[test]
    fn a_renewal_under_the_same_authority_needs_no_widening() {
        assert_eq!(
            step(&Facts {
                leaf_due: true,
                ..quiet()
            }),
            Some(RotationStep::Swap)
        );
        assert_eq!(
            step(&Facts {
                not_serving: vec!["pod a".into()],
                ..quiet()
            }),
            Some(RotationStep::Probe)
        );
    }

    #[test]
    fn no_answer_is_no_proof() {
        assert!(unproven(None, false).is_some());
        assert!(unproven(None, true).is_some());
        assert!(unproven(Some(0), false).is_some());
        assert_eq!(unproven(Some(0), true), None);
        assert_eq!(unproven(Some(2), false), None);
    }

    #[test]
    fn long_lists_of_endpoints_are_cut() {
        let many = Facts {
            not_serving: (0..7).map(|n| format!("pod {n}")).collect(),
            ..quiet()
        };
        let blocked = derive(&many).and_then(|progress| progress.blocked_by).unwrap();
        assert!(blocked.ends_with("pod 4; and 2 more"), "{blocked}");
    }
}
