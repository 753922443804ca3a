//! What goes wrong, as Kubernetes says it: [`ApiError`] and the one mapping of it to a `metav1.Status`.

mod error;
mod field;
mod go_value;
mod listing;
mod quote;
mod shown_value;
mod wire;

pub use error::ApiError;
pub use field::{FieldError, FieldErrorKind};
pub(crate) use go_value::GoValue;
pub(crate) use listing::{Limit, MOST_LISTED, listed};
pub(crate) use quote::{MOST_SHOWN, Quoted, cut, is_printable};
pub(crate) use shown_value::shown_part;
pub use wire::{Status, StatusCause, StatusDetails};
