//! What objects look like: which lists are sets or have keys, which maps are one value (Go: `schema/elements.go`).
//!
//! Unions are read by nobody since version 6 and are not kept.

mod atom;
mod deduced;
mod resolve;
mod table;
mod type_def;

pub use atom::{Atom, ElementRelationship, List, Map, Scalar, StructField, TypeRef};
pub use deduced::deduced;
pub use resolve::ResolvedAtom;
pub(crate) use resolve::is_deduced_map;
pub use type_def::{Schema, TypeDef};
