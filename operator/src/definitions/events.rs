//! Events about definitions: what conditions say anew that somebody has to look at, or waits for. Pure, but for [`publish`].

use annex_crds::v1alpha1::{AggregatedResourceDefinition, AggregatedResourceDefinitionSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::Map;

use super::declared::Declared;
use crate::aggregated_server::{context::Context, events, pass_result::EventRecord};

/// Reasons of `Served` that belong to every beginning.
const EXPECTED: [&str; 2] = ["Installing", "NoReadyReplica"];

/// The Events of what conditions say anew.
#[must_use]
pub fn transitions(old: &[Condition], new: &[Condition]) -> Vec<EventRecord> {
    new.iter()
        .filter_map(|now| {
            let before = old.iter().find(|before| before.type_ == now.type_);
            let told = |condition: &Condition| (condition.status.clone(), condition.reason.clone());
            if before.map(told) == Some(told(now)) {
                return None;
            }
            of(now, before)
        })
        .collect()
}

fn of(now: &Condition, before: Option<&Condition>) -> Option<EventRecord> {
    let warning = || EventRecord::warning(&now.reason, "Reconcile", now.message.as_str());
    let is_true = now.status == "True";
    match now.type_.as_str() {
        "NamesAccepted" if !is_true => Some(warning()),
        "NonStructuralSchema" | "Invalid" if is_true => Some(warning()),
        "Established" if is_true => {
            let note = "clients find it: every ready replica serves it";
            Some(EventRecord::normal("Established", "Reconcile", note))
        }
        "Served" if is_true => {
            let was_told =
                |before: &Condition| before.status != "True" && !EXPECTED.contains(&before.reason.as_str());
            before
                .is_some_and(was_told)
                .then(|| EventRecord::normal("Served", "Reconcile", now.message.as_str()))
        }
        // What is wrong with it is told by the conditions above.
        "Served" if now.reason == "Invalid" || now.reason.ends_with("Conflict") => None,
        "Served" if !EXPECTED.contains(&now.reason.as_str()) => Some(warning()),
        "Terminating" if now.reason == "InstanceDeletionInProgress" => {
            let note = "its objects are being deleted";
            Some(EventRecord::normal("Terminating", "Delete", note))
        }
        _ => None,
    }
}

/// Publishes them.
pub async fn publish(ctx: &Context, declared: &Declared, events: Vec<EventRecord>) {
    let spec = AggregatedResourceDefinitionSpec {
        server: declared.server.clone(),
        definition: Map::new(),
    };
    let mut regarding = AggregatedResourceDefinition::new(&declared.name, spec);
    regarding.metadata.uid = Some(declared.uid.clone());
    regarding.metadata.resource_version = Some(declared.resource_version.clone());
    events::publish(ctx, &regarding, events).await;
}
