//! What a test follows by watches, for as long as it holds them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures::{Stream, StreamExt as _};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client, ResourceExt as _};
use tokio::sync::watch;

use super::handshake::Bundle;
use crate::scenarios::follow::{self, Steady};

pub(crate) use crate::scenarios::follow::Task;

/// An object by its name, as it changes, while there is one.
pub(in crate::scenarios) fn object<K>(api: Api<K>, name: &str) -> impl Stream<Item = K> + Send + use<K>
where
    K: kube::Resource + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + 'static,
    K::DynamicType: Clone,
{
    follow::object(api, name).filter_map(async |object| object)
}

/// The bundle that an APIService publishes; `None` before it was read.
pub(crate) fn bundle(client: &Client, api_service: &str) -> (Task, watch::Receiver<Option<Arc<Bundle>>>) {
    let (sender, receiver) = watch::channel(None);
    let stream = object(Api::<APIService>::all(client.clone()), api_service);
    let task = Task::spawn(async move {
        let mut stream = std::pin::pin!(stream);
        while let Some(service) = stream.next().await {
            let bundle = service.spec.and_then(|spec| spec.ca_bundle).unwrap_or_default();
            sender.send_replace(Some(Arc::new(Bundle::new(bundle.0))));
        }
    });
    (task, receiver)
}

/// The addresses that a Service sends requests to; `None` before they were read.
pub(in crate::scenarios) fn endpoints(
    client: &Client,
    namespace: &str,
    service: &str,
) -> (Task, watch::Receiver<Option<Vec<SocketAddr>>>) {
    let (sender, receiver) = watch::channel(None);
    let api: Api<EndpointSlice> = Api::namespaced(client.clone(), namespace);
    let of_service = watcher::Config::default().labels(&format!("kubernetes.io/service-name={service}"));
    let stream = watcher(api, of_service).backoff(Steady);
    let task = Task::spawn(async move {
        let mut stream = std::pin::pin!(stream);
        let mut slices = BTreeMap::new();
        while let Some(event) = stream.next().await {
            match event {
                Ok(watcher::Event::Init) => slices.clear(),
                Ok(watcher::Event::InitApply(slice)) => {
                    slices.insert(slice.name_any(), slice);
                    continue;
                }
                Ok(watcher::Event::Apply(slice)) => {
                    slices.insert(slice.name_any(), slice);
                }
                Ok(watcher::Event::Delete(slice)) => {
                    slices.remove(&slice.name_any());
                }
                Ok(watcher::Event::InitDone) => {}
                Err(_) => continue,
            }
            if !slices.is_empty() {
                sender.send_replace(Some(slices.values().flat_map(ready).collect()));
            }
        }
    });
    (task, receiver)
}

/// The addresses of a slice that requests are sent to.
pub(in crate::scenarios) fn ready(slice: &EndpointSlice) -> Vec<SocketAddr> {
    let port = slice.ports.iter().flatten().find_map(|port| port.port);
    let Some(port) = port.and_then(|port| u16::try_from(port).ok()) else {
        return Vec::new();
    };
    slice
        .endpoints
        .iter()
        .flatten()
        .filter(|endpoint| {
            endpoint
                .conditions
                .as_ref()
                .is_none_or(|conditions| conditions.ready != Some(false))
        })
        .flat_map(|endpoint| &endpoint.addresses)
        .filter_map(|address| address.parse::<IpAddr>().ok())
        .map(|address| SocketAddr::new(address, port))
        .collect()
}
