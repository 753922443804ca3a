//! Kubeconfig files: who connects where, and whom to trust.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::certs::Identity;
use crate::files;

/// Writes a kubeconfig with all it needs inside, so that the file can be copied.
///
/// # Errors
/// When the file cannot be written.
pub fn write(
    path: &Path,
    cluster: &str,
    server: &str,
    ca: &str,
    identity: &Identity,
) -> Result<(), files::Error> {
    let user = format!("{}@{cluster}", identity.user);
    let text = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": cluster,
            "cluster": { "server": server, "certificate-authority-data": BASE64.encode(ca) },
        }],
        "users": [{
            "name": user,
            "user": {
                "client-certificate-data": BASE64.encode(&identity.certificate),
                "client-key-data": BASE64.encode(&identity.key),
            },
        }],
        "contexts": [{ "name": cluster, "context": { "cluster": cluster, "user": user } }],
        "current-context": cluster,
    });
    files::write_json(path, &text)
}
