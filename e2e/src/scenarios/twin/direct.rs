//! A client for a server itself, past the aggregator: with the administrator's certificate, which the server knows from
//! the cluster's client authority, and the bundle that Annex publishes.

use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};

use super::super::{Failure, World, failure};
use crate::client;

/// A client for the endpoint of the AggregatedServer `name`, in the namespace of that name.
///
/// # Errors
/// It has no endpoint, or no bundle yet.
pub(super) async fn client(world: &World, name: &str) -> Result<Client, Failure> {
    let bundles = Api::<ConfigMap>::namespaced(world.client.clone(), name);
    let bundle = bundles.get(&format!("{name}-ca")).await?.data.unwrap_or_default();
    let pem = bundle
        .get("ca.crt")
        .ok_or_else(|| failure("no bundle is published"))?;
    let slices = Api::<EndpointSlice>::namespaced(world.client.clone(), name);
    let selector = ListParams::default().labels(&format!("kubernetes.io/service-name={name}"));
    let found = slices.list(&selector).await?.items.into_iter().find_map(|slice| {
        let port = slice.ports.as_ref()?.first()?.port?;
        let address = slice
            .endpoints?
            .into_iter()
            .next()?
            .addresses
            .into_iter()
            .next()?;
        Some((address, port))
    });
    let (address, port) = found.ok_or_else(|| failure(format!("{name} has no endpoint")))?;
    let url = format!("https://{address}:{port}");
    let service = format!("{name}.{name}.svc");
    Ok(client::connect_directly(world.tools.kubeconfig(), &url, &service, pem).await?)
}
