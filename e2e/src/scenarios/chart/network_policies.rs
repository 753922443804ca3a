//! NetworkPolicies that somebody enforces: a namespace that denies by default breaks a server, and the operator's probes, until the policy of the
//! documents lets in whom a server needs, and the chart's policy lets the operator work; its port of metrics is for those whom the chart names.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};

use super::super::{
    Failure, World, ensure, failure,
    load::ask,
    operator,
    test_server::{IMAGE, TestServer},
};
use super::process::ready_pods;
use crate::components::network_policies::NetworkPolicies;
use crate::install::{self, NAMESPACE};

/// Server and namespace.
const NAME: &str = "policies";
/// The policy of the documents.
const EXAMPLE: &str = include_str!("../../../../docs/examples/network-policy.yaml");
/// Who reads metrics.
const METRICS_FROM: &str = r#"--set-json=networkPolicy.metricsFrom=[{"namespaceSelector":{},"podSelector":{"matchLabels":{"reads":"metrics"}}}]"#;

pub(super) async fn enforced(world: &World) -> Result<(), Failure> {
    let layout = world.node()?;
    ready_pods(world).await?;
    let enforcer = NetworkPolicies::start(layout).await?;
    let seen = looked_at(world).await;
    // Whatever came of it.
    let stopped = enforcer.stop().await;
    let removed = world
        .kubectl(&format!(
            "-n {NAMESPACE} delete networkpolicy default-deny --ignore-not-found"
        ))
        .await;
    upgrade(world, &[]).await?;
    seen?;
    stopped?;
    removed?;
    world.delete("aggregatedserver", NAME).await?;
    world.delete("namespace", NAME).await
}

async fn looked_at(world: &World) -> Result<(), Failure> {
    server_is_let_in(world).await?;
    operator_is_let_out(world).await?;
    metrics_are_for_few(world).await
}

/// A server in a namespace that denies by default.
async fn server_is_let_in(world: &World) -> Result<(), Failure> {
    let server = TestServer::new(NAME, NAME);
    world.namespace(NAME).await?;
    world.apply(&default_deny(NAME)).await?;
    world.apply(&server.yaml()).await?;
    let reason = Reason::ConnectionTimeout.as_str();
    world.condition(NAME, "Available", "False", Some(reason)).await?;
    world
        .eventually("the policy in the message", async || {
            let status = world
                .servers()
                .get(NAME)
                .await
                .map_err(|error| error.to_string())?
                .status;
            let conditions = status.unwrap_or_default().conditions;
            let named = conditions.iter().any(|condition| {
                condition.reason == reason && condition.message.contains("NetworkPolicy default-deny")
            });
            if named {
                Ok(())
            } else {
                Err(format!("{conditions:?}"))
            }
        })
        .await?;
    let example = EXAMPLE.replace("namespace: wardle", &format!("namespace: {NAME}"));
    ensure(example != EXAMPLE, || {
        "the example has another namespace".to_owned()
    })?;
    world.apply(&example).await?;
    world.ready(NAME).await?;
    ask(&world.client, &server.object_path()).await.map_err(failure)
}

/// The operator in a namespace that denies by default: without a policy of its own its probes get no answer. What it asks the kube-apiserver
/// is not looked at here, since that runs on the same node.
async fn operator_is_let_out(world: &World) -> Result<(), Failure> {
    upgrade(world, &["--set=networkPolicy.enabled=false"]).await?;
    world.apply(&default_deny(NAMESPACE)).await?;
    // Connections that stand already are let go on.
    operator::restart(world).await?;
    let reason = Reason::ReadinessFailed.as_str();
    world.condition(NAME, "Degraded", "True", Some(reason)).await?;
    upgrade(world, &[METRICS_FROM]).await?;
    let patch = r#"[{"op":"add","path":"/spec/apis/0/groupPriorityMinimum","value":2000}]"#;
    let line = ["patch", "aggregatedserver", NAME, "--type=json", "-p", patch];
    world.tools.kubectl(&line).await?;
    world.observed(NAME).await?;
    world.ready(NAME).await
}

/// The operator's port of metrics, asked by a pod that the chart names, and by one without its label.
async fn metrics_are_for_few(world: &World) -> Result<(), Failure> {
    world.apply(&asker("reader", "reads: metrics")).await?;
    world.apply(&asker("stranger", "reads: nothing")).await?;
    let line = format!("-n {NAME} wait --for=condition=Ready pod/reader pod/stranger --timeout=180s");
    world.kubectl(&line).await?;
    let operators = operators(world).await?;
    let address = operators
        .iter()
        .find_map(|pod| pod.status.as_ref()?.pod_ip.clone())
        .ok_or_else(|| failure("the operator has no address"))?;
    let request = |pod: &str, port: u16, path: &str| {
        format!("-n {NAME} exec {pod} -- /annex-e2e-server request --url=http://{address}:{port}/{path}")
    };
    for (pod, port, path) in [("reader", 8080, "metrics"), ("stranger", 8081, "livez")] {
        let answer = world.kubectl(&request(pod, port, path)).await?;
        ensure(answer.starts_with("HTTP 200\n"), || {
            format!("{pod} should be let in: {answer}")
        })?;
    }
    world
        .kubectl_fails(&request("stranger", 8080, "metrics"))
        .await
        .map(|_| ())
}

async fn operators(world: &World) -> Result<Vec<Pod>, Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
    let ours = ListParams::default().labels("app.kubernetes.io/name=annex");
    let pods = pods.list(&ours).await?.items;
    Ok(pods
        .into_iter()
        .filter(|pod| pod.metadata.deletion_timestamp.is_none())
        .collect())
}

async fn upgrade(world: &World, more: &[&str]) -> Result<(), Failure> {
    let arguments = install::operator_arguments(more);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    world.tools.helm(&arguments).await?;
    Ok(())
}

fn default_deny(namespace: &str) -> String {
    format!(
        "
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{ name: default-deny, namespace: {namespace} }}
spec: {{ podSelector: {{}}, policyTypes: [Ingress{egress}] }}
",
        egress = if namespace == NAMESPACE { ", Egress" } else { "" }
    )
}

fn asker(name: &str, label: &str) -> String {
    format!(
        "
apiVersion: v1
kind: Pod
metadata: {{ name: {name}, namespace: {NAME}, labels: {{ {label} }} }}
spec:
  terminationGracePeriodSeconds: 1
  automountServiceAccountToken: false
  containers: [{{ name: asker, image: '{IMAGE}', args: [wait] }}]
"
    )
}
