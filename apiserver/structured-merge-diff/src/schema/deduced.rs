//! The type of objects without a schema (Go: `typed/parser.go`, DeducedParseableType).

use std::sync::{Arc, LazyLock};

use super::{Atom, ElementRelationship, List, Map, Scalar, Schema, TypeRef};

pub(super) const DEDUCED: &str = "__untyped_deduced_";
const ATOMIC: &str = "__untyped_atomic_";

static SCHEMA: LazyLock<Arc<Schema>> = LazyLock::new(|| {
    let untyped = |map: Map| Atom {
        scalar: Some(Scalar::Untyped),
        list: Some(Arc::new(List::atomic(TypeRef::named(ATOMIC)))),
        map: Some(Arc::new(map)),
    };
    let atomic = Map::of(TypeRef::named(ATOMIC)).with_element_relationship(ElementRelationship::Atomic);
    let deduced = Map::of(TypeRef::named(DEDUCED));
    Arc::new(
        Schema::default()
            .with_type(ATOMIC, untyped(atomic))
            .with_type(DEDUCED, untyped(deduced)),
    )
});

/// The schema and type of objects of which nothing is known: each field of a map has its owner, lists are atomic.
#[must_use]
pub fn deduced() -> (Arc<Schema>, TypeRef) {
    (SCHEMA.clone(), TypeRef::named(DEDUCED))
}
