//! What a template is refused for. Each error names the field, from `spec` of the AggregatedServer on.

/// Why a pod template cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// More than [`super::MAX_BYTES`] as JSON.
    #[error(
        "spec.workload.template is {bytes} bytes long, more than {}",
        super::MAX_BYTES
    )]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Nested deeper than [`super::MAX_DEPTH`].
    #[error("spec.workload.template is nested deeper than {} levels", super::MAX_DEPTH)]
    TooDeep,
    /// Not a JSON object.
    #[error("spec.workload.template is not an object")]
    NotAnObject,
    /// A null: it would be lost, and means nothing that leaving the field out does not.
    #[error("{path} is null, leave it out instead")]
    Null {
        /// The field.
        path: String,
    },
    /// A value of a type that the field cannot have.
    #[error("{path} has the wrong type")]
    WrongType {
        /// The field.
        path: String,
        /// What was found and what was expected.
        source: serde_json::Error,
    },
    /// A field that a PodTemplateSpec does not have.
    #[error("{path} is no field of a pod template")]
    UnknownField {
        /// The field.
        path: String,
    },
    /// An item of a list that is known by keys lacks one.
    #[error("{path} lacks {key}, by which it is merged")]
    MissingKey {
        /// The item.
        path: String,
        /// The key.
        key: &'static str,
    },
    /// Two items of a list have the same keys.
    #[error("{path} has the same {keys} as an earlier item")]
    Duplicate {
        /// The second item.
        path: String,
        /// The keys' names.
        keys: String,
    },
    /// Several members are set of which only one may be.
    #[error("{path} sets {members}, of which only one may be set")]
    SeveralMembers {
        /// The object.
        path: String,
        /// Their names.
        members: String,
    },
    /// A field that is Annex's own.
    #[error("{path} is reserved: {why}")]
    Reserved {
        /// The field.
        path: String,
        /// Whose it is, and what to use instead.
        why: String,
    },
    /// The merged template is no PodTemplateSpec.
    #[error("failed to read the merged pod template")]
    Merge(#[source] serde_json::Error),
}
