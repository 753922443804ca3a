//! `status` of an AggregatedServer.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// What the operator found out. Everything here is derived from the cluster at each reconcile: clearing it changes nothing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregatedServerStatus {
    /// The generation of spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = schema::MAX_EXACT))]
    pub observed_generation: Option<i64>,
    /// Normally true: Ready (the summary), Available, CertificatesReady, Registered, BypassProtected. Normally false: Progressing, Degraded, Contested.
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
    /// The claimed group-versions and those of definitions, joined by commas.
    #[serde(default)]
    #[schemars(length(max = 40960))]
    pub group_versions: String,
    /// Each claimed group-version, and each of definitions.
    #[serde(default)]
    #[schemars(length(max = 128))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["groupVersion".into()]))]
    pub apis: Vec<ApiStatus>,
    /// Certificates and their rotation.
    #[serde(default)]
    pub certificates: CertificatesStatus,
    /// The image of a workload that names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub image: Option<String>,
    /// The image that came with Annex since. It is taken with the next change of `spec.workload`, or of the annotation
    /// `annex.dev/update-image`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub newer_image: Option<String>,
    /// The ServiceAccount that a workload runs as: bind to it what the server needs beyond delegation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub service_account_name: Option<String>,
    /// The objects that belong to this server.
    #[serde(default)]
    #[schemars(length(max = 256))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub children: Vec<Child>,
}

/// One claimed group-version.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiStatus {
    /// `group/version`.
    #[schemars(length(max = 317))]
    pub group_version: String,
    /// The priority that its APIService has, or will have.
    #[schemars(range(min = 1, max = 1000))]
    pub version_priority: i32,
    /// Registered, Available.
    #[serde(default)]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,
}

/// Certificates and their rotation.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CertificatesStatus {
    /// When the certificate authority expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub ca_not_after: Option<Time>,
    /// When the serving certificate in the Secret expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub serving_not_after: Option<Time>,
    /// When the certificate expires that endpoints really serve; the earliest of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub served_not_after: Option<Time>,
    /// When the client certificate expires that the Secret of `storage.etcd` holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub storage_client_not_after: Option<Time>,
    /// When the next certificate is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub next_rotation_time: Option<Time>,
    /// How many serving certificates have followed the first one.
    #[serde(default)]
    #[schemars(range(min = 0, max = schema::MAX_EXACT))]
    pub rotation_count: i64,
    /// The rotation under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotation: Option<RotationStatus>,
}

/// A rotation under way.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RotationStatus {
    /// The step it stands at.
    pub step: RotationStep,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::time")]
    pub start_time: Option<Time>,
    /// What the step waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub blocked_by: Option<String>,
}

/// The steps of a rotation, in their order. The renewal of a leaf under the same certificate authority has but Swap and Probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
pub enum RotationStep {
    /// Both certificate authorities are being published; every control plane must have seen them.
    Widen,
    /// The new leaf goes into the Secret.
    Swap,
    /// Every endpoint must serve the new leaf.
    Probe,
    /// The old certificate authority is dropped.
    Narrow,
}

/// An object that belongs to the server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Child {
    /// Its group and version.
    #[schemars(length(max = 317))]
    pub api_version: String,
    /// Its kind.
    #[schemars(length(max = 63))]
    pub kind: String,
    /// Its namespace; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub namespace: Option<String>,
    /// Its name.
    #[schemars(length(max = 253))]
    pub name: String,
}
