//! Servers whose endpoints take packets and never answer delay themselves alone: another one becomes Ready beside them, and what is changed of
//! them is seen, while each says what is wrong with it.

use std::time::Duration;

use annex_crds::v1alpha1::Reason;
use futures::future::try_join_all;

use super::{
    super::{Failure, World, ensure, failure, test_server::TestServer},
    clean,
};
use crate::layout::Layout;
use crate::{exec, node};

const NAMESPACE: &str = "fault-black-holes";
const HEALTHY: &str = "fault-beside-holes";
const HOLES: [&str; 8] = [
    "fault-hole-1",
    "fault-hole-2",
    "fault-hole-3",
    "fault-hole-4",
    "fault-hole-5",
    "fault-hole-6",
    "fault-hole-7",
    "fault-hole-8",
];
/// Endpoints of each: connecting to all of them, some at once, takes a multiple of the five seconds after which one is given up.
const ENDPOINTS: usize = 24;
/// Addresses of documentation, which nobody has (RFC 5737). The node drops what its pods send there without a word: an address of the pods' own
/// network that nobody has is told as unreachable.
const NOWHERE: &str = "192.0.2.0/24";
/// Many times what a server takes from apply to Ready, and a fraction of what it takes in the queue of the others.
const LIMIT: Duration = Duration::from_secs(60);

/// Eight such servers, and one that is healthy.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let layout = world.node()?;
    world.namespace(NAMESPACE).await?;
    ip_route(layout, &["replace", "blackhole", NOWHERE]).await?;
    let told = beside_each_other(world).await;
    // Whatever came of it: no other scenario is to lose packets.
    let removed = ip_route(layout, &["delete", "blackhole", NOWHERE]).await;
    told?;
    removed?;
    clean(world, &[&HOLES[..], &[HEALTHY]].concat(), NAMESPACE).await
}

async fn beside_each_other(world: &World) -> Result<(), Failure> {
    let manifests: Vec<String> = (0..)
        .zip(HOLES)
        .map(|(number, name)| hole(number, name))
        .collect();
    world.apply(&manifests.join("---")).await?;
    try_join_all(HOLES.map(|name| timed_out(world, name))).await?;
    let server = TestServer::new(HEALTHY, NAMESPACE);
    world.apply(&server.yaml()).await?;
    try_join_all(HOLES.map(|name| changed(world, name))).await?;
    let seen = async {
        tokio::try_join!(
            world.ready(HEALTHY),
            try_join_all(HOLES.map(|name| world.observed(name)))
        )
    };
    tokio::time::timeout(LIMIT, seen).await.map_err(|_| {
        failure(format!(
            "within {} s the healthy server was not Ready, or a change of one of the others not seen",
            LIMIT.as_secs()
        ))
    })??;
    for name in HOLES {
        let conditions = world
            .servers()
            .get(name)
            .await?
            .status
            .unwrap_or_default()
            .conditions;
        let told = conditions
            .iter()
            .any(|condition| condition.reason == Reason::ConnectionTimeout.as_str());
        ensure(told, || {
            format!("{name} no longer says that it is timed out: {conditions:?}")
        })?;
    }
    Ok(())
}

async fn ip_route(layout: &Layout, arguments: &[&str]) -> Result<(), Failure> {
    exec::run(node::command(layout, "ip").arg("route").args(arguments)).await?;
    Ok(())
}

async fn timed_out(world: &World, name: &str) -> Result<(), Failure> {
    let reason = Reason::ConnectionTimeout.as_str();
    world.condition(name, "Available", "False", Some(reason)).await
}

/// Changes what would be registered; the server is asked nothing else for it.
async fn changed(world: &World, name: &str) -> Result<(), Failure> {
    let patch = r#"[{"op":"add","path":"/spec/apis/0/groupPriorityMinimum","value":2000}]"#;
    let line = ["patch", "aggregatedserver", name, "--type=json", "-p", patch];
    world.tools.kubectl(&line).await?;
    Ok(())
}

/// A Service without a selector, an EndpointSlice by hand, and the server that they make; its endpoints are no other's.
fn hole(number: usize, name: &str) -> String {
    let addresses = (1..=ENDPOINTS).map(|endpoint| format!("192.0.2.{}", number * ENDPOINTS + endpoint));
    let endpoints: Vec<String> = addresses
        .map(|address| format!("{{ addresses: [{address}], conditions: {{ ready: true }} }}"))
        .collect();
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: {name}, namespace: {NAMESPACE} }}
spec: {{ ports: [{{ name: https, port: 443 }}] }}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{ name: {name}, namespace: {NAMESPACE}, labels: {{ kubernetes.io/service-name: {name} }} }}
addressType: IPv4
ports: [{{ name: https, port: 8443 }}]
endpoints: [{endpoints}]
---
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {NAMESPACE}
  apis: [{{ group: {name}.example.com, version: v1 }}]
  service: {{ name: {name}, port: 443 }}
",
        endpoints = endpoints.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{ENDPOINTS, HOLES};

    #[test]
    fn endpoints_are_addresses_of_nobody() {
        let last = u8::try_from(HOLES.len() * ENDPOINTS).unwrap();
        assert!(Ipv4Addr::new(192, 0, 2, last).is_documentation());
        assert!(last < u8::MAX);
    }
}
