//! The rules on objects: what Kubernetes does between a decoded request and a store. No HTTP, no database.
//!
//! ```text
//! create: wipe -> hub -> admit (change) -> fill, prepare, validate -> admit (judge) -> storage version -> store
//! update: current -> change -> hub -> admit (change) -> prepare, validate -> admit (judge) -> storage version -> store, again
//!         on a conflict
//! delete: current -> preconditions -> admit -> mark or remove, again on a conflict
//! read:   stored bytes with the resourceVersion spliced in; other versions decoded and converted once, before they are encoded where
//!         conversion has to wait
//! ```

mod admit;
mod answers;
mod canonical;
mod changed;
mod clear;
mod codec;
mod continue_token;
mod conversion;
mod counts;
mod create;
mod creates;
mod delete;
mod errors;
mod field_managers;
mod keys;
mod metadata;
mod pieces;
mod prepare;
mod read;
mod rewrite;
mod rules;
mod selection;
mod update;
mod versions;
mod watch;
mod watch_event;

#[cfg(test)]
mod tests;

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use bytes::Bytes;

use tokio::sync::watch as watch_channel;

use crate::admission::Admission;
use crate::object::Object;
use crate::resource::Resource;
use crate::status::ApiError;
use crate::storage::{KeyError, Prefix, Storage};

pub(crate) use admit::Asked;
pub use answers::{Created, Deleted, Listed, Updated};
pub(crate) use clear::{Cleared, clear};
pub(crate) use codec::encode_object;
pub(crate) use creates::Creates;
pub(crate) use errors::MODIFIED;
pub use field_managers::FieldManagerError;
pub(crate) use keys::check_path;
pub(crate) use metadata::{begin_create, generate_name, now};
pub use pieces::Pieces;
pub(crate) use prepare::in_time;
pub use rules::Rules;

pub(crate) use selection::{check_fields, value_at};
pub(crate) use update::is_same_but;
pub(crate) use watch::watch_deadline;
pub use watch_event::{Source, WatchEvent, WatchStream};

/// Makes the new object of an update from the current one, and `None` where there is no object. It is called again with the
/// newer object on a conflict.
///
/// What it returns is in the request's version, normalized and defaulted. Its errors end the update.
pub type UpdateFn<'a> = dyn FnMut(Option<Current<'_>>) -> Result<Object, ApiError> + Send + 'a;

/// The object that an update finds.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// In the request's version, with its resourceVersion.
    pub object: &'a Object,
    /// Whether it is known to be normalized and defaulted: as it is stored, it is what it would be decoded to.
    pub is_complete: bool,
}

/// One resource on a store. Entries go out as they are stored; [`Registry::pieces`], [`Registry::encode`] and
/// [`Registry::decode`] make of them what a client of some version is to see. Cheap to clone.
#[derive(Clone)]
pub struct Registry {
    rules: Rules,
    storage: Arc<dyn Storage>,
    prefix: Prefix,
    /// How values in the storage version begin.
    stored_head: Bytes,
    /// The versions, where conversion has to wait.
    versions: Arc<conversion::Versions>,
    /// The fingerprint of what makes a value complete.
    schema: NonZeroU64,
    /// Whether the resource is described anew, or served no more.
    retired: Arc<watch_channel::Sender<bool>>,
}

/// A resource that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// Its group or name cannot stand in a key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Who manages which of its fields cannot be known.
    #[error(transparent)]
    FieldManager(#[from] FieldManagerError),
}

impl fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Registry")
            .field("resource", self.resource())
            .finish_non_exhaustive()
    }
}

impl Registry {
    /// `resource` on `storage`.
    ///
    /// # Errors
    /// Its group or name cannot stand in a key, or a schema has a fault.
    pub fn new(
        resource: Arc<Resource>,
        storage: Arc<dyn Storage>,
        admission: Arc<dyn Admission>,
    ) -> Result<Self, RegistryError> {
        let prefix = Prefix::resource(&resource.group, &resource.names.plural)?;
        let stored_head = codec::head(&resource, &resource.storage_version).into();
        Ok(Self {
            versions: Arc::new(conversion::Versions::of(&resource)),
            schema: canonical::fingerprint(&resource),
            rules: Rules::new(resource, admission)?,
            storage,
            prefix,
            stored_head,
            retired: Arc::new(watch_channel::Sender::new(false)),
        })
    }

    /// Counts its creates with those that began with another description of the resource.
    pub(crate) fn counting(mut self, creates: Arc<Creates>) -> Self {
        self.rules.count(creates);
        self
    }

    /// Ends its watches: their clients come back to what the resource is described as now. Go: `tearDown` of a CustomResourceDefinition's
    /// storage.
    pub(crate) fn retire(&self) {
        self.retired.send_replace(true);
    }

    /// Ends when this is retired.
    fn retirement(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut retired = self.retired.subscribe();
        async move {
            if retired.wait_for(|retired| *retired).await.is_err() {
                std::future::pending().await
            }
        }
    }

    /// Whether lists are answered.
    pub(crate) fn is_ready(&self) -> bool {
        self.storage.is_ready()
    }

    /// What it serves.
    #[must_use]
    pub fn resource(&self) -> &Arc<Resource> {
        &self.rules.resource
    }

    /// What is said of its objects, whatever keeps them.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }
}
