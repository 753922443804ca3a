//! Applies children: the order, and what a refusal means.
//!
//! | file | what it is |
//! |---|---|
//! | `otherwise` | fields that are made good by another write than an apply |
//! | `removal` | children that are wanted no more |

#[cfg(test)]
mod effects;
mod otherwise;
mod removal;
#[cfg(test)]
mod tests;

use annex_crds::v1alpha1::{Child, Reason};
use kube::Resource;
use serde::Serialize;
use tokio::time::Instant;

use super::{
    context::Context,
    finding::Finding,
    names::Names,
    pass_result::{EventRecord, PassResult},
};
use crate::{
    applier::{self, Applied, ApplyError, Because, Before, Desired, Known, Ownership},
    error_chain::error_chain,
};

/// Applies the children of one server and keeps book.
pub struct Children<'a> {
    /// Shared.
    pub ctx: &'a Context,
    /// Of the server.
    pub names: &'a Names,
    /// What may be written.
    pub writes: Writes,
}

/// What a pass may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writes {
    /// All that is to be written.
    Allowed,
    /// What is not there yet: each request that makes something is refused where it is. Where anything else is to be written the
    /// pass begins again with live reads.
    Creations,
    /// Nothing, since what is known may be late: where something is to be written the pass begins again with live reads.
    AfterLiveReads,
    /// Nothing: somebody wants everything to stay as it is.
    Never,
}

impl Children<'_> {
    /// Applies one child; a refusal becomes a finding, under `refused` where the API server finds the object itself
    /// wrong. Returns what was done, where the object is as it should be now.
    pub async fn apply<K>(&self, object: &K, refused: Reason, outcome: &mut PassResult) -> Option<Applied>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        self.apply_leaving(object, &[], refused, outcome).await
    }

    /// The same, where the fields `left` are others' as far as the object does not have them, see [`Desired::leaving`].
    pub async fn apply_leaving<K>(
        &self,
        object: &K,
        left: &'static [&'static [&'static str]],
        refused: Reason,
        outcome: &mut PassResult,
    ) -> Option<Applied>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let desired = self.desired(object, outcome)?.leaving(left);
        if self.writes != Writes::Allowed {
            let known = self.ctx.applier.known(&desired);
            if known.is_none() && self.writes == Writes::Creations {
                return self.create(&desired, refused, outcome).await;
            }
            return self.unwritten(&desired, known.as_deref(), outcome);
        }
        let applied = self.ctx.applier.apply(&desired).await;
        self.applied(&desired, None, applied, refused, outcome)
    }

    /// The same over the object that was `known` before what `object` derives from was read, and only while nobody has written
    /// it since, see [`applier::Applier::apply_over`].
    pub async fn apply_over<K>(
        &self,
        object: &K,
        known: Option<&Known>,
        refused: Reason,
        outcome: &mut PassResult,
    ) -> Option<Applied>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let desired = self.desired(object, outcome)?;
        if known.is_none() && self.writes == Writes::Creations {
            return self.create(&desired, refused, outcome).await;
        }
        if self.writes != Writes::Allowed {
            return self.unwritten(&desired, known, outcome);
        }
        let applied = self.ctx.applier.apply_over(&desired, known).await;
        self.applied(&desired, known, applied, refused, outcome)
    }

    /// Makes a child of which watches know nothing, in a pass over what they have brought.
    pub async fn make<K>(&self, object: &K, refused: Reason, outcome: &mut PassResult) -> Option<Applied>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let desired = self.desired(object, outcome)?;
        let waits = self.ctx.applier.before(&desired, None) == Before::Waits;
        if waits || self.refusal(&desired, None).is_some() {
            return self.unwritten(&desired, None, outcome);
        }
        // Nothing is made for a server that was deleted since a watch told of it.
        if let Err(error) = self.ctx.applier.confirm(&self.names.owner_reference()).await {
            self.refused(&desired, error, refused, outcome);
            return None;
        }
        self.create(&desired, refused, outcome).await
    }

    /// Applies `next` in the place of `object`, in a pass over what watches have brought, where the child is `known` to be as
    /// `object` says, and only while it is that very version.
    pub async fn apply_next<K>(
        &self,
        (object, next): (&K, &K),
        known: &Known,
        refused: Reason,
        outcome: &mut PassResult,
    ) -> Option<Applied>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let (desired, before) = (self.desired(next, outcome)?, self.desired(object, outcome)?);
        let applier = &self.ctx.applier;
        let is_to_be_applied = known.is_as(&before) && applier.before(&desired, Some(known)) == Before::Ask;
        if !is_to_be_applied || self.refusal(&desired, Some(known)).is_some() {
            return self.unwritten(&desired, Some(known), outcome);
        }
        let applied = self.ctx.applier.apply_next(&desired, known).await;
        outcome.not_live |= matches!(applied, Err(ApplyError::Raced { .. }));
        self.applied(&desired, Some(known), applied, refused, outcome)
    }

    /// Makes a child that is not known to be there. Where it is, what is known is late, and the pass begins again with live reads.
    async fn create(&self, desired: &Desired, refused: Reason, outcome: &mut PassResult) -> Option<Applied> {
        let applied = self.ctx.applier.create(desired).await;
        outcome.not_live |= matches!(applied, Err(ApplyError::Raced { .. }));
        self.applied(desired, None, applied, refused, outcome)
    }

    /// What is there of a child that is not to be written.
    fn unwritten(
        &self,
        desired: &Desired,
        known: Option<&Known>,
        outcome: &mut PassResult,
    ) -> Option<Applied> {
        let before = self.ctx.applier.before(desired, known);
        self.record_known(desired, known, outcome);
        let is_as_desired = known.is_some_and(|known| known.is_as(desired));
        // As a pass tells that has just been refused.
        if !is_as_desired && let Some(finding) = self.refusal(desired, known) {
            outcome.findings.push(finding);
            return None;
        }
        match before {
            Before::Unchanged => Some(Applied::UNCHANGED),
            Before::Waits => None,
            // Nothing can be written until it is gone, which its watch tells.
            Before::Ask if known.is_some_and(|known| known.deleting) => None,
            Before::Ask => {
                self.not_now(outcome);
                None
            }
        }
    }

    /// What is told of a child that was refused a while ago, and would be again after live reads.
    fn refusal(&self, desired: &Desired, known: Option<&Known>) -> Option<Finding> {
        if self.writes != Writes::AfterLiveReads {
            return None;
        }
        let (refusals, now) = (&self.ctx.refusals, Instant::now());
        refusals.stands(&self.names.uid, desired, known, now)
    }

    /// Something is to be written, and may not be.
    pub fn not_now(&self, outcome: &mut PassResult) {
        outcome.not_live |= matches!(self.writes, Writes::AfterLiveReads | Writes::Creations);
    }

    fn desired<K>(&self, object: &K, outcome: &mut PassResult) -> Option<Desired>
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        Desired::new(object, &self.names.uid)
            .inspect_err(|error| outcome.find(Reason::ApplyFailed, error.to_string()))
            .ok()
    }

    /// What became of a child of which, before that, this was `known`.
    fn applied(
        &self,
        desired: &Desired,
        known: Option<&Known>,
        applied: Result<Applied, ApplyError>,
        refused: Reason,
        outcome: &mut PassResult,
    ) -> Option<Applied> {
        match applied {
            Ok(applied) => {
                self.ctx.refusals.taken(&self.names.uid, desired);
                self.record(desired, &applied.outcome, outcome);
                (applied.outcome != applier::Outcome::Waits).then_some(applied)
            }
            Err(error) => {
                let listed = self.ctx.applier.known(desired);
                self.record_known(desired, listed.as_deref().or(known), outcome);
                self.refused(desired, error, refused, outcome);
                None
            }
        }
    }

    /// Whether the API server would take the object, where it has changed; a refusal becomes a finding.
    pub async fn accepts<K>(&self, object: &K, refused: Reason, outcome: &mut PassResult) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let Ok(desired) = Desired::new(object, &self.names.uid) else {
            return true;
        };
        // What is made is taken or refused as a whole.
        if self.writes == Writes::Creations {
            return true;
        }
        // A dry run stores nothing: who is paused learns of it too.
        if self.writes == Writes::AfterLiveReads {
            let known = self.ctx.applier.known(&desired);
            let Some(refusal) = self.refusal(&desired, known.as_deref()) else {
                return true;
            };
            self.record_known(&desired, known.as_deref(), outcome);
            outcome.findings.push(refusal);
            return false;
        }
        match self.ctx.applier.dry_run_if_changed(&desired).await {
            Ok(()) => true,
            Err(error) => {
                let known = self.ctx.applier.known(&desired);
                self.record_known(&desired, known.as_deref(), outcome);
                self.refused(&desired, error, refused, outcome);
                false
            }
        }
    }

    fn record(&self, desired: &Desired, applied: &applier::Outcome, outcome: &mut PassResult) {
        let object = desired.name();
        if !matches!(applied, applier::Outcome::Unchanged | applier::Outcome::Waits) {
            self.ctx.metrics.count_apply_write(&object.kind);
        }
        // What this pass has read is from before. What others change again and again is not written in a hurry.
        outcome.hurry |= matches!(
            applied,
            applier::Outcome::Created | applier::Outcome::Updated(Because::Changed | Because::Adopted)
        );
        match applied {
            // That is told as a whole.
            applier::Outcome::Updated(because) if self.ctx.applier.is_contested(desired, because) => {}
            applier::Outcome::Updated(Because::Drift(drift)) => {
                let changes = drift
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("; ");
                outcome.event_records.push(EventRecord::warning(
                    "DriftRepaired",
                    "Apply",
                    format!("{object}: {changes}"),
                ));
            }
            applier::Outcome::Updated(Because::Adopted) => {
                let server = &self.names.server;
                outcome.event_records.push(EventRecord::normal(
                    "Adopted",
                    "Apply",
                    format!("{object}: belonged to an AggregatedServer {server} that was deleted"),
                ));
            }
            applier::Outcome::Updated(Because::Changed | Because::Altered(_))
            | applier::Outcome::Created
            | applier::Outcome::Unchanged => {}
            applier::Outcome::Waits => {
                let known = self.ctx.applier.known(desired);
                return self.record_known(desired, known.as_deref(), outcome);
            }
        }
        outcome.children.push(child(desired));
    }

    /// Takes note of a child that is there, whatever it looks like, and whether or not it can be written.
    fn record_known(&self, desired: &Desired, known: Option<&Known>, outcome: &mut PassResult) {
        let owner = self.names.owner_reference();
        if known.is_some_and(|known| Ownership::of(&known.owners, &owner) != Ownership::Foreign) {
            outcome.children.push(child(desired));
        }
    }

    /// Tells of a refusal, and takes note of it: it is told by passes over copies too, and tried again ever more seldom.
    fn refused(&self, desired: &Desired, error: ApplyError, refused: Reason, outcome: &mut PassResult) {
        let Some(finding) = told(&error, refused, outcome) else {
            return;
        };
        outcome.findings.push(finding.clone());
        self.note_refusal(desired, finding);
    }

    fn note_refusal(&self, desired: &Desired, finding: Finding) {
        let known = self.ctx.applier.known(desired);
        let (uid, now) = (&self.names.uid, Instant::now());
        self.ctx
            .refusals
            .note(uid, desired, known.as_deref(), finding, now);
    }
}

/// What is told of an error; `None` where it passes: the next pass sees what somebody else did, or the API server may answer again
/// before anybody has to know.
fn told(error: &ApplyError, refused: Reason, outcome: &mut PassResult) -> Option<Finding> {
    let reason = match error {
        ApplyError::Foreign { .. } => Reason::Conflict,
        ApplyError::Invalid { .. } | ApplyError::Rejected { .. } => refused,
        ApplyError::NamespaceNotFound { .. } => Reason::NamespaceNotFound,
        ApplyError::NamespaceTerminating { .. } => Reason::NamespaceTerminating,
        ApplyError::Raced { .. } => {
            outcome.hurry = true;
            return None;
        }
        // That may take long, and its watch tells when it is gone.
        ApplyError::Terminating { .. } => return None,
        ApplyError::Request { .. } => {
            outcome.unanswered.get_or_insert_with(|| error_chain(error));
            return None;
        }
        ApplyError::Forbidden { .. } => Reason::ApplyFailed,
    };
    Some(Finding::new(reason, error_chain(error)))
}

fn child(desired: &Desired) -> Child {
    let object = desired.name();
    Child {
        api_version: desired.api_version().to_owned(),
        kind: object.kind,
        namespace: object.namespace,
        name: object.name,
    }
}
