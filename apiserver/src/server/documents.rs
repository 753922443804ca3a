//! What is told of a set of resources, made once for each set.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::discovery::Discovery;
use crate::openapi;
use crate::resource::Resource;

/// What is told of a set of resources.
pub(super) struct Documents {
    pub(super) discovery: Discovery,
    pub(super) openapi: openapi::Documents,
    /// The list of all paths: the answer of `/`, and of every path that is not in it.
    pub(super) index: Bytes,
    /// By group and version.
    served: HashMap<String, HashMap<String, HashSet<String>>>,
}

impl Documents {
    /// Of `resources`, on a server that serves `paths` too, at `address` (`HOST:PORT`).
    pub(super) fn new(
        resources: &[Arc<Resource>],
        info: &openapi::Info,
        paths: &[String],
        address: &str,
    ) -> Self {
        let discovery = Discovery::new(resources, address);
        let all: BTreeSet<String> = discovery.paths().chain(paths.iter().cloned()).collect();
        let mut served: HashMap<String, HashMap<String, HashSet<String>>> = HashMap::new();
        for resource in resources {
            let versions = served.entry(resource.group.clone()).or_default();
            for version in &resource.versions {
                let plurals = versions.entry(version.name.clone()).or_default();
                plurals.insert(resource.names.plural.clone());
            }
        }
        Self {
            discovery,
            openapi: openapi::Documents::new(info, resources),
            index: Bytes::from(format!("{:#}", json!({ "paths": all }))),
            served,
        }
    }

    /// Whether there is such a resource.
    pub(super) fn serves(&self, group: &str, version: &str, resource: &str) -> bool {
        self.served
            .get(group)
            .and_then(|versions| versions.get(version))
            .is_some_and(|resources| resources.contains(resource))
    }
}
