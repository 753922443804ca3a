//! Who manages which fields of an object, and server-side apply (Go: k8s.io/apimachinery's `util/managedfields`; KEP-555).
//!
//! A [`FieldManager`] does for one resource, version and subresource what Go's chain of managers does:
//!
//! ```text
//! managedFields of the object -> managers and their sets        managed, entry, time
//! an update: the manager owns what it changed                   update
//! an apply: the configuration merged, what is left out removed  apply
//!   kubectl's own annotation of the last applied configuration  last_applied
//! no more than 10 managers that update                          cap_managers
//! what nobody manages                                           strip_meta
//! managers and their sets -> managedFields of the object        managed
//! ```
//!
//! Beside it are [`types`], which make of OpenAPI what structured-merge-diff needs, and `keep_timestamps`, by which a write
//! that changes nothing is none. All of it is pure: the time is given, and nothing is read, written or waited for.

mod apply;
mod apply_error;
mod cap_managers;
mod conflicts;
mod convert;
mod entry;
mod field_manager;
mod go_json;
mod keep_timestamps;
mod last_applied;
mod managed;
mod scale;
mod strip_meta;
mod time;
pub mod types;
mod update;

pub use apply_error::ApplyError;
pub(crate) use apply_error::shown_fields;
pub use convert::{ObjectConverter, Types};
pub use entry::DecodeError;
pub use field_manager::{FieldManager, FieldManagerOptions, NoSuchVersion};
pub use keep_timestamps::keep_timestamps;
pub use managed::{managed_fields_of, remove_managed_fields, set_managed_fields, validate_managed_fields};
pub use scale::{ReplicasPaths, to_parent, to_scale};
pub use update::UpdateError;

#[cfg(test)]
mod tests;
