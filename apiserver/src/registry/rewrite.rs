//! Objects that are stored in another version than new ones are, written again: what a storage version migration does.

use super::Registry;
use super::canonical::Oversize;
use crate::status::ApiError;
use crate::storage::{Entry, StorageError};

impl Registry {
    /// Writes the object of `entry` in the storage version, if it is stored in another one. Returns whether it was. Who changed it
    /// meanwhile has done so too.
    ///
    /// # Errors
    /// It cannot be read or converted; the store's.
    pub(crate) async fn rewrite(&self, entry: &Entry) -> Result<bool, ApiError> {
        let storage_version = &self.rules.resource.storage_version;
        if entry.value().starts_with(&self.stored_head) {
            return Ok(false);
        }
        let (version, _) = self.parse_stored(entry)?;
        if version == *storage_version {
            return Ok(false);
        }
        let object = self.to_store(self.stored(entry)?, false).await?;
        let value = self.value(&object)?;
        // It is not complete by the schema of this version, and is defaulted when it is read.
        let written = self.store_changed(entry, value, "", Oversize::Refused).await;
        match written {
            Ok(_) | Err(StorageError::Conflict { .. }) => Ok(true),
            Err(error) => Err(ApiError::Internal(error.to_string())),
        }
    }
}
