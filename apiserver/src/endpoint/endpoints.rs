//! The resources that are served.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};

use super::table::Columns;
use crate::object::Object;
use crate::offload::Memory;
use crate::registry::{Registry, Rules};
use crate::request::{GroupResource, RequestInfo};
use crate::resource::{
    Resource, SCALE_OF_UNSTRUCTURED, SCALE_RESOURCE, Subresource, SubresourceRest, Subresources, Version,
};

/// A resource that is served, and from what.
#[derive(Clone)]
pub enum Endpoint {
    /// From the server's storage.
    Stored(Arc<Registry>),
    /// From its author's code ([`crate::rest::Rest::Computed`]), by these rules.
    Computed(Rules),
}

impl From<Arc<Registry>> for Endpoint {
    fn from(registry: Arc<Registry>) -> Self {
        Self::Stored(registry)
    }
}

impl Endpoint {
    fn resource(&self) -> &Resource {
        match self {
            Self::Stored(registry) => registry.resource(),
            Self::Computed(rules) => rules.resource(),
        }
    }

    /// What is said of its objects.
    pub(super) fn rules(&self) -> &Rules {
        match self {
            Self::Stored(registry) => registry.rules(),
            Self::Computed(rules) => rules,
        }
    }
}

/// The set of resources that are served. It does not change: where others are served, there is another one.
pub struct Endpoints {
    /// By group, then by resource.
    groups: HashMap<String, HashMap<String, Arc<Served>>>,
    complete: bool,
    memory: Arc<Memory>,
    may_drop_managed_fields: bool,
}

/// A resource, with all that its answers need and that can be worked out beforehand.
pub(super) struct Served {
    pub(super) endpoint: Endpoint,
    versions: Vec<Arc<ServedVersion>>,
}

/// One of its versions.
pub(super) struct ServedVersion {
    /// `v1alpha1`
    pub(super) name: String,
    /// `wardle.example.com/v1alpha1`
    pub(super) api_version: String,
    pub(super) columns: Arc<Columns>,
    /// With what an encoded object may begin, from the `{` to the comma behind its type.
    pub(super) type_heads: Box<[String; 2]>,
    /// An object of which nothing is known, as a bookmark is.
    pub(super) empty: Object,
    /// What tells encodings of this version, by this schema, from others.
    pub(super) fingerprint: u64,
    /// What is served behind an object's name.
    pub(super) subresources: Subresources,
    /// The kinds of the author's subresources that have one, by the subresource's name.
    pub(super) kinds: HashMap<String, Arc<Self>>,
    /// What every client of it is warned of.
    pub(super) deprecation_warning: Option<String>,
}

impl Endpoints {
    /// No resource is there yet: every path answers 503. `memory`: bytes that decoded objects of requests may take, all of
    /// them together.
    #[must_use]
    pub fn new(memory: usize) -> Self {
        Self {
            groups: HashMap::new(),
            complete: false,
            memory: Arc::new(Memory::new(memory)),
            may_drop_managed_fields: false,
        }
    }

    /// Hears clients, or does not, that want answers without managedFields (`Accept: application/json;drop=metadata.managedFields`,
    /// KEP-5958).
    #[must_use]
    pub fn managed_fields_opt_out(mut self, may_drop_managed_fields: bool) -> Self {
        self.may_drop_managed_fields = may_drop_managed_fields;
        self
    }

    pub(super) fn may_drop_managed_fields(&self) -> bool {
        self.may_drop_managed_fields
    }

    /// What requests share.
    pub(super) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    /// Endpoints of exactly these resources, which share memory with `self`. `complete`: no more are to come, so that the path of a
    /// resource that is not among them answers 404. Garbage collection takes a 404 for the end of an owner: while a resource may yet
    /// come, it must be 503.
    #[must_use]
    pub fn replaced(&self, endpoints: impl IntoIterator<Item = impl Into<Endpoint>>, complete: bool) -> Self {
        let mut groups: HashMap<String, HashMap<String, Arc<Served>>> = HashMap::new();
        for endpoint in endpoints {
            let served = Served::new(endpoint.into());
            let GroupResource { group, resource } = served.resource().group_resource();
            groups
                .entry(group)
                .or_default()
                .insert(resource, Arc::new(served));
        }
        Self {
            groups,
            complete,
            memory: self.memory.clone(),
            may_drop_managed_fields: self.may_drop_managed_fields,
        }
    }

    /// Whether all resources are there that are to be.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The stored resources that are served, in the order of group and name.
    #[must_use]
    pub fn registries(&self) -> Vec<Arc<Registry>> {
        let mut registries: Vec<_> = self
            .groups
            .values()
            .flat_map(HashMap::values)
            .filter_map(|served| served.registry().cloned())
            .collect();
        registries.sort_by_key(|registry| registry.resource().group_resource());
        registries
    }

    /// The stored resource of this name, where it is served.
    pub(crate) fn registry(&self, resource: &GroupResource) -> Option<Arc<Registry>> {
        let served = self.groups.get(&resource.group)?.get(&resource.resource)?;
        served.registry().cloned()
    }

    /// The stored resource that a request is about, where it is served.
    pub(crate) fn registry_of(&self, info: &RequestInfo) -> Option<Arc<Registry>> {
        let (served, _) = self.find(&info.group, &info.version, &info.resource)?;
        served.registry().cloned()
    }

    /// Whether the resource of a request is served in its version.
    pub(crate) fn knows(&self, info: &RequestInfo) -> bool {
        self.find(&info.group, &info.version, &info.resource).is_some()
    }

    /// Whether a request is for a subresource that connects, and so is long-running.
    pub(crate) fn connects(&self, info: &RequestInfo) -> bool {
        self.of_own_subresource(info, Subresource::connects)
    }

    /// Whether the body of a request goes to a connecter while it comes, and is held by nobody.
    pub(crate) fn streams_body(&self, info: &RequestInfo) -> bool {
        self.of_own_subresource(info, Subresource::streams_body)
    }

    fn of_own_subresource(&self, info: &RequestInfo, is_so: fn(&Subresource) -> bool) -> bool {
        if info.subresource.is_empty() {
            return false;
        }
        let found = self.find(&info.group, &info.version, &info.resource);
        found.is_some_and(|(served, _)| {
            let own = served.resource().own_subresource(&info.subresource);
            own.is_some_and(is_so)
        })
    }

    /// Whether a resource of a type is served in this group and version.
    pub(super) fn has_typed_in(&self, group: &str, version: &str) -> bool {
        let mut resources = self.groups.get(group).into_iter().flat_map(HashMap::values);
        resources.any(|served| {
            let mut versions = served.versions.iter();
            !served.resource().policy.unstructured && versions.any(|found| found.name == version)
        })
    }

    /// Whether any resource has no type.
    pub(super) fn has_untyped(&self) -> bool {
        let mut resources = self.groups.values().flat_map(HashMap::values);
        resources.any(|served| served.resource().policy.unstructured)
    }

    /// The resource of this group and name in this version.
    pub(super) fn find(
        &self,
        group: &str,
        version: &str,
        resource: &str,
    ) -> Option<(Arc<Served>, Arc<ServedVersion>)> {
        let served = self.groups.get(group)?.get(resource)?;
        let version = served.versions.iter().find(|found| found.name == version)?;
        Some((served.clone(), version.clone()))
    }
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self
            .registries()
            .into_iter()
            .map(|registry| registry.resource().group_resource());
        formatter.debug_list().entries(names).finish()
    }
}

impl Served {
    fn new(endpoint: Endpoint) -> Self {
        let resource = endpoint.resource();
        let versions = resource
            .versions
            .iter()
            .map(|version| Arc::new(ServedVersion::new(resource, version)))
            .collect();
        Self { endpoint, versions }
    }

    pub(super) fn resource(&self) -> &Resource {
        self.endpoint.resource()
    }

    /// What it is stored in.
    pub(super) fn registry(&self) -> Option<&Arc<Registry>> {
        match &self.endpoint {
            Endpoint::Stored(registry) => Some(registry),
            Endpoint::Computed(..) => None,
        }
    }
}

/// What a Scale is, in its one version.
static SCALE: LazyLock<Option<Arc<ServedVersion>>> = LazyLock::new(|| only_version(&SCALE_RESOURCE));
/// The same of what has no type.
static UNSTRUCTURED_SCALE: LazyLock<Option<Arc<ServedVersion>>> =
    LazyLock::new(|| only_version(&SCALE_OF_UNSTRUCTURED));

/// What the Scale of a resource is.
pub(super) fn scale(of: &Resource) -> (&'static Resource, Option<&'static Arc<ServedVersion>>) {
    if of.policy.unstructured {
        (&SCALE_OF_UNSTRUCTURED, UNSTRUCTURED_SCALE.as_ref())
    } else {
        (&SCALE_RESOURCE, SCALE.as_ref())
    }
}

fn only_version(resource: &Resource) -> Option<Arc<ServedVersion>> {
    let version = resource.versions.first()?;
    Some(Arc::new(ServedVersion::new(resource, version)))
}

impl ServedVersion {
    fn new(resource: &Resource, version: &Version) -> Self {
        let kind = &resource.names.kind;
        let api_version = resource.api_version(&version.name);
        let mut hasher = DefaultHasher::new();
        (&version.name, version.schema.fingerprint).hash(&mut hasher);
        for column in &version.columns {
            (
                &column.name,
                &column.type_,
                &column.format,
                column.priority,
                &column.json_path,
            )
                .hash(&mut hasher);
        }
        // What is stored is completed by the schema of its own version.
        let stored = resource.any_version(&resource.storage_version);
        stored.map(|stored| stored.schema.fingerprint).hash(&mut hasher);
        Self {
            name: version.name.clone(),
            columns: Arc::new(Columns::of(version, resource.policy.default_column)),
            type_heads: Box::new([
                format!(r#"{{"kind":"{kind}","apiVersion":"{api_version}","#),
                format!(r#"{{"apiVersion":"{api_version}","kind":"{kind}","#),
            ]),
            empty: resource.empty_object(&version.name),
            fingerprint: hasher.finish(),
            subresources: version.subresources.clone(),
            kinds: kinds(resource, &version.name),
            deprecation_warning: version.deprecation_warning.clone(),
            api_version,
        }
    }
}

fn kinds(resource: &Resource, version: &str) -> HashMap<String, Arc<ServedVersion>> {
    let of_kind = |own: &Subresource| match &own.rest {
        SubresourceRest::Connect(_) => None,
        SubresourceRest::Computed(kind) => {
            let beside = kind.version_beside(&resource.group, version)?;
            Some((own.name.clone(), Arc::new(ServedVersion::new(kind, beside))))
        }
    };
    resource.subresources.iter().filter_map(of_kind).collect()
}
