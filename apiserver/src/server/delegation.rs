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
use crate::config::{Cluster, Config};
use crate::kubernetes::{self, ClientError};

/// Who says who somebody is and what they may.
pub(super) struct Delegation {
    pub(super) authenticator: Authenticator,
    pub(super) authorizer: Authorizer,
    /// Refuses writes into namespaces that are not there.
    pub(super) lifecycle: Option<Arc<NamespaceLifecycle>>,
    /// Of a server without a cluster: the token of its user.
    pub(super) token: Option<String>,
}

/// Sets it up. Nothing of it waits for the cluster but the first look at whom to trust.
pub(super) async fn delegation(config: &Config) -> Result<Delegation, StartError> {
    match &config.cluster {
        Cluster::None { .. } => alone(),
        Cluster::Delegated {
            authentication,
            authentication_kubeconfig,
            authorization,
            authorization_kubeconfig,
            kubeconfig,
        } => {
            let mut clients = Clients::default();
            let tokens = clients.get(authentication_kubeconfig.as_deref()).await?;
            let reviews = clients.get(authorization_kubeconfig.as_deref()).await?;
            let lifecycle = match config.namespace_lifecycle {
                true => Some(Arc::new(NamespaceLifecycle::new(
                    clients.get(kubeconfig.as_deref()).await?,
                ))),
                false => None,
            };
            Ok(Delegation {
                authenticator: authn::build(authentication.clone(), Some(tokens)).await?,
                authorizer: authz::build(authorization.clone(), Some(reviews))?,
                lifecycle,
                token: None,
            })
        }
    }
}

fn alone() -> Result<Delegation, StartError> {
    let token = standalone::token();
    Ok(Delegation {
        authenticator: Authenticator::static_tokens([(token.clone(), standalone::user())]),
        authorizer: authz::build(authz::Options::default(), None)?,
        lifecycle: None,
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
