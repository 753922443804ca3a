//! Schemas, values and paths in the words of the tests.

use std::sync::Arc;

use annex_structured_merge_diff::fieldpath::{Path, PathElement, Set};
use annex_structured_merge_diff::schema::Schema;
use annex_structured_merge_diff::typed::{Duplicates, ParseableType, TypedValue};
use serde_json::Value;

/// The type `name` of a schema in YAML.
pub(crate) fn type_of(yaml: &str, name: &str) -> ParseableType {
    let schema: Schema = serde_saphyr::from_str(yaml).expect("a schema");
    let found = ParseableType::named(Arc::new(schema), name);
    assert!(found.is_valid(), "{name}");
    found
}

/// A value that may have duplicates.
pub(crate) fn stored(of: &ParseableType, value: Value) -> TypedValue {
    of.typed(value, Duplicates::Allow).expect("a valid value")
}

/// A value that may not.
pub(crate) fn applied(of: &ParseableType, value: Value) -> TypedValue {
    of.typed(value, Duplicates::Refuse).expect("a valid value")
}

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

/// A schema of a pair of a string and whatever, of lists and maps of every kind.
pub(crate) const GRAB_BAG: &str = "
types:
- name: bag
  map:
    fields:
    - {name: numeric, type: {scalar: numeric}}
    - {name: string, type: {scalar: string}}
    - {name: bool, type: {scalar: boolean}}
    - {name: any, type: {namedType: untypedAtomic}}
    - {name: setStr, type: {list: {elementType: {scalar: string}, elementRelationship: associative}}}
    - {name: setBool, type: {list: {elementType: {scalar: boolean}, elementRelationship: associative}}}
    - {name: setNumeric, type: {list: {elementType: {scalar: numeric}, elementRelationship: associative}}}
    - {name: color, type: {map: {elementRelationship: atomic, fields: [{name: R, type: {scalar: numeric}}]}}}
    - {name: waves, type: {map: {elementRelationship: atomic, elementType: {scalar: numeric}}}}
    - {name: args, type: {list: {elementRelationship: atomic, elementType: {namedType: arg}}}}
    - {name: labels, type: {map: {elementType: {scalar: string}}}}
    - {name: struct, type: {map: {fields: [{name: value, type: {namedType: untypedAtomic}}]}}}
    - {name: list, type: {list: {elementType: {namedType: element}, elementRelationship: associative, keys: [key, id]}}}
    - {name: deduced, type: {namedType: __untyped_deduced_}}
- name: arg
  map: {fields: [{name: key, type: {scalar: string}}, {name: value, type: {scalar: string}}]}
- name: element
  map:
    fields:
    - {name: key, type: {scalar: string}}
    - {name: id, type: {scalar: numeric}}
    - {name: value, type: {map: {elementType: {scalar: string}}}}
    - {name: bv, type: {scalar: boolean}}
    - {name: nv, type: {scalar: numeric}}
- name: untypedAtomic
  scalar: untyped
  list: {elementType: {namedType: untypedAtomic}, elementRelationship: atomic}
  map: {elementType: {namedType: untypedAtomic}, elementRelationship: atomic}
- name: __untyped_deduced_
  scalar: untyped
  list: {elementType: {namedType: untypedAtomic}, elementRelationship: atomic}
  map: {elementType: {namedType: __untyped_deduced_}, elementRelationship: separable}
";

/// The type of [`GRAB_BAG`].
pub(crate) fn bag() -> ParseableType {
    type_of(GRAB_BAG, "bag")
}
