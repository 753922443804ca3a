//! What is taken from a server, and then the server itself.

use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use kube::{Api, ResourceExt as _};

use super::super::{Failure, World, ensure, operator, stage};
use super::{delete_namespace, namespace_gone};

const FLUNDERS: usize = 50;

/// A namespace with many objects, a claim, and in the end the server itself, with no operator there.
pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let name = "deletion";
    stage::sample(world, name).await?;
    full_namespace(world).await?;
    one_claim(world, name).await?;
    operator::without(world, stage::retire(world, name)).await?;
    world.delete("namespace", name).await
}

async fn full_namespace(world: &World) -> Result<(), Failure> {
    let namespace = "deletion-flunders";
    world.delete("namespace", namespace).await?;
    world.namespace(namespace).await?;
    let one = |number: usize| {
        format!(
            "---\napiVersion: wardle.example.com/v1alpha1\nkind: Flunder\nmetadata: {{ name: f{number}, namespace: {namespace} }}\n"
        )
    };
    world.apply(&(0..FLUNDERS).map(one).collect::<String>()).await?;
    let list = format!("get flunders -n {namespace} -o name");
    let made = world.kubectl(&list).await?.lines().count();
    ensure(made == FLUNDERS, || format!("{made} flunders were made"))?;
    delete_namespace(world, namespace).await?;
    namespace_gone(world, namespace).await?;
    let left = world.kubectl(&list).await?;
    ensure(left.is_empty(), || format!("outlived their namespace: {left}"))
}

/// What is no longer claimed goes, and nothing else is touched.
async fn one_claim(world: &World, name: &str) -> Result<(), Failure> {
    let services = Api::<APIService>::all(world.client.clone());
    let before = services.get("v1alpha1.wardle.example.com").await?;
    let remove = r#"[{"op":"remove","path":"/spec/apis/1"}]"#;
    world
        .tools
        .kubectl(&["patch", "aggregatedserver", name, "--type=json", "-p", remove])
        .await?;
    world
        .eventually(
            "the APIService of the removed claim to go",
            async || match services.get_opt("v1beta1.wardle.example.com").await {
                Ok(None) => Ok(()),
                Ok(Some(_)) => Err("it is there".to_owned()),
                Err(error) => Err(error.to_string()),
            },
        )
        .await?;
    world.ready(name).await?;
    let after = services.get("v1alpha1.wardle.example.com").await?;
    // Its place among the versions may have changed with their number.
    let behind = |service: &APIService| {
        let spec = service.spec.clone().unwrap_or_default();
        (service.uid(), spec.ca_bundle, spec.service)
    };
    ensure(behind(&before) == behind(&after), || {
        "the other claim's APIService was changed".to_owned()
    })?;
    world
        .kubectl("get flunders.v1alpha1.wardle.example.com -A")
        .await?;
    Ok(())
}
