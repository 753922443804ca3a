//! A server without a cluster: one user, whose kubeconfig is a file.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::RngCore as _;
use serde_json::json;

use crate::request::User;
use crate::storage::embedded::check_owner;

/// The only user: may do everything.
pub(super) fn user() -> User {
    User {
        name: "standalone".into(),
        groups: vec![User::MASTERS.into()],
        ..User::default()
    }
}

/// A token that nobody can guess.
pub(super) fn token() -> String {
    let mut bytes = [0; 32];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A kubeconfig for a server at `address`. JSON, which is YAML too.
fn kubeconfig(name: &str, address: SocketAddr, authority_pem: &str, token: &str) -> String {
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": name,
            "cluster": {
                "server": format!("https://{address}"),
                "certificate-authority-data": STANDARD.encode(authority_pem),
            },
        }],
        "users": [{ "name": name, "user": { "token": token } }],
        "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        "current-context": name,
    });
    format!("{value:#}\n")
}

/// Writes the kubeconfig, for its owner's eyes only, and whole or not at all. Returns its path.
pub(super) fn write_kubeconfig(
    directory: &Path,
    name: &str,
    address: SocketAddr,
    authority_pem: &str,
    token: &str,
) -> io::Result<PathBuf> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)?;
    // Who may write there would say whom the user's kubectl trusts.
    check_owner(directory).map_err(io::Error::other)?;
    let path = directory.join("kubeconfig");
    let draft = directory.join(".kubeconfig.new");
    // A file that is there keeps its mode; this one must not be anybody else's.
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(kubeconfig(name, address, authority_pem, token).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, &path)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_kubeconfig_is_its_owners_alone_and_kube_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        let inner = directory.path().join("data");
        let address: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let token = token();
        for _ in 0..2 {
            let path = write_kubeconfig(&inner, "wardle", address, "PEM", &token).unwrap();
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            let read = kube::config::Kubeconfig::read_from(&path).unwrap();
            let cluster = read.clusters[0].cluster.as_ref().unwrap();
            assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:8443"));
            assert_eq!(read.current_context.as_deref(), Some("wardle"));
        }
        assert_eq!(
            std::fs::metadata(&inner).unwrap().permissions().mode() & 0o777,
            0o700
        );
    }

    #[test]
    fn no_kubeconfig_is_written_where_everybody_may_write() {
        let directory = tempfile::tempdir().unwrap();
        let open = std::fs::Permissions::from_mode(0o777);
        std::fs::set_permissions(directory.path(), open).unwrap();
        let address: SocketAddr = "127.0.0.1:8443".parse().unwrap();
        let refused = write_kubeconfig(directory.path(), "wardle", address, "PEM", "token").unwrap_err();
        assert!(
            refused.to_string().contains("everybody may write to it"),
            "{refused}"
        );
        assert!(!directory.path().join("kubeconfig").exists());
    }

    #[test]
    fn tokens_are_long_and_differ() {
        assert_eq!(token().len(), 43);
        assert_ne!(token(), token());
    }
}
