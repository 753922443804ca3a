//! The versions of Gadgets. v1beta1 calls the color otherwise, and has the burst in spec.

#![allow(unreachable_pub, reason = "a program's modules are nobody's interface")]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fields::{Common, GadgetStatus};

pub mod v1 {
    use super::*;

    /// Limits may be absent as a whole.
    #[derive(Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Limits {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub min: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub burst: Option<i32>,
    }

    #[derive(Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct GadgetSpec {
        #[serde(skip_serializing_if = "String::is_empty")]
        pub color: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub limits: Option<Limits>,
        #[serde(flatten)]
        pub common: Common,
    }

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Gadget {
        pub metadata: ObjectMeta,
        pub spec: GadgetSpec,
        pub status: GadgetStatus,
    }

    annex_apiserver::kind!(Gadget: "gadgets.example.com", "v1", "gadgets", Namespaced);
}

pub mod v1beta1 {
    use super::*;

    /// Limits may be absent as a whole.
    #[derive(Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Limits {
        #[serde(skip_serializing_if = "Option::is_none")]
        pub min: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub max: Option<i32>,
    }

    #[derive(Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct GadgetSpec {
        #[serde(skip_serializing_if = "String::is_empty")]
        pub colour: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub limits: Option<Limits>,
        #[serde(skip_serializing_if = "Option::is_none")]
        pub burst: Option<i32>,
        #[serde(flatten)]
        pub common: Common,
    }

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Gadget {
        pub metadata: ObjectMeta,
        pub spec: GadgetSpec,
        pub status: GadgetStatus,
    }

    annex_apiserver::kind!(Gadget: "gadgets.example.com", "v1beta1", "gadgets", Namespaced);
}
