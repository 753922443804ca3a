//! A set of resources, sorted into groups and versions.

use std::sync::Arc;

use super::version_order;
use crate::resource::Resource;

/// What can be done with every stored resource, sorted.
pub(super) const VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// A group with its versions, the preferred one first.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) versions: Vec<GroupVersion>,
}

/// A version of a group with its resources, by name.
#[derive(Debug)]
pub(super) struct GroupVersion {
    pub(super) name: String,
    pub(super) resources: Vec<Arc<Resource>>,
}

impl Group {
    /// The groups of `resources`, by name: nothing here says which one matters more.
    pub(super) fn all(resources: &[Arc<Resource>]) -> Vec<Self> {
        let mut names: Vec<&str> = resources.iter().map(|resource| resource.group.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().map(|name| Self::of(name, resources)).collect()
    }

    fn of(name: &str, resources: &[Arc<Resource>]) -> Self {
        let mut members: Vec<&Arc<Resource>> = resources
            .iter()
            .filter(|resource| resource.group == name)
            .collect();
        members.sort_by(|left, right| left.names.plural.cmp(&right.names.plural));
        let orders: Vec<Vec<&str>> = members
            .iter()
            .map(|resource| {
                resource
                    .versions
                    .iter()
                    .map(|version| version.name.as_str())
                    .collect()
            })
            .collect();
        let versions = version_order::merge(&orders)
            .into_iter()
            .map(|version| GroupVersion {
                resources: members
                    .iter()
                    .filter(|resource| resource.version(&version).is_some())
                    .map(|resource| Arc::clone(resource))
                    .collect(),
                name: version,
            })
            .collect();
        Self {
            name: name.to_owned(),
            versions,
        }
    }
}
