//! JSON as FieldsV1 is read and written with (Go: json-iterator in its configuration compatible with encoding/json).
//!
//! Bytes of managedFields must equal Go's, and what Go reads must be read: numbers are floats, what follows a value is
//! ignored, a string may hold control characters once it had an escape.

mod reader;
mod writer;

pub(crate) use reader::Reader;
pub use reader::SyntaxError;
pub(crate) use writer::{separate, write_string, write_value};
