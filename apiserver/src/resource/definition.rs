//! The description of a resource, in a CustomResourceDefinition's terms.

use std::fmt;
use std::sync::Arc;

use super::{Strategy, Subresource, Subresources};
use crate::object::Object;
use crate::request::{GroupKind, GroupResource};
use crate::rest::Rest;
use crate::schema::Schema;

/// What it is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// `flunders`
    pub plural: String,
    /// `flunder`
    pub singular: String,
    /// `Flunder`
    pub kind: String,
    /// `FlunderList`
    pub list_kind: String,
    /// What kubectl takes for it too.
    pub short_names: Vec<String>,
    /// Groups of resources that kubectl lists together, such as `all`.
    pub categories: Vec<String>,
}

/// Whether its objects live in namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// They do.
    Namespaced,
    /// They belong to the cluster.
    Cluster,
}

/// What ObjectMeta's documentation says of `creationTimestamp`.
pub(crate) const CREATED_DESCRIPTION: &str = "CreationTimestamp is a timestamp representing the server time when this object was \
created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this \
value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More \
info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata";

/// A column of `kubectl get`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub type_: String,
    /// An OpenAPI format; empty: none.
    pub format: String,
    /// For people.
    pub description: String,
    /// 0 is shown always, more only with `-o wide`.
    pub priority: i32,
    /// Where in the object, as a CRD's `jsonPath`.
    pub json_path: String,
}

impl Column {
    /// A column that is always shown: its head, its type (`string`, `integer`, `number`, `boolean` or `date`), and where in the object its
    /// value is.
    #[must_use]
    pub fn new(name: impl Into<String>, type_: impl Into<String>, json_path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            type_: type_.into(),
            format: String::new(),
            description: String::new(),
            priority: 0,
            json_path: json_path.into(),
        }
    }
}

/// A version in which it is served.
#[derive(Clone, Debug)]
pub struct Version {
    /// `v1alpha1`
    pub name: String,
    /// What its objects look like.
    pub schema: Arc<Schema>,
    /// Columns beside the name; empty: the one that [`Policy::default_column`] says.
    pub columns: Vec<Column>,
    /// JSON paths that field selectors may use beside `metadata.name` and `metadata.namespace`, as `.spec.color`.
    pub selectable_fields: Vec<String>,
    /// What is served behind the name of an object.
    pub subresources: Subresources,
    /// What every answer in this version warns of: `GROUP/VERSION KIND is deprecated …`.
    pub deprecation_warning: Option<String>,
}

/// What an object may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectNames {
    /// A DNS subdomain as RFC 1123 has it, of 253 characters at most: `NameIsDNSSubdomain`, as a CustomResourceDefinition
    /// demands.
    DnsSubdomain,
    /// Whatever can be a segment of a path: `ValidatePathSegmentName`, below which no resource goes.
    PathSegment,
}

/// The column beside the name, of a version that says none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultColumn {
    /// `Age`: how long ago it was created, as a CustomResourceDefinition shows.
    Age,
    /// `Created At`: when, as the default table of k8s.io/apiserver shows.
    CreatedAt,
}

/// What differs from one resource to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Whether `metadata.generation` counts changes outside of metadata (and of status, where that is a subresource).
    pub generation: bool,
    /// Whether a PUT may create.
    pub allow_create_on_update: bool,
    /// Whether a PUT needs no resourceVersion.
    pub allow_unconditional_update: bool,
    /// Whether the items of a list go without `kind` and `apiVersion`, as those of Go's typed resources do.
    pub bare_items: bool,
    /// Whether its objects have no type, as Go's `unstructured.Unstructured`: they are served as those of a CustomResourceDefinition, by the
    /// rules of apiextensions' `crdHandler` for paths, verbs, kinds, versions and metadata, and lists always have a `continue`. Its
    /// [`Hub`] is the request's.
    pub unstructured: bool,
    /// Whether it takes strategic merge patches, for which the versions' schemas say how lists are merged
    /// (`x-kubernetes-patch-strategy`, `x-kubernetes-patch-merge-key`). A resource of Rust types always does, as one of Go's types.
    pub strategic_merge_patch: bool,
    /// What its objects may be called.
    pub object_names: ObjectNames,
    /// The column of `kubectl get` beside the name, of a version without columns.
    pub default_column: DefaultColumn,
}

impl Default for Policy {
    /// As a CustomResourceDefinition's, of Rust types.
    fn default() -> Self {
        Self {
            generation: true,
            allow_create_on_update: false,
            allow_unconditional_update: false,
            bare_items: false,
            unstructured: false,
            strategic_merge_patch: false,
            object_names: ObjectNames::DnsSubdomain,
            default_column: DefaultColumn::Age,
        }
    }
}

/// The version in which rules are run on an object that a client writes: Go's `HubGroupVersion` of a request's scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hub {
    /// This one, whatever a client writes; every version converts to it without loss. So it is of Go's types, whose rules are over the
    /// internal version.
    Version(String),
    /// The request's: so it is of a CustomResourceDefinition, of which each version has a schema of its own.
    OfRequest,
}

impl fmt::Display for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => formatter.write_str(version),
            Self::OfRequest => formatter.write_str("the request's"),
        }
    }
}

/// A resource: names, versions, and what is done to its objects.
#[derive(Clone)]
pub struct Resource {
    /// Its group.
    pub group: String,
    /// Its names.
    pub names: Names,
    /// Its scope.
    pub scope: Scope,
    /// Its versions, the preferred one first.
    pub versions: Vec<Version>,
    /// Versions that no client may use, in which objects may be stored, and managers be noted.
    pub unserved: Vec<Version>,
    /// The version in which objects are stored.
    pub storage_version: String,
    /// The version in which `strategy` prepares and validates.
    pub hub: Hub,
    /// What is done to its objects.
    pub strategy: Arc<dyn Strategy>,
    /// What differs.
    pub policy: Policy,
    /// What it is served from.
    pub rest: Rest,
    /// What is served behind the name of an object beside `status` and `scale`.
    pub subresources: Vec<Subresource>,
}

impl fmt::Debug for Resource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Resource")
            .field("group", &self.group)
            .field("plural", &self.names.plural)
            .finish_non_exhaustive()
    }
}

impl Resource {
    /// As errors name it.
    #[must_use]
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.names.plural)
    }

    /// As errors about fields name it.
    #[must_use]
    pub fn group_kind(&self) -> GroupKind {
        GroupKind::new(&self.group, &self.names.kind)
    }

    /// `group/version`
    #[must_use]
    pub fn api_version(&self, version: &str) -> String {
        format!("{}/{version}", self.group)
    }

    /// The version in which rules are run for a request in `version`.
    #[must_use]
    pub fn hub_of<'a>(&'a self, version: &'a str) -> &'a str {
        match &self.hub {
            Hub::Version(hub) => hub,
            Hub::OfRequest => version,
        }
    }

    /// An object of which nothing is said, as it is written in `version`: with its type, and what its kind always has. A
    /// kind that must have more is left bare.
    #[must_use]
    pub fn empty_object(&self, version: &str) -> Object {
        let mut object = Object::default();
        object.set_type(&self.api_version(version), &self.names.kind);
        object.metadata_mut();
        self.strategy.normalize(version, object.clone()).unwrap_or(object)
    }

    /// Whether `/status` is served in `version`, so that it alone writes the status.
    #[must_use]
    pub fn has_status(&self, version: &str) -> bool {
        self.version(version)
            .is_some_and(|version| version.subresources.status)
    }

    /// The version of this name, served or not.
    #[must_use]
    pub fn any_version(&self, name: &str) -> Option<&Version> {
        self.all_versions().find(|version| version.name == name)
    }

    /// The versions, served ones first.
    pub fn all_versions(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().chain(&self.unserved)
    }

    /// The served version of this name.
    #[must_use]
    pub fn version(&self, name: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.name == name)
    }
}
