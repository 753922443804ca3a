//! Values of a known type: validated, compared, merged (Go: `typed`).

mod compare;
mod error;
mod go_value;
mod list_item;
mod list_merge;
mod merge;
mod reconcile;
mod remove;
mod to_field_set;
mod typed_value;
mod validate;
mod walk;

pub use compare::Comparison;
pub use error::{Error, Problem, ValidationError, ValidationErrors};
pub use list_item::ListItemError;
pub use typed_value::{Duplicates, ParseableType, TypedValue};
