//! Selectors: which objects a list, a watch or a deletecollection is about.
//!
//! Both kinds are parsed, and refused, as k8s.io/apimachinery's `labels` and `fields` packages do it, quirks included:
//! clients show the texts of these errors, and authorization sees the requirements.

mod fields;
mod labels;
mod lexer;
mod matcher;

pub use fields::{FieldOperator, FieldRequirement, FieldSelector};
pub use labels::{LabelOperator, LabelRequirement, LabelSelector};

use crate::status::{FieldError, FieldErrorKind};

/// Text that is no selector, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);

/// Bytes of the longest selector that is read: a thousand conditions of the longest label keys and values. Whoever has more
/// to say must ask several times; nobody's words are parsed at a length that only the size of a request's head bounds.
pub const MOST_SELECTOR_BYTES: usize = 64 * 1024;

/// Refuses what is longer, in Kubernetes' words for texts that are too long.
fn check_length(field: &str, text: &str) -> Result<(), SelectorError> {
    if text.len() <= MOST_SELECTOR_BYTES {
        return Ok(());
    }
    let detail = format!("may not be more than {MOST_SELECTOR_BYTES} bytes");
    let error = FieldError::new(FieldErrorKind::TooLong, field, "", detail);
    Err(SelectorError(error.to_string()))
}
