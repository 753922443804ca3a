//! The namespace that a server runs in is deleted, and made again.

use annex_crds::v1alpha1::Reason;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt, api::ListParams};

use super::super::{Failure, World, ensure, stage};
use super::{delete_namespace, namespace_gone};
use crate::progress;

/// The namespace of a Ready server is deleted, and made again.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let (name, bystander) = ("deletion-host", "deletion-bystander");
    stage::sample(world, name).await?;
    world.delete("namespace", bystander).await?;
    world.namespace(bystander).await?;
    let mut followed = world.follow(name).await?;
    let began = std::time::Instant::now();
    delete_namespace(world, name).await?;
    let (first, bystander, told) = tokio::join!(
        api_services_first(world, name),
        async {
            delete_namespace(world, bystander).await?;
            namespace_gone(world, bystander).await
        },
        followed.told(Reason::NamespaceTerminating),
    );
    first?;
    bystander?;
    told?;
    namespace_gone(world, name).await?;
    progress::say(format!(
        "    the namespace of a Ready server ended in {:.1} s",
        began.elapsed().as_secs_f64()
    ));
    world
        .condition(name, "Ready", "False", Some("NamespaceNotFound"))
        .await?;
    world.namespace(name).await?;
    world.ready(name).await?;
    world.kubectl("get flunders -A").await?;
    stage::cleared(world, name).await
}

/// Whenever the server's Deployment is seen to be gone, so are its APIServices.
async fn api_services_first(world: &World, name: &str) -> Result<(), Failure> {
    let deployments = Api::<Deployment>::namespaced(world.client.clone(), name);
    let services = Api::<APIService>::all(world.client.clone());
    let ours = ListParams::default().labels(&format!("{}={name}", annex_crds::SERVER_LABEL));
    let left = world
        .eventually("the Deployment to go with its namespace", async || {
            let gone = deployments
                .get_opt(name)
                .await
                .map_err(|error| error.to_string())?
                .is_none_or(|deployment| deployment.metadata.deletion_timestamp.is_some());
            if !gone {
                return Err("it is there".to_owned());
            }
            let left = services.list(&ours).await.map_err(|error| error.to_string())?;
            Ok(left.items.iter().map(ResourceExt::name_any).collect::<Vec<_>>())
        })
        .await?;
    ensure(left.is_empty(), || {
        format!("the server went before its APIServices: {left:?}")
    })
}
