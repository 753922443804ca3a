#![doc = include_str!("../README.md")]
#![warn(missing_docs)]

pub mod defaulting;
pub mod definition;
pub mod field;
mod formats;
pub mod list_type;
pub mod names;
pub mod object_meta;
pub mod props;
pub mod pruning;
pub mod resource_definition;
pub mod rules;
pub mod structural;
mod unknown;
pub mod values;

pub use annex_re2 as pattern;
pub use unknown::UnknownFields;
