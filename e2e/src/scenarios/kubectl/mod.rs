//! What a user of the cluster does with an API that Annex registered: kubectl, word for word.

mod large;
mod verbs;
mod watch;

use serde_json::Value;

use super::{Failure, Lane, Scenario, World, ensure, etcd, sample, world};
use large::Storage;
use verbs::Server;

/// The scenarios of this file.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "kubectl/embedded",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(embedded(world)),
    },
    Scenario {
        name: "kubectl/two-replicas",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(two_replicas(world)),
    },
    Scenario {
        name: "kubectl/go",
        lane: Lane::Wardle,
        long: false,
        needs_node: false,
        run: |world| Box::pin(go(world)),
    },
];

/// Annex's wardle with a volume of its own.
async fn embedded(world: &World) -> Result<(), Failure> {
    let yaml = world::embedded_server(sample::NAME, sample::NAME, "");
    world.namespace(sample::NAME).await?;
    sample::start_from(world, &yaml).await?;
    let replicas = world
        .kubectl("-n wardle get statefulset wardle -o jsonpath={.spec.replicas}")
        .await?;
    ensure(replicas == "1", || format!("{replicas} replicas instead of 1"))?;
    applied_again_is_unchanged(world, &yaml).await?;
    verbs::all(world, Server::Annex).await?;
    large::requests(world, Storage::Embedded).await?;
    sample::stop(world).await?;
    gone(world).await
}

/// The Go sample-apiserver with its etcd in the same pod.
async fn go(world: &World) -> Result<(), Failure> {
    let yaml = world::go_sample_server(sample::NAME, sample::NAME, "");
    world.namespace(sample::NAME).await?;
    sample::start_from(world, &yaml).await?;
    applied_again_is_unchanged(world, &yaml).await?;
    verbs::all(world, Server::Go).await?;
    sample::stop(world).await?;
    gone(world).await
}

/// Defaults that the API server fills in are no difference to the file that was applied.
async fn applied_again_is_unchanged(world: &World, yaml: &str) -> Result<(), Failure> {
    let said = world.apply(yaml).await?;
    ensure(said == "aggregatedserver.annex.dev/wardle unchanged\n", || {
        format!("a second `kubectl apply` says: {said}")
    })?;
    // It exits with 1 where there is a difference.
    world.tools.kubectl_with(&["diff", "-f", "-"], yaml).await?;
    Ok(())
}

/// Two pods that share an etcd, so that either may answer.
async fn two_replicas(world: &World) -> Result<(), Failure> {
    world.namespace(sample::NAME).await?;
    world.apply(&etcd::plain(sample::NAME)).await?;
    world
        .kubectl("-n wardle rollout status deployment/etcd --timeout=180s")
        .await?;
    sample::start_from(world, TWO_REPLICAS).await?;
    every_endpoint_is_ready(world).await?;
    verbs::all(world, Server::Annex).await?;
    large::requests(world, Storage::Etcd).await?;
    disruption_budget_follows_replicas(world).await?;
    sample::stop(world).await?;
    gone(world).await
}

/// The second pod may come a moment after the first, which makes the server Ready.
async fn every_endpoint_is_ready(world: &World) -> Result<(), Failure> {
    let line = "-n wardle get endpointslices -l kubernetes.io/service-name=wardle -o json";
    world
        .eventually("two endpoints, both ready", async || {
            let text = world.kubectl(line).await.map_err(|error| error.to_string())?;
            let slices: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let ready: Vec<bool> = slices["items"]
                .as_array()
                .into_iter()
                .flatten()
                .flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten())
                .map(|endpoint| endpoint["conditions"]["ready"] == Value::Bool(true))
                .collect();
            if ready == [true, true] {
                Ok(())
            } else {
                Err(format!("ready: {ready:?}"))
            }
        })
        .await
}

/// A budget stands with two replicas and goes with one.
async fn disruption_budget_follows_replicas(world: &World) -> Result<(), Failure> {
    let get = "-n wardle get poddisruptionbudgets -o jsonpath={.items[*].metadata.name},{.items[*].status.expectedPods},{.items[*].status.currentHealthy}";
    let budget = async |wanted: &str| {
        world
            .eventually(&format!("PodDisruptionBudgets {wanted}"), async || {
                let found = world.kubectl(get).await.map_err(|error| error.to_string())?;
                if found == wanted { Ok(()) } else { Err(found) }
            })
            .await
    };
    budget("wardle,2,2").await?;
    let one = r#"{"spec":{"workload":{"replicas":1}}}"#;
    world
        .kubectl(&format!("patch aggregatedserver wardle --type=merge -p {one}"))
        .await?;
    budget(",,").await?;
    world.ready(sample::NAME).await?;
    world
        .kubectl("get --raw /apis/wardle.example.com/v1beta1")
        .await
        .map(|_| ())
}

/// The API has gone with the server.
async fn gone(world: &World) -> Result<(), Failure> {
    let groups = world.kubectl("api-versions").await?;
    ensure(!groups.contains(sample::GROUP), || {
        format!("{} is still served", sample::GROUP)
    })
}

const TWO_REPLICAS: &str = "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: { name: wardle }
spec:
  namespace: wardle
  apis:
  - { group: wardle.example.com, version: v1alpha1 }
  - { group: wardle.example.com, version: v1beta1 }
  storage:
    etcd: { endpoints: ['http://etcd.wardle.svc:2379'] }
  workload:
    image: localhost/wardle:0.1.0
    replicas: 2
    template:
      spec:
        terminationGracePeriodSeconds: 5
        securityContext: { runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 }
";
