//! How the cluster's apiserver is reached.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The kubeconfig cannot be used.
    #[error("failed to read the kubeconfig {path}")]
    Kubeconfig {
        /// Where it is.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<kube::config::KubeconfigError>,
    },
    /// No kubeconfig was given, and this is no pod of a cluster.
    #[error("unable to load in-cluster configuration, and no kubeconfig was given")]
    NotInCluster(#[source] Box<kube::config::InClusterError>),
    /// The configuration makes no client.
    #[error("failed to set up the client of the cluster")]
    Setup(#[source] Box<kube::Error>),
}

/// A client of the cluster that `kubeconfig` names, else of the one that this pod runs in. Nothing is sent yet.
///
/// # Errors
/// There is no usable configuration. As in Go a server without one does not start, unless it runs standalone.
pub async fn client(kubeconfig: Option<&Path>) -> Result<Client, ClientError> {
    let config = match kubeconfig {
        Some(path) => from_file(path).await?,
        None => Config::incluster().map_err(|source| ClientError::NotInCluster(Box::new(source)))?,
    };
    Client::try_from(config).map_err(|source| ClientError::Setup(Box::new(source)))
}

async fn from_file(path: &Path) -> Result<Config, ClientError> {
    let unusable = |source| ClientError::Kubeconfig {
        path: path.to_owned(),
        source: Box::new(source),
    };
    let kubeconfig = Kubeconfig::read_from(path).map_err(unusable)?;
    let options = KubeConfigOptions::default();
    Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(unusable)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
current-context: here
clusters: [{name: here, cluster: {server: 'https://127.0.0.1:1'}}]
users: [{name: me, user: {token: secret}}]
contexts: [{name: here, context: {cluster: here, user: me, namespace: kube-system}}]
";

    #[tokio::test]
    async fn a_kubeconfig_makes_a_client() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kubeconfig");
        std::fs::write(&path, KUBECONFIG).unwrap();
        let client = client(Some(&path)).await.unwrap();
        assert_eq!(client.default_namespace(), "kube-system");
    }

    #[tokio::test]
    async fn a_kubeconfig_that_is_not_there_is_named() {
        let error = client(Some(Path::new("/nowhere/at/all"))).await.err().unwrap();
        assert!(error.to_string().contains("/nowhere/at/all"), "{error}");
    }
}
