//! Admission plugins: code that changes, and refuses, writes. Go: `k8s.io/apiserver/pkg/admission`.
//!
//! ```text
//! create, update, patch, apply: decoded -> hub -> managers -> admit -> prepare, validated -> validate -> stored
//! delete, deletecollection:     read, preconditions        -> admit ->                       validate -> deleted
//! connect:                                                    admit ->                       validate -> connected
//! ```
//!
//! A plugin is one of a whole server ([`Builder::admission`](crate::server::Builder::admission)). One over a Rust type is
//! [`typed::Admission`](crate::resource::typed::Admission); one that decides by other objects of the same server reads them by a
//! [`Lister`].

mod attributes;
mod chain;
mod lister;
mod metrics;
mod namespace_lifecycle;
mod namespaces;

use std::sync::Arc;

use async_trait::async_trait;

use crate::resource::Resource;
use crate::status::ApiError;

pub use attributes::{Attributes, Operation};
pub(crate) use attributes::{Change, Subject};
pub use chain::{Chain, NoAdmission};
pub use lister::Lister;
pub(crate) use lister::{Kept, Registries};
pub(crate) use metrics::AdmissionMetrics;
pub use namespace_lifecycle::NamespaceLifecycle;

/// A plugin. Go: `MutationInterface` and `ValidationInterface` in one; who implements neither method lets everything pass.
///
/// Both methods are called on a dry run too: one that changes something outside of the object looks at
/// [`Attributes::dry_run`]. Both may be called several times for one write, which is made again where somebody else was faster.
#[async_trait]
pub trait Admission: Send + Sync + 'static {
    /// Whether it is asked about this operation.
    fn handles(&self, operation: Operation) -> bool {
        let _ = operation;
        true
    }

    /// Changes the new object, or refuses the write. Called before an object is prepared and validated: who may not write at
    /// all is told that, whatever is wrong with the object. Of a deletion: when the object was read and its preconditions hold.
    ///
    /// # Errors
    /// The write is refused: [`Attributes::forbidden`].
    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        let _ = attributes;
        Ok(())
    }

    /// Refuses the write, by the object as it would be stored: all plugins have changed it, it is prepared and valid.
    ///
    /// # Errors
    /// The write is refused: [`Attributes::forbidden`].
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        let _ = attributes;
        Ok(())
    }

    /// Whether the plugin fits a server of these resources: asked once, when it starts. Go: `InitializationValidator`.
    ///
    /// # Errors
    /// It does not, and the server does not start.
    fn validate_initialization(&self, resources: &[Arc<Resource>]) -> Result<(), InitializationError> {
        let _ = resources;
        Ok(())
    }
}

/// Why a plugin does not fit a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InitializationError(pub String);
