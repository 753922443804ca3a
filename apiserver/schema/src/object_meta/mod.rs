//! The metadata of embedded resources (`x-kubernetes-embedded-resource`): `structuralschema/objectmeta`.

mod coerce;
mod read;
mod time;
mod types;
mod validate;

pub use coerce::{coerce, coerce_dropping};
pub use read::{Metadata, read};
pub use validate::validate;
