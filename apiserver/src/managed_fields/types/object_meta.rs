//! ObjectMeta as Kubernetes' own model has it (Go: k8s.io/apimachinery's `apis/meta/v1`, the markers of its types).

use annex_structured_merge_diff::schema::{
    Atom, ElementRelationship, List, Map, Scalar, StructField, TypeRef,
};

use super::open_api::DEDUCED;

/// The name of ObjectMeta among the types of a schema.
pub(super) const NAME: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// ObjectMeta: labels and annotations have an owner for each key, finalizers are a set, owner references are known by their
/// uid and have one owner each, and managedFields are one value.
pub(super) fn object_meta() -> Atom {
    let string = || TypeRef::from(Scalar::String);
    // Times are written as strings, and null where they are zero.
    let time = || TypeRef::from(Scalar::Untyped);
    let number = || TypeRef::from(Scalar::Numeric);
    Map::of_fields([
        ("name", string()),
        ("generateName", string()),
        ("namespace", string()),
        ("selfLink", string()),
        ("uid", string()),
        ("resourceVersion", string()),
        ("generation", number()),
        ("creationTimestamp", time()),
        ("deletionTimestamp", time()),
        ("deletionGracePeriodSeconds", number()),
        ("labels", Map::of(Scalar::String).into()),
        ("annotations", Map::of(Scalar::String).into()),
        (
            "ownerReferences",
            List::associative(owner_reference(), ["uid"]).into(),
        ),
        ("finalizers", List::set(Scalar::String).into()),
        ("managedFields", List::atomic(managed_fields_entry()).into()),
    ])
    .into()
}

fn owner_reference() -> Map {
    let required = ["apiVersion", "kind", "name", "uid"].map(|name| field(name, Scalar::String, Some("")));
    let optional = ["controller", "blockOwnerDeletion"].map(|name| field(name, Scalar::Boolean, None));
    Map::of_struct_fields(required.into_iter().chain(optional).collect())
        .with_element_relationship(ElementRelationship::Atomic)
}

fn field(name: &str, scalar: Scalar, default: Option<&str>) -> StructField {
    StructField {
        name: name.into(),
        type_ref: scalar.into(),
        default: default.map(Into::into),
    }
}

fn managed_fields_entry() -> Map {
    let texts = ["manager", "operation", "apiVersion", "fieldsType", "subresource"];
    let texts = texts.map(|name| (name, TypeRef::from(Scalar::String)));
    let others = [
        ("time", TypeRef::from(Scalar::Untyped)),
        ("fieldsV1", Map::of(TypeRef::named(DEDUCED)).into()),
    ];
    Map::of_fields(texts.into_iter().chain(others))
}
