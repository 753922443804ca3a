//! How large a definition becomes when it is parsed. Pure.
//!
//! A value takes 32 bytes and an object's first field 600 more, whatever few bytes they have as JSON: two megabytes of it would be all
//! the memory that there is. So values are counted before they are made.

use annex_schema::{
    field::{Error, Path},
    resource_definition::count_values,
};

/// Values that a spec, or a status, may have: the largest known CustomResourceDefinitions have half as many.
pub const MOST: usize = 100_000;

/// Why `json`, which is the field `path`, is not parsed.
#[must_use]
pub fn too_large(path: &str, json: &str) -> Option<Error> {
    let count = count_values(json.as_bytes());
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    (count > MOST).then(|| Error::too_many(&Path::new(path), i64::try_from(count).unwrap_or(i64::MAX), most))
}
