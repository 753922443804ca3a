//! Fields of an object and sets of them (Go: `fieldpath`).
//!
//! A [`Path`] of [`PathElement`]s names a field; a [`Set`] holds paths as a tree and is what managedFields keep, encoded
//! as FieldsV1; [`ManagedFields`] has one set per manager.

mod algebra;
mod element;
mod filter;
mod from_value;
mod managers;
mod matcher;
mod named_fields;
mod path;
mod path_element_json;
mod serialize;
mod set;

pub use element::{KeyField, PathElement};
pub use filter::Filter;
pub use managers::{ApiVersion, ManagedFields, VersionedSet};
pub use matcher::{ElementMatcher, SetMatcher};
pub use path::Path;
pub use path_element_json::ElementError;
pub use serialize::FieldsV1Error;
pub(crate) use set::Node;
pub use set::{Set, TooDeep};
