//! An API object as JSON, and what is known of its encoded form.

mod encodings;
mod facts;
mod managed_fields;
mod numbers;
mod value;

pub use encodings::{EncodingCache, EncodingKey};
pub use facts::{Facts, Labels};
pub(crate) use numbers::{as_go_writes, write_as_go};
pub use value::Object;
