//! Strategic merge patch: a merge patch of typed objects, whose lists are merged where their fields say so, and in which
//! directives say what a merge patch cannot. As k8s.io/apimachinery's package `strategicpatch` applies it, odd ones included.
//!
//! Pure, and linear in the object and the patch but for what is sorted. Go looks at the fields of a patch in no order; here
//! they are taken in the order of their names, so that a deletion from a list comes before what is added to it.

mod duplicates;
mod error;
mod go_value;
mod identity;
mod list;
mod lookup;
mod object;
mod order;
mod remains;
mod set_element_order;
mod stable;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub(super) use error::Error;
pub(super) use go_value::{Verb, text};
pub(super) use remains::Remains;

use crate::schema::Node;

/// What is done with the object around it, instead of a merge.
const DIRECTIVE: &str = "$patch";
const REPLACE: &str = "replace";
const DELETE: &str = "delete";
const MERGE: &str = "merge";
/// Which fields of an object stay.
const RETAIN_KEYS: &str = "$retainKeys";
/// Values to delete from the list whose name stands behind a slash.
const DELETE_FROM_PRIMITIVE_LIST: &str = "$deleteFromPrimitiveList";
/// The order of the list whose name stands behind a slash.
const SET_ELEMENT_ORDER: &str = "$setElementOrder";

/// `object`, which is as `node` says, with `patch` merged into it (Go: `StrategicMergeMapPatch`). What `remains` says stays of
/// the patch.
///
/// # Errors
/// The patch does not fit the object or its type, or has a directive that is none.
pub(super) fn apply(
    object: Map<String, Value>,
    patch: &mut Value,
    node: &Node,
    remains: Remains,
) -> Result<Map<String, Value>, Error> {
    // A null is a patch without fields.
    if patch.is_null() {
        return Ok(object);
    }
    object::merge(object, patch, node, remains)
}
