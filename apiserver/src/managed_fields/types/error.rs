//! Why a schema says no types.

/// Why a schema says no types. The texts are those of kube-openapi.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// `type` is none that OpenAPI has.
    #[error("unrecognized type: '{0}'")]
    Type(String),
    /// `x-kubernetes-list-type` is none of `atomic`, `set` and `map`.
    #[error("unknown list type {0}")]
    ListType(String),
    /// `x-kubernetes-list-type` is `map`, without `x-kubernetes-list-map-keys`.
    #[error("missing map keys")]
    NoListMapKeys,
    /// `x-kubernetes-list-map-keys` is no list.
    #[error("uninterpreted map keys: {0}")]
    ListMapKeys(String),
    /// `x-kubernetes-patch-strategy` is unknown.
    #[error("unknown patch strategy {0}")]
    PatchStrategy(String),
    /// `x-kubernetes-patch-merge-key` is no text.
    #[error("uninterpreted merge key: {0}")]
    PatchMergeKey(String),
    /// `x-kubernetes-map-type` is neither `atomic` nor `granular`.
    #[error("unknown map type {0}")]
    MapType(String),
}
