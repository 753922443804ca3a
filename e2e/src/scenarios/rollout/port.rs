//! `workload.port`: old pods listen where they did until they end, so that the Service leads to the port's *name*, which each pod has for its own
//! number.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use kube::Api;
use serde_json::json;

use super::{NAME, patch_workload, rolled_out};
use crate::scenarios::{Failure, World, ensure};

/// Another port than the default.
const PORT: i32 = 9443;

/// Another port, which both the pods and the Service come to have.
pub(super) async fn moved(world: &World) -> Result<(), Failure> {
    named(world).await?;
    patch_workload(world, &json!({ "port": PORT })).await?;
    let api: Api<Deployment> = Api::namespaced(world.client.clone(), NAME);
    world
        .eventually("the Deployment to have the other port", async || {
            let deployment = api.get(NAME).await.map_err(|error| error.to_string())?;
            let pod = deployment.spec.template.spec.unwrap_or_default();
            let ports = pod.containers.into_iter().filter_map(|container| container.ports);
            let numbers: Vec<i32> = ports.flatten().map(|port| port.container_port).collect();
            if numbers == [PORT] {
                Ok(())
            } else {
                Err(format!("{numbers:?}"))
            }
        })
        .await?;
    rolled_out(world).await?;
    named(world).await
}

/// The Service leads to the port that its pods call `https`.
async fn named(world: &World) -> Result<(), Failure> {
    let api: Api<Service> = Api::namespaced(world.client.clone(), NAME);
    let ports = api.get(NAME).await?.spec.and_then(|spec| spec.ports);
    let targets: Vec<Option<IntOrString>> =
        ports.into_iter().flatten().map(|port| port.target_port).collect();
    ensure(targets == [Some(IntOrString::String("https".to_owned()))], || {
        format!("the Service's ports lead to {targets:?}")
    })
}
