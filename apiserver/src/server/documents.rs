//! What is told of a set of resources, made once for each set.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::json;

use crate::discovery::Discovery;
use crate::openapi;
use crate::resource::Resource;

/// What is told of a set of resources.
pub(super) struct Documents {
    pub(super) discovery: Discovery,
    /// The list of all paths: the answer of `/`, and of every path that is not in it.
    pub(super) index: Bytes,
    /// What OpenAPI is made of, and its documents once somebody asked for them: most servers are never asked.
    described: (openapi::Info, Vec<Arc<Resource>>),
    openapi: OnceLock<openapi::Documents>,
    /// By group and version.
    served: HashMap<String, HashMap<String, HashSet<String>>>,
}

impl Documents {
    /// Of `resources`, on a server that is called as `info` says, serves `paths` too, at `address` (`HOST:PORT`).
    pub(super) fn new(
        info: &openapi::Info,
        resources: &[Arc<Resource>],
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
            index: Bytes::from(format!("{:#}", json!({ "paths": all }))),
            described: (info.clone(), resources.to_vec()),
            openapi: OnceLock::new(),
            served,
        }
    }

    /// The documents of OpenAPI.
    pub(super) fn openapi(&self) -> &openapi::Documents {
        let (info, resources) = &self.described;
        self.openapi
            .get_or_init(|| openapi::Documents::new(info, resources))
    }

    /// Whether there is such a resource.
    pub(super) fn serves(&self, group: &str, version: &str, resource: &str) -> bool {
        self.served
            .get(group)
            .and_then(|versions| versions.get(version))
            .is_some_and(|resources| resources.contains(resource))
    }
}
