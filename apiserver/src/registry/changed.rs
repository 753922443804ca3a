//! A changed object against the one that is there: its names, its uid, the preconditions of a deletion. Go: `rest.BeforeUpdate`, and
//! `Preconditions.Check` of `storage/interfaces.go`.

use super::metadata;
use super::{Current, Rules, UpdateFn};
use crate::authz::Authorized;
use crate::object::Object;
use crate::request::options::{Preconditions, UpdateOptions};
use crate::request::{GroupKind, GroupResource, Verb};
use crate::status::{ApiError, FieldError};

impl Rules {
    /// The new object that `change` makes, in its place: the object that the request names. It is in the request's version or
    /// in the hub's. Where conversion has to wait, `change` may be called several times.
    pub(crate) async fn changed(
        &self,
        request: &Authorized,
        change: &mut UpdateFn<'_>,
        current: Option<Current<'_>>,
        options: &UpdateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Object, ApiError> {
        let before = warnings.len();
        let attempt = || {
            warnings.truncate(before);
            self.changed_now(request, change, current, options, warnings)
        };
        let changed = self.resource.converting(attempt).await;
        changed.unwrap_or_else(|error| Err(ApiError::Internal(error.to_string())))
    }

    fn changed_now(
        &self,
        request: &Authorized,
        change: &mut UpdateFn<'_>,
        current: Option<Current<'_>>,
        options: &UpdateOptions,
        warnings: &mut Vec<String>,
    ) -> Result<Object, ApiError> {
        let mut object = change(current)?;
        metadata::ensure_namespace(&mut object, self.expected_namespace(request))?;
        let name = &request.info().name;
        if object.name().is_empty() {
            return Err(ApiError::BadRequest(format!(
                "the name of the object ({name} based on URL) was undeterminable: name must be provided"
            )));
        }
        if object.name() != name {
            return Err(ApiError::BadRequest(format!(
                "the name of the object ({}) does not match the name on the URL ({name})",
                object.name()
            )));
        }
        metadata::drop_self_link(&mut object);
        // After admission it is done again; of a patch only then.
        if request.info().verb == Verb::Update {
            warnings.extend(metadata::dedup_owners(&mut object, false));
        }
        if options.fields_managed {
            return Ok(object);
        }
        let live = current.map(|current| current.object);
        self.with_managers(request, live, object, &options.field_manager)
    }

    /// A PUT's uid must be the object's: else the client means one that is gone.
    pub(crate) fn check_uid(&self, object: &Object, uid: &str, name: &str) -> Result<(), ApiError> {
        if object.uid().is_empty() || object.uid() == uid {
            return Ok(());
        }
        let message = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {uid}",
            object.uid()
        );
        Err(self.conflict(name, message))
    }

    pub(crate) fn conflict(&self, name: &str, message: String) -> ApiError {
        ApiError::Conflict {
            resource: self.resource.group_resource(),
            name: name.to_owned(),
            message,
        }
    }

    /// 422: a PUT must say which resourceVersion it changes.
    pub(crate) fn must_say_revision(&self, name: &str) -> ApiError {
        let detail = "must be specified for an update";
        let error = FieldError::invalid("metadata.resourceVersion", 0, detail);
        // Go has the resource here, in the place of the kind.
        let kind = GroupKind::new(&self.resource.group, &self.resource.names.plural);
        ApiError::invalid_field(kind, name, error)
    }

    /// The preconditions as Go checks them first: with the kind in the place of the resource.
    ///
    /// # Errors
    /// 409.
    pub(crate) fn check_early(
        &self,
        name: &str,
        [uid, revision]: [&str; 2],
        preconditions: &Preconditions,
    ) -> Result<(), ApiError> {
        let conflict = |what: &str, wanted: &str, found: &str, happened: &str| ApiError::Conflict {
            resource: GroupResource::new(&self.resource.group, &self.resource.names.kind),
            name: name.to_owned(),
            message: format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object \
                 might have been {happened}"
            ),
        };
        if let Some(wanted) = preconditions.uid.as_deref().filter(|wanted| *wanted != uid) {
            return Err(conflict("UID", wanted, uid, "deleted and then recreated"));
        }
        match &preconditions.resource_version {
            Some(wanted) if *wanted != revision => {
                Err(conflict("ResourceVersion", wanted, revision, "modified"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// The preconditions once more, of an object that has changed meanwhile.
    ///
    /// # Errors
    /// 409.
    pub(super) fn check_preconditions(
        &self,
        name: &str,
        [uid, revision]: [&str; 2],
        preconditions: &Preconditions,
    ) -> Result<(), ApiError> {
        let failed = |what: &str, wanted: &str, found: &str| {
            let message = format!(
                "Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {found}"
            );
            self.conflict(name, message)
        };
        if let Some(wanted) = preconditions.uid.as_deref().filter(|wanted| *wanted != uid) {
            return Err(failed("UID", wanted, uid));
        }
        match &preconditions.resource_version {
            Some(wanted) if *wanted != revision => Err(failed("ResourceVersion", wanted, revision)),
            Some(_) | None => Ok(()),
        }
    }
}
