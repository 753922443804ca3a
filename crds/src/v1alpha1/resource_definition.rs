//! The kind AggregatedResourceDefinition.

#![allow(clippy::duplicated_attributes, reason = "several columns have one type")]

use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{CustomResource, CustomResourceExt as _, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::schema;

/// A resource that is served from an AggregatedServer's own storage: what a CustomResourceDefinition says, and which server.
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "annex.dev",
    version = "v1alpha1",
    kind = "AggregatedResourceDefinition",
    plural = "aggregatedresourcedefinitions",
    shortname = "ard",
    category = "annex",
    status = "AggregatedResourceDefinitionStatus",
    derive = "PartialEq",
    doc = "A resource that is served from an AggregatedServer's own storage: what a CustomResourceDefinition says, and which server. Its objects behave as a CustomResourceDefinition's.",
    selectable = ".spec.server",
    printcolumn(
        name = "Server",
        type_ = "string",
        json_path = ".spec.server",
        description = "The AggregatedServer that serves it"
    ),
    printcolumn(
        name = "Kind",
        type_ = "string",
        json_path = ".status.acceptedNames.kind",
        description = "The kind of its objects"
    ),
    printcolumn(
        name = "Established",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Established")].status"#,
        description = "Whether clients have seen it served"
    ),
    printcolumn(
        name = "Served",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Served")].status"#,
        description = "Whether every ready replica serves it as it is now"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Served")].reason"#,
        priority = 1,
        description = "Why"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AggregatedResourceDefinitionSpec {
    /// Name of the AggregatedServer that stores and serves its objects.
    #[schemars(length(min = 1, max = 50), pattern(r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("server is immutable: it has the objects"))]
    pub server: String,
    /// All else: the spec of a CustomResourceDefinition, word for word. It is judged by the operator, as the schema of schemas has no
    /// end.
    #[serde(flatten)]
    #[schemars(skip)]
    pub definition: Map<String, Value>,
}

/// What the operator found out, as a CustomResourceDefinition's status tells it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregatedResourceDefinitionStatus {
    /// The generation of spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = schema::MAX_EXACT))]
    pub observed_generation: Option<i64>,
    /// NamesAccepted, Established and Served; where there is something to tell, NonStructuralSchema, Invalid and Terminating.
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The names that are used to serve it.
    #[serde(default)]
    pub accepted_names: AcceptedNames,
    /// The versions that objects may be stored in.
    #[serde(default)]
    #[schemars(length(max = 256), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub stored_versions: Vec<String>,
    /// How many objects are left, while it is being deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = schema::MAX_EXACT))]
    pub objects: Option<i64>,
}

/// The names that are used to serve a resource: `CustomResourceDefinitionNames`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedNames {
    /// The resource.
    #[serde(default)]
    #[schemars(length(max = 63))]
    pub plural: String,
    /// One object of it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub singular: String,
    /// What kubectl takes for it too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub short_names: Vec<String>,
    /// The kind of its objects.
    #[serde(default)]
    #[schemars(length(max = 63))]
    pub kind: String,
    /// The kind of lists of them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 63))]
    pub list_kind: String,
    /// Groups of resources that it belongs to, such as `all`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub categories: Vec<String>,
}

/// The conditions of an AggregatedResourceDefinition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
pub enum DefinitionCondition {
    /// Its names conflict with nobody's.
    NamesAccepted,
    /// Clients have seen it served. It never goes back.
    Established,
    /// Every ready replica of its server serves this generation.
    Served,
    /// Its schema is not structural: it is not served, or the last generation that was right is.
    NonStructuralSchema,
    /// Something else is wrong with it.
    Invalid,
    /// It is being deleted, and its objects with it.
    Terminating,
}

impl DefinitionCondition {
    /// Its name in status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NamesAccepted => "NamesAccepted",
            Self::Established => "Established",
            Self::Served => "Served",
            Self::NonStructuralSchema => "NonStructuralSchema",
            Self::Invalid => "Invalid",
            Self::Terminating => "Terminating",
        }
    }
}

/// The CustomResourceDefinition of AggregatedResourceDefinitions: of a spec all is kept that stands there.
///
/// # Errors
/// None in practice: the definition is plain data that has a JSON form.
pub fn resource_definition() -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut definition = serde_json::to_value(AggregatedResourceDefinition::crd())?;
    super::aggregated_server::strip_nullable(&mut definition);
    if let Some(spec) = definition.pointer_mut(SPEC_SCHEMA) {
        spec["x-kubernetes-preserve-unknown-fields"] = true.into();
        if let Some(fields) = spec.as_object_mut() {
            fields.remove("additionalProperties");
        }
    }
    serde_json::from_value(definition)
}

const SPEC_SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
