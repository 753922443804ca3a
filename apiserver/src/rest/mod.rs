//! What a resource offers: the verbs as traits. Go: `k8s.io/apiserver/pkg/registry/rest/rest.go`.
//!
//! A stored resource offers every verb of its registry. A computed one offers those that its author implements: nothing of it is
//! stored, such as metrics, reviews, or objects that another system keeps. Routes, discovery and OpenAPI follow from what is
//! offered.

mod connecter;
pub mod remote_command;
mod request_body;
mod watcher;
pub mod websocket;
mod writers;

use std::sync::Arc;

use async_trait::async_trait;

use crate::authz::Authorized;
use crate::object::Object;
use crate::request::options::{GetOptions, ListOptions};
use crate::request::{User, Verb};
use crate::status::ApiError;

pub use connecter::{ConnectRequest, Connecter, answer, stream};
pub(crate) use request_body::Piece;
pub use request_body::{IncompleteBody, RequestBody};
pub use watcher::{WatchEvent, WatchEvents, Watcher};
pub use writers::{Creater, Deletion, GracefulDeleter, Updater};

/// Who asks, and for what.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestContext {
    /// The authenticated user, whom authorization has let pass.
    pub user: User,
    /// Of the request's path; empty: all namespaces, or none.
    pub namespace: String,
    /// Of the request's path; of a list, what its field selector says that `metadata.name` is; empty: all.
    pub name: String,
    /// The version that the client asks for, such as `v1beta1`.
    pub version: String,
}

impl RequestContext {
    pub(crate) fn of(request: &Authorized) -> Self {
        let info = request.info();
        Self {
            user: request.user().clone(),
            namespace: info.namespace.clone(),
            name: info.name.clone(),
            version: info.version.clone(),
        }
    }
}

/// Reads one object. Go: `rest.Getter`.
#[async_trait]
pub trait Getter: Send + Sync + 'static {
    /// The object of the context's namespace and name, in any served version; `None`, or another one: there is none, which is 404.
    ///
    /// # Errors
    /// What the client is to be told.
    async fn get(&self, context: RequestContext, options: GetOptions) -> Result<Option<Object>, ApiError>;
}

/// Lists objects. Go: `rest.Lister`.
#[async_trait]
pub trait Lister: Send + Sync + 'static {
    /// The objects of the context's namespace, in any served version. Whatever is returned beside those that the selectors of
    /// `options` match is left out by the caller. Pages are not asked for: `limit` may be ignored. What is returned is in memory
    /// until the client has read it: how much that is at most is the author's to bound.
    ///
    /// # Errors
    /// What the client is to be told.
    async fn list(&self, context: RequestContext, options: ListOptions) -> Result<List, ApiError>;
}

/// Objects, and when they were so.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T = Object> {
    /// The objects.
    pub items: Vec<T>,
    /// Where a watch may go on that misses nothing; empty: nowhere.
    pub resource_version: String,
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self {
            items,
            resource_version: String::new(),
        }
    }
}

/// The verbs that a computed resource offers.
#[derive(Clone, Default)]
pub struct Computed {
    /// `get`
    pub getter: Option<Arc<dyn Getter>>,
    /// `list`
    pub lister: Option<Arc<dyn Lister>>,
    /// `watch`
    pub watcher: Option<Arc<dyn Watcher>>,
    /// `create`
    pub creater: Option<Arc<dyn Creater>>,
    /// `update` and `patch`; it needs the getter.
    pub updater: Option<Arc<dyn Updater>>,
    /// `delete`; it needs the getter.
    pub deleter: Option<Arc<dyn GracefulDeleter>>,
    /// `deletecollection`: whether the deleter is asked to delete, one by one, what the lister lists, as Go's generic registry does.
    pub deletes_collections: bool,
}

impl Computed {
    /// Whether somebody does this.
    #[must_use]
    pub fn offers(&self, verb: Verb) -> bool {
        match verb {
            Verb::Get => self.getter.is_some(),
            Verb::List => self.lister.is_some(),
            Verb::Watch => self.watcher.is_some(),
            Verb::Create => self.creater.is_some(),
            Verb::Update | Verb::Patch => self.updater.is_some(),
            Verb::Delete => self.deleter.is_some(),
            Verb::DeleteCollection => self.deletes_collections,
            _ => false,
        }
    }
}

/// What a resource is served from.
#[derive(Clone, Default)]
pub enum Rest {
    /// The server's storage.
    #[default]
    Stored,
    /// Its author's code.
    Computed(Computed),
}

/// What can be done with every stored resource, sorted.
const STORED: [Verb; 8] = [
    Verb::Create,
    Verb::Delete,
    Verb::DeleteCollection,
    Verb::Get,
    Verb::List,
    Verb::Patch,
    Verb::Update,
    Verb::Watch,
];

impl Rest {
    /// Whether objects are stored.
    #[must_use]
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored)
    }

    /// Its author's code, where it is computed.
    #[must_use]
    pub fn computed(&self) -> Option<&Computed> {
        match self {
            Self::Stored => None,
            Self::Computed(computed) => Some(computed),
        }
    }

    /// Whether somebody does this.
    #[must_use]
    pub fn offers(&self, verb: Verb) -> bool {
        self.computed().is_none_or(|computed| computed.offers(verb))
    }

    /// What can be done, as discovery says it: sorted.
    #[must_use]
    pub fn verbs(&self) -> Vec<&'static str> {
        let offered = STORED.into_iter().filter(|verb| self.offers(*verb));
        offered.map(Verb::as_str).collect()
    }
}
