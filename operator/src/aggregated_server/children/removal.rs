//! Children that are wanted no more.

use annex_crds::v1alpha1::Reason;
use kube::{Api, Resource, api::PropagationPolicy, core::ApiResource};
use serde::{Serialize, de::DeserializeOwned};

use super::{Children, Writes, told};
use crate::{
    aggregated_server::pass_result::PassResult,
    applier::{Cache as _, Deletion, Ownership},
};

impl Children<'_> {
    /// Deletes a child in the server's namespace that is no longer wanted, if it is known to be there, and ours.
    pub async fn remove<K>(&self, api: Api<K>, name: &str, outcome: &mut PassResult)
    where
        K: Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + std::fmt::Debug,
    {
        let resource = ApiResource::erase::<K>(&());
        let informers = &self.ctx.informers;
        let known = informers.known(&resource, &self.names.namespace, name);
        if known.is_none() && informers.tell_of(&resource, &self.names.namespace) {
            return;
        }
        match api.get_opt(name).await {
            Ok(None) => {}
            Ok(Some(live)) => {
                self.remove_live(&live, outcome).await;
            }
            Err(error) => outcome.failed(&format!("failed to read {} {name}", K::kind(&())), &error),
        }
    }

    /// Deletes `live` if it is ours; says whether it is on its way out.
    pub async fn remove_live<K>(&self, live: &K, outcome: &mut PassResult) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        self.delete(live, PropagationPolicy::Background, outcome).await
    }

    /// Deletes `live` if it is ours, without what it owns itself: the next one of its name takes that up. Says whether it
    /// is on its way out.
    pub async fn orphan<K>(&self, live: &K, outcome: &mut PassResult) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        self.delete(live, PropagationPolicy::Orphan, outcome).await
    }

    async fn delete<K>(&self, live: &K, dependents: PropagationPolicy, outcome: &mut PassResult) -> bool
    where
        K: Resource<DynamicType = ()> + Serialize,
    {
        let ours = self.names.ownership(live) != Ownership::Foreign;
        let Ok(value) = serde_json::to_value(live) else {
            return false;
        };
        if !ours || live.meta().deletion_timestamp.is_some() {
            return false;
        }
        if self.writes != Writes::Allowed {
            self.not_now(outcome);
            return false;
        }
        match self
            .ctx
            .applier
            .delete_owned(
                &ApiResource::erase::<K>(&()),
                &value,
                &self.names.owner_reference(),
                dependents,
            )
            .await
        {
            Ok(Deletion::Requested) => {
                self.ctx.metrics.count_apply_write(&K::kind(&()));
                outcome.hurry = true;
                true
            }
            Ok(Deletion::AlreadyGone) => true,
            Err(error) => {
                let finding = told(&error, Reason::ApplyFailed, outcome);
                outcome.findings.extend(finding);
                false
            }
        }
    }
}
