//! What managers have after an update (Go: `managedfields/internal/managedfieldsupdater.go` and `structuredmerge.go`).

use std::collections::btree_map::Entry;
use std::sync::Arc;

use annex_structured_merge_diff::merge;
use annex_structured_merge_diff::typed::{self, Duplicates};
use serde_json::Value;

use super::apply_error::{GroupVersionKind, shown};
use super::cap_managers::cap_update_managers;
use super::entry::UPDATE;
use super::field_manager::Inner;
use super::managed::Managed;
use super::strip_meta::strip_meta;
use super::time::Time;

/// Who updates, until it is known whether anything is different.
const CURRENT_OPERATION: &str = "current-operation";

/// Why an update has no managedFields.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The new object is of another version or kind.
    #[error("no corresponding type for {0}")]
    Type(String),
    /// The new object is none of its type.
    #[error("failed to convert new object ({object}) to smd typed: {cause}")]
    New {
        /// Namespace, name, version and kind.
        object: String,
        /// Why.
        cause: typed::Error,
    },
    /// The live object is none of its type.
    #[error("failed to convert live object ({object}) to smd typed: {cause}")]
    Live {
        /// Namespace, name, version and kind.
        object: String,
        /// Why.
        cause: typed::Error,
    },
    /// The two cannot be compared.
    #[error("failed to update ManagedFields ({object}): {cause}")]
    Update {
        /// Namespace, name, version and kind.
        object: String,
        /// Why.
        cause: merge::Error,
    },
}

/// What an object says it is.
fn type_of(object: &Value) -> GroupVersionKind<'_> {
    let text = |field: &str| object.get(field).and_then(Value::as_str).unwrap_or_default();
    GroupVersionKind::new(text("apiVersion"), text("kind"))
}

impl Inner {
    /// Who manages what once `new` is there in place of `live`. A manager has what it had and what it changed, under its name,
    /// the version and the subresource; only where it changed something it has the time `now`.
    ///
    /// # Errors
    /// Where an object is none of its type, or cannot be converted.
    pub(super) fn update(
        &self,
        live: &Arc<Value>,
        new: &Arc<Value>,
        managed: Managed,
        manager: &str,
        now: Option<Time>,
    ) -> Result<Managed, UpdateError> {
        let found = type_of(new);
        if found != GroupVersionKind::new(&self.version, &self.kind) {
            return Err(UpdateError::Type(found.to_string()));
        }
        let Managed { fields, times } = managed;
        let typed = |object: &Arc<Value>| self.parseable.typed(object.clone(), Duplicates::Allow);
        let new_typed = typed(new).map_err(|cause| UpdateError::New {
            object: shown(new),
            cause,
        })?;
        let live_typed = typed(live).map_err(|cause| UpdateError::Live {
            object: shown(live),
            cause,
        })?;
        let updater = &self.updater;
        let mut fields = updater
            .update(&live_typed, &new_typed, &self.version, fields, CURRENT_OPERATION)
            .map_err(|cause| UpdateError::Update {
                object: shown(new),
                cause,
            })?;
        strip_meta(&mut fields, CURRENT_OPERATION);
        let current = fields.remove(CURRENT_OPERATION);
        let mut managed = Managed { fields, times };
        if let Some(mut current) = current {
            let identifier = self.identifier(manager, UPDATE, &self.version);
            managed.set_time(&identifier, now);
            match managed.fields.entry(identifier) {
                Entry::Vacant(there) => drop(there.insert(current)),
                Entry::Occupied(mut there) => {
                    current.set.extend(std::mem::take(&mut there.get_mut().set));
                    there.insert(current);
                }
            }
        }
        cap_update_managers(&mut managed);
        Ok(managed)
    }
}
