//! `spec.workload`: a server that Annex runs.

use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// A server that Annex runs: a Deployment, or a StatefulSet where storage is embedded, and its Service.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Image of the container `server`. Absent: the one of `annex-apiserver` that came with Annex when the pods were made, or changed; it
    /// serves the AggregatedResourceDefinitions that name this server. An upgrade of Annex leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// Entrypoint of the container `server`; absent or empty: the image's own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub command: Vec<String>,
    /// Arguments of the container `server`. Generated flags follow them; one that stands here already, or in
    /// `command`, is not generated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128), inner(length(max = 4096)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub args: Vec<String>,
    /// Standard: the program takes the flags of k8s.io/apiserver (`--tls-cert-file`, `--tls-private-key-file`,
    /// `--secure-port`). None: it is told by its own arguments, or reads fixed paths (`certificates.mount`).
    #[serde(default)]
    pub serving_flags: ServingFlags,
    /// The port that the server listens on, with TLS.
    #[serde(default = "default_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
    /// How many pods. Absent: created with one, then left to an autoscaler or a human. With embedded storage exactly one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub replicas: Option<i32>,
    /// How pods are replaced, as in an apps/v1 Deployment. Absent: RollingUpdate, maxUnavailable 0, maxSurge 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// A partial PodTemplateSpec, merged onto the generated one by the API's list keys; the server's own container is
    /// called `server`. What Annex sets itself (image, command, args, serving port and the volumes of certificate and
    /// storage of `server`, the selector's labels) is refused here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::pod_template")]
    pub template: Option<serde_json::Value>,
}

fn default_port() -> i32 {
    8443
}

/// Which flags tell the server about its certificate and port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ServingFlags {
    /// `--tls-cert-file`, `--tls-private-key-file`, `--secure-port`, as every program built on k8s.io/apiserver takes.
    #[default]
    Standard,
    /// None is generated.
    None,
}

/// How pods are replaced: `DeploymentStrategy` of apps/v1.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.rollingUpdate) || self.type == 'RollingUpdate'")
    .message("rollingUpdate belongs to type RollingUpdate"))]
pub struct Strategy {
    /// RollingUpdate or Recreate.
    #[serde(default, rename = "type")]
    pub type_: StrategyType,
    /// Bounds of a rolling update.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rolling_update: Option<RollingUpdate>,
}

/// The two ways to replace pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum StrategyType {
    /// New pods come before old ones go, within the bounds of `rollingUpdate`.
    #[default]
    RollingUpdate,
    /// Old pods go first: an outage at every change.
    Recreate,
}

/// Bounds of a rolling update.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollingUpdate {
    /// How many pods, or per cent of them, may be missing meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::int_or_percent")]
    pub max_unavailable: Option<IntOrString>,
    /// How many pods, or per cent of them, may be surplus meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::int_or_percent")]
    pub max_surge: Option<IntOrString>,
}
