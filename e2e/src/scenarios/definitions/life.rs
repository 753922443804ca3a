//! A definition from its creation to its end, and beyond that of its server.

use super::{EMBEDDED, cleared, condition, lamp, lamps, server, uid};
use crate::scenarios::{Failure, World, ensure, stage};

const NAME: &str = "definitions-life";
const GROUP: &str = "life.example.com";
const DEFINITION: &str = "lamps.life.example.com";

pub(super) async fn run(world: &World) -> Result<(), Failure> {
    stage::made(world, NAME, &server(NAME, EMBEDDED)).await?;
    served(world).await?;
    refused(world).await?;
    changed(world).await?;
    deleted(world).await?;
    server_made_again(world).await?;
    world.delete("aggregatedresourcedefinition", DEFINITION).await?;
    cleared(world, NAME).await
}

/// kubectl finds it, and what it is.
async fn served(world: &World) -> Result<(), Failure> {
    let begun = std::time::Instant::now();
    world.apply(&lamps(NAME, GROUP, "")).await?;
    condition(
        world,
        DEFINITION,
        "Established",
        "True",
        Some("InitialNamesAccepted"),
    )
    .await?;
    println!("    established after {:.1} s", begun.elapsed().as_secs_f64());
    condition(world, DEFINITION, "Served", "True", None).await?;
    world.apply(&lamp(GROUP, NAME, "one", "watts: 60")).await?;
    let shown = world.kubectl(&format!("-n {NAME} get lp one")).await?;
    ensure(shown.contains("WATTS") && shown.contains("60"), || {
        format!("kubectl get shows: {shown}")
    })?;
    let columns = world.kubectl(&format!("get ard {DEFINITION}")).await?;
    for word in ["SERVER", "ESTABLISHED", NAME, "Lamp", "True"] {
        ensure(columns.contains(word), || {
            format!("kubectl get ard does not show {word}: {columns}")
        })?;
    }
    explained(world, "spec.watts", "What it takes.").await?;
    let bright = lamp(GROUP, NAME, "bright", "watts: 101");
    let answer = world.tools.try_kubectl(&["apply", "-f", "-"], &bright).await?;
    let wrong = answer.stderr;
    ensure(wrong.contains("should be less than or equal to 100"), || {
        format!("a lamp of 101 watts is answered with: {wrong}")
    })
}

/// OpenAPI is read by the aggregator, sooner or later.
async fn explained(world: &World, path: &str, words: &str) -> Result<(), Failure> {
    let line = format!("explain lamps.{path} --api-version={GROUP}/v1");
    world
        .eventually(
            &format!("`kubectl explain {path}` to say {words:?}"),
            async || match world.kubectl(&line).await {
                Ok(text) if text.contains(words) => Ok(()),
                Ok(text) => Err(text),
                Err(error) => Err(error.to_string()),
            },
        )
        .await
}

/// What a CustomResourceDefinition is refused for, in its words, by the webhook; also a change.
async fn refused(world: &World) -> Result<(), Failure> {
    // kubectl writes the causes of a 422, and not who refused it: it is no answer of the kube-apiserver's own.
    let denied = "The AggregatedResourceDefinition ";
    let scope = lamps(NAME, GROUP, "").replace("scope: Namespaced", "scope: Cluster");
    let untyped = lamps(NAME, "refused.example.com", "              bulb: {}");
    let unstructured = "spec.validation.openAPIV3Schema.properties[spec].properties[bulb].type: Required value: must not be empty for \
                        specified object fields";
    for (yaml, words) in [
        (
            scope,
            "spec.scope: Invalid value: \"Cluster\": field is immutable",
        ),
        (untyped, unstructured),
    ] {
        // The kube-apiserver goes on where nobody answers it in time, so that it is asked until somebody does.
        world
            .eventually(&format!("the webhook to say {words}"), async || {
                let refused = world
                    .tools
                    .try_kubectl(&["apply", "--dry-run=server", "-f", "-"], &yaml)
                    .await
                    .map_err(|error| error.to_string())?;
                if !refused.success && refused.stderr.contains(denied) && refused.stderr.contains(words) {
                    Ok(())
                } else {
                    Err(refused.stderr + &refused.stdout)
                }
            })
            .await?;
    }
    Ok(())
}

/// A change is served while others ask.
async fn changed(world: &World) -> Result<(), Failure> {
    let more = "              color: { type: string, default: white, description: Of its light. }";
    world.apply(&lamps(NAME, GROUP, more)).await?;
    condition(world, DEFINITION, "Served", "True", None).await?;
    let color = world
        .kubectl(&format!(
            "-n {NAME} get lamps.{GROUP} one -o jsonpath={{.spec.color}}"
        ))
        .await?;
    ensure(color == "white", || {
        format!("a lamp of before has the color {color:?}")
    })?;
    explained(world, "spec.color", "Of its light.").await
}

/// Its objects go with it; one that somebody keeps keeps it.
async fn deleted(world: &World) -> Result<(), Failure> {
    let finalizers = |list: &str| format!(r#"{{"metadata":{{"finalizers":[{list}]}}}}"#);
    let patch = async |list: &str| {
        let patch = finalizers(list);
        let resource = format!("lamps.{GROUP}");
        let words = [
            "-n",
            NAME,
            "patch",
            &resource,
            "one",
            "--type=merge",
            "-p",
            &patch,
        ];
        world.tools.kubectl(&words).await
    };
    patch(r#""example.com/kept""#).await?;
    world.apply(&lamp(GROUP, NAME, "two", "watts: 1")).await?;
    world
        .kubectl(&format!("delete ard {DEFINITION} --wait=false"))
        .await?;
    condition(
        world,
        DEFINITION,
        "Terminating",
        "True",
        Some("InstanceDeletionInProgress"),
    )
    .await?;
    world
        .eventually("the lamp that nobody keeps to be gone", async || {
            let line = format!("-n {NAME} get lamps.{GROUP} -o jsonpath={{.items[*].metadata.name}}");
            match world.kubectl(&line).await {
                Ok(names) if names == "one" => Ok(()),
                Ok(names) => Err(names),
                Err(error) => Err(error.to_string()),
            }
        })
        .await?;
    let three = world
        .tools
        .try_kubectl(&["create", "-f", "-"], &lamp(GROUP, NAME, "three", "watts: 1"))
        .await?;
    ensure(!three.success && three.stderr.contains("terminating"), || {
        format!("a new lamp is answered with: {}{}", three.stdout, three.stderr)
    })?;
    patch("").await?;
    world
        .kubectl(&format!("wait --for=delete ard/{DEFINITION} --timeout=180s"))
        .await?;
    world
        .kubectl(&format!("wait --for=delete apiservice/v1.{GROUP} --timeout=180s"))
        .await
        .map(|_| ())
}

/// A server that is deleted under its definition takes nothing with it but its service.
async fn server_made_again(world: &World) -> Result<(), Failure> {
    world.apply(&lamps(NAME, GROUP, "")).await?;
    condition(world, DEFINITION, "Established", "True", None).await?;
    world.apply(&lamp(GROUP, NAME, "kept", "watts: 7")).await?;
    let stored = uid(world, GROUP, NAME, "kept").await?;
    world.delete("aggregatedserver", NAME).await?;
    condition(world, DEFINITION, "Served", "False", Some("ServerNotFound")).await?;
    condition(world, DEFINITION, "Established", "True", None).await?;
    world.apply(&server(NAME, EMBEDDED)).await?;
    stage::mark(world, NAME).await?;
    world.ready(NAME).await?;
    condition(world, DEFINITION, "Served", "True", None).await?;
    let found = world
        .eventually("the lamp of before", async || {
            uid(world, GROUP, NAME, "kept")
                .await
                .map_err(|error| error.to_string())
        })
        .await?;
    ensure(found == stored, || {
        format!("the lamp was {stored}, and is {found}")
    })
}
