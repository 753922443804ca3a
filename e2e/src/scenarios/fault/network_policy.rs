//! Packets to the pods of a server are dropped, as who enforces its namespace's NetworkPolicy would do it: status names the policy.

use annex_crds::v1alpha1::Reason;

use super::{
    super::{Failure, World, ensure, test_server::TestServer},
    clean,
    named::{named, pod},
};
use crate::layout::Layout;
use crate::{exec, node};

const NAME: &str = "fault-policy";
/// A port of this server alone: no other scenario is to lose packets.
const PORT: u16 = 18443;

/// A namespace that denies by default; this cluster has nobody who enforces it.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let layout = world.node()?;
    world.namespace(NAME).await?;
    world.apply(&policies()).await?;
    drop_packets(layout, "-I").await?;
    let told = told(world).await;
    // Whatever came of it.
    let removed = drop_packets(layout, "-D").await;
    told?;
    removed?;
    world.ready(NAME).await?;
    clean(world, &[NAME], NAME).await
}

async fn told(world: &World) -> Result<(), Failure> {
    let server = TestServer {
        workload: "port: 18443",
        ..TestServer::new(NAME, NAME)
    };
    let deed = async { world.apply(&server.yaml()).await };
    let runs = pod(world, &server, |pod| {
        let statuses = pod
            .status
            .as_ref()
            .and_then(|status| status.container_statuses.as_ref());
        statuses.is_some_and(|all| {
            !all.is_empty()
                && all.iter().all(|container| {
                    let state = container.state.as_ref();
                    state.is_some_and(|state| state.running.is_some())
                })
        })
    });
    let message = named(world, NAME, Reason::ConnectionTimeout, deed, runs).await?;
    ensure(
        message.contains("NetworkPolicy default-deny") && !message.contains("of-others"),
        || format!("the message should name the policy default-deny, and no other: {message}"),
    )
}

/// What goes from pod to pod crosses the node's bridge.
async fn drop_packets(layout: &Layout, change: &str) -> Result<(), Failure> {
    let rule = format!("{change} FORWARD -p tcp --dport {PORT} -j DROP");
    exec::run(node::command(layout, "iptables").args(rule.split(' '))).await?;
    Ok(())
}

/// One that selects every pod, and one that selects others.
fn policies() -> String {
    let policy = |name: &str, selector: &str| {
        format!(
            "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: {name}, namespace: {NAME} }}
spec: {{ podSelector: {selector}, policyTypes: [Ingress] }}
"
        )
    };
    let all = policy("default-deny", "{}");
    let others = policy("of-others", "{ matchLabels: { app: nobody } }");
    format!("{all}---{others}")
}
