//! A server that somebody else runs: what is wrong with its Service, or with what it serves.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};

use super::{
    super::{Failure, World, ensure},
    clean,
    named::{named, runs},
    servers::IMAGE,
};

const NAMESPACE: &str = "fault-backend";
const NAME: &str = "fault-backend";

/// One server, one fault after the other; the first ones before it is ever registered.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.namespace(NAMESPACE).await?;
    world.apply(SERVER).await?;
    let message = named(world, NAME, Reason::ServiceUnusable, super::named::at_once()).await?;
    ensure(message.contains("adapter"), || {
        format!("the message does not name the Service: {message}")
    })?;

    world.apply(&service(8444)).await?;
    world.apply(&deployment("serve")).await?;
    let message = named(world, NAME, Reason::ConnectionRefused, running(world, "serve")).await?;
    ensure(message.contains(":8444"), || {
        format!("the message does not name the port: {message}")
    })?;
    world.apply(&service(8443)).await?;
    world.ready(NAME).await?;

    world.apply(&deployment("wrong-san")).await?;
    named(world, NAME, Reason::CaNotTrusted, running(world, "wrong-san")).await?;
    world.apply(&deployment("serve")).await?;
    world.ready(NAME).await?;
    clean(world, &[NAME], NAMESPACE).await
}

/// A pod of this mode runs.
async fn running(world: &World, mode: &str) -> Result<(), Failure> {
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), NAMESPACE);
    let of_mode = ListParams::default().labels(&format!("mode={mode}"));
    world
        .eventually(&format!("a running pod in mode {mode}"), async || {
            let list = pods.list(&of_mode).await.map_err(|error| error.to_string())?;
            let running = list.items.iter().any(runs);
            running
                .then_some(())
                .ok_or_else(|| format!("{} pod(s), none runs", list.items.len()))
        })
        .await
}

const SERVER: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: fault-backend }
spec:
  namespace: fault-backend
  apis: [{ group: fault-backend.example.com, version: v1 }]
  service: { name: adapter, port: 443 }
";

fn service(target_port: u16) -> String {
    format!(
        "
apiVersion: v1
kind: Service
metadata: {{ name: adapter, namespace: {NAMESPACE} }}
spec: {{ selector: {{ app: adapter }}, ports: [{{ name: https, port: 443, targetPort: {target_port} }}] }}
"
    )
}

/// As a chart writes it that knows nothing of Annex but the Secret's name.
fn deployment(mode: &str) -> String {
    format!(
        "
apiVersion: apps/v1
kind: Deployment
metadata: {{ name: adapter, namespace: {NAMESPACE} }}
spec:
  selector: {{ matchLabels: {{ app: adapter }} }}
  template:
    metadata: {{ labels: {{ app: adapter, mode: {mode} }} }}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: adapter
        image: {IMAGE}
        args: [--mode={mode}, --group=fault-backend.example.com, --version=v1, --tls-cert-file=/tls/tls.crt, --tls-private-key-file=/tls/tls.key]
        volumeMounts: [{{ name: tls, mountPath: /tls }}]
      volumes:
      - {{ name: tls, secret: {{ secretName: {NAME}-serving-cert }} }}
"
    )
}
