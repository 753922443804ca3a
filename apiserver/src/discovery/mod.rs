//! What there is to ask for: the documents of `/apis` and below, made once for a set of resources.

mod aggregated;
mod documents;
mod groups;
mod legacy;
mod version_order;

use std::collections::BTreeMap;
use std::sync::Arc;

use http::HeaderMap;

pub use documents::Document;
use groups::Group;

use crate::resource::Resource;

/// The documents of a set of resources.
#[derive(Debug)]
pub struct Discovery {
    /// `/apis`, as every client knows it.
    groups: Document,
    /// `/apis`, with everything in it.
    aggregated: Document,
    /// `/apis/GROUP`.
    group: BTreeMap<String, Document>,
    /// `/apis/GROUP/VERSION`.
    version: BTreeMap<(String, String), Document>,
}

/// What a path of discovery is.
#[derive(Debug)]
pub enum Found<'a> {
    /// `/apis`: one of two documents, whichever the client prefers.
    Groups(&'a Document, &'a Document),
    /// A document.
    One(&'a Document),
    /// A version that the group does not have.
    NoVersion,
    /// No path of discovery.
    Elsewhere,
}

impl Discovery {
    /// The documents of `resources`, which the server serves at `address` (`HOST:PORT`, the host may be empty).
    #[must_use]
    pub fn new(resources: &[Arc<Resource>], address: &str) -> Self {
        let groups = Group::all(resources);
        Self {
            groups: Document::new(&legacy::group_list(&groups, address)),
            aggregated: Document::with_etag(&aggregated::group_list(&groups)),
            group: groups
                .iter()
                .map(|group| (group.name.clone(), Document::new(&legacy::group(group))))
                .collect(),
            version: groups
                .iter()
                .flat_map(|group| {
                    group.versions.iter().map(|version| {
                        let key = (group.name.clone(), version.name.clone());
                        (key, Document::new(&legacy::resource_list(group, version)))
                    })
                })
                .collect(),
        }
    }

    /// What lies at `path`. Kubernetes serves each of them with a `/` at the end too.
    #[must_use]
    pub fn find(&self, path: &str) -> Found<'_> {
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut segments = path.split('/');
        if (segments.next(), segments.next()) != (Some(""), Some("apis")) {
            return Found::Elsewhere;
        }
        match (segments.next(), segments.next(), segments.next()) {
            (None, ..) => Found::Groups(&self.groups, &self.aggregated),
            (Some(group), None, _) => self.group.get(group).map_or(Found::Elsewhere, Found::One),
            (Some(group), Some(version), None) => {
                let key = (group.to_owned(), version.to_owned());
                match self.version.get(&key) {
                    Some(document) => Found::One(document),
                    None if self.group.contains_key(group) => Found::NoVersion,
                    None => Found::Elsewhere,
                }
            }
            _ => Found::Elsewhere,
        }
    }

    /// Every path of it, for the index of `/`.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let groups = self.group.keys().map(|group| format!("/apis/{group}"));
        let versions = self
            .version
            .keys()
            .map(|(group, version)| format!("/apis/{group}/{version}"));
        std::iter::once("/apis".to_owned()).chain(groups).chain(versions)
    }

    /// Whether a client that sends `headers` takes the aggregated document, and prefers it.
    #[must_use]
    pub fn wants_aggregated(headers: &HeaderMap) -> bool {
        aggregated::format(headers).is_some()
    }
}

#[cfg(test)]
mod tests;
