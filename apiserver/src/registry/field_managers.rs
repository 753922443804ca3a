//! The field managers of a resource: one for each version and path that writes objects. Go: `scopeWithFieldManager` of
//! apiextensions' `customresource_handler.go`, and `endpoints/installer.go`.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use annex_structured_merge_diff::fieldpath::{ApiVersion, Filter, Path, PathElement, Set, SetMatcher};
use annex_structured_merge_diff::merge::ConversionError;
use serde_json::{Map, Value};

use super::Rules;
use super::metadata;
use crate::authz::Authorized;
use crate::decode::convert_unstructured;
use crate::managed_fields::types::{SchemaError, parseable_type};
use crate::managed_fields::{
    FieldManager, FieldManagerOptions, NoSuchVersion, ObjectConverter, Types, remove_managed_fields,
    set_managed_fields,
};
use crate::object::Object;
use crate::request::RequestInfo;
use crate::resource::{Resource, SCALE, SCALE_RESOURCE, STATUS, Version};
use crate::status::ApiError;

/// Why who manages which field of a resource cannot be known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldManagerError {
    /// A schema says of a list or a map what has no meaning.
    #[error("the schema of {api_version} {kind}: {reason}")]
    Schema {
        /// `group/version`
        api_version: String,
        /// The kind.
        kind: String,
        /// What has no meaning.
        reason: SchemaError,
    },
    /// A version has no type.
    #[error(transparent)]
    NoSuchVersion(#[from] NoSuchVersion),
}

/// The field managers of a resource, by version and subresource.
#[derive(Debug)]
pub(super) struct FieldManagers(HashMap<String, HashMap<String, FieldManager>>);

impl FieldManagers {
    /// # Errors
    /// A schema has a fault.
    pub(super) fn new(resource: &Arc<Resource>) -> Result<Self, FieldManagerError> {
        Self::at(resource, "")
    }

    /// Those of the kind of a subresource.
    ///
    /// # Errors
    /// A schema has a fault.
    pub(super) fn of_subresource(kind: &Arc<Resource>, name: &str) -> Result<Self, FieldManagerError> {
        Self::at(kind, name)
    }

    fn at(resource: &Arc<Resource>, path: &str) -> Result<Self, FieldManagerError> {
        let types = types(resource)?;
        let mut managers = HashMap::new();
        for version in &resource.versions {
            let mut of_version = HashMap::new();
            let paths = [path]
                .into_iter()
                .chain(version.subresources.status.then_some(STATUS));
            for subresource in paths {
                let manager = FieldManager::new(FieldManagerOptions {
                    kind: resource.names.kind.clone(),
                    api_version: resource.api_version(&version.name),
                    subresource: subresource.to_owned(),
                    types: types.clone(),
                    converter: Arc::new(StrategyConverter(resource.clone())),
                    reset_fields: reset_fields(resource, subresource),
                    empty: resource.empty_object(&version.name),
                })?;
                of_version.insert(subresource.to_owned(), manager);
            }
            if version.subresources.scale.is_some() {
                of_version.insert(SCALE.to_owned(), SCALE_MANAGER.clone()?);
            }
            managers.insert(version.name.clone(), of_version);
        }
        Ok(Self(managers))
    }

    /// The one for writes of this version at this path; an empty `subresource`: of the resource itself.
    pub(super) fn get(&self, version: &str, subresource: &str) -> Option<&FieldManager> {
        self.0.get(version)?.get(subresource)
    }
}

impl Rules {
    /// Who keeps account of the fields that a request writes; `None`: there is no such path.
    pub(crate) fn field_manager(&self, info: &RequestInfo) -> Option<&FieldManager> {
        self.field_managers.get(self.version(info), &info.subresource)
    }

    /// A new `object`, which `manager` writes, as [`with_managers`](Self::with_managers) makes it.
    ///
    /// # Errors
    /// As of `with_managers`.
    pub(crate) async fn new_with_managers(
        &self,
        request: &Authorized,
        object: Object,
        manager: &str,
    ) -> Result<Object, ApiError> {
        if !self.resource.conversion_waits() {
            return self.with_managers(request, None, object, manager);
        }
        let attempt = || self.with_managers(request, None, object.clone(), manager);
        let managed = self.resource.converting(attempt).await;
        managed.unwrap_or_else(|error| Err(ApiError::Internal(error.to_string())))
    }

    /// `object`, which `manager` writes in place of `live`, with who manages which field then: in the hub version, or in the request's
    /// where nobody keeps account. Both are in the request's version.
    ///
    /// # Errors
    /// 400: it cannot be had in the hub version. 500: it cannot be had in the request's version again.
    pub(super) fn with_managers(
        &self,
        request: &Authorized,
        live: Option<&Object>,
        object: Object,
        manager: &str,
    ) -> Result<Object, ApiError> {
        let info = request.info();
        let Some(managers) = self.field_manager(info) else {
            return Ok(object);
        };
        let (now, version) = (metadata::now(), self.version(info));
        let hub_version = self.resource.hub_of(version);
        if version == hub_version {
            return Ok(managers.update(live, object, manager, &now));
        }
        let mut hub = self
            .in_version(object, hub_version)
            .map_err(|error| self.not_handled(&error))?;
        // Go's field managers are given objects of the hub: what a conversion to it loses is managed by nobody.
        let seen = self
            .in_version(hub.clone(), version)
            .map_err(|error| ApiError::Internal(error.to_string()))?;
        let mut seen = managers.update(live, seen, manager, &now);
        set_managed_fields(&mut hub, remove_managed_fields(&mut seen));
        Ok(hub)
    }
}

/// That of every Scale.
static SCALE_MANAGER: LazyLock<Result<FieldManager, FieldManagerError>> = LazyLock::new(|| {
    let resource = Arc::new(SCALE_RESOURCE.clone());
    let version = &resource.storage_version;
    Ok(FieldManager::new(FieldManagerOptions {
        kind: resource.names.kind.clone(),
        api_version: resource.api_version(version),
        subresource: SCALE.to_owned(),
        types: types(&resource)?,
        converter: Arc::new(StrategyConverter(resource.clone())),
        reset_fields: BTreeMap::new(),
        empty: resource.empty_object(version),
    })?)
});

fn types(resource: &Resource) -> Result<Types, FieldManagerError> {
    let mut types = BTreeMap::new();
    for version in resource.all_versions() {
        let api_version = resource.api_version(&version.name);
        let found = parseable_type(&version.schema.document).map_err(|reason| FieldManagerError::Schema {
            api_version: api_version.clone(),
            kind: resource.names.kind.clone(),
            reason,
        })?;
        types.insert(api_version, found);
    }
    Ok(Arc::new(types))
}

/// What a write at a path leaves as it was, in each version: the status, but at `/status`, where it is all else.
fn reset_fields(resource: &Resource, subresource: &str) -> BTreeMap<ApiVersion, Filter> {
    let status = PathElement::field("status");
    let filter = if subresource == STATUS {
        SetMatcher::prefix([status])
            .ok()
            .map(|status| Filter::include([status]))
    } else {
        let path = Path::new([status]);
        Set::from_paths([&path]).ok().map(Filter::Exclude)
    };
    let versions = resource
        .versions
        .iter()
        .filter(|version| version.subresources.status);
    versions
        .filter_map(|version| {
            let api_version = resource.api_version(&version.name);
            Some((api_version.into(), filter.clone()?))
        })
        .collect()
}

/// What Go makes of a merged object before it converts it: a value of its type, in which a null is nothing.
///
/// # Errors
/// It does not fit the type.
fn typed(object: Object, of: &Version, kind: &str) -> Result<Object, ConversionError> {
    let api_version = object.api_version().to_owned();
    let mut value = Value::Object(object.0);
    convert_unstructured(&mut value, of.schema.root()).map_err(|error| {
        let what = format!("unable to convert unstructured object to {api_version}, Kind={kind}: {error}");
        ConversionError::Failed(what.into())
    })?;
    Ok(Object(match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }))
}

/// Converts as a resource does.
pub(super) struct StrategyConverter(pub(super) Arc<Resource>);

impl ObjectConverter for StrategyConverter {
    fn convert(&self, object: Object, api_version: &str) -> Result<Object, ConversionError> {
        // Who wrote in a version that is served no more manages its fields still.
        let known = |api_version: &str| {
            let (group, version) = api_version.rsplit_once('/')?;
            self.0.any_version(version).filter(|_| group == self.0.group)
        };
        let Some(version) = known(api_version) else {
            return Err(ConversionError::MissingVersion(api_version.to_owned()));
        };
        if self.0.policy.unstructured && !self.0.conversion_waits() {
            // Nobody takes away what the other version does not know: it does not fit that one's type.
            let (mut object, kind) = (object, &self.0.names.kind);
            object.set_type(api_version, kind);
            return Ok(object);
        }
        let object = match known(object.api_version()) {
            Some(of) => typed(object, of, &self.0.names.kind)?,
            None => object,
        };
        let converted = self.0.convert(object, &version.name);
        converted.map_err(|error| ConversionError::Failed(error.into()))
    }
}
