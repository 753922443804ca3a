//! Selectors: which objects a list, a watch or a deletecollection is about.
//!
//! Both kinds are parsed, and refused, as k8s.io/apimachinery's `labels` and `fields` packages do it, quirks included:
//! clients show the texts of these errors, and authorization sees the requirements.

mod fields;
mod labels;
mod lexer;
pub(crate) mod rules;

pub use fields::{FieldOperator, FieldRequirement, FieldSelector};
pub use labels::{LabelOperator, LabelRequirement, LabelSelector};

/// Text that is no selector, in Kubernetes' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SelectorError(pub String);
