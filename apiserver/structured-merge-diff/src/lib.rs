#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod fieldpath;
mod json;
pub mod merge;

pub mod schema;
pub mod typed;
pub mod value;

pub use json::SyntaxError;

/// How many levels an object, a path or a set may have. It bounds every recursion, so that no input exhausts a stack;
/// decoders of JSON stop at half of it.
pub const MAX_DEPTH: usize = 256;
