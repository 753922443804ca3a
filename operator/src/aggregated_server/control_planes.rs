//! The kube-apiservers of the cluster, each by its own address: the Service `default/kubernetes` leads to any of them.

use std::sync::Arc;

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Api, Client, Config, api::ListParams};

/// How many of them are asked for their own view.
pub const MAX_CONTROL_PLANES: usize = 16;

/// The name that a kube-apiserver's certificate always has.
const SERVER_NAME: &str = "kubernetes.default.svc";

/// `host:port` of every kube-apiserver: the endpoints of the Service `default/kubernetes`.
///
/// # Errors
/// They cannot be listed.
pub async fn addresses(client: &Client) -> Result<Vec<String>, kube::Error> {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let of_kubernetes = ListParams::default().labels("kubernetes.io/service-name=kubernetes");
    let mut addresses = Vec::new();
    for slice in slices.list(&of_kubernetes).await? {
        let port = slice
            .ports
            .iter()
            .flatten()
            .find_map(|port| port.port)
            .unwrap_or(6443);
        for address in slice
            .endpoints
            .iter()
            .flatten()
            .flat_map(|endpoint| &endpoint.addresses)
        {
            let host = if address.contains(':') {
                format!("[{address}]")
            } else {
                address.clone()
            };
            addresses.push(format!("{host}:{port}"));
        }
    }
    Ok(addresses)
}

/// Makes a client of one kube-apiserver, by its `host:port`; or says why it cannot.
pub type Clients = Arc<dyn Fn(&str) -> Result<Client, String> + Send + Sync>;

/// Clients as `config` says, but for the address.
#[must_use]
pub fn over_network(config: Config) -> Clients {
    Arc::new(move |address| client_of(&config, address))
}

/// A client of the one at `address`. It asks once.
///
/// # Errors
/// Why there is none, as the end of a sentence about it.
pub fn client_of(config: &Config, address: &str) -> Result<Client, String> {
    let mut config = config.clone();
    config.default_retry = false;
    config.cluster_url = format!("https://{address}")
        .parse()
        .map_err(|error| format!("has no usable address: {error}"))?;
    config.tls_server_name = Some(SERVER_NAME.to_owned());
    Client::try_from(config).map_err(|error| format!("cannot be reached: {error}"))
}
