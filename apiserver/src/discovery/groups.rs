//! A set of resources, sorted into groups and versions.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::version_order;
use crate::resource::Resource;

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
        let mut groups: BTreeMap<&str, Vec<&Arc<Resource>>> = BTreeMap::new();
        for resource in resources {
            groups.entry(&resource.group).or_default().push(resource);
        }
        let of = |(name, members)| Self::of(name, members);
        groups.into_iter().map(of).collect()
    }

    fn of(name: &str, mut members: Vec<&Arc<Resource>>) -> Self {
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
        let mut serving: HashMap<&str, Vec<Arc<Resource>>> = HashMap::new();
        for resource in &members {
            for version in &resource.versions {
                let resources = serving.entry(&version.name).or_default();
                resources.push(Arc::clone(resource));
            }
        }
        let versions = version_order::merge(&orders)
            .into_iter()
            .map(|version| GroupVersion {
                resources: serving.remove(version.as_str()).unwrap_or_default(),
                name: version,
            })
            .collect();
        Self {
            name: name.to_owned(),
            versions,
        }
    }
}
