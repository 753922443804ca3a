//! Schemas, values and paths in the words of the tests.

use annex_structured_merge_diff::fieldpath::{Path, PathElement, Set};
use serde_json::Value;

/// The item of an associative list with these keys.
pub(crate) fn k<const N: usize>(fields: [(&str, Value); N]) -> PathElement {
    PathElement::key(fields)
}

/// The item of a set.
pub(crate) fn v(value: impl Into<Value>) -> PathElement {
    PathElement::value(value)
}

/// A path.
macro_rules! at {
    ($($element:expr),* $(,)?) => {
        ::annex_structured_merge_diff::fieldpath::Path::from(vec![
            $(::annex_structured_merge_diff::fieldpath::PathElement::from($element)),*
        ])
    };
}
pub(crate) use at;

/// A set of paths.
pub(crate) fn set<const N: usize>(paths: [Path; N]) -> Set {
    Set::from_paths(&paths).expect("short paths")
}
