//! What a replica says of its definitions, for the operator: `GET /definitionz`.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde::Serialize;

use super::InCluster;
use super::rewriting::Rewritten;
use super::standing::{Standing, Standings};
use crate::registry::Registry;
use crate::server::served::Served;
use crate::status::ApiError;

/// Where it is.
pub(in crate::server) const PATH: &str = "/definitionz";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report<'a> {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    name: &'a str,
    uid: &'a str,
    /// Of what is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i64>,
    served: bool,
    /// Why the newest generation is not served.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    stored_versions: &'a BTreeSet<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rewriting: Option<Rewritten>,
    /// Whether creates are refused, since the definition is being deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    terminating: bool,
    /// How many objects are left of a definition that is being deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    objects: Option<u64>,
}

/// The report of these definitions, as JSON.
///
/// # Errors
/// It cannot be encoded.
pub(super) async fn of(
    standings: &Standings,
    served: &Served,
    definitions: &InCluster,
) -> Result<Bytes, ApiError> {
    let mut items = Vec::with_capacity(standings.len());
    for (name, standing) in standings {
        let registry = served.endpoints.registry(&standing.group_resource());
        let terminating = is_terminating(standing, registry.as_deref());
        items.push(Item {
            name,
            uid: &standing.seen.uid,
            generation: standing.serving.as_ref().map(|serving| serving.generation),
            served: standing.serving.is_some(),
            error: standing.error.as_deref(),
            stored_versions: &standing.stored_versions,
            rewriting: definitions.rewriting.of(name),
            terminating,
            objects: match terminating {
                true => left(standing, registry.as_deref(), definitions).await,
                false => None,
            },
        });
    }
    let report = Report {
        api_version: "annex.dev/v1alpha1",
        kind: "DefinitionReport",
        items,
    };
    let json = serde_json::to_vec(&report);
    json.map(Bytes::from)
        .map_err(|error| ApiError::Internal(error.to_string()))
}

/// Whether this replica creates no objects any more: of what it does not serve there are none that it could.
fn is_terminating(standing: &Standing, registry: Option<&Registry>) -> bool {
    standing.seen.is_deleting && registry.is_none_or(|registry| registry.rules().is_terminating())
}

/// How many objects are left; `None`: that is not known. A definition that was never served has none, whatever one of the same name has
/// left.
async fn left(standing: &Standing, registry: Option<&Registry>, definitions: &InCluster) -> Option<u64> {
    match registry {
        _ if !standing.has_served => Some(0),
        Some(registry) => registry.count_stored().await.ok(),
        None => definitions.left.of(&standing.seen.uid),
    }
}
