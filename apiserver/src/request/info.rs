//! What a method and a URL ask for: `RequestInfo` of k8s.io/apiserver.

mod parse;

use std::fmt;

pub use parse::RequestInfoError;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the words of Kubernetes' authorization")]
pub enum Verb {
    Get,
    List,
    Watch,
    Create,
    Update,
    Patch,
    Delete,
    DeleteCollection,
    /// A method with no meaning on resources.
    Other,
}

impl Verb {
    /// As it stands in RBAC rules.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::DeleteCollection => "deletecollection",
            Self::Other => "",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A verb in the path before the resource (`/apis/GROUP/VERSION/watch/…`), deprecated in Kubernetes and still served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathVerb {
    /// `watch`: of all objects, or of the one that the path names.
    Watch,
    /// `proxy`: known to authorization, and served by no resource.
    Proxy,
}

/// What a request is about. The path is read once, here: what is authorized and what is served follow from the same
/// fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestInfo {
    /// Whether it is about a resource (`/apis/GROUP/VERSION/…` of four segments or more).
    pub is_resource: bool,
    /// What is to be done; of a path that is no resource it follows the method too, and is not used.
    pub verb: Verb,
    /// The verb that stands before the resource, where one does.
    pub path_verb: Option<PathVerb>,
    /// The path, decoded, without the query.
    pub path: String,
    /// The HTTP method in lower case: the verb of a path that is no resource.
    pub method: String,
    /// The group; empty where there is none.
    pub group: String,
    /// The version; empty where there is none.
    pub version: String,
    /// The namespace; empty: none, or all.
    pub namespace: String,
    /// The resource, plural.
    pub resource: String,
    /// What follows the name, up to the next `/`.
    pub subresource: String,
    /// What follows the subresource, without the first `/`: what a proxy passes on. It is not authorized by itself.
    pub subpath: String,
    /// The object's name; of a list or watch by `metadata.name`, the name that it selects.
    pub name: String,
    /// The raw label selector of list, watch and deletecollection; empty behind a [`PathVerb`], whose watches of one
    /// object and of many differ in what they do with selectors.
    pub label_selector: String,
    /// The raw field selector of the same.
    pub field_selector: String,
}
