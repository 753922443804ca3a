//! Admission around the rules on an object. Go: `endpoints/handlers/create.go`, `update.go` and `patch.go` with their mutating
//! plugins, `AdmissionToValidateObject…Func` of `registry/rest`, and `fieldmanager/admission.go`.

use super::Registry;
use super::metadata;
use crate::admission::{Admission, Attributes, Change, NewObject, Operation};
use crate::authz::Authorized;
use crate::managed_fields::{set_managed_fields, validate_managed_fields};
use crate::object::Object;
use crate::resource::Resource;
use crate::status::ApiError;

/// What admission is asked about an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    operation: Operation,
    dry_run: bool,
}

impl Asked {
    pub(super) fn create(dry_run: bool) -> Self {
        Self {
            operation: Operation::Create,
            dry_run,
        }
    }

    pub(super) fn update(dry_run: bool) -> Self {
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
}

/// The version that an object is defaulted in which came in this one: none, where plugins have changed it. Then it is defaulted when it
/// is read, as Go defaults whatever it decodes.
pub(super) fn defaulted_in(version: &str, is_changed: bool) -> &str {
    if is_changed { "" } else { version }
}

impl Registry {
    /// Lets plugins change a new object of the hub version, or refuse it. Returns whether they have changed it.
    ///
    /// # Errors
    /// A plugin refuses. 400: one has moved the object to another namespace. 500: one has made something of it that its kind
    /// does not understand.
    pub(super) async fn admit(
        &self,
        request: &Authorized,
        asked: Asked,
        object: &mut Object,
        old: Option<&Object>,
        warnings: &mut Vec<String>,
    ) -> Result<bool, ApiError> {
        let name = object.name().to_owned();
        let attributes = self.attributes(request, asked, &name, Some(NewObject::new(object)), old);
        admit(&*self.admission, attributes, &self.resource, warnings).await
    }

    /// Lets plugins refuse an object of the hub version as it would be stored.
    ///
    /// # Errors
    /// A plugin refuses.
    pub(super) async fn validate_admission(
        &self,
        request: &Authorized,
        asked: Asked,
        object: &mut Object,
        old: Option<&Object>,
    ) -> Result<(), ApiError> {
        if !self.admission.handles(asked.operation) {
            return Ok(());
        }
        let name = object.name().to_owned();
        let attributes = self.attributes(request, asked, &name, Some(NewObject::new(object)), old);
        self.admission.validate(&attributes).await
    }

    /// Lets plugins refuse the deletion of an object of the hub version. `name` is that of the request: of a deletecollection none.
    ///
    /// # Errors
    /// A plugin refuses.
    pub(super) async fn admit_deletion(
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
        if !self.admission.handles(asked.operation) {
            return Ok(());
        }
        let mut attributes = self.attributes(request, asked, name, None, Some(old));
        self.admission.admit(&mut attributes).await?;
        self.admission.validate(&attributes).await
    }

    fn attributes<'a>(
        &'a self,
        request: &'a Authorized,
        asked: Asked,
        name: &'a str,
        object: Option<NewObject<'a>>,
        old: Option<&'a Object>,
    ) -> Attributes<'a> {
        Attributes {
            operation: asked.operation,
            resource: &self.resource,
            info: request.info(),
            user: request.user(),
            namespace: self.expected_namespace(request),
            name,
            object,
            old,
            dry_run: asked.dry_run,
        }
    }
}

/// Lets plugins change a new object, or refuse it, and brings what they have changed into the form of its `kind`, which at a subresource
/// may be another than the resource's. Returns whether they have changed it.
///
/// # Errors
/// As of [`Registry::admit`].
pub(crate) async fn admit(
    admission: &dyn Admission,
    mut attributes: Attributes<'_>,
    kind: &Resource,
    warnings: &mut Vec<String>,
) -> Result<bool, ApiError> {
    let (namespace, has_object) = (attributes.namespace, attributes.object.is_some());
    if admission.handles(attributes.operation) {
        admission.admit(&mut attributes).await?;
    }
    let Some((object, change)) = attributes.object.map(NewObject::into_parts) else {
        if has_object {
            return Err(ApiError::Internal(
                "an admission plugin has taken the object away".into(),
            ));
        }
        return Ok(false);
    };
    let is_changed = change.is_some();
    if let Some(change) = change {
        complete(kind, object, change, warnings)?;
        metadata::ensure_namespace(object, namespace)?;
    }
    warnings.extend(metadata::dedup_owners(object, true));
    Ok(is_changed)
}

/// An object that plugins have changed, in its kind's form. Its managedFields are those that it had before where nobody understands
/// what a plugin has made of them.
fn complete(
    kind: &Resource,
    object: &mut Object,
    change: Change,
    warnings: &mut Vec<String>,
) -> Result<(), ApiError> {
    let hub = &kind.hub_version;
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
