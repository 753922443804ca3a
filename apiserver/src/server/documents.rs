//! What is told of a set of resources, made once for each set.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use crate::discovery::Discovery;
use crate::openapi;
use crate::request::RequestInfo;
use crate::resource::Resource;

/// What is told of a set of resources.
pub(super) struct Documents {
    pub(super) discovery: Discovery,
    pub(super) openapi: openapi::Documents,
    /// The list of all paths: the answer of `/`, and of every path that is not in it.
    pub(super) index: Bytes,
    /// By group and version: plurals with the names of their subresources.
    served: HashMap<String, HashMap<String, HashMap<String, Vec<String>>>>,
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
        let mut served: HashMap<String, HashMap<String, HashMap<String, Vec<String>>>> = HashMap::new();
        for resource in resources {
            let versions = served.entry(resource.group.clone()).or_default();
            for version in &resource.versions {
                let plurals = versions.entry(version.name.clone()).or_default();
                let subresources = resource.advertised(&version.name);
                let names = subresources.iter().map(|subresource| subresource.name.to_owned());
                plurals.insert(resource.names.plural.clone(), names.collect());
            }
        }
        Self {
            discovery,
            openapi: openapi::Documents::new(info, resources),
            index: Bytes::from(format!("{:#}", json!({ "paths": all }))),
            served,
        }
    }

    /// Whether there is such a resource, or such a subresource.
    pub(super) fn serves(&self, info: &RequestInfo) -> bool {
        self.served
            .get(&info.group)
            .and_then(|versions| versions.get(&info.version))
            .and_then(|resources| resources.get(&info.resource))
            .is_some_and(|subresources| {
                info.subresource.is_empty() || subresources.contains(&info.subresource)
            })
    }
}
