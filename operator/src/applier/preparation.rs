//! What has to be patched before an object can be applied. Pure.

use serde_json::{Map, Value, json};

use super::owner::{self, Ownership};
use super::{APPLIED_HASH, Desired, managed_fields};

/// The merge patch that makes `live` ready for an apply of `desired`, or nothing where it is ready.
///
/// Of an object of a former owner, the reference to that one is replaced by ours here and not by the apply, which removes
/// only what was applied: a restore leaves the reference to another manager or to none, and two controllers are refused.
/// The annotation goes with it, so that what is cut off here is finished like a creation.
pub(super) fn preparation(desired: &Desired, live: &Value) -> Option<Value> {
    let mut metadata = Map::new();
    if let Some(entries) = managed_fields::converted(desired, live) {
        metadata.insert("managedFields".to_owned(), entries.into());
    }
    if Ownership::of(&owner::references(live), desired.owner()) == Ownership::Former {
        let references = owner::adopted(&owner::references(live), desired.owner());
        metadata.insert("ownerReferences".to_owned(), json!(references));
        if !live["metadata"]["annotations"][APPLIED_HASH].is_null() {
            metadata.insert("annotations".to_owned(), json!({ APPLIED_HASH: null }));
        }
    }
    if metadata.is_empty() {
        return None;
    }
    // The resourceVersion keeps other managers' entries and others' references: both lists are written as a whole.
    for field in ["uid", "resourceVersion"] {
        metadata.insert(field.to_owned(), live["metadata"][field].clone());
    }
    Some(json!({ "metadata": metadata }))
}
