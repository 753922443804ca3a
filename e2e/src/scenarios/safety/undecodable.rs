//! AggregatedServers that the operator cannot decode are named, and stop no other: one with a number beyond 32 bits, which an older
//! CustomResourceDefinition let through, and one with a value that only a newer one has, as after a half of an upgrade.

use super::super::{operator, stage};
use crate::scenarios::{Failure, World, ensure};

/// A server beside them.
const OTHER: &str = "decodable";
const CRD: &str = "aggregatedservers.annex.dev";
/// Where the CustomResourceDefinition describes `spec`.
const SPEC: &str = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";

/// A server that does not decode.
struct Broken {
    name: &'static str,
    /// What lets it through, and what undoes that: JSON patches of the CustomResourceDefinition.
    let_through: String,
    undone: String,
    /// The field that is named.
    field: &'static str,
    /// Further lines of `spec`.
    spec: &'static str,
}

fn older() -> Broken {
    let bound =
        format!("{SPEC}/workload/properties/strategy/properties/rollingUpdate/properties/maxSurge/maximum");
    Broken {
        name: "undecodable",
        let_through: format!(r#"[{{"op":"remove","path":"{bound}"}}]"#),
        undone: format!(r#"[{{"op":"add","path":"{bound}","value":2147483647}}]"#),
        field: "maxSurge",
        spec: "workload: { image: 'localhost/wardle:0.1.0', strategy: { rollingUpdate: { maxSurge: 3000000000 } } }",
    }
}

fn newer() -> Broken {
    let values = format!("{SPEC}/certificates/properties/reload/enum/0");
    Broken {
        name: "undecodable-newer",
        let_through: format!(r#"[{{"op":"add","path":"{values}","value":"Tomorrow"}}]"#),
        undone: format!(
            r#"[{{"op":"test","path":"{values}","value":"Tomorrow"}},{{"op":"remove","path":"{values}"}}]"#
        ),
        field: "reload",
        spec: "workload: { image: 'localhost/wardle:0.1.0' }, certificates: { reload: Tomorrow }",
    }
}

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    let broken = [older(), newer()];
    for server in &broken {
        world.delete("aggregatedserver", server.name).await?;
        patched(world, &server.let_through).await?;
        let applied = applied(world, server).await;
        patched(world, &server.undone).await?;
        applied?;
        named(world, server).await?;
    }
    // Whoever leads next lists them with all others.
    operator::restart(world).await?;
    stage::sample(world, OTHER).await?;
    stage::cleared(world, OTHER).await?;
    for server in &broken {
        named(world, server).await?;
        world.delete("aggregatedserver", server.name).await?;
    }
    Ok(())
}

async fn patched(world: &World, patch: &str) -> Result<(), Failure> {
    let line = ["patch", "crd", CRD, "--type=json", "-p", patch];
    world.tools.kubectl(&line).await?;
    Ok(())
}

/// Until the kube-apiserver has taken the schema in, it refuses the object.
async fn applied(world: &World, server: &Broken) -> Result<(), Failure> {
    world
        .eventually("the value to be let through", async || {
            let applied = world.apply(&manifest(server)).await;
            applied.map(drop).map_err(|error| error.to_string())
        })
        .await
}

fn manifest(server: &Broken) -> String {
    let Broken { name, spec, .. } = server;
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec: {{ namespace: {name}, apis: [{{ group: {name}.example.com, version: v1 }}], {spec} }}
"
    )
}

async fn named(world: &World, server: &Broken) -> Result<(), Failure> {
    let Broken { name, field, .. } = server;
    let condition = "jsonpath={.status.conditions[?(@.type==\"Ready\")].reason}";
    world
        .eventually("the condition Invalid", async || {
            let reason = world
                .kubectl(&format!("get aggregatedserver {name} -o {condition}"))
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
            "get aggregatedserver {name} -o jsonpath={{.status.conditions[?(@.type==\"Degraded\")].message}}"
        ))
        .await?;
    ensure(message.contains(field), || {
        format!("the field is not named: {message}")
    })?;
    let line = format!("get events --field-selector involvedObject.name={name},reason=Invalid -o name");
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
