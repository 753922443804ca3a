//! The kind AggregatedServer.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{CustomResource, CustomResourceExt as _, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    certificates::Certificates, condition::ConditionType, reason::Reason, status::AggregatedServerStatus,
    storage::Storage, workload::Workload,
};

/// `groupPriorityMinimum` of an APIService whose claim names none: what the kube-apiserver gives to the groups of
/// CustomResourceDefinitions.
pub const DEFAULT_GROUP_PRIORITY: i32 = 1000;

/// An extension apiserver and the group-versions it serves. Annex runs it (or takes over one that runs already), gives
/// it certificates and renews them, and registers its APIs with the aggregator once they answer.
#[derive(CustomResource, Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[kube(
    group = "annex.dev",
    version = "v1alpha1",
    kind = "AggregatedServer",
    plural = "aggregatedservers",
    shortname = "aggs",
    category = "annex",
    status = "AggregatedServerStatus",
    derive = "PartialEq",
    doc = "An extension apiserver and the group-versions it serves. Annex runs it (or takes over one that runs already), gives it certificates and renews them, and registers its APIs with the aggregator once they answer.",
    validation = Rule::new("self.metadata.name.size() <= 50 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')")
        .message("metadata.name must be a DNS-1035 label of at most 50 characters: the Service and its pods are named after it"),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Whether every API is served, registered and trusted"),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why"),
    printcolumn(name = "APIs", type_ = "string", json_path = ".status.groupVersions", priority = 1, description = "The claimed group-versions"),
    printcolumn(name = "Next Rotation", type_ = "string", json_path = ".status.certificates.nextRotationTime", priority = 1, description = "When the next certificate is due"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.workload) != has(self.service)")
    .message("exactly one of workload and service is required"))]
#[x_kube(validation = Rule::new("has(self.workload) == has(oldSelf.workload)")
    .message("the backend is immutable: workload cannot become service, nor the other way round"))]
#[x_kube(validation = Rule::new("self.namespace != 'kube-system' || has(self.service)")
    .message("kube-system is for service backends only").field_path(".namespace"))]
#[x_kube(validation = Rule::new("!has(self.service) || !has(self.certificates) || !has(self.certificates.reload) || self.certificates.reload == 'Hot'")
    .message("certificates.reload: Restart and HotOrRestart need a workload: Annex restarts nobody else's"))]
#[x_kube(validation = Rule::new("!has(self.storage) || has(self.workload)")
    .message("storage needs a workload: what runs already has its own").field_path(".storage"))]
#[x_kube(validation = Rule::new("!has(self.workload) || has(self.workload.image) || has(self.storage)")
    .message("a workload without an image is Annex's own program, which needs storage").field_path(".storage"))]
#[x_kube(validation = Rule::new("has(self.storage) == has(oldSelf.storage) && (!has(self.storage) || has(self.storage.embedded) == has(oldSelf.storage.embedded))")
    .message("the kind of storage is immutable: it can be neither added nor removed, and embedded cannot become etcd, nor the other way round"))]
#[x_kube(validation = Rule::new("!has(self.storage) || !has(self.storage.embedded) || !has(self.workload) || !has(self.workload.replicas) || self.workload.replicas == 1")
    .message("embedded storage has exactly one replica: leave workload.replicas out"))]
#[x_kube(validation = Rule::new("!has(self.storage) || !has(self.storage.embedded) || !has(self.workload) || !has(self.workload.strategy)")
    .message("embedded storage has no workload.strategy: its only pod ends before the next one begins"))]
pub struct AggregatedServerSpec {
    /// The namespace that it runs in. It must exist; it cannot be the operator's own.
    #[schemars(length(min = 1, max = 63), pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("namespace is immutable"))]
    pub namespace: String,
    /// The group-versions it serves; each becomes an APIService. Those of its AggregatedResourceDefinitions need not stand here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["group".into(), "version".into()]))]
    #[x_kube(validation = Rule::new("self.all(a, !has(a.groupPriorityMinimum) || self.all(b, a.group != b.group || !has(b.groupPriorityMinimum) || a.groupPriorityMinimum == b.groupPriorityMinimum))")
        .message("groupPriorityMinimum must be the same for all versions of a group"))]
    pub apis: Vec<ApiClaim>,
    /// Annex runs the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<Workload>,
    /// The server runs already, behind a Service that Annex leaves alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceBackend>,
    /// Where a workload keeps what it serves, for programs that know the flags `--data-dir` or `--etcd-servers`. Absent:
    /// that is left to its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage: Option<Storage>,
    /// Where the serving certificate comes from.
    #[serde(default)]
    pub certificates: Certificates,
    /// What happens to objects that exist already and belong to somebody else.
    #[serde(default)]
    pub adoption: Adoption,
}

/// One group-version that the server serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.group.contains('.')")
    .message("a group without a dot belongs to Kubernetes itself").field_path(".group"))]
#[x_kube(validation = Rule::new("self.group.size() + self.version.size() < 253")
    .message("version and group together must have at most 252 characters: the APIService is named <version>.<group>"))]
pub struct ApiClaim {
    /// API group: a DNS-1123 subdomain with at least one dot.
    #[schemars(
        length(min = 3, max = 253),
        pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub group: String,
    /// Version of the group: a DNS-1035 label.
    #[schemars(length(min = 1, max = 63), pattern(r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub version: String,
    /// Priority of the whole group among all groups, where clients must choose: 1 to 20000, the higher the earlier.
    /// Absent: 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20000))]
    pub group_priority_minimum: Option<i32>,
    /// Priority of this version within its group: 1 to 1000, the higher the earlier. Absent: by Kubernetes version
    /// order (v1 before v1beta1 before v1alpha1); status shows the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub version_priority: Option<i32>,
    /// Whether a CustomResourceDefinition that serves the same group-version may be shadowed: its objects are hidden
    /// while the APIService stands. Refuse, as when absent: the claim waits, with reason CRDShadowed.
    // Left out where it is the default, so that the schema fills nothing in: `kubectl apply` compares a list of custom
    // resources whole, and would call an unchanged one `configured` each time.
    #[serde(default, skip_serializing_if = "CrdShadow::is_default")]
    pub crd_shadow: CrdShadow,
}

impl ApiClaim {
    /// `group/version`.
    #[must_use]
    pub fn group_version(&self) -> String {
        format!("{}/{}", self.group, self.version)
    }

    /// The APIService's name, which Kubernetes fixes: `version.group`.
    #[must_use]
    pub fn api_service_name(&self) -> String {
        format!("{}.{}", self.version, self.group)
    }
}

/// What a CustomResourceDefinition of the same group-version means for a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum CrdShadow {
    /// The claim waits.
    #[default]
    Refuse,
    /// The CRD's objects are meant to be hidden.
    Allow,
}

impl CrdShadow {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A server that runs already.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceBackend {
    /// Name of its Service, in `spec.namespace`, with a cluster IP.
    #[schemars(length(min = 1, max = 63), pattern(r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("service.name is immutable"))]
    pub name: String,
    /// Port of the Service.
    #[serde(default = "default_service_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: i32,
}

fn default_service_port() -> i32 {
    443
}

/// What happens to objects that exist already and belong to somebody else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Adoption {
    /// They stay as they are, and the status names them (reason Conflict).
    #[default]
    Never,
}

/// The CustomResourceDefinition of AggregatedServers, without `nullable`: Kubernetes drops a null then, as it does
/// for its own types, so that `workload: null` is no workload.
///
/// # Errors
/// None in practice: the definition is plain data that has a JSON form.
pub fn definition() -> Result<CustomResourceDefinition, serde_json::Error> {
    let mut definition = serde_json::to_value(AggregatedServer::crd())?;
    strip_nullable(&mut definition);
    if let Some(status) = definition.pointer_mut(STATUS_SCHEMA) {
        status["default"] = json!({ "conditions": [pending()] });
    }
    serde_json::from_value(definition)
}

const STATUS_SCHEMA: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/status";

/// The condition of an AggregatedServer that no operator has looked at: without one, tools that apply manifests and wait for
/// them would call it healthy.
fn pending() -> Value {
    json!({
        "type": ConditionType::Ready.as_str(),
        "status": "Unknown",
        "reason": Reason::Pending.as_str(),
        "message": Reason::Pending.meaning(),
        "lastTransitionTime": "1970-01-01T00:00:00Z",
    })
}

pub(super) fn strip_nullable(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
            }
            fields.values_mut().for_each(strip_nullable);
        }
        Value::Array(items) => items.iter_mut().for_each(strip_nullable),
        _ => {}
    }
}
