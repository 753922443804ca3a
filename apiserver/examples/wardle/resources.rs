//! The resources of `wardle.example.com`: flunders in two versions, fischers in one.

#![allow(unreachable_pub, reason = "a program's modules are nobody's interface")]

use annex_apiserver::prelude::*;
use annex_apiserver::resource::DefaultColumn;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const FLUNDER: &str = "Flunder";
const FISCHER: &str = "Fischer";

/// What an object refers to: a Flunder or a Fischer.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct ReferenceType(String);

fn is_unset(reference_type: &ReferenceType) -> bool {
    reference_type.0.is_empty()
}

/// FlunderStatus is the status of a Flunder.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
pub struct FlunderStatus {}

pub mod v1alpha1 {
    use super::*;

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase", default)]
    pub struct FlunderSpec {
        /// A name of another flunder or fischer, depending on the reference type.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub reference: String,
        /// The reference type, defaults to "Flunder" if reference is set.
        #[serde(skip_serializing_if = "Option::is_none")]
        pub reference_type: Option<ReferenceType>,
    }

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Flunder {
        pub metadata: ObjectMeta,
        pub spec: FlunderSpec,
        pub status: FlunderStatus,
    }

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase", default)]
    pub struct Fischer {
        pub metadata: ObjectMeta,
        /// DisallowedFlunders holds a list of Flunder.Names that are disallowed.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
        pub disallowed_flunders: Vec<String>,
    }

    kind!(Flunder: "wardle.example.com", "v1alpha1", "flunders", Namespaced);
    kind!(Fischer: "wardle.example.com", "v1alpha1", "fischers", Cluster);
}

pub mod v1beta1 {
    use super::*;

    /// FlunderSpec is the specification of a Flunder.
    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(rename_all = "camelCase", default)]
    pub struct FlunderSpec {
        /// A name of another flunder, mutually exclusive to the FischerReference.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub flunder_reference: String,
        /// A name of a fischer, mutually exclusive to the FlunderReference.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub fischer_reference: String,
        /// The reference type.
        #[serde(skip_serializing_if = "is_unset")]
        pub reference_type: ReferenceType,
    }

    /// Flunder is an example type with a spec and a status.
    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Flunder {
        pub metadata: ObjectMeta,
        pub spec: FlunderSpec,
        pub status: FlunderStatus,
    }

    kind!(Flunder: "wardle.example.com", "v1beta1", "flunders", Namespaced);
}

/// A reference of a type that is neither is lost, as in Go.
impl From<v1alpha1::Flunder> for v1beta1::Flunder {
    fn from(old: v1alpha1::Flunder) -> Self {
        let mut new = Self::default();
        new.metadata = old.metadata;
        let reference_type = old.spec.reference_type.unwrap_or_default();
        match reference_type.0.as_str() {
            FLUNDER => new.spec.flunder_reference = old.spec.reference,
            FISCHER => new.spec.fischer_reference = old.spec.reference,
            _ => return new,
        }
        new.spec.reference_type = reference_type;
        new
    }
}

impl From<v1beta1::Flunder> for v1alpha1::Flunder {
    fn from(new: v1beta1::Flunder) -> Self {
        let mut old = Self::default();
        old.metadata = new.metadata;
        match new.spec.reference_type.0.as_str() {
            FLUNDER => old.spec.reference = new.spec.flunder_reference,
            FISCHER => old.spec.reference = new.spec.fischer_reference,
            _ => return old,
        }
        old.spec.reference_type = Some(new.spec.reference_type);
        old
    }
}

fn default_flunder(flunder: &mut v1alpha1::Flunder) {
    let spec = &mut flunder.spec;
    let unset = spec.reference_type.as_ref().is_none_or(is_unset);
    if unset && !spec.reference.is_empty() {
        spec.reference_type = Some(ReferenceType(FLUNDER.into()));
    }
}

fn validate_flunder(flunder: &v1beta1::Flunder) -> Vec<FieldError> {
    let spec = &flunder.spec;
    let kind = spec.reference_type.0.as_str();
    let (to_flunder, to_fischer) = (spec.flunder_reference.as_str(), spec.fischer_reference.as_str());
    let flunder_error = |detail| Some(FieldError::invalid("spec.flunderReference", to_flunder, detail));
    let fischer_error = |detail| Some(FieldError::invalid("spec.fischerReference", to_fischer, detail));
    let reference = match (to_flunder, to_fischer, kind) {
        ("", "", FISCHER) => fischer_error("cannot be empty if referenceType is Fischer"),
        ("", "", FLUNDER) => flunder_error("cannot be empty if referenceType is Flunder"),
        ("", "", _) | (_, "", FLUNDER) | ("", _, FISCHER) => None,
        (_, "", _) => flunder_error("cannot be set if referenceType is not Flunder"),
        ("", _, _) => fischer_error("cannot be set if referenceType is not Fischer"),
        _ => fischer_error("cannot be set with flunderReference at the same time"),
    };
    let known = ["", FLUNDER, FISCHER].contains(&kind);
    let type_error = || FieldError::invalid("spec.referenceType", kind, "must be Flunder or Fischer");
    reference.into_iter().chain((!known).then(type_error)).collect()
}

/// As Go's strategies for both kinds.
fn policy() -> Policy {
    let default = Policy::default();
    Policy {
        generation: false,
        bare_items: true,
        object_names: ObjectNames::PathSegment,
        default_column: DefaultColumn::CreatedAt,
        ..default
    }
}

fn deprecated(kind: &str) -> String {
    format!("wardle.example.com/v1alpha1 {kind} is deprecated in v1.3+, unavailable in v1.10+")
}

/// Flunders are stored as v1alpha1; rules are about v1beta1, which can say all that v1alpha1 says.
pub fn flunders() -> Result<Resource, DescriptionError> {
    typed::resource::<v1alpha1::Flunder>()
        .hub::<v1beta1::Flunder>()
        .default(default_flunder)
        .validate(validate_flunder)
        .accept_updates()
        .deprecated::<v1alpha1::Flunder>(deprecated(FLUNDER))
        .policy(policy())
        .build()
}

pub fn fischers() -> Result<Resource, DescriptionError> {
    typed::resource::<v1alpha1::Fischer>()
        .deprecated::<v1alpha1::Fischer>(deprecated(FISCHER))
        .policy(policy())
        .build()
}
