//! OpenAPI documents of what is served: version 2 in one piece, for older clients and the aggregator, version 3 by
//! group-version.
//!
//! They say what kubectl reads: which parameters and kinds of patches there are (`fieldValidation`, the merge patch of
//! `apply`), which operations belong to which kind, and what objects look like (`explain`).

mod components;
mod custom_resource;
mod operations;
mod parameters;
mod serve;
mod v2;
mod v3;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha512};

use crate::resource::Resource;

/// What documents say about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The API's title.
    pub title: String,
    /// The API's version.
    pub version: String,
}

/// All documents of a server, encoded. Made anew when resources come or go.
#[derive(Debug)]
pub struct Documents {
    v2: Document,
    v2_gzip: OnceLock<Option<Bytes>>,
    v3_index: Document,
    /// By path: `apis/GROUP/VERSION`.
    v3: BTreeMap<String, Document>,
}

/// An encoded document.
#[derive(Clone, Debug)]
struct Document {
    bytes: Bytes,
    /// SHA-512 in upper-case hexadecimal digits: its version, as ETag and in the index.
    hash: String,
}

impl Document {
    fn new(value: &Value) -> Self {
        let bytes = Bytes::from(value.to_string());
        let hash = Sha512::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect();
        Self { bytes, hash }
    }
}

impl Documents {
    /// Documents for `resources`.
    #[must_use]
    pub fn new(info: &Info, resources: &[Arc<Resource>]) -> Self {
        let v3: BTreeMap<String, Document> = v3::documents(info, resources)
            .into_iter()
            .map(|(path, value)| (path, Document::new(&value)))
            .collect();
        Self {
            v2: Document::new(&v2::document(info, resources)),
            v2_gzip: OnceLock::new(),
            v3_index: Document::new(&v3::index(
                v3.iter().map(|(path, document)| (&**path, &*document.hash)),
            )),
            v3,
        }
    }
}

/// The groups of `resources` with their versions and the resources served in each, in order.
fn group_versions(resources: &[Arc<Resource>]) -> BTreeMap<&str, BTreeMap<&str, Vec<&Resource>>> {
    let mut groups: BTreeMap<&str, BTreeMap<&str, Vec<&Resource>>> = BTreeMap::new();
    for resource in resources {
        for version in &resource.versions {
            let versions = groups.entry(&resource.group).or_default();
            versions.entry(&version.name).or_default().push(resource);
        }
    }
    groups
}

#[cfg(test)]
mod tests;
