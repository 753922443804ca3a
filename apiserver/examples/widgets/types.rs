//! The types of `peer.example.com`. How a list or map is merged is said beside its field, as markers of Kubernetes' Go types say it:
//! `x-kubernetes-list-type` and `x-kubernetes-map-type` for server-side apply, `x-kubernetes-patch-*` for strategic merge patches.

#![allow(unreachable_pub, reason = "a program's modules are nobody's interface")]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A port of a Widget.
#[derive(Clone, Deserialize, Serialize, JsonSchema)]
pub struct Port {
    /// Its name, one of a kind in the list.
    pub name: String,
    /// Its number.
    pub port: i32,
}

/// What each replica is made of.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct Template {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub image: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The fields that both versions call alike.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct CommonSpec {
    /// How many replicas are wanted; 1 where nobody says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// The labels of what is counted. A selector is changed as a whole: it has one manager.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub selector: BTreeMap<String, String>,
    /// A map by the field `name`: each port may have a manager of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["name"]))]
    #[schemars(extend("x-kubernetes-patch-strategy" = "merge", "x-kubernetes-patch-merge-key" = "name"))]
    pub ports: Vec<Port>,
    /// A set: each value may have a manager of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "set", "x-kubernetes-patch-strategy" = "merge"))]
    pub features: Vec<String>,
    /// A list that is changed as a whole.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "atomic"))]
    pub args: Vec<String>,
    /// A map as maps are where nothing is said: each value may have a manager of its own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    pub template: Template,
}

impl CommonSpec {
    pub fn complete(&mut self) {
        self.replicas.get_or_insert(1);
    }
}

/// What a controller has seen of a Widget.
#[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct WidgetStatus {
    /// The `metadata.generation` that it speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many replicas there are.
    pub replicas: i32,
    /// `spec.selector` as text, for autoscalers.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selector: String,
    /// One of each type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["type"]))]
    #[schemars(extend("x-kubernetes-patch-strategy" = "merge", "x-kubernetes-patch-merge-key" = "type"))]
    pub conditions: Vec<Condition>,
}

pub mod v1 {
    use super::*;

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct WidgetSpec {
        /// What it looks like.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub color: String,
        #[serde(flatten)]
        pub common: CommonSpec,
    }

    /// A Widget has replicas, which somebody else counts.
    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Widget {
        pub metadata: ObjectMeta,
        pub spec: WidgetSpec,
        pub status: WidgetStatus,
    }

    annex_apiserver::kind!(Widget: "peer.example.com", "v1", "widgets", Namespaced);
}

/// Differs from v1 in what it calls the color.
pub mod v1beta1 {
    use super::*;

    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct WidgetSpec {
        /// What it looks like.
        #[serde(skip_serializing_if = "String::is_empty")]
        pub colour: String,
        #[serde(flatten)]
        pub common: CommonSpec,
    }

    /// A Widget has replicas, which somebody else counts.
    #[derive(Clone, Default, Deserialize, Serialize, JsonSchema)]
    #[serde(default)]
    pub struct Widget {
        pub metadata: ObjectMeta,
        pub spec: WidgetSpec,
        pub status: WidgetStatus,
    }

    annex_apiserver::kind!(Widget: "peer.example.com", "v1beta1", "widgets", Namespaced);
}

impl From<v1beta1::Widget> for v1::Widget {
    fn from(old: v1beta1::Widget) -> Self {
        let spec = v1::WidgetSpec {
            color: old.spec.colour,
            common: old.spec.common,
        };
        Self {
            metadata: old.metadata,
            spec,
            status: old.status,
        }
    }
}

impl From<v1::Widget> for v1beta1::Widget {
    fn from(new: v1::Widget) -> Self {
        let spec = v1beta1::WidgetSpec {
            colour: new.spec.color,
            common: new.spec.common,
        };
        Self {
            metadata: new.metadata,
            spec,
            status: new.status,
        }
    }
}
