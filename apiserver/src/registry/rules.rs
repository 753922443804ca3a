//! The rules of a resource's kind, whatever keeps its objects: what a `RequestScope` of Go's `endpoints/handlers/rest.go` and the strategies
//! of `registry/rest` say.

use std::collections::HashMap;
use std::sync::Arc;

use super::FieldManagerError;
use super::creates::Creates;
use super::field_managers::FieldManagers;
use crate::admission::Admission;
use crate::authz::Authorized;
use crate::object::Object;
use crate::request::RequestInfo;
use crate::resource::{ConversionError, Resource, Scope, Subresource, SubresourceRest};
use crate::status::ApiError;

/// What a resource says of its objects, whatever keeps them: its strategy, who manages which field, and what may refuse a write.
/// Go: a `RESTCreateStrategy` and `RESTUpdateStrategy` with the `FieldManager` and the admission chain of a request's scope.
#[derive(Clone)]
pub struct Rules {
    /// Whose kind the objects are of.
    pub(super) resource: Arc<Resource>,
    /// The resource of the path, where that is another: its subresource has a kind of its own.
    parent: Option<Arc<Resource>>,
    pub(super) admission: Arc<dyn Admission>,
    pub(super) field_managers: Arc<FieldManagers>,
    /// Those of subresources that have a kind of their own, by the subresource's name.
    kinds: Arc<HashMap<String, Self>>,
    /// Creates that are under way. All clones know them.
    pub(super) creates: Arc<Creates>,
}

impl Rules {
    /// Those of a resource.
    ///
    /// # Errors
    /// A schema has a fault.
    pub fn new(resource: Arc<Resource>, admission: Arc<dyn Admission>) -> Result<Self, FieldManagerError> {
        let of_kind = |own: &Subresource| match &own.rest {
            SubresourceRest::Connect(_) => None,
            SubresourceRest::Computed(kind) => {
                let rules = FieldManagers::of_subresource(kind, &own.name).map(|managers| Self {
                    resource: kind.clone(),
                    parent: Some(resource.clone()),
                    admission: admission.clone(),
                    field_managers: Arc::new(managers),
                    kinds: Arc::default(),
                    creates: Arc::default(),
                });
                Some(rules.map(|rules| (own.name.clone(), rules)))
            }
        };
        let kinds = resource.subresources.iter().filter_map(of_kind);
        Ok(Self {
            kinds: Arc::new(kinds.collect::<Result<_, _>>()?),
            field_managers: Arc::new(FieldManagers::new(&resource)?),
            resource,
            parent: None,
            admission,
            creates: Arc::default(),
        })
    }

    pub(super) fn count(&mut self, creates: Arc<Creates>) {
        self.creates = creates;
    }

    /// Those of the kind of a subresource.
    pub(crate) fn of_subresource(&self, name: &str) -> Option<&Self> {
        self.kinds.get(name)
    }

    /// Whose kind the objects are of.
    pub(crate) fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    /// The version of the kind that a request is about.
    pub(crate) fn version<'a>(&'a self, info: &'a RequestInfo) -> &'a str {
        match &self.parent {
            None => &info.version,
            Some(_) => {
                let beside = self.resource.version_beside(&info.group, &info.version);
                beside.map_or(&info.version, |version| &version.name)
            }
        }
    }

    /// The resource of the path.
    pub(super) fn resource_of_path(&self) -> &Resource {
        self.parent.as_ref().unwrap_or(&self.resource)
    }

    /// Whether its objects live in namespaces.
    pub(super) fn is_namespaced(&self) -> bool {
        self.resource.scope == Scope::Namespaced
    }

    /// `object` in `version`; untouched where it is in that version already. Where conversion has to wait, it must be part of what
    /// [`Resource::converting`] runs.
    pub(super) fn in_version(&self, object: Object, version: &str) -> Result<Object, ConversionError> {
        if self.version_of(&object) == Some(version) {
            return Ok(object);
        }
        self.resource.convert(object, version)
    }

    /// `object` in `version`; untouched where it is in that version already. It waits where conversion does.
    pub(crate) async fn converted(&self, object: Object, version: &str) -> Result<Object, ConversionError> {
        if self.version_of(&object) == Some(version) {
            return Ok(object);
        }
        self.resource.converted(object, version).await
    }

    /// The version that `object` says it is of, where it is one of this group.
    pub(super) fn version_of<'a>(&self, object: &'a Object) -> Option<&'a str> {
        object
            .api_version()
            .strip_prefix(self.resource.group.as_str())?
            .strip_prefix('/')
    }

    /// The namespace that objects of this request are in; empty: the cluster.
    pub(crate) fn expected_namespace<'a>(&self, request: &'a Authorized) -> &'a str {
        if self.is_namespaced() {
            &request.info().namespace
        } else {
            ""
        }
    }

    /// The version in which rules are run for a request.
    pub(super) fn hub_of<'a>(&'a self, request: &'a Authorized) -> &'a str {
        self.resource.hub_of(self.version(request.info()))
    }

    /// A client's object in the hub version.
    ///
    /// # Errors
    /// 400, or 500 where conversion waits: it cannot be had there.
    pub(crate) async fn hub_of_request(
        &self,
        request: &Authorized,
        object: Object,
    ) -> Result<Object, ApiError> {
        if self.resource.policy.unstructured {
            // Of another version it is refused with the rest that is validated.
            return Ok(object);
        }
        let converted = self.converted(object, self.hub_of(request)).await;
        converted.map_err(|error| self.not_handled(&error))
    }

    /// 400, of what a client has sent; 500 where somebody was asked, who may be away.
    pub(super) fn not_handled(&self, error: &ConversionError) -> ApiError {
        if self.resource.conversion_waits() {
            return ApiError::Internal(error.to_string());
        }
        let kind = &self.resource.names.kind;
        ApiError::BadRequest(format!(
            "the object provided cannot be handled as a {kind}: {error}"
        ))
    }
}
