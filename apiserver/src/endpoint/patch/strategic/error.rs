//! Why a strategic merge patch cannot be applied, in the words of k8s.io/apimachinery's `mergepatch` and
//! `strategicpatch`.

use serde_json::Value;

use super::go_value::{self, Verb};
use crate::decode::GoType;
use crate::status::{ApiError, Quoted};

/// Why a strategic merge patch cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::endpoint::patch) enum Error {
    /// `$deleteFromPrimitiveList` names no field.
    #[error("invalid patch format of primitive list")]
    PrimitiveListFormat,
    /// `$retainKeys` is no list, or does not list a field that the patch sets.
    #[error("invalid patch format of retainKeys")]
    RetainKeysFormat,
    /// `$setElementOrder` names no field.
    #[error("invalid patch format of setElementOrder list")]
    SetElementOrderFormat,
    /// A list that is merged has lists as elements.
    #[error("lists of lists are not supported")]
    ListOfLists,
    /// The elements of a list that is merged, and of the patch, are of several types.
    #[error("list element types are not identical: {0}")]
    MixedElements(String),
    /// Neither list has an element, so that nobody knows of which type they are.
    #[error("no elements in any of the given slices")]
    NoElements,
    /// An element without its merge key.
    #[error("map: {element} does not contain declared merge key: {merge_key}")]
    NoMergeKey {
        /// The element as Go prints it.
        element: String,
        /// The field that tells elements apart.
        merge_key: String,
    },
    /// Objects are to be merged into a list whose elements nothing tells apart.
    #[error("cannot merge lists without merge key for {0}")]
    NoMergeKeyDeclared(String),
    /// A value of another type than a directive or a list needs.
    #[error("expected a {expected}, but received a {}", type_name(.received))]
    WrongType {
        /// What is needed.
        expected: GoType,
        /// What is there.
        received: GoType,
    },
    /// An element of `$setElementOrder` is no object.
    #[error("value for key {0} is not a map")]
    NotAMap(usize),
    /// A `$patch` that nobody knows.
    #[error("unknown patch type: {directive} in map: {map}")]
    UnknownDirective {
        /// The directive as Go prints it.
        directive: String,
        /// The object around it.
        map: String,
    },
    /// `$patch: merge` in an element of a list.
    #[error("merging lists cannot yet be specified in the patch")]
    MergeDirectiveInList,
    /// The list of the patch has another order than its `$setElementOrder`, or elements that are not in it.
    #[error("The order in patch list:\n{list}\n doesn't match $setElementOrder list:\n{order}\n")]
    OrderMismatch {
        /// The list of the patch.
        list: String,
        /// The directive.
        order: String,
    },
    /// The type has no such field.
    #[error("unable to find api field in struct {of} for the json field {}", Quoted(.field))]
    UnknownField {
        /// The type.
        of: String,
        /// The field.
        field: String,
    },
    /// Objects are merged where the type has no fields of its own, as within a map.
    #[error("merging an object in json but data type is not struct, instead is: {0}")]
    NotAStruct(String),
    /// Lists are merged where the type has none.
    #[error("expected slice or array type, but got: {0}")]
    NotAList(String),
    /// The type has a list of lists.
    #[error("unexpected slice of slice")]
    SliceOfSlices,
    /// The schema declares more than one strategy beside `retainKeys`.
    #[error("unexpected patch strategy: [{}]", .0.join(" "))]
    UnexpectedStrategy(Vec<String>),
    /// An object or a list stands where values are compared with each other, as merge keys are. Go's apiserver panics.
    #[error("values of type {0} cannot be compared in a strategic merge patch")]
    Incomparable(GoType),
    /// A list that is merged begins with a null. Go's apiserver panics.
    #[error("a list that is merged by a strategic merge patch cannot begin with a null")]
    NullElement,
}

/// Go has no name for the type of a null.
fn type_name(found: &GoType) -> String {
    match found {
        GoType::Null => "%!s(<nil>)".to_owned(),
        other => other.to_string(),
    }
}

impl Error {
    pub(super) fn no_merge_key(element: &Value, merge_key: &str) -> Self {
        Self::NoMergeKey {
            element: go_value::text(element, Verb::V),
            merge_key: merge_key.to_owned(),
        }
    }

    pub(super) fn unknown_directive(directive: &Value, map: &Value) -> Self {
        Self::UnknownDirective {
            directive: go_value::text(directive, Verb::S),
            map: go_value::text(map, Verb::V),
        }
    }

    pub(super) fn mixed(lists: &[&[Value]]) -> Self {
        Self::MixedElements(go_value::lists(lists))
    }

    pub(super) fn wrong_type(expected: GoType, received: &Value) -> Self {
        Self::WrongType {
            expected,
            received: GoType::of(received),
        }
    }

    /// What the client is told: 400 of a directive that is badly formed, 422 of lists of lists, and 500 of all else, since
    /// Go passes those errors on as they are. Where Go panics it is 400.
    pub(in crate::endpoint::patch) fn into_api_error(self) -> ApiError {
        let message = self.to_string();
        match self {
            Self::PrimitiveListFormat
            | Self::RetainKeysFormat
            | Self::SetElementOrderFormat
            | Self::Incomparable(_)
            | Self::NullElement => ApiError::BadRequest(message),
            // Of this status Kubernetes' generic answer has its own words.
            Self::ListOfLists => ApiError::PatchNotApplicable,
            _ => ApiError::Plain(message),
        }
    }
}
