//! One AggregatedServer that the operator cannot decode is named, and stops no other: a number beyond 32 bits, which an older
//! CustomResourceDefinition let through.

use super::super::{operator, stage};
use crate::scenarios::{Failure, World, ensure};

const NAME: &str = "undecodable";
/// A server beside it.
const OTHER: &str = "decodable";
const CRD: &str = "aggregatedservers.annex.dev";
/// Where the CustomResourceDefinition bounds `maxSurge`.
const BOUND: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/workload/properties/strategy\
                     /properties/rollingUpdate/properties/maxSurge/maximum";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    world.delete("aggregatedserver", NAME).await?;
    world
        .kubectl(&format!(
            r#"patch crd {CRD} --type=json -p [{{"op":"remove","path":"{BOUND}"}}]"#
        ))
        .await?;
    let applied = applied(world).await;
    world
        .kubectl(&format!(
            r#"patch crd {CRD} --type=json -p [{{"op":"add","path":"{BOUND}","value":2147483647}}]"#
        ))
        .await?;
    applied?;
    named(world).await?;
    // Whoever leads next lists it with all others.
    operator::restart(world).await?;
    stage::sample(world, OTHER).await?;
    stage::cleared(world, OTHER).await?;
    named(world).await?;
    world.delete("aggregatedserver", NAME).await
}

/// Until the kube-apiserver has taken the schema in, it refuses the number.
async fn applied(world: &World) -> Result<(), Failure> {
    world
        .eventually("the number to be let through", async || {
            let applied = world.apply(&manifest()).await;
            applied.map(drop).map_err(|error| error.to_string())
        })
        .await
}

fn manifest() -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {NAME} }}
spec:
  namespace: {NAME}
  apis: [{{ group: undecodable.example.com, version: v1 }}]
  workload:
    image: localhost/wardle:0.1.0
    strategy: {{ rollingUpdate: {{ maxSurge: 3000000000 }} }}
"
    )
}

async fn named(world: &World) -> Result<(), Failure> {
    let condition = "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
    world
        .eventually("the condition Invalid", async || {
            let reason = world
                .kubectl(&format!("get aggregatedserver {NAME} -o {condition}"))
                .await;
            match reason {
                Ok(reason) if reason == "Invalid" => Ok(()),
                Ok(reason) => Err(format!("Ready is for the reason {reason:?}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
    let message = world
        .kubectl(&format!(
            "get aggregatedserver {NAME} -o jsonpath={{.status.conditions[?(@.type==\"Degraded\")].message}}"
        ))
        .await?;
    ensure(message.contains("maxSurge"), || {
        format!("the field is not named: {message}")
    })?;
    let line = format!("get events --field-selector involvedObject.name={NAME},reason=Invalid -o name");
    world
        .eventually("an Event that tells Invalid", async || {
            let events = world.kubectl(&line).await.map_err(|error| error.to_string())?;
            if events.is_empty() {
                return Err("there is none".to_owned());
            }
            Ok(())
        })
        .await
}
