//! Who says who somebody is and what they may: a cluster, or this process alone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kube::Client;

use super::standalone;
use super::start::StartError;
use crate::admission::NamespaceLifecycle;
use crate::authn::{self, Authenticator};
use crate::authz::{self, Authorizer};
use crate::background::BackgroundTask;
use crate::config::{Cluster, Config, Delegated};
use crate::kubernetes::{self, ClientError};

/// Who says who somebody is and what they may.
pub(super) struct Delegation {
    pub(super) authenticator: Authenticator,
    pub(super) authorizer: Authorizer,
    /// Refuses writes into namespaces that are not there.
    pub(super) lifecycle: Option<Arc<NamespaceLifecycle>>,
    /// The cluster, for everything else.
    pub(super) cluster: Option<Client>,
    /// Of a server without a cluster: the token of its user.
    pub(super) token: Option<String>,
}

impl Delegation {
    /// What goes on in the background.
    pub(super) fn background(&self) -> Vec<BackgroundTask> {
        let namespaces = self.lifecycle.iter().map(|lifecycle| lifecycle.background());
        let authenticator = self.authenticator.background().iter();
        authenticator.chain(namespaces).cloned().collect()
    }
}

/// Sets it up. Nothing of it waits for the cluster but the first look at whom to trust.
/// `needs_cluster`: somebody else asks the cluster too.
pub(super) async fn delegation(config: &Config, needs_cluster: bool) -> Result<Delegation, StartError> {
    match &config.cluster {
        Cluster::None { .. } => alone(),
        Cluster::Delegated(cluster) => by_cluster(cluster, config.namespace_lifecycle, needs_cluster).await,
    }
}

async fn by_cluster(
    cluster: &Delegated,
    namespace_lifecycle: bool,
    needs_cluster: bool,
) -> Result<Delegation, StartError> {
    let mut clients = Clients::default();
    let tokens = clients.get(cluster.authentication_kubeconfig.as_deref()).await?;
    let reviews = clients.get(cluster.authorization_kubeconfig.as_deref()).await?;
    let client = if namespace_lifecycle || needs_cluster {
        Some(clients.get(cluster.kubeconfig.as_deref()).await?)
    } else {
        None
    };
    let lifecycle = client.as_ref().filter(|_| namespace_lifecycle);
    let lifecycle = lifecycle.map(|client| Arc::new(NamespaceLifecycle::new(client.clone())));
    Ok(Delegation {
        authenticator: authn::build(cluster.authentication.clone(), Some(tokens)).await?,
        authorizer: authz::build(cluster.authorization.clone(), Some(reviews))?,
        lifecycle,
        cluster: client,
        token: None,
    })
}

fn alone() -> Result<Delegation, StartError> {
    let token = standalone::token();
    Ok(Delegation {
        authenticator: Authenticator::static_tokens([(token.clone(), standalone::user())]),
        authorizer: authz::build(authz::Options::default(), None)?,
        lifecycle: None,
        cluster: None,
        token: Some(token),
    })
}

/// Clients by their kubeconfig: two flags that name one file share a connection.
#[derive(Default)]
struct Clients(BTreeMap<Option<PathBuf>, Client>);

impl Clients {
    async fn get(&mut self, kubeconfig: Option<&Path>) -> Result<Client, ClientError> {
        let key = kubeconfig.map(Path::to_owned);
        if let Some(client) = self.0.get(&key) {
            return Ok(client.clone());
        }
        let client = kubernetes::client(kubeconfig).await?;
        self.0.insert(key, client.clone());
        Ok(client)
    }
}
