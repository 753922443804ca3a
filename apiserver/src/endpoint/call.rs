//! One request on its way through a verb.

use std::borrow::Cow;
use std::sync::Arc;

use http::request::Parts;
use jiff::Timestamp;

use super::endpoints::{Served, ServedVersion};
use super::table::{IncludeObject, Rows};
use crate::authz::Authorized;
use crate::object::Object;
use crate::offload::Memory;
use crate::registry::{Pieces, Registry, Rules, encode_object, now};
use crate::request::media::{self, MetaVersion, Wanted};
use crate::request::{RequestInfo, Verb};
use crate::resource::{self, Resource, ScalePathError, ScalePaths};
use crate::rest::Computed;
use crate::status::ApiError;
use crate::storage::Entry;
use crate::warnings::Warnings;

/// What every verb needs to know.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    pub(super) request: &'a Authorized,
    pub(super) parts: &'a Parts,
    pub(super) served: &'a Arc<Served>,
    /// The kind of the objects that are sent and answered: the resource's own, or that of a subresource.
    pub(super) kind: &'a Resource,
    /// The version of that kind.
    pub(super) version: &'a Arc<ServedVersion>,
    /// Of `/scale`: what a Scale is a view of.
    pub(super) scale: Option<&'a ScalePaths>,
    /// What is said of objects of this kind.
    pub(super) rules: &'a Rules,
    /// Of what is not stored: its author's code.
    pub(super) computed: Option<&'a Computed>,
    pub(super) warnings: &'a Warnings,
    pub(super) memory: &'a Arc<Memory>,
    /// Whether clients are heard that want no managedFields (KEP-5958).
    pub(super) may_drop_managed_fields: bool,
}

impl<'a> Call<'a> {
    pub(super) fn info(&self) -> &'a RequestInfo {
        self.request.info()
    }

    /// How the answer is wanted, of what this server hears.
    ///
    /// # Errors
    /// 406: nothing that the client accepts can be made.
    pub(super) fn wanted(&self) -> Result<Wanted, ApiError> {
        let wanted = media::wanted(&self.parts.headers, self.query())?;
        self.check_form(wanted, media::all_types)?;
        Ok(self.heard(wanted))
    }

    /// The same of the events of a watch.
    ///
    /// # Errors
    /// 406: nothing that the client accepts can be made.
    pub(super) fn wanted_stream(&self) -> Result<Wanted, ApiError> {
        let wanted = media::wanted_stream(&self.parts.headers, self.query())?;
        self.check_form(wanted, media::stream_types)?;
        Ok(self.heard(wanted))
    }

    /// Of what has no type Go knows before it looks that it has no protobuf: `AllowsMediaTypeTransform` of `endpoints/handlers/rest.go`.
    fn check_form(&self, wanted: Wanted, all: fn() -> Vec<String>) -> Result<(), ApiError> {
        if self.served.resource().policy.unstructured && wanted.is_own_protobuf() {
            return Err(ApiError::NotAcceptable(all()));
        }
        Ok(())
    }

    fn heard(&self, wanted: Wanted) -> Wanted {
        Wanted {
            drops_managed_fields: wanted.drops_managed_fields && self.may_drop_managed_fields,
            ..wanted
        }
    }

    /// What the resource is stored in.
    ///
    /// # Errors
    /// 500: it is not stored, by a fault of this program.
    pub(super) fn registry(&self) -> Result<&'a Arc<Registry>, ApiError> {
        let not_stored = || ApiError::Internal("a resource that is not stored has no registry".into());
        self.served.registry().ok_or_else(not_stored)
    }

    /// The object of this path as a client is sent it.
    ///
    /// # Errors
    /// As [`Registry::pieces`]; 500 where an object says no replicas that is read as a Scale.
    pub(super) fn pieces(&self, entry: &Entry, wanted: Wanted) -> Result<Pieces, ApiError> {
        let Some(paths) = self.scale else {
            let version = &self.version.name;
            return self
                .registry()?
                .pieces_to_send(entry, version, wanted.drops_managed_fields);
        };
        let object = self.registry()?.decode(entry, &self.info().version)?;
        let (scale, is_set) = resource::scale_of(&object, paths).map_err(scale_error)?;
        if !is_set && self.info().verb == Verb::Get {
            return Err(ApiError::Internal(format!(
                "the spec replicas field {:?} does not exist",
                paths.spec_replicas
            )));
        }
        Ok(Pieces::whole(encode_object(&scale)?))
    }

    /// The object of this path that a write changes, for the resource's `current` one.
    ///
    /// # Errors
    /// 500: a path of a Scale leads to something of another type.
    pub(super) fn old_object<'o>(&self, current: &'o Object) -> Result<Cow<'o, Object>, ApiError> {
        let Some(paths) = self.scale else {
            return Ok(Cow::Borrowed(current));
        };
        let scale = resource::scale_to_change(current, paths).map_err(scale_error)?;
        self.with_scale_managers(scale, current).map(Cow::Owned)
    }

    /// The resource's new object, for the `new` one of this path that `manager` writes. Who manages which field of a Scale
    /// is said here, unless an apply has said so (`None`); of all else the registry says it.
    ///
    /// # Errors
    /// As [`resource::scaled`]; 404 where there is no `current` one to scale.
    pub(super) fn changed(
        &self,
        current: Option<&Object>,
        mut new: Object,
        manager: Option<&str>,
    ) -> Result<Object, ApiError> {
        let Some(paths) = self.scale else {
            return Ok(new);
        };
        let current = current.ok_or_else(|| self.not_found())?;
        if let Some(manager) = manager {
            let old = self.old_object(current)?;
            new = self.field_manager()?.update(Some(&old), new, manager, &now());
        }
        let mut object = resource::scaled(current, &new, paths)?;
        object = self.with_parent_managers(object, &new)?;
        if self.info().verb == Verb::Update && !new.uid().is_empty() {
            object.set_meta("uid", new.uid());
        }
        Ok(object)
    }

    /// 404: the object that the request names is not there.
    pub(super) fn not_found(&self) -> ApiError {
        ApiError::NotFound {
            resource: self.served.resource().group_resource(),
            name: self.info().name.clone(),
        }
    }

    pub(super) fn query(&self) -> &'a str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// How a Table of this resource is made.
    pub(super) fn rows(&self, version: MetaVersion) -> Result<Rows, ApiError> {
        Ok(Rows {
            columns: self.version.columns.clone(),
            version,
            include: IncludeObject::parse(self.query())?,
            now: Timestamp::now(),
        })
    }

    /// As Go would call the type of a list of this resource in a message.
    pub(super) fn go_list_type(&self) -> String {
        let resource = self.served.resource();
        if resource.policy.unstructured {
            return "*unstructured.UnstructuredList".into();
        }
        self.go_type(&resource.names.list_kind)
    }

    /// As Go would call a type of this resource's package in a message.
    pub(super) fn go_type(&self, kind: &str) -> String {
        let package = self.info().group.split('.').next().unwrap_or_default();
        format!("*{package}.{kind}")
    }
}

fn scale_error(error: ScalePathError) -> ApiError {
    ApiError::Plain(error.to_string())
}
