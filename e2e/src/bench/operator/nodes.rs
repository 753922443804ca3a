//! Fake nodes, whose pods kwok calls running and Ready at once, all of them at the address of the one server of [`super::server`].
//! Scheduler, EndpointSlices and kube-proxy's rules are real.

use std::net::SocketAddr;
use std::time::Duration;

use futures::future::try_join_all;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, Patch, PatchParams};
use serde_json::json;

use super::Error;
use crate::bench::operator::watched;
use crate::components;
use crate::layout::Layout;
use crate::programs::{self, Program};
use crate::{files, node};

/// The label of fake nodes, the key of the taint that keeps other pods away, and the annotation by which kwok knows them.
pub(super) const FAKE: &str = "kwok.x-k8s.io/node";
/// Its value.
pub(super) const FAKE_VALUE: &str = "fake";

/// The port of every workload.
pub(super) const PORT: u16 = 8443;

/// How many pods a node has.
const PODS: usize = 100;

const STAGES: &str = include_str!("stages.yaml");

/// How long nodes may take to be ready.
const LIMIT: Duration = Duration::from_secs(120);

/// Where the one server listens: an address of the node's, which pods, kube-apiserver and this machine reach.
pub(super) fn address(layout: &Layout) -> SocketAddr {
    (layout.node_address(), PORT).into()
}

/// Starts the one server and kwok in the node, and makes nodes for so many pods. All of it goes with the cluster.
pub(super) async fn start(layout: &Layout, client: &Client, pods: usize) -> Result<(), Error> {
    let kubeconfig = format!("--kubeconfig={}", layout.kubeconfig().display());
    let server = [
        "bench-server".to_owned(),
        kubeconfig.clone(),
        format!("--address={}", address(layout)),
    ];
    let program = components::own_program(layout)?;
    node::start(layout, &program, &server, &layout.log("bench-server"))?;
    let stages = layout.path("config/stages.yaml");
    files::write(
        &stages,
        STAGES.replace("ADDRESS", &layout.node_address().to_string()),
    )?;
    let kwok = [
        kubeconfig,
        format!("--config={}", stages.display()),
        format!("--manage-nodes-with-annotation-selector={FAKE}={FAKE_VALUE}"),
        "--node-lease-duration-seconds=40".to_owned(),
    ];
    let program = programs::path(Program::Kwok).await?;
    node::start(layout, &program, &kwok, &layout.log("kwok"))?;
    make(client, pods.div_ceil(PODS)).await
}

async fn make(client: &Client, count: usize) -> Result<(), Error> {
    let nodes = Api::<Node>::all(client.clone());
    let one = async |index: usize| {
        let name = format!("fake-{index}");
        let manifest = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": name,
                "labels": { FAKE: FAKE_VALUE },
                "annotations": { FAKE: FAKE_VALUE },
            },
            "spec": { "taints": [{ "key": FAKE, "value": FAKE_VALUE, "effect": "NoSchedule" }] },
        });
        nodes
            .patch(&name, &PatchParams::apply("annex-e2e"), &Patch::Apply(manifest))
            .await
            .map_err(Error::from)
    };
    try_join_all((0..count).map(one)).await?;
    watched::all(nodes.clone(), "fake nodes", Some(FAKE), count, LIMIT, ready).await
}

/// What there is instead of a ready node.
fn ready(node: &Node) -> Option<String> {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    match ready {
        Some(condition) if condition.status == "True" => None,
        Some(condition) => Some(format!("{:?}", condition.message)),
        None => Some("it has no condition".to_owned()),
    }
}
