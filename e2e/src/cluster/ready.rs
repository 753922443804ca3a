//! Waiting until a cluster is what people and tests take it for.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, ServiceAccount};
use kube::Client;
use kube::api::Api;

use super::{Error, log_tail};
use crate::client::{self, eventually};
use crate::components::{self, Component};
use crate::layout::Layout;
use crate::progress;

/// How long the cluster may take for each of its steps to ready, on a machine that does much else besides.
const PATIENCE: Duration = Duration::from_secs(180);

/// How often components that end by themselves are started again: some do while kube-apiserver is away.
const RESTARTS: u32 = 10;

/// How many lines of a log are shown when something went wrong.
const LAST_LINES: usize = 15;

/// Waits until a component says that it is well.
pub(super) async fn wait_well(layout: &Layout, component: Component) -> Result<(), Error> {
    let Some((server, path)) = component.health(layout) else {
        return Ok(());
    };
    let client = client::connect_to(&layout.kubeconfig(), &server).await?;
    wait_for(layout, component.name(), async || {
        client::get(&client, path)
            .await
            .map(drop)
            .map_err(|error| error.to_string())
    })
    .await
}

/// Waits until all that people and tests take for granted is there.
pub(super) async fn wait_ready(layout: &Layout) -> Result<(), Error> {
    for component in [Component::KubeApiserver].into_iter().chain(Component::ALL) {
        wait_well(layout, component).await?;
    }
    components::wait_for_containerd(layout).await?;
    let client = client::connect(&layout.kubeconfig()).await?;
    wait_for(layout, "the node", async || {
        node_ready(&client, layout.name()).await
    })
    .await?;
    wait_for(layout, "DNS", async || dns_ready(&client).await).await?;
    wait_for(layout, "the default service account", async || {
        let accounts = Api::<ServiceAccount>::namespaced(client.clone(), "default");
        accounts.get("default").await.map_err(|error| error.to_string())
    })
    .await?;
    // Until then kubectl cannot validate what it sends.
    wait_for(layout, "the OpenAPI document", async || {
        let text = client::get(&client, "/openapi/v2")
            .await
            .map_err(|error| error.to_string())?;
        if text.contains("io.k8s.api.core.v1.Pod") {
            Ok(())
        } else {
            Err("it is incomplete".to_owned())
        }
    })
    .await
}

/// Waits for something that comes only while all components run.
async fn wait_for<T>(
    layout: &Layout,
    what: &str,
    look: impl AsyncFnMut() -> Result<T, String>,
) -> Result<T, Error> {
    tokio::select! {
        result = eventually(what, PATIENCE, look) => Ok(result?),
        error = supervise(layout) => Err(error),
    }
}

/// Starts components that have ended by themselves again, as an init system would. Returns when one ends too often.
async fn supervise(layout: &Layout) -> Error {
    let mut restarts = 0;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let ended = Component::ALL
            .into_iter()
            .find(|component| component.has_ended(layout));
        let Some(component) = ended else { continue };
        if restarts == RESTARTS {
            return Error::Ended {
                component: component.name(),
                log: layout.log(component.name()),
                tail: log_tail(layout, component, LAST_LINES).unwrap_or_default(),
            };
        }
        restarts += 1;
        progress::say(format!("    {} has ended, starting it again", component.name()));
        if let Err(error) = component.start(layout).await {
            return error.into();
        }
    }
}

async fn node_ready(client: &Client, name: &str) -> Result<(), String> {
    let node = Api::<Node>::all(client.clone())
        .get(name)
        .await
        .map_err(|error| error.to_string())?;
    let conditions = node
        .status
        .and_then(|status| status.conditions)
        .unwrap_or_default();
    let ready = conditions
        .into_iter()
        .find(|condition| condition.type_ == "Ready");
    match ready {
        Some(condition) if condition.status == "True" => Ok(()),
        Some(condition) => Err(condition.message.unwrap_or_default()),
        None => Err("it has not reported yet".to_owned()),
    }
}

async fn dns_ready(client: &Client) -> Result<(), String> {
    let deployments = Api::<Deployment>::namespaced(client.clone(), "kube-system");
    let status = deployments
        .get("coredns")
        .await
        .map_err(|error| error.to_string())?
        .status;
    match status.and_then(|status| status.available_replicas) {
        Some(1..) => Ok(()),
        _ => Err("CoreDNS is not available".to_owned()),
    }
}
