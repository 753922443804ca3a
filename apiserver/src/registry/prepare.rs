//! The order of the rules on a new or changed object: prepare, validate, and what is stored of it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::metadata::{self, Metadata};
use super::{Registry, Rules};
use crate::authz::Authorized;
use crate::managed_fields::{remove_managed_fields, set_managed_fields};
use crate::object::{Object, write_as_go};
use crate::offload;
use crate::request::GroupKind;
use crate::resource::{self, ObjectNames, RuleBudget, STATUS};
use crate::status::{ApiError, FieldError};

/// Time that a write may take; the number is k8s.io/apiserver's.
pub(super) const WRITE_LIMIT: Duration = Duration::from_secs(34);
/// Time that the rules of an object may take: a write is not dropped while they run, since they wait for nothing.
const RULES_LIMIT: Duration = Duration::from_secs(10);

/// `write`, or 504 where it takes too long. Dropping it midway leaves the store whole.
pub(crate) async fn in_time<T>(write: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let message = "request did not complete within requested timeout - context deadline exceeded";
    tokio::time::timeout(WRITE_LIMIT, write)
        .await
        .unwrap_or_else(|_| Err(ApiError::Timeout(message.into())))
}

impl Rules {
    /// Whether a request writes the status alone.
    pub(super) fn writes_status(&self, request: &Authorized) -> bool {
        request.info().subresource == STATUS
    }

    /// A new object without the status, which only `/status` writes. A type whose objects always have one gives it anew.
    fn without_status(&self, object: &mut Object) {
        let Some(hub) = self.version_of(object).map(str::to_owned) else {
            return;
        };
        if object.0.remove("status").is_some()
            && let Ok(complete) = self.resource.strategy.normalize(&hub, object.clone())
        {
            *object = complete;
        }
    }

    /// Prepares a new object, and says what is wrong with it. Returns what the client is warned of.
    ///
    /// # Errors
    /// 422.
    pub(crate) async fn prepare_new(
        &self,
        request: &Authorized,
        object: &mut Object,
    ) -> Result<Vec<String>, ApiError> {
        let resource = &self.resource;
        if resource.has_status(self.version(request.info())) {
            self.without_status(object);
        }
        if resource.policy.generation {
            object.metadata_mut().insert("generation".into(), 1.into());
        }
        resource.strategy.prepare_for_create(object);
        self.check_has_version(object)?;
        self.refuse(object, self.validate_type(request, object))?;
        let metadata = self.metadata_of(object)?;
        let of_metadata = |names| metadata::validate(object, &metadata, names, self.is_namespaced());
        // Who has a rule for names validates metadata with the rest, as the strategies of Kubernetes' own kinds do; elsewhere the
        // kind's own errors come alone, since k8s.io/apiserver looks at metadata when nothing else is wrong.
        let (mut errors, later) = match resource.policy.object_names {
            names @ ObjectNames::DnsSubdomain => (of_metadata(names), None),
            names @ ObjectNames::PathSegment => (Vec::new(), Some(names)),
        };
        errors.extend(resource.strategy.validate(object));
        errors.extend(self.validate_scale(request, object));
        let mut warnings = self.validate_rules(request, object, None, errors).await?;
        self.refuse(object, later.map(of_metadata).unwrap_or_default())?;
        warnings.extend(resource.strategy.warnings(object));
        Ok(warnings)
    }

    /// Prepares a changed object, and says what is wrong with it. Returns what the client is warned of.
    ///
    /// # Errors
    /// 422.
    pub(crate) async fn prepare_changed(
        &self,
        request: &Authorized,
        object: &mut Object,
        old: &Object,
    ) -> Result<Vec<String>, ApiError> {
        let resource = &self.resource;
        self.check_has_version(object)?;
        let writes_status = self.writes_status(request);
        let has_status = resource.has_status(self.version(request.info()));
        if writes_status {
            keep_all_but_status(object, old);
        } else if has_status {
            set_or_remove(&mut object.0, "status", old.0.get("status"));
        }
        let generation = old.metadata().and_then(|metadata| metadata.get("generation"));
        set_or_remove(object.metadata_mut(), "generation", generation);
        if writes_status {
            resource.strategy.prepare_for_status_update(object, old);
        } else {
            resource.strategy.prepare_for_update(object, old);
        }
        // Of a resource with `/status` the status is not counted.
        let uncounted = if has_status {
            &["metadata", "status"][..]
        } else {
            &["metadata"]
        };
        if resource.policy.generation && differs_outside_of(uncounted, &object.0, &old.0) {
            let next = old.generation().saturating_add(1);
            object.metadata_mut().insert("generation".into(), next.into());
        }
        metadata::keep_system_fields(object, old);
        let (new_metadata, old_metadata) = (self.metadata_of(object)?, self.metadata_of(old)?);
        let mut errors =
            metadata::validate_update(object, &new_metadata, &old_metadata, self.is_namespaced());
        let of_type = self.validate_type(request, object);
        if !of_type.is_empty() {
            errors.extend(of_type);
            self.refuse(object, errors)?;
            return Ok(Vec::new());
        }
        if resource.policy.unstructured && !errors.is_empty() {
            errors.extend(metadata::validate_change(object, &new_metadata, &old_metadata));
        }
        errors.extend(if writes_status {
            resource.strategy.validate_status_update(object, old)
        } else {
            resource.strategy.validate_update(object, old)
        });
        errors.extend(self.validate_scale(request, object));
        let mut warnings = self.validate_rules(request, object, Some(old), errors).await?;
        // Who writes a status has not written what is warned of.
        if !writes_status {
            warnings.extend(resource.strategy.update_warnings(object, old));
        }
        Ok(warnings)
    }

    /// Refuses an object in which something is wrong: what was found by now, or what rules say. Returns what they warn of.
    ///
    /// # Errors
    /// 422. The client has been warned then.
    async fn validate_rules(
        &self,
        request: &Authorized,
        object: &Object,
        old: Option<&Object>,
        mut errors: Vec<FieldError>,
    ) -> Result<Vec<String>, ApiError> {
        let strategy = &self.resource.strategy;
        let mut found = strategy.validate_rules(object, old, &errors, RuleBudget::Short);
        if found.is_none() {
            offload::expect_busy().await;
            let until = Instant::now() + RULES_LIMIT;
            found = strategy.validate_rules(object, old, &errors, RuleBudget::Full { until });
        }
        let found = found.unwrap_or_default();
        errors.extend(found.errors);
        if let Err(error) = self.refuse(object, errors) {
            request.warnings().extend(found.warnings);
            return Err(error);
        }
        Ok(found.warnings)
    }

    /// 500, where an object without a type has lost its version: Go knows no object of none.
    fn check_has_version(&self, object: &Object) -> Result<(), ApiError> {
        if self.resource.policy.unstructured && object.api_version().is_empty() {
            let message = "Object 'apiVersion' is missing in 'object has no apiVersion field'";
            return Err(ApiError::Internal(message.into()));
        }
        Ok(())
    }

    /// What is wrong with the kind and the version that an object without a type says it is of: apiextensions' `ValidateTypeMeta`, after which
    /// nothing more is looked at.
    fn validate_type(&self, request: &Authorized, object: &Object) -> Vec<FieldError> {
        let resource = &self.resource;
        if !resource.policy.unstructured {
            return Vec::new();
        }
        let api_version = resource.api_version(self.version(request.info()));
        let wanted = [
            ("kind", object.kind(), resource.names.kind.as_str()),
            ("apiVersion", object.api_version(), api_version.as_str()),
        ];
        let wrong = wanted.into_iter().filter(|(_, found, wanted)| found != wanted);
        wrong
            .map(|(field, found, wanted)| FieldError::invalid(field, found, format!("must be {wanted}")))
            .collect()
    }

    /// What is wrong with the numbers that `/scale` shows.
    fn validate_scale(&self, request: &Authorized, object: &Object) -> Vec<FieldError> {
        let version = self.resource.version(self.version(request.info()));
        let Some(paths) = version.and_then(|version| version.subresources.scale.as_ref()) else {
            return Vec::new();
        };
        let mut errors = Vec::new();
        if !self.writes_status(request) {
            errors.extend(resource::validate_spec(object, paths));
        }
        errors.extend(resource::validate_status(object, paths));
        errors
    }

    /// 422, where something is wrong.
    pub(crate) fn refuse(&self, object: &Object, errors: Vec<FieldError>) -> Result<(), ApiError> {
        if errors.is_empty() {
            return Ok(());
        }
        let kind = if self.resource.policy.unstructured {
            // What it says it is.
            let (group, _) = object.api_version().split_once('/').unwrap_or_default();
            GroupKind::new(group, object.kind())
        } else {
            self.resource.group_kind()
        };
        Err(ApiError::Invalid {
            kind,
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
}

impl Registry {
    /// An object of the hub version in the storage version, without what is not stored.
    ///
    /// # Errors
    /// 500.
    pub(super) async fn to_store(&self, hub: Object, is_prepared: bool) -> Result<Object, ApiError> {
        let resource = self.resource();
        let converted = self.rules.converted(hub, &resource.storage_version).await;
        let mut object = converted.map_err(|error| ApiError::Internal(error.to_string()))?;
        if resource.policy.unstructured {
            // What is whole is an integer when it is read again.
            object.0.values_mut().for_each(write_as_go);
        }
        if is_prepared {
            resource
                .strategy
                .default_fields(&resource.storage_version, &mut object);
        }
        object.metadata_mut().remove("resourceVersion");
        Ok(object)
    }

    /// The bytes of an object of the hub version.
    ///
    /// # Errors
    /// 500.
    pub(super) async fn bytes_to_store(&self, hub: Object, is_prepared: bool) -> Result<Bytes, ApiError> {
        self.value(&self.to_store(hub, is_prepared).await?)
    }
}

/// Whether a field differs that is none of `fields`.
pub(super) fn differs_outside_of(
    fields: &[&str],
    left: &Map<String, Value>,
    right: &Map<String, Value>,
) -> bool {
    let counted = |key: &&String| !fields.contains(&key.as_str());
    let count = |map: &Map<String, Value>| map.keys().filter(counted).count();
    count(left) != count(right)
        || left
            .iter()
            .any(|(key, value)| counted(&key) && right.get(key) != Some(value))
}

/// Makes of a write of the status what it may be: the old object with the new status. Who manages which field has
/// changed with it. Go: `statusStrategy.PrepareForUpdate` of apiextensions.
fn keep_all_but_status(object: &mut Object, old: &Object) {
    let mut new = std::mem::replace(object, old.clone());
    set_or_remove(&mut object.0, "status", new.0.remove("status").as_ref());
    set_managed_fields(object, remove_managed_fields(&mut new));
}

fn set_or_remove(fields: &mut Map<String, Value>, key: &str, value: Option<&Value>) {
    match value {
        Some(value) => fields.insert(key.to_owned(), value.clone()),
        None => fields.remove(key),
    };
}
