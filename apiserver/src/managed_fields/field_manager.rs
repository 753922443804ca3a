//! The managers of a resource's fields, in one version (Go: `managedfields/internal/fieldmanager.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use annex_structured_merge_diff::fieldpath::{ApiVersion, Filter};
use annex_structured_merge_diff::merge::Updater;
use annex_structured_merge_diff::typed::ParseableType;
use serde_json::Value;

use super::apply_error::ApplyError;
use super::convert::{ObjectConverter, Types, VersionConverter};
use super::entry::ManagerId;
use super::managed::{self, Managed};
use super::time::Time;
use crate::object::Object;
use crate::resource::is_to_be_repeated;

/// Updates managedFields, and merges applied configurations: of one kind, in one version, at the resource itself or one of
/// its subresources. Cheap to clone; made once for each.
#[derive(Clone, Debug)]
pub struct FieldManager(Arc<Inner>);

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) kind: String,
    pub(super) version: ApiVersion,
    pub(super) subresource: String,
    pub(super) parseable: ParseableType,
    pub(super) empty: Arc<Value>,
    pub(super) updater: Updater<VersionConverter>,
}

/// What a [`FieldManager`] is made of.
pub struct FieldManagerOptions {
    /// `Flunder`
    pub kind: String,
    /// `wardle.example.com/v1alpha1`: that of the requests.
    pub api_version: String,
    /// `status`; empty: the resource itself.
    pub subresource: String,
    /// The types of the kind in all versions that are served.
    pub types: Types,
    /// How objects get from one of these versions to another.
    pub converter: Arc<dyn ObjectConverter>,
    /// What a write of this (sub)resource cannot change and therefore does not manage, by `apiVersion`: the reset fields of
    /// Go's strategies.
    pub reset_fields: BTreeMap<ApiVersion, Filter>,
    /// What an object of which nothing is said has, as it is stored (a struct may be there, and empty): what Go makes by `New`.
    /// `apiVersion` and `kind` are set in it.
    pub empty: Object,
}

/// [`FieldManagerOptions::types`] has no type of the version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no corresponding type for {0}")]
pub struct NoSuchVersion(pub String);

impl FieldManager {
    /// A field manager.
    ///
    /// # Errors
    /// Where the version has no type.
    pub fn new(options: FieldManagerOptions) -> Result<Self, NoSuchVersion> {
        let FieldManagerOptions {
            kind,
            api_version,
            subresource,
            types,
            converter,
            reset_fields,
            mut empty,
        } = options;
        let Some(parseable) = types.get(&api_version).cloned() else {
            return Err(NoSuchVersion(api_version));
        };
        empty.set_type(&api_version, &kind);
        Ok(Self(Arc::new(Inner {
            kind,
            version: api_version.into(),
            subresource,
            parseable,
            empty: Arc::new(managed::copy_without(&empty)),
            updater: Updater::new(VersionConverter { types, converter }).ignoring(reset_fields),
        })))
    }

    /// `new`, which `manager` creates, or replaces `live` by, with the managedFields that it has then. Both are of the version
    /// of this field manager. `now` is the time in RFC 3339.
    ///
    /// It is Go's `UpdateNoErrors`: where something fails, as it never should, the object has no managedFields and the log
    /// says why.
    #[must_use]
    pub fn update(&self, live: Option<&Object>, new: Object, manager: &str, now: &str) -> Object {
        let mut new = new;
        let said = managed::remove_managed_fields(&mut new);
        let live_managed = live.and_then(managed::managed_fields_of);
        // At a subresource nobody edits managedFields.
        let managed = if self.0.subresource.is_empty() {
            Managed::of_update(live_managed, said.as_ref())
        } else {
            Managed::of_live(live_managed)
        };
        let is_created = live.is_none_or(|live| live.uid().is_empty());
        // Of an object without managers, such as one that is older than managedFields, nothing is tracked before it is applied.
        if managed.fields.is_empty() && !is_created {
            return new;
        }
        let (namespace, name) = (new.namespace().to_owned(), new.name().to_owned());
        let new = Arc::new(Value::Object(new.0));
        let updated = self
            .0
            .update(&self.0.live(live), &new, managed, manager, Time::parse(now));
        let mut new = into_object(new);
        match updated {
            Ok(managed) => managed::set_managed_fields(&mut new, managed.encode()),
            Err(_) if is_to_be_repeated() => {}
            Err(error) => {
                let (kind, version) = (&self.0.kind, &self.0.version);
                tracing::error!(%error, %kind, %version, %namespace, %name, "failed to update managedFields");
            }
        }
        new
    }

    /// What the configuration that `manager` applies makes of `live`; `None`: it is created. Objects are of the version of
    /// this field manager; `now` is the time in RFC 3339. What comes out has no defaults yet; where nothing is different
    /// from `live`, only the managedFields may be.
    ///
    /// `force` takes fields from other managers. The configuration is what the client sent, decoded as it stands there.
    ///
    /// # Errors
    /// Where others manage what is applied with other values, or the configuration is none of this kind and version.
    pub fn apply(
        &self,
        live: Option<&Object>,
        config: Object,
        manager: &str,
        force: bool,
        now: &str,
    ) -> Result<Object, ApplyError> {
        let managed =
            Managed::decode(live.and_then(managed::managed_fields_of)).map_err(ApplyError::ManagedFields)?;
        self.0.expect_type(&config)?;
        let config = Arc::new(Value::Object(config.0));
        let live = self.0.live(live);
        let (object, managed) = self
            .0
            .apply(live, &config, managed, manager, force, Time::parse(now))?;
        let mut object = into_object(object);
        managed::set_managed_fields(&mut object, managed.encode());
        Ok(object)
    }
}

impl Inner {
    // The live object without managedFields, or what a new one begins with.
    fn live(&self, live: Option<&Object>) -> Arc<Value> {
        live.map_or_else(
            || self.empty.clone(),
            |live| Arc::new(managed::copy_without(live)),
        )
    }

    /// What identifies `manager` here.
    pub(super) fn identifier(&self, manager: &str, operation: &'static str, version: &str) -> String {
        let manager = if manager.is_empty() { "unknown" } else { manager };
        let id = ManagerId {
            manager: manager.into(),
            operation: operation.into(),
            api_version: version.into(),
            subresource: self.subresource.as_str().into(),
        };
        id.identifier()
    }
}

fn into_object(value: Arc<Value>) -> Object {
    match Arc::unwrap_or_clone(value) {
        Value::Object(object) => Object(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Object::default()
        }
    }
}
