//! What else may refuse a write.

mod chain;
mod namespace_lifecycle;
mod namespaces;

use async_trait::async_trait;

use crate::object::Object;
use crate::request::{RequestInfo, User};
use crate::resource::Resource;
use crate::status::ApiError;

pub use chain::{Chain, NoAdmission};
pub use namespace_lifecycle::NamespaceLifecycle;

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the words of admission.k8s.io")]
pub enum Operation {
    Create,
    Update,
    Delete,
}

/// A write that is about to happen.
#[derive(Debug)]
pub struct Attributes<'a> {
    /// What is done.
    pub operation: Operation,
    /// To what.
    pub resource: &'a Resource,
    /// The request.
    pub info: &'a RequestInfo,
    /// Who asks.
    pub user: &'a User,
    /// The namespace; empty: none.
    pub namespace: &'a str,
    /// The object's name; of a create by generateName it may be empty.
    pub name: &'a str,
    /// The new object, in the hub version, as the client sent it: without what the server sets, and with the
    /// resourceVersion that the client believes in. Of a deletion `None`.
    pub object: Option<&'a Object>,
    /// The old one.
    pub old: Option<&'a Object>,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

/// Refuses writes. Called before an object is completed and validated, where k8s.io/apiserver calls its mutating plugins: who
/// may not write at all is told that, whatever is wrong with the object. Of a deletion: when the object was read and its
/// preconditions hold.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// Whether the write may happen.
    ///
    /// # Errors
    /// It may not.
    async fn admit(&self, attributes: &Attributes<'_>) -> Result<(), ApiError>;
}
