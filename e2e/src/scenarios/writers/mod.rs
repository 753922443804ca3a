//! Who writes the objects of a server with `/status`, `/scale` and server-side apply: people with kubectl and helm, Kubernetes' own
//! controllers, and programs on controller-runtime, Flux and client-go. All write Widgets, of the library's example `widgets`.

mod apply;
mod clients;
mod controllers;
mod helm;
mod subresources;
mod user;

use serde_json::Value;

use super::{Failure, Lane, Scenario, World, stage};
use user::User;

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "writers/kubectl",
        lane: Lane::Widgets,
        long: false,
        needs_node: false,
        run: |world| Box::pin(kubectl(world)),
    },
    Scenario {
        name: "writers/controllers",
        lane: Lane::Widgets,
        long: false,
        needs_node: false,
        run: |world| Box::pin(programs(world)),
    },
];

/// What the program `name` of `e2e/go/writers` tells of the objects in a namespace.
pub(super) async fn saw(world: &World, namespace: &str, name: &str, wanted: &Value) -> Result<(), Failure> {
    clients::saw(&User::new(world, namespace), name, wanted).await
}

async fn kubectl(world: &World) -> Result<(), Failure> {
    let name = "writers-kubectl";
    let user = User::new(world, name);
    stage::made(world, name, &server(name)).await?;
    apply::documented(&user).await?;
    apply::server_side(&user).await?;
    apply::diff(&user).await?;
    apply::upgrade(&user).await?;
    apply::other_version(&user).await?;
    subresources::patch_and_edit(&user).await?;
    subresources::scale(&user).await?;
    subresources::status(&user).await?;
    helm::releases(&user).await?;
    stage::cleared(world, name).await
}

async fn programs(world: &World) -> Result<(), Failure> {
    let name = "writers-controllers";
    let user = User::new(world, name);
    stage::made(world, name, &server(name)).await?;
    // Kubernetes' controllers look at new APIs and at autoscalers now and then: begun first, looked at last.
    controllers::begin(&user).await?;
    clients::all(&user).await?;
    controllers::done(&user).await?;
    stage::cleared(world, name).await
}

/// An AggregatedServer of the Widgets, in the namespace of its name, which keeps them as long as its pod lives.
fn server(name: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {name}
  apis:
  - {{ group: peer.example.com, version: v1 }}
  - {{ group: peer.example.com, version: v1beta1 }}
  workload:
    image: localhost/widgets:0.1.0
    args: [--data-dir=/data]
    template:
      spec:
        terminationGracePeriodSeconds: 5
        containers:
        - name: server
          volumeMounts: [{{ name: data, mountPath: /data }}]
        volumes:
        - {{ name: data, emptyDir: {{}} }}
"
    )
}
