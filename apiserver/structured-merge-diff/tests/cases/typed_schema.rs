//! Types and references to them: schema/elements_test.go.

use std::sync::Arc;

use annex_structured_merge_diff::schema::{
    ElementRelationship, List, Map, Scalar, Schema, StructField, TypeRef, deduced,
};
use annex_structured_merge_diff::typed::{Duplicates, ParseableType};
use serde_json::json;

use crate::support::type_of;

#[test]
fn a_reference_may_override_the_relationship_of_elements() {
    let schema = Schema::default()
        .with_type("list", List::set(Scalar::String))
        .with_type("map", Map::of(Scalar::String))
        .with_type("scalar", Scalar::String);
    let relationship = |type_ref: TypeRef| {
        let atom = schema.resolve(&type_ref)?;
        Some((
            atom.list.map(|(_, relationship)| relationship),
            atom.map.map(|(_, relationship)| relationship),
        ))
    };
    use ElementRelationship::{Associative, Atomic, Separable};
    assert_eq!(
        relationship(TypeRef::named("list")),
        Some((Some(Associative), None))
    );
    let overridden = |name: &str| TypeRef::named(name).with_element_relationship(Atomic);
    assert_eq!(relationship(overridden("list")), Some((Some(Atomic), None)));
    assert_eq!(relationship(TypeRef::named("map")), Some((None, Some(Separable))));
    assert_eq!(relationship(overridden("map")), Some((None, Some(Atomic))));
    assert_eq!(
        relationship(overridden("scalar")),
        None,
        "a scalar has no elements"
    );
    assert_eq!(relationship(overridden("absent")), None);
    assert_eq!(relationship(TypeRef::named("absent")), None);
}

#[test]
fn a_schema_is_read_as_it_is_built() {
    let read = type_of(
        "
types:
- name: root
  map:
    fields:
    - {name: list, type: {list: {elementType: {namedType: item}, elementRelationship: associative, keys: [name]}}}
    - {name: labels, type: {map: {elementType: {scalar: string}, elementRelationship: atomic}}}
- name: item
  map: {fields: [{name: name, type: {scalar: string}, default: a}]}
",
        "root",
    );
    let labels = Map::of(Scalar::String).with_element_relationship(ElementRelationship::Atomic);
    let name = StructField {
        name: "name".into(),
        type_ref: Scalar::String.into(),
        default: Some(json!("a")),
    };
    let built = Schema::default()
        .with_type(
            "root",
            Map::of_fields([
                (
                    "list",
                    TypeRef::from(List::associative(TypeRef::named("item"), ["name"])),
                ),
                ("labels", TypeRef::from(labels)),
            ]),
        )
        .with_type("item", Map::of_struct_fields(vec![name]));
    assert_eq!(*read.schema, built);
}

#[test]
fn objects_without_a_schema_have_the_deduced_type() {
    let (schema, type_ref) = deduced();
    assert!(Arc::ptr_eq(&schema, &deduced().0));
    let of = ParseableType { schema, type_ref };
    assert!(of.is_valid());
    assert_eq!(of, ParseableType::deduced());
    assert!(
        of.typed(json!({"a": [{"b": 1}, null], "c": "d"}), Duplicates::Refuse)
            .is_ok()
    );
}
