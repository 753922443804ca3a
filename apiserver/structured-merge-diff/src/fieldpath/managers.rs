//! Who manages which fields (Go: `fieldpath/managers.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Set;

/// A group and version, as `apiVersion` has it.
pub type ApiVersion = Arc<str>;

/// The fields of one manager, in the names of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedSet {
    /// The fields.
    pub set: Set,
    /// The version that names them.
    pub api_version: ApiVersion,
    /// Whether the manager applied them (else it created, updated or patched).
    pub applied: bool,
}

impl VersionedSet {
    /// The fields `set` of `api_version`.
    pub fn new(set: Set, api_version: impl Into<ApiVersion>, applied: bool) -> Self {
        Self {
            set,
            api_version: api_version.into(),
            applied,
        }
    }
}

/// Managers and what they manage. What identifies a manager is up to the caller: the apiserver's are the manager's name,
/// operation, version and subresource, together.
pub type ManagedFields = BTreeMap<String, VersionedSet>;
