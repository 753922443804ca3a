//! An API object as JSON, and what is known of its encoded form.

mod encodings;
mod facts;
mod managed_fields;
mod value;

pub use encodings::{EncodingCache, EncodingKey};
pub use facts::{Facts, Labels};
pub use value::Object;
