//! The garbage collector and a server that comes and goes: a dependent stays as long as its owner, and no longer.

use super::super::informer::Informer;
use super::super::stage;
use super::{killed, start};
use crate::scenarios::{Failure, World, ensure};

const NAME: &str = "serving-garbage";
/// How often the server is killed.
const KILLS: usize = 2;

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    start(world, NAME).await?;
    let informer = Informer::start(world, "v1beta1").await?;
    let owner = owner(world, "owner").await?;
    let doomed = self::owner(world, "doomed").await?;
    dependent(world, "kept", "owner", &owner).await?;
    for _ in 0..KILLS {
        killed(world, NAME).await?;
    }
    // The collector has looked at flunders once it has taken this one's dependent.
    dependent(world, "taken", "doomed", &doomed).await?;
    let line = format!("-n {NAME} delete flunder doomed");
    world.kubectl(&line).await?;
    gone(world, "taken").await?;
    ensure(exists(world, "kept").await?, || {
        "the dependent of a flunder that is there was collected".to_owned()
    })?;
    informer.is_true(world).await?;
    let line = format!("-n {NAME} delete flunder owner --cascade=foreground");
    world.kubectl(&line).await?;
    gone(world, "kept").await?;
    let report = informer.is_true(world).await?;
    ensure(report.deleted >= 2, || {
        format!(
            "two flunders were deleted, and the informer was told of {}",
            report.deleted
        )
    })?;
    stage::cleared(world, NAME).await
}

async fn owner(world: &World, name: &str) -> Result<String, Failure> {
    let yaml = format!(
        "apiVersion: wardle.example.com/v1alpha1\nkind: Flunder\nmetadata: {{ name: {name}, namespace: {NAME} }}\n"
    );
    world.apply(&yaml).await?;
    let line = format!("-n {NAME} get flunder {name} -o jsonpath={{.metadata.uid}}");
    world.kubectl(&line).await
}

async fn dependent(world: &World, name: &str, owner: &str, uid: &str) -> Result<(), Failure> {
    let yaml = format!(
        "
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  namespace: {NAME}
  ownerReferences:
  - {{ apiVersion: wardle.example.com/v1beta1, kind: Flunder, name: {owner}, uid: {uid}, blockOwnerDeletion: true }}
"
    );
    world.apply(&yaml).await.map(|_| ())
}

async fn exists(world: &World, name: &str) -> Result<bool, Failure> {
    let line = format!("-n {NAME} get configmap {name} --ignore-not-found -o name");
    Ok(!world.kubectl(&line).await?.is_empty())
}

async fn gone(world: &World, name: &str) -> Result<(), Failure> {
    world
        .eventually("the collector to take a dependent", async || {
            match exists(world, name).await {
                Ok(false) => Ok(()),
                Ok(true) => Err(format!("configmap {name} is still there")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await
}
