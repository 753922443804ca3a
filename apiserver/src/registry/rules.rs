//! The order of the rules on a new or changed object: prepare, validate, and what is stored of it.

use bytes::Bytes;

use super::Registry;
use super::metadata::{self, Metadata};
use crate::admission::{Attributes, Operation};
use crate::authz::Authorized;
use crate::object::Object;
use crate::status::{ApiError, FieldError};

/// Time that a write may take; the number is k8s.io/apiserver's.
pub(super) const WRITE_LIMIT: std::time::Duration = std::time::Duration::from_secs(34);

/// `write`, or 504 where it takes too long. Dropping it midway leaves the store whole.
pub(super) async fn in_time<T>(write: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let message = "request did not complete within requested timeout - context deadline exceeded";
    tokio::time::timeout(WRITE_LIMIT, write)
        .await
        .unwrap_or_else(|_| Err(ApiError::Timeout(message.into())))
}

impl Registry {
    /// The namespace that objects of this request are in; empty: the cluster.
    pub(super) fn expected_namespace<'a>(&self, request: &'a Authorized) -> &'a str {
        if self.is_namespaced() {
            &request.info().namespace
        } else {
            ""
        }
    }

    /// A client's object in the hub version.
    ///
    /// # Errors
    /// 400: it cannot be had there.
    pub(super) fn hub_of_request(&self, object: Object) -> Result<Object, ApiError> {
        let kind = &self.resource.names.kind;
        self.in_version(object, &self.resource.hub_version)
            .map_err(|error| {
                ApiError::BadRequest(format!(
                    "the object provided cannot be handled as a {kind}: {error}"
                ))
            })
    }

    /// Prepares a new object, and says what is wrong with it. Returns what the client is warned of.
    ///
    /// # Errors
    /// 422.
    pub(super) fn prepare_new(&self, object: &mut Object) -> Result<Vec<String>, ApiError> {
        let resource = &self.resource;
        if resource.policy.generation {
            object.metadata_mut().insert("generation".into(), 1.into());
        }
        resource.strategy.prepare_for_create(object);
        // The kind's own errors come alone, so that they are not lost among the others.
        let mut errors = metadata::validate_names(object, resource.policy.object_names);
        errors.extend(resource.strategy.validate(object));
        self.refuse(object, errors)?;
        let metadata = self.metadata_of(object)?;
        let errors = metadata::validate(object, &metadata, self.is_namespaced());
        self.refuse(object, errors)?;
        Ok(resource.strategy.warnings(object))
    }

    /// Prepares a changed object, and says what is wrong with it. Returns what the client is warned of.
    ///
    /// # Errors
    /// 422.
    pub(super) fn prepare_changed(&self, object: &mut Object, old: &Object) -> Result<Vec<String>, ApiError> {
        let resource = &self.resource;
        match old.metadata().and_then(|metadata| metadata.get("generation")) {
            Some(generation) => object
                .metadata_mut()
                .insert("generation".into(), generation.clone()),
            None => object.metadata_mut().remove("generation"),
        };
        resource.strategy.prepare_for_update(object, old);
        if resource.policy.generation && differs_outside_metadata(object, old) {
            let next = old.generation().saturating_add(1);
            object.metadata_mut().insert("generation".into(), next.into());
        }
        metadata::keep_system_fields(object, old);
        let (new_metadata, old_metadata) = (self.metadata_of(object)?, self.metadata_of(old)?);
        let mut errors =
            metadata::validate_update(object, &new_metadata, &old_metadata, self.is_namespaced());
        errors.extend(resource.strategy.validate_update(object, old));
        self.refuse(object, errors)?;
        Ok(resource.strategy.warnings(object))
    }

    /// 422, where something is wrong.
    fn refuse(&self, object: &Object, errors: Vec<FieldError>) -> Result<(), ApiError> {
        if errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::Invalid {
            kind: self.resource.group_kind(),
            name: object.name().to_owned(),
            errors,
        })
    }

    /// The metadata of an object, typed.
    ///
    /// # Errors
    /// 400: it is no ObjectMeta.
    pub(super) fn metadata_of<'a>(&self, object: &'a Object) -> Result<Metadata<'a>, ApiError> {
        Metadata::read(object).map_err(|error| {
            let kind = &self.resource.names.kind;
            ApiError::BadRequest(format!(
                "the object provided cannot be handled as a {kind}: {error}"
            ))
        })
    }

    /// Asks admission.
    ///
    /// # Errors
    /// It refuses.
    pub(super) async fn admit(
        &self,
        request: &Authorized,
        operation: Operation,
        objects: Objects<'_>,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        let info = request.info();
        self.admission
            .admit(&Attributes {
                operation,
                resource: &self.resource,
                info,
                user: request.user(),
                namespace: self.expected_namespace(request),
                name: objects.name,
                object: objects.new,
                old: objects.old,
                dry_run,
            })
            .await
    }

    /// An object of the hub version in the storage version, without what is not stored.
    ///
    /// # Errors
    /// 500.
    pub(super) fn to_store(&self, hub: Object) -> Result<Object, ApiError> {
        let mut object = self
            .in_version(hub, &self.resource.storage_version)
            .map_err(ApiError::Internal)?;
        object.metadata_mut().remove("resourceVersion");
        Ok(object)
    }

    /// The bytes of an object of the hub version.
    ///
    /// # Errors
    /// 500.
    pub(super) fn bytes_to_store(&self, hub: Object) -> Result<Bytes, ApiError> {
        self.value(&self.to_store(hub)?)
    }
}

/// What admission looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Objects<'a> {
    /// The name in the request; of a deletecollection none.
    pub(super) name: &'a str,
    pub(super) new: Option<&'a Object>,
    pub(super) old: Option<&'a Object>,
}

fn differs_outside_metadata(left: &Object, right: &Object) -> bool {
    let fields = |object: &Object| object.0.iter().filter(|(key, _)| *key != "metadata").count();
    fields(left) != fields(right)
        || left
            .0
            .iter()
            .any(|(key, value)| key != "metadata" && right.0.get(key) != Some(value))
}
