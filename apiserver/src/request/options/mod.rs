//! The options of requests: `metav1.GetOptions`, `ListOptions`, `CreateOptions` and the like, from the query of a URL.
//!
//! Parameters that nobody knows are ignored, as Kubernetes does; those that are known are read as Go reads them, and
//! refused in Go's words.

mod delete;
mod list;
mod query;
mod read;
mod write;

pub(crate) use delete::IGNORE_STORE_READ_ERROR;
pub use delete::{DeleteOptions, Preconditions, Propagation};
pub use list::{ListOptions, ResourceVersionMatch};
pub use read::GetOptions;
pub use write::{CreateOptions, FieldValidation, PatchOptions, UpdateOptions};
pub(crate) use write::{FIELD_MANAGER_MAX_LENGTH, check_field_manager};
