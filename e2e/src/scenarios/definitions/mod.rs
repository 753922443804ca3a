//! AggregatedResourceDefinitions: a kind that is declared, served by a server that says nothing but where it stores.

mod accident;
mod life;
mod replicas;

use kube::api::{ApiResource, DynamicObject};
use kube::{Api, core::GroupVersionKind};
use serde_json::Value;

use super::{Failure, Lane, Scenario, World};

/// The scenarios of this folder.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "definitions/life",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(life::run(world)),
    },
    Scenario {
        name: "definitions/replicas",
        lane: Lane::Own,
        long: false,
        needs_node: false,
        run: |world| Box::pin(replicas::run(world)),
    },
    Scenario {
        name: "definitions/accident",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(accident::run(world)),
    },
];

/// A server of this name in a namespace of its name, which is told where to store and nothing else.
fn server(name: &str, more: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedServer
metadata: {{ name: {name} }}
spec:
  namespace: {name}
  workload:
    template: {{ spec: {{ terminationGracePeriodSeconds: 5 }} }}
{more}
"
    )
}

/// Storage on a volume.
const EMBEDDED: &str = "  storage: { embedded: { size: 64Mi } }";

/// Lamps of `GROUP`, served by `server`; `more` are further properties of their spec.
fn lamps(server: &str, group: &str, more: &str) -> String {
    format!(
        "
apiVersion: annex.dev/v1alpha1
kind: AggregatedResourceDefinition
metadata: {{ name: lamps.{group} }}
spec:
  server: {server}
  group: {group}
  scope: Namespaced
  names: {{ plural: lamps, kind: Lamp, shortNames: [lp] }}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{{ name: Watts, type: integer, jsonPath: .spec.watts }}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              watts: {{ type: integer, maximum: 100, description: What it takes. }}
{more}
"
    )
}

/// A lamp in a namespace.
fn lamp(group: &str, namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: {group}/v1\nkind: Lamp\nmetadata: {{ name: {name}, namespace: {namespace} }}\nspec: {{ {spec} }}\n"
    )
}

/// Waits until the definition's condition has this status, and, where one is given, this reason.
async fn condition(
    world: &World,
    name: &str,
    type_: &str,
    status: &str,
    reason: Option<&str>,
) -> Result<(), Failure> {
    let api = definitions(world);
    let what = format!(
        "definition {name}: {type_}={status} {}",
        reason.unwrap_or_default()
    );
    world
        .eventually(&what, async || {
            let object = api.get(name).await.map_err(|error| error.to_string())?;
            let generation = object.metadata.generation;
            let conditions = object.data["status"]["conditions"].clone();
            let observed = object.data["status"]["observedGeneration"].as_i64();
            let is = |condition: &Value| {
                condition["type"] == type_
                    && condition["status"] == status
                    && reason.is_none_or(|reason| condition["reason"] == reason)
            };
            if observed == generation && conditions.as_array().is_some_and(|all| all.iter().any(is)) {
                Ok(())
            } else {
                Err(conditions.to_string())
            }
        })
        .await
}

fn definitions(world: &World) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("annex.dev", "v1alpha1", "AggregatedResourceDefinition");
    Api::all_with(
        world.client.clone(),
        &ApiResource::from_gvk_with_plural(&kind, "aggregatedresourcedefinitions"),
    )
}

/// Takes server and namespace away; where nothing is declared any more there is no APIService among its children.
async fn cleared(world: &World, name: &str) -> Result<(), Failure> {
    world.delete("aggregatedserver", name).await?;
    let line = format!("delete namespace {name} --wait=false");
    world.kubectl(&line).await.map(|_| ())
}

/// The uid of a lamp.
async fn uid(world: &World, group: &str, namespace: &str, name: &str) -> Result<String, Failure> {
    let line = format!("-n {namespace} get lamps.{group} {name} -o jsonpath={{.metadata.uid}}");
    world.kubectl(&line).await
}
