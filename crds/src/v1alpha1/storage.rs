//! `spec.storage`: where a workload keeps what it serves.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// Where a server that knows Annex's storage flags keeps what it serves; exactly one kind.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.embedded) != has(self.etcd)")
    .message("exactly one of embedded and etcd is required"))]
pub struct Storage {
    /// On a volume of the server's own, given as `--data-dir`. The workload is a StatefulSet of exactly one pod, so that
    /// each restart of the pod, each rollout and each drain of its node is a short outage; its APIServices stay meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub embedded: Option<EmbeddedStorage>,
    /// In an etcd that runs already, given as `--etcd-servers` and its siblings, which programs built on
    /// k8s.io/apiserver take as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etcd: Option<EtcdStorage>,
}

/// A volume of the server's own.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)")
    .message("storageClassName is immutable"))]
pub struct EmbeddedStorage {
    /// Size of the volume, at least 1Mi. It only grows, where the StorageClass allows that; a resize that does not happen
    /// is named in status (VolumeNotResized).
    #[schemars(schema_with = "schema::size")]
    #[x_kube(validation = Rule::new("isQuantity(self) && quantity(self).compareTo(quantity('1Mi')) >= 0")
        .message("size must be at least 1Mi"))]
    #[x_kube(validation = Rule::new("!isQuantity(self) || quantity(self).compareTo(quantity(oldSelf)) >= 0")
        .message("size only grows: a volume cannot be made smaller"))]
    pub size: Quantity,
    /// What becomes of the volume when the AggregatedServer is deleted. Retain: its claim stays, named in an Event, and
    /// an AggregatedServer of the same name and namespace takes it up again. Delete: it goes, with all that is stored.
    /// With its namespace it goes in any case.
    #[serde(default)]
    pub on_delete: OnDelete,
    /// StorageClass of the volume. Absent: the cluster's default one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 1, max = 253),
        pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
    )]
    pub storage_class_name: Option<String>,
}

/// What becomes of a volume when its server is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum OnDelete {
    /// It stays.
    #[default]
    Retain,
    /// It goes too.
    Delete,
}

/// An etcd that runs already.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EtcdStorage {
    /// URLs of its members, without credentials.
    #[schemars(
        length(min = 1, max = 16),
        inner(
            length(min = 1, max = 512),
            pattern(
                r"^https?://([a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?$"
            )
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub endpoints: Vec<String>,
    /// What the keys begin with. Absent: the program's own default. Another prefix is another store, and an empty one:
    /// what was stored under the old one is not moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 253), pattern(r"^(/[-._a-zA-Z0-9]+)+$"))]
    pub prefix: Option<String>,
    /// Name of the Secret, in `spec.namespace`, with the files for TLS: `ca.crt`, the authority that etcd's certificate
    /// is verified with, and `tls.crt` and `tls.key`, the certificate that it asks for; those that it has are mounted and
    /// given as flags. Absent: no such flags.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), pattern(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: Option<String>,
}
