//! When the objects of a definition may be deleted, and when the definition itself is let go. Pure.
//!
//! Objects are deleted by their server, and only where the operator says so: a definition may be gone by accident, with its own
//! CustomResourceDefinition or with its server, and then its objects stay stored.

use annex_crds::v1alpha1::DefinitionCondition;

use super::{declared::Declared, names::Decision, replicas::Replicas};

/// What a definition is to get next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Stay,
    /// The finalizer: there will be objects.
    Keep,
    /// The word that its server may delete its objects, unless the CustomResourceDefinition of definitions is being deleted.
    AllowDeletion,
    /// Its objects are being deleted, or, where they are kept, replicas get to know of its deletion. It is let go where the CustomResourceDefinition of definitions is being deleted.
    Wait,
    /// To be let go.
    Release,
}

/// What is known around a definition.
pub struct Around<'a> {
    /// Whether its server exists.
    pub has_server: bool,
    /// Whether a group-version of its group is registered for its server: then it may have objects.
    pub is_registered: bool,
    /// What was decided of its names.
    pub decision: Option<&'a Decision>,
    /// What the server's replicas say.
    pub replicas: &'a Replicas,
}

/// The next step.
#[must_use]
pub fn step(declared: &Declared, around: &Around<'_>) -> Step {
    if !declared.deleting {
        let is_accepted = around
            .decision
            .is_some_and(|decision| decision.conflict.is_none());
        let will_be_served = around.has_server && declared.said.is_ok() && is_accepted;
        return if will_be_served && !declared.is_kept() {
            Step::Keep
        } else {
            Step::Stay
        };
    }
    if !declared.is_kept() {
        return Step::Stay;
    }
    let may_have_objects = around.is_registered || declared.is(DefinitionCondition::Established);
    if !around.has_server || !may_have_objects {
        return Step::Release;
    }
    if declared.keeps_objects {
        // A replica that has not seen the deletion would go on taking objects.
        return if around.replicas.have_stopped(&declared.name, &declared.uid) {
            Step::Release
        } else {
            Step::Wait
        };
    }
    if !declared.may_delete_objects {
        return Step::AllowDeletion;
    }
    match around.replicas.objects_left(&declared.name, &declared.uid) {
        Some(0) => Step::Release,
        _ => Step::Wait,
    }
}
