//! The revision of the defaults that Annex gives to pods: a workload keeps its own whatever Annex looks at it, until what `spec.workload` says
//! of the pods changes.

use annex_crds::DEFAULTS_REVISION_ANNOTATION as REVISION;
use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, ResourceExt as _};
use serde_json::json;

use crate::scenarios::{Failure, World, stage, test_server::TestServer};

const NAME: &str = "rollout-revision";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let server = TestServer {
        pod: "enableServiceLinks: false",
        ..TestServer::new(NAME, NAME)
    };
    stage::made(world, NAME, &server.yaml()).await?;
    stands_at(
        world,
        &Workload {
            revision: "2",
            policy: "FallbackToLogsOnError",
            replicas: 1,
        },
    )
    .await?;

    // As one that was made before there was a second: it says so itself, and so do its pods.
    let first = json!({ "metadata": { "annotations": { REVISION: "1" } } });
    let mut patch = first.clone();
    patch["spec"]["template"] = first;
    let patch = patch.to_string();
    let arguments = [
        "-n",
        NAME,
        "patch",
        "deployment",
        NAME,
        "--type=merge",
        "-p",
        &patch,
    ];
    world.tools.kubectl(&arguments).await?;
    stands_at(
        world,
        &Workload {
            revision: "1",
            policy: "File",
            replicas: 1,
        },
    )
    .await?;

    // Who scales changes no pod.
    let scaled = TestServer {
        workload: "replicas: 2",
        ..server.clone()
    };
    world.apply(&scaled.yaml()).await?;
    stands_at(
        world,
        &Workload {
            revision: "1",
            policy: "File",
            replicas: 2,
        },
    )
    .await?;

    let changed = TestServer {
        pod: "enableServiceLinks: true",
        ..scaled
    };
    world.apply(&changed.yaml()).await?;
    stands_at(
        world,
        &Workload {
            revision: "2",
            policy: "FallbackToLogsOnError",
            replicas: 2,
        },
    )
    .await?;
    world.ready(NAME).await?;
    stage::cleared(world, NAME).await
}

/// What the Deployment shows of its revision.
#[derive(Debug, PartialEq)]
struct Workload<'a> {
    revision: &'a str,
    /// The API server's default is `File`.
    policy: &'a str,
    replicas: i32,
}

/// Waits until the Deployment is so, in a pass over the newest `spec`.
async fn stands_at(world: &World, wanted: &Workload<'_>) -> Result<(), Failure> {
    let api: Api<Deployment> = Api::namespaced(world.client.clone(), NAME);
    world.observed(NAME).await?;
    world
        .eventually(&format!("the Deployment to be {wanted:?}"), async || {
            let deployment = api.get(NAME).await.map_err(|error| error.to_string())?;
            let now = of(&deployment);
            if now == *wanted {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            }
        })
        .await
}

fn of(deployment: &Deployment) -> Workload<'_> {
    let pod = deployment.spec.template.spec.as_ref();
    let container = pod.and_then(|pod| pod.containers.first());
    let policy = container.and_then(|container| container.termination_message_policy.as_deref());
    Workload {
        revision: deployment.annotations().get(REVISION).map_or("", String::as_str),
        policy: policy.unwrap_or_default(),
        replicas: deployment.spec.replicas.unwrap_or_default(),
    }
}
