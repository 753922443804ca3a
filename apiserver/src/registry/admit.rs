//! Admission around the rules on an object. Go: `endpoints/handlers/create.go`, `update.go` and `patch.go` with their mutating
//! plugins, `AdmissionToValidateObject…Func` of `registry/rest`, and `fieldmanager/admission.go`.

use std::sync::Arc;

use super::Rules;
use super::creates::UnderWay;
use super::metadata;
use crate::admission::{Attributes, Change, Operation};
use crate::authz::Authorized;
use crate::managed_fields::{set_managed_fields, validate_managed_fields};
use crate::object::Object;
use crate::resource::Resource;
use crate::status::ApiError;
use crate::warnings::Warnings;

/// What admission is asked about an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    operation: Operation,
    dry_run: bool,
}

impl Asked {
    pub(crate) fn create(dry_run: bool) -> Self {
        Self {
            operation: Operation::Create,
            dry_run,
        }
    }

    pub(crate) fn update(dry_run: bool) -> Self {
        Self {
            operation: Operation::Update,
            dry_run,
        }
    }
}

/// A new object of the hub version that mutating admission has let pass.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) object: Object,
    pub(super) is_changed: bool,
    /// Counts it until it is stored.
    pub(super) create: Arc<UnderWay>,
}

/// The version that an object is defaulted in which came in this one: none, where plugins have changed it. Then it is defaulted when it
/// is read, as Go defaults whatever it decodes.
pub(super) fn defaulted_in(version: &str, is_changed: bool) -> &str {
    if is_changed { "" } else { version }
}

impl Rules {
    /// Lets plugins change a new object of the hub version, or refuse it. Returns whether they have changed it.
    ///
    /// # Errors
    /// A plugin refuses. 400: one has moved the object to another namespace. 500: one has made something of it that its kind
    /// does not understand.
    pub(crate) async fn admit(
        &self,
        request: &Authorized,
        asked: Asked,
        object: &mut Object,
        old: Option<&Object>,
        warnings: &mut Vec<String>,
    ) -> Result<bool, ApiError> {
        let name = name(request, object);
        // In the order in which all are warned of what.
        let told = Warnings::default();
        let mut attributes = self.attributes(request, asked, &name, Some(object), old, &told);
        if asked.operation == Operation::Create && self.creates.are_refused() {
            // Go: `forbidCreateAdmission` of apiextensions' `customresource_handler.go`.
            return Err(
                attributes.forbidden("create not allowed while custom resource definition is terminating")
            );
        }
        if self.admission.handles(asked.operation) {
            let answer = self.admission.admit(&mut attributes).await;
            warnings.extend(told.texts());
            answer?;
        }
        let change = attributes.into_change();
        let is_changed = change.is_some();
        if let Some(change) = change {
            complete(&self.resource, self.hub_of(request), object, change, warnings)?;
            metadata::ensure_namespace(object, self.expected_namespace(request))?;
        }
        warnings.extend(metadata::dedup_owners(object, true));
        Ok(is_changed)
    }

    /// Lets plugins refuse an object of the hub version as it would be stored.
    ///
    /// # Errors
    /// A plugin refuses.
    pub(crate) async fn validate_admission(
        &self,
        request: &Authorized,
        asked: Asked,
        object: &mut Object,
        old: Option<&Object>,
        warnings: &mut Vec<String>,
    ) -> Result<(), ApiError> {
        if !self.admission.handles(asked.operation) {
            return Ok(());
        }
        let name = name(request, object);
        let told = Warnings::default();
        let attributes = self.attributes(request, asked, &name, Some(object), old, &told);
        let answer = self.admission.validate(&attributes).await;
        warnings.extend(told.texts());
        answer
    }

    /// Lets plugins refuse the deletion of an object of the hub version. `name` is that of the request: of a deletecollection none.
    ///
    /// # Errors
    /// A plugin refuses.
    pub(crate) async fn admit_deletion(
        &self,
        request: &Authorized,
        name: &str,
        old: &Object,
        dry_run: bool,
    ) -> Result<(), ApiError> {
        let asked = Asked {
            operation: Operation::Delete,
            dry_run,
        };
        self.admit_without_object(request, asked, name, Some(old)).await
    }

    /// Lets plugins refuse a request that connects.
    ///
    /// # Errors
    /// A plugin refuses.
    pub(crate) async fn admit_connect(&self, request: &Authorized) -> Result<(), ApiError> {
        let asked = Asked {
            operation: Operation::Connect,
            dry_run: false,
        };
        self.admit_without_object(request, asked, &request.info().name, None)
            .await
    }

    /// Asks the plugins about what has no new object that they could change.
    async fn admit_without_object(
        &self,
        request: &Authorized,
        asked: Asked,
        name: &str,
        old: Option<&Object>,
    ) -> Result<(), ApiError> {
        if !self.admission.handles(asked.operation) {
            return Ok(());
        }
        let mut attributes = self.attributes(request, asked, name, None, old, request.warnings());
        self.admission.admit(&mut attributes).await?;
        self.admission.validate(&attributes).await
    }

    fn attributes<'a>(
        &'a self,
        request: &'a Authorized,
        asked: Asked,
        name: &'a str,
        object: Option<&'a mut Object>,
        old: Option<&'a Object>,
        warnings: &Warnings,
    ) -> Attributes<'a> {
        let resource = self.resource_of_path();
        Attributes::new(asked.operation, resource, request.info(), request.user())
            .of_name(self.expected_namespace(request), name)
            .of_object(object)
            .of_old(old)
            .of_dry_run(asked.dry_run)
            .of_warnings(warnings)
    }
}

/// The name that plugins are told: of a new object it may not be in the path.
fn name(request: &Authorized, object: &Object) -> String {
    match request.info().name.as_str() {
        "" => object.name().to_owned(),
        name => name.to_owned(),
    }
}

/// An object that plugins have changed, in its kind's form. Its managedFields are those that it had before where nobody understands
/// what a plugin has made of them.
fn complete(
    kind: &Resource,
    hub: &str,
    object: &mut Object,
    change: Change,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    if let Err(error) = validate_managed_fields(object) {
        set_managed_fields(object, change.managed_fields);
        warnings.push(format!(
            ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating \
             admission controller; please fix your requests: {error}"
        ));
    }
    object.set_type(&kind.api_version(hub), &kind.names.kind);
    *object = kind
        .strategy
        .normalize(hub, std::mem::take(object))
        .map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(())
}
