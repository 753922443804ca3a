//! Deletes what is ours, and makes sure that its owner is there.

use annex_crds::v1alpha1::AggregatedServer;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{
    api::{DeleteParams, GetParams, Preconditions, PropagationPolicy},
    core::{ApiResource, Request},
};
use serde_json::Value;

use super::{Applier, ApplyError, ObjectName, Owner, Ownership, desired, owner, requests::metadata_text};

/// What an [`Applier::delete_owned`] met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// The server took the request; the object may live on until its finalizers are done.
    Requested,
    /// There was nothing left to delete.
    AlreadyGone,
}

impl Applier {
    /// Makes sure that the AggregatedServer `owner` is there with its uid. To be asked after an object was read that is
    /// [`Ownership::Former`], and before it is written: only then the other uid is no successor's.
    ///
    /// # Errors
    /// [`ApplyError::Raced`] where the AggregatedServer is gone, or was made again.
    pub async fn confirm(&self, owner: &OwnerReference) -> Result<(), ApplyError> {
        let object = ObjectName {
            kind: owner.kind.clone(),
            namespace: None,
            name: owner.name.clone(),
        };
        let url = desired::url_path(&ApiResource::erase::<AggregatedServer>(&()), None);
        let request = Request::new(url).get(&owner.name, &GetParams::default());
        let is_there = match self.send("get", &object, request).await {
            Ok(live) => metadata_text(&live, "uid").as_ref() == Some(&owner.uid),
            Err(error) if error.is_object_missing() => false,
            Err(error) => return Err(error),
        };
        if is_there {
            return Ok(());
        }
        let message = "it was deleted, or made again".to_owned();
        Err(ApplyError::Raced { object, message })
    }

    /// Deletes `live` if `owner`, or a former one of its name, is among its owners, and only that very object; what becomes
    /// of those that it owns itself is for `dependents` to say.
    ///
    /// # Errors
    /// [`ApplyError::Foreign`] without a request where the reference is missing, [`ApplyError::Raced`] where
    /// the name belongs to another object by now.
    pub async fn delete_owned(
        &self,
        resource: &ApiResource,
        live: &Value,
        owner: &OwnerReference,
        dependents: PropagationPolicy,
    ) -> Result<Deletion, ApplyError> {
        let object = ObjectName::of(live);
        let resource_version = match Ownership::of(&owner::references(live), owner) {
            Ownership::Ours => None,
            Ownership::Former => {
                self.confirm(owner).await?;
                metadata_text(live, "resourceVersion")
            }
            Ownership::Foreign => {
                return Err(ApplyError::Foreign {
                    object,
                    owner: Owner::of(live),
                });
            }
        };
        let params = DeleteParams {
            preconditions: Some(Preconditions {
                uid: metadata_text(live, "uid"),
                resource_version,
            }),
            propagation_policy: Some(dependents),
            ..DeleteParams::default()
        };
        let url = desired::url_path(resource, object.namespace.as_deref());
        let request = Request::new(url).delete(&object.name, &params);
        let deletion = match self.send("delete", &object, request).await {
            Ok(_) => Deletion::Requested,
            Err(error) if error.is_object_missing() => Deletion::AlreadyGone,
            Err(error) => return Err(error),
        };
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let uid = metadata_text(live, "uid").unwrap_or_default();
        self.cache.deleted(resource, namespace, &object.name, &uid);
        self.contests.forget_object(&owner.uid, &object.to_string());
        Ok(deletion)
    }
}
