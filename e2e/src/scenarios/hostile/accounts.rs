//! ServiceAccounts with one right each, and one with those of a user.

use kube::config::{KubeConfigOptions, Kubeconfig};

use crate::attack::{GROUP, ONE, RESOURCE, Target};
use crate::scenarios::{Failure, World, failure};

/// Accounts, the verbs of each, and further arguments of its role.
const ACCOUNTS: [(&str, &str, &str); 5] = [
    ("creator", "create", ""),
    ("patcher", "patch", ""),
    ("reader", "list,watch", ""),
    ("reader-of-one", "get,list,watch", ONE),
    ("user", "get,list,create,delete", ""),
];

/// Makes the accounts and their roles.
pub(super) async fn make(world: &World, namespace: &str) -> Result<(), Failure> {
    for (name, verbs, resource_name) in ACCOUNTS {
        let verbs = verbs.split(',').map(|verb| format!(" --verb={verb}"));
        let mut role = format!("-n {namespace} create role {name} --resource={RESOURCE}.{GROUP}");
        role.extend(verbs);
        if !resource_name.is_empty() {
            role.push_str(&format!(" --resource-name={resource_name}"));
        }
        for line in [
            format!("-n {namespace} create serviceaccount {name}"),
            role,
            format!(
                "-n {namespace} create rolebinding {name} --role={name} --serviceaccount={namespace}:{name}"
            ),
        ] {
            world.kubectl(&line).await?;
        }
    }
    let list = format!("-n {namespace} get {RESOURCE} --as=system:serviceaccount:{namespace}:user");
    world
        .eventually("the user's rights", async || {
            let listed = world.kubectl(&list).await;
            listed.map(|_| ()).map_err(|error| error.to_string())
        })
        .await
}

/// A token of an account.
pub(super) async fn token(world: &World, namespace: &str, account: &str) -> Result<String, Failure> {
    let token = world
        .kubectl(&format!("-n {namespace} create token {account}"))
        .await?;
    Ok(token.trim().to_owned())
}

/// The authority that the operator publishes for a server, PEM.
pub(super) async fn published_authority(world: &World, name: &str) -> Result<String, Failure> {
    let line = format!("-n {name} get configmap {name}-ca -o jsonpath={{.data.ca\\.crt}}");
    world.kubectl(&line).await
}

/// The kube-apiserver, as a client with nothing but its authority.
pub(super) async fn aggregator(world: &World) -> Result<Target, Failure> {
    let kubeconfig = Kubeconfig::read_from(world.tools.kubeconfig())?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let host = config.cluster_url.host().unwrap_or_default().to_owned();
    let port = config.cluster_url.port_u16().unwrap_or(443);
    let mut addresses = tokio::net::lookup_host((host.as_str(), port)).await?;
    let address = addresses
        .next()
        .ok_or_else(|| failure(format!("{host} has no address")))?;
    let authorities = config.root_cert.unwrap_or_default();
    let pem: String = authorities
        .iter()
        .map(|der| pem::encode(&pem::Pem::new("CERTIFICATE", der.clone())))
        .collect();
    Ok(Target::new(address, &host, &pem)?)
}
