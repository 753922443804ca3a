//! Has the API server judge what is wanted, without storing it.

use kube::api::{Patch, PatchParams};
use serde_json::Value;

use super::{Applier, ApplyError, Because, Before, Desired, FIELD_MANAGER, Plan, plan};

impl Applier {
    /// Has the server judge `desired`, as [`Applier::dry_run`], where [`Applier::apply`] would write it.
    ///
    /// # Errors
    /// See [`Applier::dry_run`].
    pub async fn dry_run_if_changed(&self, desired: &Desired) -> Result<(), ApplyError> {
        if self.before(desired, self.known(desired).as_deref()) != Before::Ask {
            return Ok(());
        }
        let live = self.get(desired).await?;
        match plan(desired, live.as_ref()) {
            // What it would be refused for are its references, which are replaced first.
            Plan::Apply(Because::Adopted) => Ok(()),
            Plan::Apply(_) => self.dry_run(desired).await.map(|_| ()),
            // A creation is one request, which is taken or refused as a whole.
            Plan::Create | Plan::Unchanged | Plan::Foreign { .. } | Plan::Terminating => Ok(()),
        }
    }

    /// Has the server judge `desired` without storing it: defaulting, validation and admission are run.
    ///
    /// It asks even where the live object is foreign: nothing is written, and the answer is about `desired`.
    ///
    /// # Errors
    /// [`ApplyError::Invalid`] and [`ApplyError::Rejected`] carry the server's text.
    pub async fn dry_run(&self, desired: &Desired) -> Result<Value, ApplyError> {
        let params = PatchParams {
            dry_run: true,
            ..PatchParams::apply(FIELD_MANAGER).force()
        };
        let patch = Patch::Apply(desired.object());
        self.patch("apply", desired, &params, &patch).await
    }
}
