//! Resources whose objects are Rust types.
//!
//! A type is served when it has `metadata`, says its names ([`kube::Resource`], derived with
//! `#[derive(CustomResource)]` or written with [`kind!`](crate::kind)) and is an ordinary serde and schemars type. What
//! its other fields are is its own affair.
//!
//! Conversions and defaults are given objects without `metadata.managedFields`, which no type changes: they are carried along. Rules
//! see them.
//!
//! A strategic merge patch replaces a list unless its field says otherwise: `#[schemars(extend("x-kubernetes-patch-strategy" =
//! "merge", "x-kubernetes-patch-merge-key" = "name"))]` merges its elements by their field `name`; without a merge key its values
//! are a set.
//!
//! ```
//! use annex_apiserver::resource::{Scope, typed};
//! use annex_apiserver::status::FieldError;
//! use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
//! struct Greeting {
//!     metadata: ObjectMeta,
//!     text: String,
//! }
//!
//! annex_apiserver::kind!(Greeting: "example.com", "v1", "greetings", Namespaced);
//!
//! let greetings = typed::resource::<Greeting>()
//!     .short_names(["gr"])
//!     .validate(|greeting| match greeting.text.as_str() {
//!         "" => vec![FieldError::required("text", "say something")],
//!         _ => vec![],
//!     })
//!     .build()?;
//! assert_eq!(greetings.names.kind, "Greeting");
//! assert_eq!(greetings.scope, Scope::Namespaced);
//! # Ok::<(), typed::DescriptionError>(())
//! ```

mod admission;
mod computed;
mod connect;
mod derived;
mod error;
mod kind;
mod strategy;
mod version;

use std::any::TypeId;
use std::sync::Arc;

use k8s_openapi::{ClusterResourceScope, NamespaceResourceScope};
use serde_json::Value;

use super::{
    Column, Hub, Names, Policy, Resource, SCALE, STATUS, ScalePaths, Scope, Subresource, SubresourceRest,
    Subresources, Version,
};
use crate::rest::Rest;
use crate::status::FieldError;
use strategy::{OnUpdate, Rules, Typed};
use version::{Erased, Serving};

pub use admission::{Admission, AdmissionRequest};
pub use computed::Verbs;
pub use connect::Connect;
pub use derived::derived;
pub use error::DescriptionError;
pub use version::{Converts, Kind};

/// The scope of a [`Kind`].
pub trait KindScope: 'static {
    /// The same as a value.
    const SCOPE: Scope;
}

impl KindScope for NamespaceResourceScope {
    const SCOPE: Scope = Scope::Namespaced;
}

impl KindScope for ClusterResourceScope {
    const SCOPE: Scope = Scope::Cluster;
}

/// Begins the description of a resource whose objects are stored as `S`. Until [`Builder::hub`] or
/// [`Builder::version`] says otherwise it is served in this version only, and rules run in it.
#[must_use]
pub fn resource<S: Kind>() -> Builder<S, S> {
    Builder {
        versions: vec![Described::new(Serving::<S, S>::new())],
        storage_version: S::version(&()).into_owned(),
        hub_version: S::version(&()).into_owned(),
        names: names::<S>(),
        policy: Policy::default(),
        rules: Rules::default(),
        subresources: Subresources::default(),
        rest: Rest::Stored,
        own: Vec::new(),
        faults: Vec::new(),
        stored: std::marker::PhantomData,
    }
}

/// Whether a schema has validation rules in CEL somewhere.
fn has_rules(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("x-kubernetes-validations") || map.values().any(has_rules),
        Value::Array(list) => list.iter().any(has_rules),
        _ => false,
    }
}

/// A type as errors name it.
fn called<T: Kind>() -> String {
    format!("{} {}", T::api_version(&()), T::plural(&()))
}

fn names<T: Kind>() -> Names {
    let kind = T::kind(&()).into_owned();
    Names {
        plural: T::plural(&()).into_owned(),
        singular: kind.to_lowercase(),
        list_kind: format!("{kind}List"),
        kind,
        short_names: Vec::new(),
        categories: Vec::new(),
    }
}

/// A version that is being described.
struct Described<H> {
    serving: Box<dyn Erased<H>>,
    columns: Vec<Column>,
    selectable_fields: Vec<String>,
    deprecation_warning: Option<String>,
}

impl<H> Described<H> {
    fn new(serving: impl Erased<H>) -> Self {
        Self {
            serving: Box::new(serving),
            columns: Vec::new(),
            selectable_fields: Vec::new(),
            deprecation_warning: None,
        }
    }
}

/// Describes a resource: `S` is stored, rules run in the hub version `H`, to which and from which every version
/// converts.
pub struct Builder<S: Kind, H: Kind> {
    versions: Vec<Described<H>>,
    storage_version: String,
    hub_version: String,
    names: Names,
    policy: Policy,
    rules: Rules<H>,
    subresources: Subresources,
    rest: Rest,
    own: Vec<Subresource>,
    /// What is wrong with the description; told at its end.
    faults: Vec<DescriptionError>,
    stored: std::marker::PhantomData<fn(S)>,
}

impl<S: Kind> Builder<S, S> {
    /// Serves the version `H` too, and lets rules run in it: conversions between any two versions pass through it, so
    /// it must be able to say all that the others say. To be called first.
    #[must_use]
    pub fn hub<H: Kind>(self) -> Builder<S, H>
    where
        S: Converts<H>,
    {
        let described = self.versions.into_iter().next().map(|described| Described {
            columns: described.columns,
            selectable_fields: described.selectable_fields,
            deprecation_warning: described.deprecation_warning,
            ..Described::new(Serving::<S, H>::new())
        });
        let builder = Builder {
            versions: described.into_iter().collect(),
            storage_version: self.storage_version,
            hub_version: H::version(&()).into_owned(),
            names: self.names,
            policy: self.policy,
            rules: Rules::default(),
            subresources: self.subresources,
            rest: self.rest,
            own: self.own,
            faults: self.faults,
            stored: std::marker::PhantomData,
        };
        builder.version::<H>()
    }
}

impl<S: Kind, H: Kind> Builder<S, H> {
    /// Serves one more version. Its type converts to the hub's and back, by `From` or, where that can fail, by `TryFrom`: a
    /// request with an object that does not convert fails, and so does a list that has one.
    #[must_use]
    pub fn version<V: Converts<H>>(mut self) -> Self {
        let same = (V::group(&()), V::kind(&()), V::plural(&()), V::Scope::SCOPE)
            == (S::group(&()), S::kind(&()), S::plural(&()), S::Scope::SCOPE);
        if !same {
            self.faults.push(DescriptionError::OtherResource {
                other: format!("{} ({})", called::<V>(), V::kind(&())),
                resource: format!("{}.{} ({})", S::plural(&()), S::group(&()), S::kind(&())),
            });
        } else if self
            .versions
            .iter()
            .any(|described| described.serving.version() == V::version(&()))
        {
            self.faults.push(DescriptionError::Twice(called::<V>()));
        }
        self.versions.push(Described::new(Serving::<V, H>::new()));
        self
    }

    /// Completes objects of the version `V` that a client sends, and those that are read from the storage.
    #[must_use]
    pub fn default<V: Kind>(mut self, complete: impl Fn(&mut V) + Send + Sync + 'static) -> Self {
        self.about::<V>(|described| {
            described.serving.set_default(Box::new(move |object| {
                if let Some(object) = object.downcast_mut::<V>() {
                    complete(object);
                }
            }));
        });
        self
    }

    /// What is wrong with a new object, beyond its metadata. Also with a changed one, unless
    /// [`validate_update`](Self::validate_update) or [`accept_updates`](Self::accept_updates) says something else.
    #[must_use]
    pub fn validate(mut self, rule: impl Fn(&H) -> Vec<FieldError> + Send + Sync + 'static) -> Self {
        self.rules.validate = Some(Box::new(rule));
        self
    }

    /// What is wrong with a changed object (the first), beyond its metadata.
    #[must_use]
    pub fn validate_update(
        mut self,
        rule: impl Fn(&H, &H) -> Vec<FieldError> + Send + Sync + 'static,
    ) -> Self {
        self.rules.validate_update = OnUpdate::Judge(Box::new(rule));
        self
    }

    /// Nothing is wrong with a changed object, beyond its metadata, whatever [`validate`](Self::validate) says of a new one: Go's
    /// `ValidateUpdate` that returns no errors. No object is read for that.
    #[must_use]
    pub fn accept_updates(mut self) -> Self {
        self.rules.validate_update = OnUpdate::Accept;
        self
    }

    /// Serves `/status` in every version: it alone writes `status`, and nothing else.
    #[must_use]
    pub fn status(mut self) -> Self {
        self.subresources.status = true;
        self
    }

    /// Serves `/scale` in every version, for autoscalers and `kubectl scale`.
    #[must_use]
    pub fn scale(mut self, paths: ScalePaths) -> Self {
        self.subresources.scale = Some(paths);
        self
    }

    /// What is wrong with an object (the first) whose status was changed, beyond its metadata.
    #[must_use]
    pub fn validate_status_update(
        mut self,
        rule: impl Fn(&H, &H) -> Vec<FieldError> + Send + Sync + 'static,
    ) -> Self {
        self.rules.validate_status_update = Some(Box::new(rule));
        self
    }

    /// Sets what the server decides about an object (the first) whose status was changed.
    #[must_use]
    pub fn prepare_for_status_update(mut self, prepare: impl Fn(&mut H, &H) + Send + Sync + 'static) -> Self {
        self.rules.prepare_for_status_update = Some(Box::new(prepare));
        self
    }

    /// Sets what the server decides about a new object.
    #[must_use]
    pub fn prepare_for_create(mut self, prepare: impl Fn(&mut H) + Send + Sync + 'static) -> Self {
        self.rules.prepare_for_create = Some(Box::new(prepare));
        self
    }

    /// Sets what the server decides about a changed object (the first).
    #[must_use]
    pub fn prepare_for_update(mut self, prepare: impl Fn(&mut H, &H) + Send + Sync + 'static) -> Self {
        self.rules.prepare_for_update = Some(Box::new(prepare));
        self
    }

    /// What a client is warned of that writes an object, and not its status alone.
    #[must_use]
    pub fn warnings(mut self, rule: impl Fn(&H) -> Vec<String> + Send + Sync + 'static) -> Self {
        self.rules.warnings = Some(Box::new(rule));
        self
    }

    /// Serves it from these functions instead of the storage: discovery has their verbs, and every other one is 405. What they
    /// return is of the first version, and converted to the request's.
    #[must_use]
    pub fn computed(mut self, verbs: Verbs<S>) -> Self {
        self.rest = Rest::Computed(verbs.computed);
        self
    }

    /// Serves whatever `connect` answers behind the names of its objects, at `name`.
    #[must_use]
    pub fn connect(self, name: impl Into<String>, connect: Connect<S>) -> Self {
        self.own(name.into(), SubresourceRest::Connect(Arc::new(connect)))
    }

    /// Serves objects of another kind behind the names of its objects, at `name`: with the verbs of `kind`, which is [computed](Self::computed). The context's name is that of the resource's object, and so must be that of what
    /// is got.
    #[must_use]
    pub fn subresource(mut self, name: impl Into<String>, kind: Resource) -> Self {
        let name = name.into();
        let other = |verb: &&str| ["deletecollection", "list", "watch"].contains(verb);
        if kind.rest.is_stored() || kind.rest.verbs().iter().any(other) {
            self.faults.push(DescriptionError::SubresourceVerbs {
                resource: called::<S>(),
                name: name.clone(),
            });
        }
        if kind.scope != S::Scope::SCOPE {
            self.faults.push(DescriptionError::SubresourceScope {
                resource: called::<S>(),
                name: name.clone(),
            });
        }
        self.own(name, SubresourceRest::Computed(Arc::new(kind)))
    }

    fn own(mut self, name: String, rest: SubresourceRest) -> Self {
        let is_there =
            [STATUS, SCALE].contains(&name.as_str()) || self.own.iter().any(|own| own.name == name);
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if is_there || !is_name {
            self.faults.push(DescriptionError::Subresource {
                resource: called::<S>(),
                name: name.clone(),
            });
        }
        self.own.push(Subresource { name, rest });
        self
    }

    /// What kubectl takes for the resource's name too.
    #[must_use]
    pub fn short_names<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names.short_names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Groups of resources in which kubectl lists it, such as `all`.
    #[must_use]
    pub fn categories<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.names.categories = names.into_iter().map(Into::into).collect();
        self
    }

    /// Its name in the singular, where that is not the kind in lower case.
    #[must_use]
    pub fn singular(mut self, name: impl Into<String>) -> Self {
        self.names.singular = name.into();
        self
    }

    /// What `kubectl get` shows of the version `V`, beside name and age.
    #[must_use]
    pub fn columns<V: Kind>(mut self, columns: impl IntoIterator<Item = Column>) -> Self {
        self.about::<V>(|described| described.columns = columns.into_iter().collect());
        self
    }

    /// What field selectors may use of the version `V`: JSON paths such as `.spec.color`.
    #[must_use]
    pub fn selectable_fields<V: Kind>(mut self, paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.about::<V>(|described| {
            described.selectable_fields = paths.into_iter().map(Into::into).collect()
        });
        self
    }

    /// What every answer in the version `V` warns of, as Kubernetes says it: `GROUP/VERSION KIND is deprecated …`.
    #[must_use]
    pub fn deprecated<V: Kind>(mut self, warning: impl Into<String>) -> Self {
        self.about::<V>(|described| described.deprecation_warning = Some(warning.into()));
        self
    }

    /// How it differs from others.
    #[must_use]
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The resource. Its versions are ordered as Kubernetes orders them: the most stable first, of those the newest.
    ///
    /// # Errors
    /// The first contradiction in the description.
    pub fn build(mut self) -> Result<Resource, DescriptionError> {
        if let Some(fault) = self.faults.into_iter().next() {
            return Err(fault);
        }
        if !self.rest.is_stored() && self.subresources.names().next().is_some() {
            return Err(DescriptionError::NotStored(called::<S>()));
        }
        if self.rest.verbs().is_empty() {
            return Err(DescriptionError::NoVerb(called::<S>()));
        }
        if let Some(computed) = self.rest.computed() {
            let connects = self.own.iter().any(Subresource::connects);
            let needs_getter = connects || computed.updater.is_some() || computed.deleter.is_some();
            if needs_getter && computed.getter.is_none() {
                return Err(DescriptionError::NoGetter(called::<S>()));
            }
            let has_both = computed.lister.is_some() && computed.deleter.is_some();
            if computed.deletes_collections && !has_both {
                return Err(DescriptionError::NoCollection(called::<S>()));
            }
        }
        self.versions.sort_by_key(|described| {
            std::cmp::Reverse(kube::core::Version::parse(&described.serving.version()).priority())
        });
        let versions: Vec<Version> = self
            .versions
            .iter()
            .map(|described| Version {
                name: described.serving.version(),
                schema: Arc::new(described.serving.schema()),
                columns: described.columns.clone(),
                selectable_fields: described.selectable_fields.clone(),
                subresources: self.subresources.clone(),
                deprecation_warning: described.deprecation_warning.clone(),
            })
            .collect();
        if let Some(ruled) = versions
            .iter()
            .find(|version| has_rules(&version.schema.document))
        {
            let (group, plural) = (S::group(&()), S::plural(&()));
            return Err(DescriptionError::ValidationRules(format!(
                "{group}/{} {plural}",
                ruled.name
            )));
        }
        Ok(Resource {
            group: S::group(&()).into_owned(),
            names: self.names,
            scope: S::Scope::SCOPE,
            versions,
            unserved: Vec::new(),
            storage_version: self.storage_version,
            hub: Hub::Version(self.hub_version),
            strategy: Arc::new(Typed::new(
                self.versions
                    .into_iter()
                    .map(|described| described.serving)
                    .collect(),
                self.rules,
            )),
            policy: Policy {
                strategic_merge_patch: true,
                ..self.policy
            },
            rest: self.rest,
            subresources: self.own,
        })
    }

    /// Says something about the version `V`.
    fn about<V: Kind>(&mut self, say: impl FnOnce(&mut Described<H>)) {
        let of = TypeId::of::<V>();
        match self
            .versions
            .iter_mut()
            .find(|described| described.serving.of_type() == of)
        {
            Some(described) => say(described),
            None => self.faults.push(DescriptionError::NotServed(called::<V>())),
        }
    }
}

#[cfg(test)]
mod tests;
