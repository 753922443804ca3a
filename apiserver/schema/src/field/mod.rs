//! Errors about fields, in the words of k8s.io/apimachinery's `field.Error`, and the paths of fields.

mod error;
pub(crate) mod go;
mod path;

pub use error::{BadValue, Error, ErrorKind};
pub use go::json_path_text;
pub use path::Path;
