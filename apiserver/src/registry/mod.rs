//! The rules on objects: what Kubernetes does between a decoded request and a store. No HTTP, no database.

mod answers;
mod pieces;
mod told;
mod verbs_pending;

use std::sync::Arc;

use bytes::Bytes;

use crate::admission::Admission;
use crate::authz::Authorized;
use crate::object::Object;
use crate::request::options::{CreateOptions, DeleteOptions, GetOptions, ListOptions, UpdateOptions};
use crate::resource::Resource;
use crate::status::ApiError;
use crate::storage::{Entry, KeyError, Prefix, Storage};

pub use answers::{Created, Deleted, Listed, Updated};
pub use pieces::Pieces;
pub use told::{Source, Told, Watching};

/// Makes the new object of an update from the current one, which is in the request's version, with its resourceVersion,
/// and `None` where there is no object. It is called again with a newer object where somebody else was faster.
///
/// What it returns is in the request's version, normalized and defaulted. Its errors end the update.
pub type Change<'a> = dyn FnMut(Option<&Object>) -> Result<Object, ApiError> + Send + 'a;

/// One resource on a store. Entries go out as they are stored; [`Registry::pieces`], [`Registry::encode`] and
/// [`Registry::decode`] make of them what a client of some version is to see.
#[derive(Clone)]
pub struct Registry {
    resource: Arc<Resource>,
    storage: Arc<dyn Storage>,
    admission: Arc<dyn Admission>,
    prefix: Prefix,
}

impl Registry {
    /// `resource` on `storage`.
    ///
    /// # Errors
    /// Its group or name cannot stand in a key.
    pub fn new(
        resource: Arc<Resource>,
        storage: Arc<dyn Storage>,
        admission: Arc<dyn Admission>,
    ) -> Result<Self, KeyError> {
        let prefix = Prefix::resource(&resource.group, &resource.names.plural)?;
        Ok(Self {
            resource,
            storage,
            admission,
            prefix,
        })
    }

    /// What it serves.
    #[must_use]
    pub fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }
}
