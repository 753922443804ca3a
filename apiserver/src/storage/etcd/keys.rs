//! Keys with etcd's prefix, and back.

use super::proto::mvccpb::KeyValue;
use super::watch::entry;
use crate::storage::{Entry, Key, Prefix, StorageError};

/// Puts a store's prefix before keys: `/registry/GROUP` + `/GROUP/RESOURCE/NAMESPACE/NAME`, where Go's
/// `SimpleStorageFactory` puts them.
#[derive(Debug)]
pub(super) struct Keys(String);

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self(prefix)
    }

    pub(super) fn key(&self, key: &Key) -> String {
        format!("{}{key}", self.0)
    }

    pub(super) fn start(&self, prefix: &Prefix) -> String {
        format!("{}{prefix}", self.0)
    }

    /// The first key behind those that sort up to `after`.
    pub(super) fn behind(&self, after: &str) -> String {
        format!("{}{after}\0", self.0)
    }

    pub(super) fn end(&self, prefix: &Prefix) -> String {
        format!("{}{}", self.0, prefix.end())
    }

    /// What etcd holds, under its key without the prefix.
    pub(super) fn entry(&self, kv: &KeyValue) -> Result<Entry, StorageError> {
        let unreadable = |reason: String| StorageError::Unreadable {
            key: String::from_utf8_lossy(&kv.key).into_owned(),
            reason,
        };
        let text = std::str::from_utf8(&kv.key).map_err(|error| unreadable(error.to_string()))?;
        let rest = text
            .strip_prefix(&self.0)
            .ok_or_else(|| unreadable(format!("it does not begin with {}", self.0)))?;
        let key = Key::parse(rest).map_err(|error| unreadable(error.to_string()))?;
        Ok(entry(key, kv))
    }
}
