//! `spec.certificates`: where the serving certificate comes from and where the server finds it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;

/// Where the serving certificate comes from, and where the server finds it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Certificates {
    /// A certificate authority of this server's own, kept by Annex. The default, and the only source so far.
    #[serde(default)]
    pub self_signed: SelfSigned,
    /// Name of the Secret, in `spec.namespace`, that Annex writes: `tls.crt`, `tls.key`, `ca.crt`. Absent:
    /// `<name>-serving-cert`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), pattern(r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub secret_name: Option<String>,
    /// Where a workload finds it.
    #[serde(default)]
    pub mount: Mount,
    /// Names that the certificate has beside `<service>.<namespace>.svc`. A change of them is a rotation of the
    /// certificate authority, which may sign no other names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 16),
        inner(
            length(min = 1, max = 253),
            pattern(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$")
        )
    )]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub dns_names: Vec<String>,
    /// How a new certificate comes into use. Hot: the server reads its files again by itself. Restart: Annex rolls the
    /// workload.
    #[serde(default)]
    pub reload: Reload,
}

/// A certificate authority of the server's own. Durations are written as in Go, as cert-manager's are.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("duration(self.duration) >= duration('1h')")
    .message("duration must be at least 1h").field_path(".duration"))]
#[x_kube(validation = Rule::new("!has(self.renewBefore) || (duration(self.renewBefore) >= duration('1m') && duration(self.renewBefore) < duration(self.duration))")
    .message("renewBefore must be at least 1m and shorter than duration").field_path(".renewBefore"))]
#[x_kube(validation = Rule::new("duration(self.caDuration) >= duration(self.duration) + duration(self.duration)")
    .message("caDuration must be at least twice as long as duration").field_path(".caDuration"))]
pub struct SelfSigned {
    /// How long a certificate authority is valid. It is replaced, without a failed request, when a third of this is
    /// left, or one `duration` if that is more.
    #[serde(default = "default_ca_duration")]
    pub ca_duration: GoDuration,
    /// How long a serving certificate is valid; at least 1h.
    #[serde(default = "default_duration")]
    pub duration: GoDuration,
    /// How long before its end a serving certificate is renewed. Absent: a third of `duration`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_before: Option<GoDuration>,
}

impl Default for SelfSigned {
    fn default() -> Self {
        Self {
            ca_duration: default_ca_duration(),
            duration: default_duration(),
            renew_before: None,
        }
    }
}

impl SelfSigned {
    /// How long before its end a serving certificate is renewed: as given, or a third of its duration.
    #[must_use]
    pub fn renew_before(&self) -> std::time::Duration {
        self.renew_before
            .map_or_else(|| self.duration.as_duration() / 3, GoDuration::as_duration)
    }

    /// How long before its end the certificate authority is replaced.
    #[must_use]
    pub fn ca_renew_before(&self) -> std::time::Duration {
        (self.ca_duration.as_duration() / 3).max(self.duration.as_duration())
    }
}

/// Five years.
fn default_ca_duration() -> GoDuration {
    GoDuration::from_secs(43_800 * 3600)
}

/// Thirty days.
fn default_duration() -> GoDuration {
    GoDuration::from_secs(720 * 3600)
}

/// Where the container `server` finds the Secret's files.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.certificateKey != self.privateKeyKey && self.certificateKey != self.caKey && self.privateKeyKey != self.caKey")
    .message("certificateKey, privateKeyKey and caKey must differ"))]
pub struct Mount {
    /// Directory.
    #[serde(default = "default_mount_path")]
    #[schemars(length(min = 2, max = 1024), pattern(r"^/[^:]*[^:/]$"))]
    pub path: String,
    /// File name of the certificate.
    #[serde(default = "default_certificate_key")]
    #[schemars(length(min = 1, max = 253), pattern(r"^[-_a-zA-Z0-9]([-._a-zA-Z0-9]*)$"))]
    pub certificate_key: String,
    /// File name of the private key.
    #[serde(default = "default_private_key_key")]
    #[schemars(length(min = 1, max = 253), pattern(r"^[-_a-zA-Z0-9]([-._a-zA-Z0-9]*)$"))]
    pub private_key_key: String,
    /// File name of the certificate authorities.
    #[serde(default = "default_ca_key")]
    #[schemars(length(min = 1, max = 253), pattern(r"^[-_a-zA-Z0-9]([-._a-zA-Z0-9]*)$"))]
    pub ca_key: String,
}

impl Default for Mount {
    fn default() -> Self {
        Self {
            path: default_mount_path(),
            certificate_key: default_certificate_key(),
            private_key_key: default_private_key_key(),
            ca_key: default_ca_key(),
        }
    }
}

fn default_mount_path() -> String {
    "/var/run/annex/serving-cert".into()
}

fn default_certificate_key() -> String {
    "tls.crt".into()
}

fn default_private_key_key() -> String {
    "tls.key".into()
}

fn default_ca_key() -> String {
    "ca.crt".into()
}

/// How a new certificate comes into use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Reload {
    /// The server reads its files again by itself, as every program built on k8s.io/apiserver does.
    #[default]
    Hot,
    /// Annex rolls the workload.
    Restart,
    /// Annex rolls the workload where it still serves the certificate before 5 minutes after the new one was issued.
    HotOrRestart,
}
