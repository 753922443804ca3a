//! `metav1.ObjectMeta` as Go's JSON sees it.

/// A type of a field.
#[derive(Debug, Clone, Copy)]
pub(super) enum Type {
    /// A string, with Go's name for its type.
    Text(&'static str),
    Integer,
    /// An integer that may be zero, and is there all the same.
    OptionalInteger,
    OptionalBoolean,
    Time,
    TextMap,
    Texts,
    List(&'static Struct),
    /// Any JSON.
    Any,
}

/// A struct. What is empty is left out when it is written, except in owner references.
#[derive(Debug)]
pub(super) struct Struct {
    /// Its name, after its package.
    pub(super) name: &'static str,
    pub(super) fields: &'static [(&'static str, Type)],
    pub(super) keeps_empty_texts: bool,
}

pub(super) const OBJECT_META: Struct = Struct {
    name: "ObjectMeta",
    fields: &[
        ("name", Type::Text("string")),
        ("generateName", Type::Text("string")),
        ("namespace", Type::Text("string")),
        ("selfLink", Type::Text("string")),
        ("uid", Type::Text("types.UID")),
        ("resourceVersion", Type::Text("string")),
        ("generation", Type::Integer),
        ("creationTimestamp", Type::Time),
        ("deletionTimestamp", Type::Time),
        ("deletionGracePeriodSeconds", Type::OptionalInteger),
        ("labels", Type::TextMap),
        ("annotations", Type::TextMap),
        ("ownerReferences", Type::List(&OWNER_REFERENCE)),
        ("finalizers", Type::Texts),
        ("managedFields", Type::List(&MANAGED_FIELDS_ENTRY)),
    ],
    keeps_empty_texts: false,
};

pub(super) const OWNER_REFERENCE: Struct = Struct {
    name: "OwnerReference",
    fields: &[
        ("apiVersion", Type::Text("string")),
        ("kind", Type::Text("string")),
        ("name", Type::Text("string")),
        ("uid", Type::Text("types.UID")),
        ("controller", Type::OptionalBoolean),
        ("blockOwnerDeletion", Type::OptionalBoolean),
    ],
    keeps_empty_texts: true,
};

const MANAGED_FIELDS_ENTRY: Struct = Struct {
    name: "ManagedFieldsEntry",
    fields: &[
        ("manager", Type::Text("string")),
        ("operation", Type::Text("v1.ManagedFieldsOperationType")),
        ("apiVersion", Type::Text("string")),
        ("time", Type::Time),
        ("fieldsType", Type::Text("string")),
        ("fieldsV1", Type::Any),
        ("subresource", Type::Text("string")),
    ],
    keeps_empty_texts: false,
};
