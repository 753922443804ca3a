//! Why a description makes no resource: told when it is built, as apiextensions tells it of a CustomResourceDefinition.

/// A description that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptionError {
    /// Something is said about a version that is not served.
    #[error("{0} is none of the versions that were described before")]
    NotServed(String),
    /// Two types have the same version.
    #[error("{0} is described twice")]
    Twice(String),
    /// Its schema has validation rules in CEL (`x-kubernetes-validations`), which are not run yet.
    #[error("{0} has x-kubernetes-validations: rules in CEL are not built yet")]
    ValidationRules(String),
    /// Nothing is stored of it that `/status` or `/scale` could change.
    #[error("{0} is computed: it has neither /status nor /scale")]
    NotStored(String),
    /// It has a subresource whose name is none, or is there already.
    #[error("{resource} has a subresource {name:?}: it must be a name of its own, and no path")]
    Subresource {
        /// The resource.
        resource: String,
        /// The subresource.
        name: String,
    },
    /// It has a subresource whose objects would be stored, or that would be listed.
    #[error(
        "the subresource {name:?} of {resource} must be computed, and is of one object: it cannot be listed or watched"
    )]
    SubresourceVerbs {
        /// The resource.
        resource: String,
        /// The subresource.
        name: String,
    },
    /// It has a subresource whose objects are in namespaces, and it is not, or the reverse.
    #[error("the subresource {name:?} of {resource} must have its scope")]
    SubresourceScope {
        /// The resource.
        resource: String,
        /// The subresource.
        name: String,
    },
    /// It has a verb or a subresource that is given an object, and nobody gets one.
    #[error("{0} is computed, and updated, deleted or connected to: it needs the verb get")]
    NoGetter(String),
    /// Collections of it are to be deleted, and nobody lists or deletes.
    #[error("{0} is computed, and its collections are deleted: it needs the verbs list and delete")]
    NoCollection(String),
    /// It is computed, and by nobody.
    #[error("{0} is computed and offers no verb")]
    NoVerb(String),
    /// A type is of another resource.
    #[error("{other} is no version of {resource}: group, names and scope must be the same")]
    OtherResource {
        /// The type.
        other: String,
        /// The resource.
        resource: String,
    },
}
