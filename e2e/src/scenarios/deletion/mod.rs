//! What goes with what: children with their server, APIServices with their namespace, everything with the charts.

mod hosting;
mod runbook;
mod server;
mod uninstall;

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::Api;

use super::{Failure, Lane, Scenario, World};
use crate::client;

/// A namespace that nothing keeps ends in seconds; its controller looks again only once in a while.
const NAMESPACE_LIMIT: Duration = Duration::from_secs(120);

/// The last one takes Annex away and brings it back.
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "deletion/server",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(server::run(world)),
    },
    Scenario {
        name: "deletion/hosting-namespace",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(hosting::run(world)),
    },
    Scenario {
        name: "deletion/runbook",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(runbook::run(world)),
    },
    Scenario {
        name: "deletion/uninstall",
        lane: Lane::Alone,
        long: false,
        needs_node: false,
        run: |world| Box::pin(uninstall::run(world)),
    },
];

async fn delete_namespace(world: &World, name: &str) -> Result<(), Failure> {
    let line = format!("delete namespace {name} --wait=false");
    world.kubectl(&line).await.map(|_| ())
}

async fn namespace_gone(world: &World, name: &str) -> Result<(), Failure> {
    let api = Api::<Namespace>::all(world.client.clone());
    let look = async || match api.get_opt(name).await {
        Ok(None) => Ok(()),
        Ok(Some(namespace)) => Err(why_not_gone(&namespace)),
        Err(error) => Err(error.to_string()),
    };
    client::eventually(&format!("namespace {name} to end"), NAMESPACE_LIMIT, look).await?;
    Ok(())
}

fn why_not_gone(namespace: &Namespace) -> String {
    let status = namespace.status.as_ref();
    let conditions = status
        .and_then(|status| status.conditions.as_deref())
        .unwrap_or_default();
    let told = conditions.iter().filter(|condition| condition.status == "True");
    let words = told.map(|condition| {
        format!(
            "{}: {}",
            condition.type_,
            condition.message.as_deref().unwrap_or_default()
        )
    });
    words.collect::<Vec<_>>().join("; ")
}
